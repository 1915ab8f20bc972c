import { data, useRevalidator } from "react-router";

import type { Route } from "./+types/rollouts";
import { act, type ActionAnswer } from "../api/actions.server";
import { type Answer, apiFor, ask } from "../api/client.server";
import type { Rollouts, RolloutSummary, Shop } from "../api/types";
import { ActionProblem, StaleBanner, Unreachable } from "../components/problem";
import { Advice } from "../components/rollout-advice";
import { OfferDialog, OfferSections, useOffers } from "../components/rollout-offers";
import { SummaryWords } from "../components/rollout-summary";
import { formatDate, withOurPercent } from "../lib/format";
import { useLastGood } from "../lib/last-good";
import { orProblem } from "../lib/load";
import { useLivePolling } from "../lib/polling";
import { isWatched, openRollout, stateLook } from "../lib/rollouts";
import { sessionContext } from "../session/middleware.server";

interface RolloutsData {
  shop: Shop;
  rollouts: Rollouts;
}

async function load(session: Parameters<typeof ask>[0]): Promise<Answer<RolloutsData>> {
  const api = apiFor(session);
  const shop = await ask(session, api.GET("/api/shop"));
  if (!shop.ok) return shop;
  const rollouts = await ask(session, api.GET("/api/rollouts"));
  return rollouts.ok ? { ok: true, data: { shop: shop.data, rollouts: rollouts.data } } : rollouts;
}

export async function loader({ context }: Route.LoaderArgs) {
  const answer = await load(context.get(sessionContext));
  return data(answer, { status: answer.ok ? 200 : 503 });
}

export const clientLoader = ({ serverLoader }: Route.ClientLoaderArgs) => orProblem<Answer<RolloutsData>>(serverLoader);

export async function action({ context, request }: Route.ActionArgs) {
  return act(context.get(sessionContext), await request.formData());
}

export const clientAction = ({ serverAction }: Route.ClientActionArgs) => orProblem<ActionAnswer>(serverAction);

export const meta: Route.MetaFunction = () => [{ title: "Rollouts" }];

export default function RolloutsPage({ loaderData }: Route.ComponentProps) {
  const answer = loaderData as Answer<RolloutsData>;
  const { data: known, problem } = useLastGood(answer);
  const { revalidate, state } = useRevalidator();
  const live = known?.rollouts.live;
  useLivePolling(answer, live ? isWatched(live, Date.now()) : false);
  if (known) return <Loaded known={known} problem={problem} />;
  if (!problem) return null;
  return <Unreachable page="Rollouts" problem={problem} isTrying={state !== "idle"} onRetry={() => void revalidate()} />;
}

function Loaded({ known: { rollouts, shop }, problem }: { known: RolloutsData; problem: Parameters<typeof StaleBanner>[0]["problem"] | undefined }) {
  const offers = useOffers();
  return (
    <s-page heading="Rollouts">
      <s-button slot="secondary-actions" href="/rollouts/settings">
        Plan and settings
      </s-button>
      <div className="page-stack">
        {problem && <StaleBanner problem={problem} />}
        {rollouts.is_off && <Off />}
        <ActionProblem heading="That did not work" problem={offers.problem} />
        <UnderWay rollouts={rollouts} />
        <Earlier rollouts={rollouts} timezone={shop.timezone} />
      </div>
      <div slot="aside" className="page-stack">
        <Advice advice={rollouts.advice} />
        <OfferSections rollouts={rollouts} offers={offers} timezone={shop.timezone} />
      </div>
      <OfferDialog offers={offers} advice={rollouts.advice} />
    </s-page>
  );
}

function Off() {
  return (
    <s-banner tone="warning" heading="Releases are turned off">
      <s-paragraph>No rollout opens or goes on until you turn them on again in the settings. The version in use stays.</s-paragraph>
    </s-banner>
  );
}

function noneWords({ live_version: version, rollouts, is_off: isOff }: Rollouts): string {
  if (version === null) return "There is no version yet. The first one is in use once it is trained; every later one begins as a rollout, which nobody sees at first.";
  if (isOff) return `Version ${version} is in use.`;
  if (rollouts.length === 0) return `Version ${version} is your first one, and in use. The next version begins as a rollout: nobody sees it at first, then 5% of visitors, then more, and it goes back by itself if it hurts.`;
  return `Version ${version} is in use. The next version that is good enough begins a rollout by itself.`;
}

/** The one that is open, in the words that say most. */
function UnderWay({ rollouts }: { rollouts: Rollouts }) {
  const open = openRollout(rollouts);
  if (!open) {
    return (
      <s-section heading="No rollout is under way">
        <s-paragraph>{noneWords(rollouts)}</s-paragraph>
      </s-section>
    );
  }
  return (
    <s-section heading={`Rollout ${open.number}: version ${open.candidate_number} against version ${open.champion_number}`}>
      <SummaryWords summary={open} />
    </s-section>
  );
}

function EarlierRow({ summary, timezone }: { summary: RolloutSummary; timezone: string }) {
  const { tone, word } = stateLook(summary.state);
  return (
    <li className="version">
      <div className="step-head">
        <s-link href={`/rollouts/${summary.id}`}>
          Rollout {summary.number}: version {summary.candidate_number}
        </s-link>
        <s-badge tone={tone}>{word}</s-badge>
        <s-text color="subdued">
          {formatDate(summary.opened_at, timezone)}
          {summary.ended_at && ` to ${formatDate(summary.ended_at, timezone)}`}
        </s-text>
      </div>
      <s-paragraph>{[summary.headline, summary.finding].filter(Boolean).map(withOurPercent).join(" ")}</s-paragraph>
      {summary.reason && <s-paragraph color="subdued">{withOurPercent(summary.reason)}</s-paragraph>}
    </li>
  );
}

function Earlier({ rollouts: { rollouts, live }, timezone }: { rollouts: Rollouts; timezone: string }) {
  const rows = rollouts.filter(({ id, ended_at: ended }) => id !== live?.id && ended !== null);
  if (rows.length === 0) return null;
  return (
    <s-section heading="Earlier rollouts">
      <ul className="versions">
        {rows.map((summary) => (
          <EarlierRow key={summary.id} summary={summary} timezone={timezone} />
        ))}
      </ul>
    </s-section>
  );
}
