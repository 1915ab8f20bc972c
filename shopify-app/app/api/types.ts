/** Short names for the shapes in schema.d.ts, taken by path so that a renamed component breaks nothing. */
import type { paths } from "./schema";

type Get<P extends keyof paths> = paths[P] extends {
  get: { responses: { 200: { content: { "application/json": infer Body } } } };
}
  ? Body
  : never;

export type Shop = Get<"/api/shop">;
export type Setup = Get<"/api/setup">;
export type ModelState = Get<"/api/model">;

export type Activity = Get<"/api/activity">;

export type Act = Activity["acts"][number];
export type Holdout = Get<"/api/holdout">;
export type Exploration = Get<"/api/exploration">;

export type Preview = Get<"/api/preview">;
export type FoundProduct = Get<"/api/products">["products"][number];

export type Results = Get<"/api/results">;

export type SetupStep = Setup["steps"][number];
export type Block = Setup["blocks"][number];
export type ModelVersion = ModelState["versions"][number];
export type Metrics = ModelVersion["metrics"][number];
export type CurvePoint = ModelVersion["curve"][number];
export type TrainingRun = NonNullable<ModelState["training"]>;
export type Gate = NonNullable<ModelVersion["gate"]>;
export type Weight = ModelVersion["weights"][number];
export type AgainstSimple = NonNullable<ModelVersion["against_simple"]>;
export type Asked = ModelVersion["asked"];
export type Cold = NonNullable<ModelVersion["cold"]>;

export type LiveFigures = Get<"/api/model/live">;
export type LiveVersion = LiveFigures["versions"][number];

export type DataRequest = Get<"/api/data-requests">["requests"][number];

export type ModelSettings = Get<"/api/model/settings">;

export type Trigger = Get<"/api/triggers">["triggers"][number];
export type TriggerStatuses = Get<"/api/triggers/status">;
export type TriggerStatus = TriggerStatuses["statuses"][number];

export type Rollouts = Get<"/api/rollouts">;
export type RolloutReport = Get<"/api/rollouts/{id}">;
export type RolloutSummary = RolloutReport["summary"];
export type RolloutAction = RolloutReport["actions"][number];
export type RolloutStep = RolloutReport["steps"][number];
export type MetricReport = RolloutReport["metrics"][number];
export type Detection = NonNullable<RolloutReport["detection"]>;
export type GuardReport = RolloutReport["guards"][number];
export type LookBack = NonNullable<RolloutReport["look_back"]>;
export type TimelineEntry = RolloutReport["timeline"][number];
export type RolloutSettings = Get<"/api/rollouts/settings">;
export type VersionOffer = Rollouts["to_open"][number];

export type Changes = Get<"/api/rollouts/{id}/changes">;
export type ChangedPage = Changes["pages"][number];
export type Place = ChangedPage["candidate"][number];
export type Shift = Changes["gains"][number];
