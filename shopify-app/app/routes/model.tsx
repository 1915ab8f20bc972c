import { useEffect, useRef } from "react";
import { data, NavLink, Outlet, useOutletContext, useRevalidator } from "react-router";

import type { Route } from "./+types/model";
import { act, type ActionAnswer } from "../api/actions.server";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { ModelState, Shop, TrainingRun } from "../api/types";
import { ActionProblem, StaleBanner, Unreachable } from "../components/problem";
import { type Release, ReleaseBanner, ReleaseDialog, useRelease } from "../components/release";
import { TrainingPlot } from "../components/training-plot";
import { TrainingProgress } from "../components/training-progress";
import { useIntent } from "../lib/actions";
import { showToast } from "../lib/bridge";
import { useLastGood } from "../lib/last-good";
import { orProblem } from "../lib/load";
import { useLivePolling } from "../lib/polling";
import { afterFailure, isRunning, UNREADABLE } from "../lib/training";
import { sessionContext } from "../session/middleware.server";

interface ModelData {
  shop: Shop;
  model: ModelState;
}

/** What every page about the model stands on. */
export type ModelPageContext = ModelData & { release: Release };

export const useModelPage = () => useOutletContext<ModelPageContext>();

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

/** Tell a merchant who waited on this page how the training has ended. */
function useFinishToast({ current, training, versions }: ModelState): void {
  const wasRunning = useRef(false);
  const isNow = isRunning(training);
  const hasEndedWell = training?.state === "DONE" || training === null;
  const made = versions.find((version) => version.id === training?.version) ?? current;
  const words = made && (made.id === current?.id ? `Version ${made.number} is live.` : `Version ${made.number} is kept, but not in use.`);
  useEffect(() => {
    if (wasRunning.current && !isNow && hasEndedWell && words) showToast(`Training finished. ${words}`);
    wasRunning.current = isNow;
  }, [isNow, hasEndedWell, words]);
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

function Loaded({ known, problem }: { known: ModelData; problem: Parameters<typeof StaleBanner>[0]["problem"] | undefined }) {
  const { model } = known;
  const training = useIntent("train", "/model");
  const release = useRelease(model);
  const isBusy = isRunning(model.training);
  useFinishToast(model);
  return (
    <s-page heading="Model">
      <s-button slot="primary-action" variant="primary" disabled={isBusy} loading={training.isBusy} onClick={() => training.run()}>
        {isBusy ? "Training…" : "Train now"}
      </s-button>
      <div className="page-stack">
        <Tabs />
        {problem && <StaleBanner problem={problem} />}
        <ActionProblem heading="The training could not start" problem={training.problem} />
        <ActionProblem heading="The version in use was not changed" problem={release.problem} />
        <ReleaseBanner release={release} />
        <TrainingSection run={model.training} />
        <Outlet context={{ ...known, release } satisfies ModelPageContext} />
      </div>
      <ReleaseDialog release={release} current={model.current} />
    </s-page>
  );
}

function Tabs() {
  return (
    <nav className="tabs" aria-label="About the model">
      <NavLink to="/model" end>
        In use
      </NavLink>
      <NavLink to="/model/retraining">Retraining</NavLink>
      <NavLink to="/model/advanced">Advanced</NavLink>
    </nav>
  );
}

function TrainingSection({ run }: { run: TrainingRun | null }) {
  if (!run) return null;
  if (run.state === "FAILED") {
    return (
      <s-banner tone="critical" heading="The last training did not finish">
        <s-paragraph>{run.error || "Something went wrong on our side."}</s-paragraph>
        <s-paragraph>{afterFailure(run)}</s-paragraph>
      </s-banner>
    );
  }
  if (!isRunning(run)) return null;
  return (
    <s-section heading="Training now">
      {run.reason === "unreadable" && <s-paragraph>{UNREADABLE}</s-paragraph>}
      <TrainingProgress run={run} />
      <TrainingPlot curve={run.curve} />
    </s-section>
  );
}
