import { data, useSearchParams } from "react-router";

import type { Route } from "./+types/model-advanced";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { LiveFigures, ModelVersion } from "../api/types";
import { Comparison } from "../components/comparison";
import { ForExperts } from "../components/experts";
import { Live } from "../components/live";
import { Mix } from "../components/mix";
import { NoModel } from "../components/no-model";
import { Part } from "../components/part";
import { TrainingPlot } from "../components/training-plot";
import { coldSentence, mixLead, placeSentence } from "../lib/blend";
import { orProblem } from "../lib/load";
import { isMeasured, nowSentences } from "../lib/training";
import { sessionContext } from "../session/middleware.server";
import { useModelPage } from "./model";

export async function loader({ context }: Route.LoaderArgs) {
  const session = context.get(sessionContext);
  const answer = await ask(session, apiFor(session).GET("/api/model/live"));
  return data(answer, { status: answer.ok ? 200 : 503 });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<LiveFigures>>(serverLoader);

export const meta: Route.MetaFunction = () => [{ title: "Advanced" }];

/** The inner life of one version: what it listens to, how its methods did, what shoppers did with it, how it was trained. */
export default function ModelAdvanced({ loaderData }: Route.ComponentProps) {
  const { model, shop } = useModelPage();
  const [query] = useSearchParams();
  const asked = model.versions.find((one) => String(one.number) === query.get("version"));
  const version = asked ?? model.current ?? model.versions[0];
  if (!version) return <NoModel model={model} />;
  return (
    <>
      <VersionChoice version={version} versions={model.versions} />
      <Listening version={version} />
      <Methods version={version} />
      <Part answer={loaderData as Answer<LiveFigures>} heading="Measured before, and live">
        {({ versions }) => <Live live={versions} versions={model.versions} timezone={shop.timezone} />}
      </Part>
      {version.cold && (
        <s-section heading="Products without a sale yet">
          <s-paragraph>{coldSentence(version.cold)}</s-paragraph>
          {placeSentence(version.cold) && <s-paragraph>{placeSentence(version.cold)}</s-paragraph>}
        </s-section>
      )}
      {version.curve.length > 1 && (
        <s-section heading="How the training went">
          <TrainingPlot curve={version.curve} />
        </s-section>
      )}
      <ForExperts version={version} />
    </>
  );
}

/** Name what answers, unless the sentence after it does: it names a method that beats the transformer. */
function leadOf(version: ModelVersion): string {
  return version.weights.length > 1 || version.against_simple ? mixLead(version) : "";
}

function Listening({ version }: { version: ModelVersion }) {
  if (!isMeasured(version)) return null;
  const sentences = [leadOf(version), ...nowSentences(version)].filter(Boolean);
  return (
    <s-section heading={`What version ${version.number} listens to`}>
      <s-stack gap="base">
        <Mix version={version} />
        {sentences.map((sentence) => (
          <s-paragraph key={sentence}>{sentence}</s-paragraph>
        ))}
      </s-stack>
    </s-section>
  );
}

function VersionChoice({ version, versions }: { version: ModelVersion; versions: readonly ModelVersion[] }) {
  const [, setQuery] = useSearchParams();
  if (versions.length < 2) return null;
  return (
    <div className="choice">
      <s-select label="Version" value={String(version.number)} onChange={(event) => setQuery({ version: event.currentTarget.value })}>
        {versions.map(({ id, number, state }) => (
          <s-option key={id} value={String(number)}>
            {`Version ${number}${state === "LIVE" ? ", in use" : ""}`}
          </s-option>
        ))}
      </s-select>
    </div>
  );
}

function Methods({ version }: { version: ModelVersion }) {
  if (!isMeasured(version)) {
    return (
      <s-section heading="Compared with other methods">
        <s-paragraph>{version.summary || "There was too little data to compare methods."}</s-paragraph>
      </s-section>
    );
  }
  return (
    <s-section heading="Compared with other methods">
      <s-paragraph color="subdued">
        Version {version.number} tried all of these. Every method had the same task: from what a customer bought before, suggest ten products. The score says how well they matched what was bought in the last two weeks.
      </s-paragraph>
      <Comparison metrics={version.metrics} />
    </s-section>
  );
}
