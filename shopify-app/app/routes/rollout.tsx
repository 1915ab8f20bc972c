import { data, useRevalidator } from "react-router";

import type { Route } from "./+types/rollout";
import { act, type ActionAnswer } from "../api/actions.server";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { RolloutReport, Shop } from "../api/types";
import { isLookingBack, LookBackSection } from "../components/look-back";
import { ActionProblem, StaleBanner, Unreachable } from "../components/problem";
import { Advice } from "../components/rollout-advice";
import { RolloutGuards, RolloutInterleaving, RolloutMetrics, RolloutShadow, RolloutTimeline } from "../components/rollout-evidence";
import { MoveButtons, MoveDialog, type RolloutMoves, useRolloutMoves } from "../components/rollout-moves";
import { LiveSplit, RolloutSteps } from "../components/rollout-steps";
import { ShopLook } from "../components/shop-look";
import { formatMoment, withOurPercent } from "../lib/format";
import { useLastGood } from "../lib/last-good";
import { orProblem } from "../lib/load";
import { useLivePolling } from "../lib/polling";
import { isWatched, STALE_PAGES, stateLook, waitWords } from "../lib/rollouts";
import { sessionContext } from "../session/middleware.server";

interface RolloutData {
  shop: Shop;
  report: RolloutReport;
}

async function load(session: Parameters<typeof ask>[0], id: string): Promise<Answer<RolloutData>> {
  const api = apiFor(session);
  const shop = await ask(session, api.GET("/api/shop"));
  if (!shop.ok) return shop;
  const report = await ask(session, api.GET("/api/rollouts/{id}", { params: { path: { id } } }));
  return report.ok ? { ok: true, data: { shop: shop.data, report: report.data } } : report;
}

const statusOf = ({ code, isTemporary }: { code: string; isTemporary: boolean }): number => (isTemporary ? 503 : code === "unknown_rollout" ? 404 : 500);

export async function loader({ context, params }: Route.LoaderArgs) {
  const answer = await load(context.get(sessionContext), params.id);
  return data(answer, { status: answer.ok ? 200 : statusOf(answer.problem) });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<RolloutData>>(serverLoader);

export async function action({ context, request }: Route.ActionArgs) {
  return act(context.get(sessionContext), await request.formData());
}

export const clientAction = ({ serverAction }: Route.ClientActionArgs) => orProblem<ActionAnswer>(serverAction);

export const meta: Route.MetaFunction = () => [{ title: "Rollout" }];

export default function RolloutPage({ loaderData }: Route.ComponentProps) {
  const answer = loaderData as Answer<RolloutData>;
  const { data: known, problem } = useLastGood(answer);
  const { revalidate, state } = useRevalidator();
  useLivePolling(answer, known ? isWatched(known.report.summary, Date.now()) || isLookingBack(known.report.look_back) : false);
  if (known) return <Loaded known={known} problem={problem} />;
  if (!problem) return null;
  return <Unreachable page="Rollout" problem={problem} isTrying={state !== "idle"} onRetry={() => void revalidate()} />;
}

function Loaded({ known: { report, shop }, problem }: { known: RolloutData; problem: Parameters<typeof StaleBanner>[0]["problem"] | undefined }) {
  const moves = useRolloutMoves(report);
  const { number, candidate_number: candidate, champion_number: champion } = report.summary;
  return (
    <s-page heading={`Rollout ${number}: version ${candidate} against version ${champion}`}>
      <s-link slot="breadcrumb-actions" href="/rollouts">
        Rollouts
      </s-link>
      <div className="page-stack">
        {problem && <StaleBanner problem={problem} />}
        <ActionProblem heading="The rollout was not moved" problem={moves.problem} />
        <Now report={report} moves={moves} timezone={shop.timezone} />
        <RolloutMetrics report={report} timezone={shop.timezone} />
        <RolloutGuards report={report} timezone={shop.timezone} />
        <RolloutInterleaving interleaving={report.interleaving} candidate={report.summary.candidate_number} champion={report.summary.champion_number} />
        <RolloutShadow report={report} />
        <LookBackSection report={report} timezone={shop.timezone} />
        <RolloutTimeline timeline={report.timeline} timezone={shop.timezone} />
      </div>
      <div slot="aside" className="page-stack">
        <Advice advice={report.advice} />
        <Look report={report} />
      </div>
      <MoveDialog moves={moves} advice={report.advice} />
    </s-page>
  );
}

/** Where it stands, in sentences, and everything that can be done about it. */
function Now({ report, moves, timezone }: { report: RolloutReport; moves: RolloutMoves; timezone: string }) {
  const { state, headline, finding, outlook, reason } = report.summary;
  const { tone, word } = stateLook(state);
  return (
    <s-section heading="Now">
      <s-stack gap="base">
        <div className="step-head">
          <s-badge tone={tone}>{word}</s-badge>
        </div>
        <p className="standing" role="status" tabIndex={-1} ref={moves.standing}>
          {[headline, finding, outlook].filter(Boolean).map(withOurPercent).join(" ")}
        </p>
        {reason && <s-paragraph color="subdued">{withOurPercent(reason)}</s-paragraph>}
        <RolloutSteps steps={report.steps} timezone={timezone} />
        <LiveSplit report={report} />
        <Next report={report} timezone={timezone} />
        <MoveButtons moves={moves} />
      </s-stack>
    </s-section>
  );
}

/** What comes if nobody does anything. */
function Next({ report, timezone }: { report: RolloutReport; timezone: string }) {
  const { next_move: next } = report.summary;
  const waits = waitWords(report.summary);
  if (!next.words && !waits) return null;
  return (
    <div className="meaning">
      <p>
        {withOurPercent(next.words)} {next.at && <span className="nowrap">Not before {formatMoment(next.at, timezone)}.</span>}
      </p>
      {waits && <p>It waits: {withOurPercent(waits)}</p>}
    </div>
  );
}

function Look({ report }: { report: RolloutReport }) {
  const { candidate_id: candidate, summary } = report;
  return (
    <s-section heading="Look at it">
      <s-stack gap="small">
        <s-link href={`/preview?beside=${candidate}`}>Preview pages under both versions</s-link>
        <s-link href={`/rollouts/${summary.id}/changes`}>What changes, product by product</s-link>
        <ShopLook summary={summary} />
        {(summary.percent > 0 || summary.state === "ROLLED_BACK") && <s-text color="subdued">{STALE_PAGES}</s-text>}
      </s-stack>
    </s-section>
  );
}
