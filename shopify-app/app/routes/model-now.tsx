import { data } from "react-router";

import type { Route } from "./+types/model-now";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { ModelSettings, ModelVersion } from "../api/types";
import { NoModel } from "../components/no-model";
import { Part } from "../components/part";
import { ReleaseRules } from "../components/rules";
import { VersionList } from "../components/version-list";
import { formatDuration, formatMoment, formatUnit } from "../lib/format";
import { orProblem } from "../lib/load";
import { learnedFrom, plainSentences } from "../lib/training";
import { sessionContext } from "../session/middleware.server";
import { useModelPage } from "./model";

export async function loader({ context }: Route.LoaderArgs) {
  const session = context.get(sessionContext);
  const answer = await ask(session, apiFor(session).GET("/api/model/settings"));
  return data(answer, { status: answer.ok ? 200 : 503 });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<ModelSettings>>(serverLoader);

export const meta: Route.MetaFunction = () => [{ title: "Model" }];

/** What answers shoppers now, what was decided about each version, and the rule of these decisions. */
export default function ModelNow({ loaderData }: Route.ComponentProps) {
  const { model, shop, release } = useModelPage();
  return (
    <div className="columns">
      <div className="page-stack">
        {model.current ? <Current version={model.current} timezone={shop.timezone} /> : <NoModel model={model} />}
        {model.current && <Surfaces version={model.current} />}
        {model.versions.length > 0 && (
          <s-section heading="All versions, and what was decided">
            <VersionList versions={model.versions} current={model.current} timezone={shop.timezone} release={release} />
          </s-section>
        )}
      </div>
      <div className="page-stack">
        <Part answer={loaderData as Answer<ModelSettings>} heading="When a new version is tried out">
          {(settings) => <ReleaseRules settings={settings} timezone={shop.timezone} />}
        </Part>
      </div>
    </div>
  );
}

function Current({ version, timezone }: { version: ModelVersion; timezone: string }) {
  return (
    <s-section heading={`Version ${version.number} is live`}>
      <s-stack gap="base">
        {plainSentences(version).map((sentence) => (
          <s-paragraph key={sentence}>{sentence}</s-paragraph>
        ))}
        <Facts version={version} timezone={timezone} />
        <s-link href="/model/advanced">See how it works inside</s-link>
      </s-stack>
    </s-section>
  );
}

/** What each part of the storefront shows, and how good it is there. Versions from before it was measured say nothing. */
function Surfaces({ version }: { version: ModelVersion }) {
  if (version.surfaces.length === 0) return null;
  return (
    <s-section heading="What each page shows">
      <s-unordered-list>
        {version.surfaces.map(({ surface, words }) => (
          <s-list-item key={surface}>{words}</s-list-item>
        ))}
      </s-unordered-list>
    </s-section>
  );
}

function Facts({ version, timezone }: { version: ModelVersion; timezone: string }) {
  return (
    <dl className="facts facts-wide">
      <dt>Learned from</dt>
      <dd>
        {learnedFrom(version)} of {formatUnit(version.products, "products")}
      </dd>
      <dt>Trained</dt>
      <dd>
        {formatMoment(version.created_at, timezone)}, in {formatDuration(version.train_seconds)}
      </dd>
      {version.data_until && (
        <>
          <dt>Orders up to</dt>
          <dd>{formatMoment(version.data_until, timezone)}</dd>
        </>
      )}
    </dl>
  );
}
