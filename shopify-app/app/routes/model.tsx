import { useEffect, useRef } from "react";
import { data, useRevalidator } from "react-router";

import type { Route } from "./+types/model";
import { act, type ActionAnswer } from "../api/actions.server";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { ModelState, ModelVersion, Shop, TrainingRun } from "../api/types";
import { Comparison } from "../components/comparison";
import { ActionProblem, StaleBanner, Unreachable } from "../components/problem";
import { TrainingPlot } from "../components/training-plot";
import { TrainingProgress } from "../components/training-progress";
import { VersionHistory } from "../components/version-history";
import { useIntent } from "../lib/actions";
import { showToast } from "../lib/bridge";
import { formatCount, formatDuration, formatMoment } from "../lib/format";
import { useLastGood } from "../lib/last-good";
import { orProblem } from "../lib/load";
import { useLivePolling } from "../lib/polling";
import { foundSentence, isMeasured, isRunning, servedBecause } from "../lib/training";
import { sessionContext } from "../session/middleware.server";

interface ModelData {
  shop: Shop;
  model: ModelState;
}

async function load(session: Parameters<typeof ask>[0]): Promise<Answer<ModelData>> {
  const api = apiFor(session);
  const shop = await ask(session, api.GET("/api/shop"));
  if (!shop.ok) return shop;
  const model = await ask(session, api.GET("/api/model"));
  return model.ok ? { ok: true, data: { shop: shop.data, model: model.data } } : model;
}

export async function loader({ context }: Route.LoaderArgs) {
  const answer = await load(context.get(sessionContext));
  return data(answer, { status: answer.ok ? 200 : 503 });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<ModelData>>(serverLoader);

export async function action({ context, request }: Route.ActionArgs) {
  return act(context.get(sessionContext), await request.formData());
}

export const clientAction = ({ serverAction }: Route.ClientActionArgs) => orProblem<ActionAnswer>(serverAction);

export const meta: Route.MetaFunction = () => [{ title: "Model" }];

/** Tell a merchant who waited on this page that the training has ended well. */
function useFinishToast({ current, training }: ModelState): void {
  const wasRunning = useRef(false);
  const isNow = isRunning(training);
  const hasEndedWell = training?.state === "DONE" || training === null;
  const number = current?.number;
  useEffect(() => {
    if (wasRunning.current && !isNow && hasEndedWell && number) showToast(`Training finished. Version ${number} is live.`);
    wasRunning.current = isNow;
  }, [isNow, hasEndedWell, number]);
}

export default function ModelPage({ loaderData }: Route.ComponentProps) {
  const answer = loaderData as Answer<ModelData>;
  const { data: known, problem } = useLastGood(answer);
  const { revalidate, state } = useRevalidator();
  useLivePolling(answer, known ? isRunning(known.model.training) : false);
  if (known) return <Loaded known={known} problem={problem} />;
  if (!problem) return null;
  return <Unreachable page="Model" problem={problem} isTrying={state !== "idle"} onRetry={() => void revalidate()} />;
}

function Loaded({ known: { model, shop }, problem }: { known: ModelData; problem: Parameters<typeof StaleBanner>[0]["problem"] | undefined }) {
  const training = useIntent("train", "/model");
  const isBusy = isRunning(model.training);
  useFinishToast(model);
  return (
    <s-page heading="Model">
      <s-button slot="primary-action" variant="primary" disabled={isBusy} loading={training.isBusy} onClick={training.run}>
        {isBusy ? "Training…" : "Train now"}
      </s-button>
      <div className="page-stack">
        {problem && <StaleBanner problem={problem} />}
        <ActionProblem heading="The training could not start" problem={training.problem} />
        <TrainingSection run={model.training} />
        {model.current ? <Current version={model.current} timezone={shop.timezone} /> : <NoModel isBusy={isBusy} />}
        {model.versions.length > 0 && (
          <s-section heading="All versions">
            <VersionHistory versions={model.versions} timezone={shop.timezone} />
          </s-section>
        )}
        {model.current && <ForExperts version={model.current} />}
      </div>
    </s-page>
  );
}

function TrainingSection({ run }: { run: TrainingRun | null }) {
  if (!run) return null;
  if (run.state === "FAILED") {
    return (
      <s-banner tone="critical" heading="The last training did not finish">
        <s-paragraph>{run.error || "Something went wrong on our side."}</s-paragraph>
        <s-paragraph>Nothing changed on your storefront. You can train again at any time.</s-paragraph>
      </s-banner>
    );
  }
  if (!isRunning(run)) return null;
  return (
    <s-section heading="Training now">
      <TrainingProgress run={run} />
      <TrainingPlot curve={run.curve} />
    </s-section>
  );
}

function NoModel({ isBusy }: { isBusy: boolean }) {
  return (
    <s-section heading="No model yet">
      <s-paragraph>
        {isBusy
          ? "Your first model is being trained. Until it is ready your storefront shows popular and new products."
          : "Your first model is trained by itself once your orders are imported. Until then your storefront shows popular and new products."}
      </s-paragraph>
      {!isBusy && <s-link href="/">See how the set-up is going</s-link>}
    </s-section>
  );
}

function Current({ version, timezone }: { version: ModelVersion; timezone: string }) {
  return (
    <>
      <s-section heading={`Version ${version.number} is live`}>
        <s-stack gap="base">
          {[foundSentence(version), servedBecause(version)].filter(Boolean).map((sentence) => (
            <s-paragraph key={sentence}>{sentence}</s-paragraph>
          ))}
          <Facts version={version} timezone={timezone} />
        </s-stack>
      </s-section>
      {isMeasured(version) && (
        <s-section heading="Compared with other methods">
          <s-paragraph color="subdued">
            Every method had the same task: from what a customer bought before, suggest ten products. The score says how well they matched what was bought in the last two weeks.
          </s-paragraph>
          <Comparison metrics={version.metrics} />
        </s-section>
      )}
      {version.curve.length > 1 && (
        <s-section heading="How the training went">
          <TrainingPlot curve={version.curve} />
        </s-section>
      )}
    </>
  );
}

function Facts({ version, timezone }: { version: ModelVersion; timezone: string }) {
  return (
    <dl className="facts facts-wide">
      <dt>Learned from</dt>
      <dd>
        {formatCount(version.interactions)} purchases by {formatCount(version.customers)} customers of {formatCount(version.products)} products
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

function ForExperts({ version }: { version: ModelVersion }) {
  return (
    <s-section heading="For data scientists">
      <dl className="facts facts-wide">
        {isMeasured(version) && version.summary && (
          <>
            <dt>Summary</dt>
            <dd>{version.summary}</dd>
          </>
        )}
        <dt>Version id</dt>
        <dd>
          <code>{version.id}</code>
        </dd>
        <dt>Code revision</dt>
        <dd>
          <code>{version.code_revision || "unknown"}</code>
        </dd>
        <dt>MLflow run</dt>
        <dd>
          {version.mlflow_url ? (
            <s-link href={version.mlflow_url} target="_blank">
              Open the run in MLflow
            </s-link>
          ) : (
            <code>{version.mlflow_run_id || "none"}</code>
          )}
        </dd>
      </dl>
    </s-section>
  );
}
