/** How a rollout reads to a merchant: its state, its steps, and what can be done with it. */
import type { Detection, MetricReport, RolloutAction, RolloutReport, Rollouts, RolloutStep, RolloutSummary } from "../api/types";
import { formatChange, formatCount, formatPercent, formatUnit } from "./format";

type State = RolloutSummary["state"];
type Verdict = MetricReport["verdict"];

const STATES = {
  DRAFT: { tone: "neutral", word: "Waiting" },
  SHADOW: { tone: "info", word: "Shadow" },
  INTERLEAVED: { tone: "info", word: "Interleaving" },
  CANARY: { tone: "info", word: "Rolling out" },
  HOLD: { tone: "info", word: "Experiment" },
  PAUSED: { tone: "warning", word: "Paused" },
  INCONCLUSIVE: { tone: "warning", word: "No clear answer" },
  PROMOTED: { tone: "success", word: "Promoted" },
  ROLLED_BACK: { tone: "critical", word: "Rolled back" },
  SUPERSEDED: { tone: "neutral", word: "Replaced" },
  ABORTED: { tone: "neutral", word: "Ended" },
} as const satisfies Record<State, unknown>;

export const stateLook = (state: State) => STATES[state];

/** What a rollout waits for, unless it only says again what it showed and how long it takes. */
export const waitWords = ({ waits_for: waits, finding }: Pick<RolloutSummary, "waits_for" | "finding">): string => (finding && waits.startsWith(finding) ? "" : waits);

/** States in which something may happen at any moment. */
const UNDER_WAY: ReadonlySet<State> = new Set(["SHADOW", "INTERLEAVED", "CANARY", "HOLD"]);

/** After a move people watch for some minutes; for the rest of its days a rollout is looked at now and then. */
const WATCHED_MS = 10 * 60 * 1000;

/** Tell whether a page should ask every two seconds. */
export const isWatched = ({ state, entered_at: since }: Pick<RolloutSummary, "state" | "entered_at">, now: number): boolean => UNDER_WAY.has(state) && now - Date.parse(since) < WATCHED_MS;

const VERDICTS = {
  SUCCESS: { tone: "success", word: "Holds" },
  FAILED: { tone: "critical", word: "Worse" },
  ERROR: { tone: "warning", word: "Can't be measured" },
  INCONCLUSIVE: { tone: "warning", word: "No clear answer" },
  NOT_ENOUGH: { tone: "neutral", word: "Not enough yet" },
} as const satisfies Record<Verdict, unknown>;

export const verdictLook = (verdict: Verdict) => VERDICTS[verdict];

/** "Between −1.2% and +3.0%", or undefined where nothing can be said yet. */
export function intervalText({ low, high }: Pick<MetricReport, "low" | "high">): string | undefined {
  return low === null || high === null ? undefined : `Between ${formatChange(low)} and ${formatChange(high)}`;
}

/** "Shadow", "Interleaving", "5%", "Experiment at 50%". */
export function stepName({ kind, percent }: RolloutStep): string {
  if (kind === "SHADOW") return "Shadow";
  if (kind === "INTERLEAVING") return "Interleaving";
  return kind === "AB_TEST" ? `Experiment at ${percent}%` : `${percent}%`;
}

/** "1 hour at least", "a day at least"; nothing for a step that is the last. */
export function dwellWords(hours: number): string {
  if (hours <= 0) return "";
  if (hours % 24 === 0) return hours === 24 ? "1 day at least" : `${hours / 24} days at least`;
  if (hours < 1) return `${Math.max(1, Math.round(hours * 60))} min at least`;
  const rounded = formatCount(Math.round(hours));
  return rounded === "1" ? "1 hour at least" : `${rounded} hours at least`;
}

const QUICK = "At once";
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
/** As long as a rollout lasts, by the standard plan: what takes longer is not noticed in one. */
const LONGEST_DAYS = 60;

/** "At once", "About 40 seconds", "About 3 hours": how long it takes to notice at the shop's own rate. */
export function noticeWords(seconds: number | null): string {
  if (seconds === null) return "No requests to tell from";
  if (seconds > LONGEST_DAYS * DAY) return "Too few requests to tell";
  if (seconds < 1) return QUICK;
  const [size, unit] = seconds < MINUTE * 2 ? [1, "second"] : seconds < HOUR * 2 ? [MINUTE, "minute"] : seconds < DAY * 2 ? [HOUR, "hour"] : [DAY, "day"];
  const count = Math.max(1, Math.round(seconds / size));
  return `About ${formatCount(count)} ${unit}${count === 1 ? "" : "s"}`;
}

/** "5 requests a second: about 10 minutes in half of all cases, about 30 minutes in 99 of 100". */
export function detectionWords({ requests_per_second: rate, median_seconds: median, p99_seconds: p99 }: Detection["times"][number]): string {
  const [usual, latest] = [median, p99].map((seconds) => noticeWords(seconds).toLowerCase());
  return `${formatUnit(rate, "requests")} a second: ${usual} in half of all cases, ${latest} in 99 of 100`;
}

/** Who goes on seeing the version in use however large the share is. */
export const UNKNOWN_VISITORS = "First visits, and browsers that keep nothing of ours (no consent to preferences, no script), see the version in use, at 100% too. They see the new one once it is promoted.";

/** What a person may do, in the words of its button and its question. */
export interface Move {
  action: RolloutAction;
  label: string;
  question: string;
  consequence: string;
  confirm: string;
  tone: "auto" | "critical";
  toast: string;
  /** Why it can't be done now; empty if it can. */
  refused: string;
}

/** The rollout that is open: the one that is under way, else one that waits for its start. */
export const openRollout = ({ live, rollouts }: Rollouts): RolloutSummary | undefined => live ?? rollouts.find(({ state }) => state === "DRAFT");

/** The step after the one that is under way. */
export const nextStep = (steps: readonly RolloutStep[]): RolloutStep | undefined => steps.find((step) => step.progress === "AHEAD");

/** Whether personal lists hold products of both versions, paused or not. */
const isInterleaving = ({ steps }: Pick<RolloutReport, "steps">): boolean => steps.some(({ kind, progress }) => kind === "INTERLEAVING" && progress === "CURRENT");

/** The page of a shopper may be as old as this when it shows a version that was taken back. */
export const STALE_PAGES = "Pages that Shopify or a browser has kept may show it for up to 12 hours more; every new answer of ours changes within a second.";

const STAYS = "The plan goes on from there.";

type MoveWords = Omit<Move, "action" | "refused">;

function stepWords(report: RolloutReport): MoveWords {
  const { summary, steps } = report;
  const next = nextStep(steps);
  if (next?.kind === "INTERLEAVING") {
    return {
      label: "Next step: interleaving",
      question: `Show products of version ${summary.candidate_number} in personal lists now?`,
      consequence: "Each personal list holds products of both versions from now on, chosen in turns. It still goes back by itself if it hurts.",
      confirm: "Next step: interleaving",
      tone: "auto",
      toast: "Interleaving began",
    };
  }
  const share = next && next.kind !== "SHADOW" ? next.percent : 100;
  const who = `${formatPercent(share)} of visitors`;
  const outside = share >= 100 ? ` ${UNKNOWN_VISITORS}` : "";
  const unmixed = isInterleaving(report) ? " Lists of both versions end: each visitor sees one of them." : "";
  const label = `Next step: ${formatPercent(share)}`;
  return {
    label,
    question: `Show version ${summary.candidate_number} to ${who} now?`,
    consequence: `It is shown from now on, without waiting for what the present step would have shown. It still goes back by itself if it hurts.${unmixed}${outside}`,
    confirm: label,
    tone: "auto",
    toast: `Shown to ${who}`,
  };
}

function undoWords(report: RolloutReport): MoveWords {
  const { summary } = report;
  const back = `version ${summary.champion_number}`;
  // No page holds a list of both: each was made when it was asked for.
  const mixed = `Personal lists hold products of ${back} alone again, from the next answer on.`;
  return {
    label: "Undo",
    question: `Go back to ${back}?`,
    consequence: isInterleaving(report) ? mixed : `Visitors who saw version ${summary.candidate_number} see ${back} again. ${STALE_PAGES}`,
    confirm: `Go back to ${back}`,
    tone: "critical",
    toast: `Back to ${back}`,
  };
}

function moveWords(action: RolloutAction, report: RolloutReport): MoveWords {
  const { candidate_number: number, percent } = report.summary;
  const unshown = isInterleaving(report) ? "Personal lists go on holding products of both versions" : "Nobody sees it";
  const seen = percent > 0 ? `${formatPercent(percent)} of visitors go on seeing version ${number}` : unshown;
  switch (action) {
    case "START":
      return { label: "Start", question: `Start the rollout of version ${number}?`, consequence: "It begins in the shadow: its lists are compared with what shoppers really see, and nobody sees them.", confirm: "Start", tone: "auto", toast: "Rollout started" };
    case "PAUSE":
      return { label: "Pause", question: "Pause this rollout?", consequence: `${seen}, and no more than that until you resume. It still goes back by itself if it hurts.`, confirm: "Pause", tone: "auto", toast: "Rollout paused" };
    case "RESUME":
      return { label: "Resume", question: "Resume this rollout?", consequence: STAYS, confirm: "Resume", tone: "auto", toast: "Rollout resumed" };
    case "STEP":
      return stepWords(report);
    case "PROMOTE":
      return {
        label: "Promote",
        question: `Promote version ${number} now?`,
        consequence: "It is in use from now on, for first visits and browsers that keep nothing of ours too, and the rollout ends. What was not shown yet will not be shown. The former version stays ready: you can undo at any time.",
        confirm: `Promote version ${number}`,
        tone: "auto",
        toast: `Version ${number} is promoted`,
      };
    case "UNDO":
      return undoWords(report);
    case "ABORT":
      return { label: "End", question: "End this rollout?", consequence: `Nobody has seen version ${number}, and nobody will. You can open a new rollout of it later.`, confirm: "End the rollout", tone: "critical", toast: "Rollout ended" };
  }
}

export const moveOf = (action: RolloutAction, report: RolloutReport): Move => ({
  action,
  ...moveWords(action, report),
  refused: report.refused.find((one) => one.action === action)?.words ?? "",
});

/** The one that most will want, by what is offered. */
const FIRST: readonly RolloutAction[] = ["START", "RESUME", "STEP"];

/** The offered moves, the one that most will want first. Where no step is left, promoting is what is left to do. */
export function movesOf(report: RolloutReport): Move[] {
  const rank = (action: RolloutAction) => (FIRST.includes(action) ? 0 : 1);
  const isLast = !nextStep(report.steps) && report.actions.includes("PROMOTE");
  const offered = report.actions.filter((action) => action !== "STEP" || !isLast);
  return offered.sort((one, other) => rank(one) - rank(other)).map((action) => moveOf(action, report));
}

/** Why what is offered can't be done now, each reason once. */
export const refusalsOf = (moves: readonly Move[]): string[] => [...new Set(moves.map(({ refused }) => refused).filter(Boolean))];

/** What the comparison of a rollout says before it has a figure; `mixed` where lists held products of both versions. */
export function nothingComparedWords({ shown, mixed, ended_at: ended }: { shown: boolean; mixed: boolean; ended_at: string | null }): string {
  if (!shown && mixed) {
    return ended
      ? "It ended before a share of visitors saw its own lists, so no orders were compared."
      : "Orders are compared once a share of visitors sees the new version's own lists. Until then clicks in lists of both versions tell.";
  }
  if (!shown) return ended ? "No visitor saw the new version, so nothing was compared." : "Nothing is compared until the first visitors see the new version.";
  return ended ? "It ended before anything could be compared." : "The first visitors see it. Their orders are counted, and the first figures come within some hours.";
}

/** The parts of the live split, largest meaning first; parts of nobody are left out. */
export function splitParts({ split, summary }: RolloutReport): { key: string; name: string; share: number }[] {
  if (!split) return [];
  const { candidate_number: candidate, champion_number: champion, state } = summary;
  const mixed = state === "INTERLEAVED" ? `, personal lists with products of version ${candidate}` : "";
  return [
    { key: "candidate", name: `Version ${candidate}, the new one`, share: split.candidate },
    { key: "control", name: `Version ${champion}, compared with it`, share: split.control },
    { key: "rest", name: `Version ${champion}${mixed}`, share: split.rest },
    { key: "holdout", name: "Popular products, for the holdout", share: split.holdout },
  ].filter(({ share }) => share > 0);
}

/** Say in words how the interval of a metric moved, for who can't see the plot. */
export function describeHistory({ name, history, bound }: Pick<MetricReport, "name" | "history" | "bound">): string {
  const [first, last] = [history.at(0), history.at(-1)];
  if (!first || !last) return "";
  const moved = `${name}: at first between ${formatChange(first.low)} and ${formatChange(first.high)}, last between ${formatChange(last.low)} and ${formatChange(last.high)}.`;
  if (bound === null) return moved;
  const cleared = last.low > bound ? "The whole range lies above it." : "The low end has not cleared it.";
  return `${moved} It must stay above ${formatChange(bound)} to go on. ${cleared}`;
}
