/** How the reasons to train again read to a merchant. */
import type { Trigger, TriggerStatus } from "../api/types";
import { formatCount, formatDate } from "./format";

type Verdict = Trigger["verdict"];

const LOOKS = {
  FIRED: { icon: "refresh", tone: "info", word: "Started a training" },
  QUIET: { icon: "check-circle", tone: "success", word: "Nothing to do" },
  NOT_ENOUGH_DATA: { icon: "circle-dashed", tone: "neutral", word: "Not enough data" },
  COOLING_DOWN: { icon: "clock", tone: "caution", word: "Cooling down" },
} as const satisfies Record<Verdict, unknown>;

const NEVER = { icon: "circle-dashed", tone: "neutral", word: "Not checked yet" } as const;
const ANY_TIME = { icon: "play", tone: "neutral", word: "Any time" } as const;

export const verdictLook = (verdict: Verdict) => LOOKS[verdict];

/** How a watched thing stands now. A person's button is not checked: it is there at any time. */
export function statusLook({ kind, verdict }: Pick<TriggerStatus, "kind" | "verdict">) {
  if (kind === "MANUAL") return ANY_TIME;
  return verdict ? LOOKS[verdict] : NEVER;
}

const TITLES: Record<Trigger["kind"], string> = {
  TIMETABLE: "Every week",
  CONVERSION: "Fewer visitors buy",
  METRIC: "Suggestions match less often",
  DRIFT: "Your shop has changed",
  UNREADABLE: "Unreadable model",
  MANUAL: "By hand",
};

/** Return a trigger's name as the list of watched things has it. */
export const titleOf = (kind: Trigger["kind"], statuses: readonly TriggerStatus[]): string => statuses.find((status) => status.kind === kind)?.title || TITLES[kind];

/** One line of the timeline: something that happened, or a run of checks after which nothing did. */
export type Entry = { kind: "event"; trigger: Trigger } | { kind: "calm"; triggers: Trigger[] };

const isCalm = ({ verdict }: Trigger): boolean => verdict === "QUIET" || verdict === "NOT_ENOUGH_DATA";
/** Fewer checks in a row stay as they are: folding them would save nothing. */
const FOLD_FROM = 3;

/** Fold neighbouring checks that changed nothing into one line, so that what happened stands out. */
export function timeline(triggers: readonly Trigger[]): Entry[] {
  const runs: Trigger[][] = [];
  for (const trigger of triggers) {
    const last = runs.at(-1);
    if (last?.[0] && isCalm(last[0]) && isCalm(trigger)) last.push(trigger);
    else runs.push([trigger]);
  }
  return runs.flatMap((run): Entry[] => (run.length >= FOLD_FROM ? [{ kind: "calm", triggers: run }] : run.map((trigger) => ({ kind: "event", trigger }))));
}

/** "12 checks found nothing to do, 3 of them for lack of data. 14 Nov 2026 to 17 Nov 2026". */
export function calmSentence(triggers: readonly Trigger[], timeZone: string): string {
  const blind = triggers.filter(({ verdict }) => verdict === "NOT_ENOUGH_DATA").length;
  const newest = formatDate(triggers[0]?.created_at ?? "", timeZone);
  const oldest = formatDate(triggers.at(-1)?.created_at ?? "", timeZone);
  const days = newest === oldest ? newest : `${oldest} to ${newest}`;
  const lack = blind > 0 ? `, ${blind === triggers.length ? "all" : formatCount(blind)} of them for lack of data` : "";
  return `${formatCount(triggers.length)} checks led to nothing${lack}: ${days}`;
}
