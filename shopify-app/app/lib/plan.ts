/** The plan of a shop's rollouts as it is edited: what is typed, what of it can be used, and what it means. */
import type { RolloutSettings } from "../api/types";
import { formatCount } from "./format";
import { readNumber } from "./gates";

export type Autonomy = RolloutSettings["autonomy"];
export type Freeze = RolloutSettings["freezes"][number];

/** How far a rollout goes before it asks, in the order in which it goes further. */
export const AUTONOMIES: Record<Autonomy, string> = {
  NOTHING: "You start every rollout",
  SHADOW: "Up to the shadow: nobody sees it",
  FIRST_STEP: "Up to the first step",
  HALF: "Up to half: you promote it",
  PROMOTE: "All the way: it promotes itself",
};

export const REQUIREMENTS: Record<RolloutSettings["requirement"], string> = {
  NO_WORSE: "No worse than the version in use",
  BETTER: "Better than the version in use",
};

const NUMBERS = ["margin_percent", "shadow_percent", "shadow_requests", "window_days", "max_days"] as const;

export type NumberKey = (typeof NUMBERS)[number];

/** What a number of the plan may be, as Django says it; any number from 0 on where it says nothing, as in a demo. */
export function limitsOf({ limits }: Pick<RolloutSettings, "limits">, key: NumberKey): { min: number; max: number } {
  const limit = limits.find(({ name }) => name === key);
  return { min: limit?.lowest ?? 0, max: limit?.highest ?? Infinity };
}

const rangeWords = ({ min, max }: { min: number; max: number }): string => (max === Infinity ? `${min} on` : `${min} to ${formatCount(max)}`);

/** What is typed over the stored settings. */
export interface PlanDraft extends Record<NumberKey, string> {
  autonomy: string;
  steps: string;
  dwell_hours: string;
  shadow_hours: string;
  interleave_days: string;
  ab_days: string;
  requirement: string;
  freezes: Freeze[];
  promoters: string[];
}

/** The last step is always 100%, so only those before it are typed. */
export const stepsText = (steps: readonly number[]): string => steps.filter((share) => share < 100).join(", ");

export function draftOf(settings: RolloutSettings): PlanDraft {
  return {
    autonomy: settings.autonomy,
    steps: stepsText(settings.steps),
    dwell_hours: String(settings.dwell_hours),
    shadow_percent: String(settings.shadow_percent),
    shadow_requests: String(settings.shadow_requests),
    shadow_hours: String(settings.shadow_hours),
    interleave_days: String(settings.interleave_days),
    ab_days: String(settings.ab_days),
    requirement: settings.requirement,
    margin_percent: String(settings.margin_percent),
    window_days: String(settings.window_days),
    max_days: String(settings.max_days),
    freezes: settings.freezes,
    promoters: settings.promoters,
  };
}

/** A plan's steps before the last one: the backend takes ten in all. */
const MOST_SHARES = 9;

/** Whole shares that grow, the last 100%; undefined where what is typed is none. */
export function readSteps(text: string): number[] | undefined {
  const parts = text.split(/[,;\s]+/).filter(Boolean);
  const shares = parts.map((part) => Number(part.replace(/%$/, "")));
  const isGrowing = shares.every((share, index) => Number.isInteger(share) && share >= 1 && share < 100 && share > (shares[index - 1] ?? 0));
  return isGrowing && shares.length >= 1 && shares.length <= MOST_SHARES ? [...shares, 100] : undefined;
}

/** What is wrong with a draft, by field, in words for who typed it. */
export function faultsOf(draft: PlanDraft, settings: Pick<RolloutSettings, "limits">): Partial<Record<keyof PlanDraft, string>> {
  const faults: Partial<Record<keyof PlanDraft, string>> = {};
  for (const key of NUMBERS) {
    const limits = limitsOf(settings, key);
    if (readNumber(draft[key], limits) === undefined) faults[key] = `Give a number from ${rangeWords(limits)}.`;
  }
  if (!readSteps(draft.steps)) faults.steps = `Give 1 to ${MOST_SHARES} whole shares that grow, each under 100: for example 5, 25, 50.`;
  if (draft.freezes.some(({ first, last }) => !first || !last || last < first)) faults.freezes = "Each time needs a first day and a last one that is not before it.";
  return faults;
}

/** By what is asked for, not by how it is typed: "5%, 50" is saved as "5, 50". */
export const isChanged = (draft: PlanDraft, stored: PlanDraft): boolean => JSON.stringify(settingsOf(draft, false)) !== JSON.stringify(settingsOf(stored, false));

/** The settings that a draft without faults asks for. */
export function settingsOf(draft: PlanDraft, isOff: boolean): Omit<RolloutSettings, "you" | "limits"> {
  return {
    is_off: isOff,
    autonomy: draft.autonomy as Autonomy,
    steps: readSteps(draft.steps) ?? [],
    dwell_hours: Number(draft.dwell_hours),
    shadow_percent: Number(draft.shadow_percent),
    shadow_requests: Number(draft.shadow_requests),
    shadow_hours: Number(draft.shadow_hours),
    interleave_days: Number(draft.interleave_days),
    ab_days: Number(draft.ab_days),
    requirement: draft.requirement as RolloutSettings["requirement"],
    margin_percent: Number(draft.margin_percent),
    window_days: Number(draft.window_days),
    max_days: Number(draft.max_days),
    freezes: draft.freezes,
    promoters: draft.promoters,
  };
}

const DWELLS = [1, 6, 12, 24, 48, 72, 168];
const SHADOWS = [0, 1, 6, 12, 24, 48, 72, 168];
const AB_DAYS = [0, 7, 14, 21, 28];
const INTERLEAVE_DAYS = [0, 14, 28, 42, 60];

const withPresent = (choices: readonly number[], present: string): number[] => [...new Set([...choices, Number(present)])].sort((one, other) => one - other);

export const dwells = (present: string): number[] => withPresent(DWELLS, present);
export const shadows = (present: string): number[] => withPresent(SHADOWS, present);
export const abDays = (present: string): number[] => withPresent(AB_DAYS, present);
export const interleaveDays = (present: string): number[] => withPresent(INTERLEAVE_DAYS, present);

/** "1 hour", "2 days", "1 week". */
export function spanWord(hours: number): string {
  if (hours === 168) return "1 week";
  const [count, unit] = hours > 0 && hours % 24 === 0 ? [hours / 24, "day"] : [hours, "hour"];
  return `${formatCount(count)} ${unit}${count === 1 ? "" : "s"}`;
}

/** Say what is asked for before a rollout may go on by itself. */
export function requirementMeaning({ requirement, margin_percent: margin }: PlanDraft): string {
  if (requirement === "BETTER") return "It goes on only once it is as good as certain that it earns more. That can take long: most new versions are only a little better.";
  return `It goes on once it is as good as certain that it does not cost you more than ${margin || "–"}% of revenue per visitor. A smaller number is safer and takes longer.`;
}
