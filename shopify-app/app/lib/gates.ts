/** How the decision on a version reads to a merchant. */
import type { Gate, ModelVersion } from "../api/types";
import { formatDate, formatPercent, formatUnit, withOurPercent } from "./format";

type State = ModelVersion["state"];

const STATES = {
  STAGED: { tone: "info", word: "About to be tried out" },
  WAITING: { tone: "info", word: "Waits to be tried out" },
  ROLLING_OUT: { tone: "info", word: "Being tried out" },
  ROLLED_BACK: { tone: "warning", word: "Taken back" },
  LIVE: { tone: "success", word: "In use" },
  RETIRED: { tone: "neutral", word: "Replaced" },
  HELD: { tone: "caution", word: "Not in use" },
  REJECTED: { tone: "critical", word: "Damaged" },
} as const satisfies Record<State, unknown>;

export const stateLook = ({ state }: Pick<ModelVersion, "state">) => STATES[state];

const VERDICTS: Record<Gate["verdict"], string> = {
  FIRST: "First version",
  PASSED: "Good enough to try out",
  FAILED: "Not good enough to try out",
  NOT_ENOUGH_DATA: "Not enough data",
  DAMAGED: "Damaged",
  OVERRIDDEN: "A person decided",
};

export const verdictWord = ({ verdict }: Pick<Gate, "verdict">): string => VERDICTS[verdict];

/** Say what was decided on a version; on one from before versions were compared nothing was. */
export const decisionWords = ({ gate }: Pick<ModelVersion, "gate">): string => withOurPercent(gate?.words ?? "");

/** "Tailorbird", or the person who decided. */
export function decidedBy({ actor }: Pick<Gate, "actor">): string {
  if (actor === "system") return "Tailorbird, by your rule";
  const user = /^user (.+)$/.exec(actor)?.[1];
  return user ? `Staff member ${user}` : actor;
}

/** "Version 2, for 412 customers from 3 Nov 2026 to 17 Nov 2026": what a decision's figures were measured on. */
export function comparedWith({ customers, champion, since, until }: Gate, timeZone: string): string {
  const days = since && until ? ` from ${formatDate(since, timeZone)} to ${formatDate(until, timeZone)}` : "";
  return `Version ${champion}, for ${formatUnit(customers, "customers")}${days}`;
}

/** Figures that can be drawn. */
export interface Measured {
  gain: number;
  low: number;
  high: number;
  bar: number;
  asked: string;
}

/** Return the measured gain over the compared version with its likely range, or undefined where nothing was measured. */
export function findMeasured(gate: Gate | null): Measured | undefined {
  if (!gate) return undefined;
  const { gain_percent: gain, low_percent: low, high_percent: high, margin_percent: margin } = gate;
  // Decisions by the former rule have no margin: their bar was asked of this gain.
  const [bar, asked] = margin == null ? [gate.bar_percent, "your bar"] : [-margin, "allowed"];
  return gain == null || low == null || high == null ? undefined : { gain, low, high, bar, asked };
}

/** What can be done by hand with a version, in the button's words. */
export interface Move {
  label: string;
  question: string;
  consequence: string;
  confirm: string;
}

/** Return what a merchant may do with a version, or undefined. */
export function findMove(version: ModelVersion, current: ModelVersion | null): Move | undefined {
  const kept = current ? ` Version ${current.number} is kept: you can go back to it at any time.` : "";
  const shown = "Your storefront shows its recommendations within a few minutes.";
  if (version.can_release) {
    const tried = "A few shoppers see its recommendations first, and it goes back by itself if it hurts.";
    return { label: "Try it out anyway", question: `Try out version ${version.number} anyway?`, consequence: `${tried}${kept}`, confirm: `Try out version ${version.number}` };
  }
  if (version.can_roll_back) {
    const age = "It does not know the orders that came after it was trained.";
    return { label: "Go back to this version", question: `Go back to version ${version.number}?`, consequence: `${age} ${shown}${kept}`, confirm: `Go back to version ${version.number}` };
  }
  return undefined;
}

export const BAR = { min: -10, max: 20 };
export const ACCURACY = { min: 50, max: 100 };

/** Return what was typed as a number, or undefined where it is none or out of range. */
export function readNumber(text: string, { min, max }: { min: number; max: number }): number | undefined {
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) || value < min || value > max ? undefined : value;
}

/** Say what a bar over the best simple method means in practice. */
export function barMeaning(percent: number): string {
  const tried = "What is tried out goes to a few shoppers first, and to all only once it holds up.";
  if (percent < 0) {
    return `A new version is tried out even if it does up to ${formatPercent(-percent)} worse than the best simple method, as long as it is not worse than the one in use. ${tried}`;
  }
  if (percent === 0) return `A new version is tried out if it does as well as the best simple method and is not worse than the one in use. ${tried}`;
  const least = `A new version is tried out if it does at least ${formatPercent(percent)} better than the best simple method and is not worse than the one in use.`;
  return percent <= 10 ? `${least} ${tried}` : `${least} That is rare: your shop may stay with an old version for long.`;
}

const HOURS_A_DAY = 24;
const COOL_DOWNS = [0, 6, 12, 24, 48, 72, 168];

/** "No pause", "6 hours", "1 day", "1 week". */
export function coolDownWord(hours: number): string {
  if (hours === 0) return "No pause";
  if (hours === 168) return "1 week";
  const [count, unit] = hours % HOURS_A_DAY === 0 ? [hours / HOURS_A_DAY, "day"] : [hours, "hour"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** The choices of a cool-down, with the present one among them. */
export const coolDowns = (present: number): number[] => [...new Set([...COOL_DOWNS, present])].sort((one, other) => one - other);
