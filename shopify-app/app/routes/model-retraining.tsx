import { data } from "react-router";

import type { Route } from "./+types/model-retraining";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { ModelSettings, Trigger, TriggerStatuses } from "../api/types";
import { Part } from "../components/part";
import { RetrainingRules } from "../components/rules";
import { Timeline } from "../components/timeline";
import { WatchList } from "../components/watch-list";
import { formatMoment } from "../lib/format";
import { orProblem } from "../lib/load";
import { sessionContext } from "../session/middleware.server";
import { useModelPage } from "./model";

interface Retraining {
  triggers: Trigger[];
  watched: TriggerStatuses;
  settings: ModelSettings;
}

async function load(session: Parameters<typeof ask>[0]): Promise<Answer<Retraining>> {
  const api = apiFor(session);
  const [triggers, watched, settings] = await Promise.all([
    ask(session, api.GET("/api/triggers")),
    ask(session, api.GET("/api/triggers/status")),
    ask(session, api.GET("/api/model/settings")),
  ]);
  if (!triggers.ok) return triggers;
  if (!watched.ok) return watched;
  if (!settings.ok) return settings;
  return { ok: true, data: { triggers: triggers.data.triggers, watched: watched.data, settings: settings.data } };
}

export async function loader({ context }: Route.LoaderArgs) {
  const answer = await load(context.get(sessionContext));
  return data(answer, { status: answer.ok ? 200 : 503 });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<Retraining>>(serverLoader);

export const meta: Route.MetaFunction = () => [{ title: "Retraining" }];

/** Why the model is trained again, and why not. */
export default function ModelRetraining({ loaderData }: Route.ComponentProps) {
  return (
    <Part answer={loaderData as Answer<Retraining>} heading="Retraining">
      {(known) => <Loaded {...known} />}
    </Part>
  );
}

function Loaded({ triggers, watched: { statuses, cooling_down_until: until }, settings }: Retraining) {
  const { model, shop } = useModelPage();
  return (
    <div className="columns">
      <div className="page-stack">
        {until && (
          <s-banner tone="info" heading={`Pause until ${formatMoment(until, shop.timezone)}`}>
            <s-paragraph>A training has ended not long ago, so nothing starts another one by itself until then. “Train now” works at any time.</s-paragraph>
          </s-banner>
        )}
        <s-section heading="What is watched now">
          <s-paragraph color="subdued">Any of these starts a training by itself. Where there is too little data to be sure, nothing is started and it says so.</s-paragraph>
          <WatchList statuses={statuses} timezone={shop.timezone} />
        </s-section>
        <s-section heading="When the model was trained again, and when not">
          {triggers.length === 0 ? (
            <s-paragraph color="subdued">Nothing yet. Every check and every training will be listed here with its reason.</s-paragraph>
          ) : (
            <Timeline triggers={triggers} statuses={statuses} versions={model.versions} timezone={shop.timezone} />
          )}
        </s-section>
      </div>
      <RetrainingRules settings={settings} timezone={shop.timezone} />
    </div>
  );
}
