/** What happened while versions answered shoppers, in words. */
import type { LiveVersion, ModelVersion } from "../api/types";
import { formatDate, formatGain, formatRate, formatUnit, NOTHING } from "./format";

/** "since 21 Nov 2026", "7 Nov 2026 to 21 Nov 2026": when a version answered shoppers. */
export function answeredWords({ since, until }: LiveVersion, timezone: string): string {
  const from = formatDate(since, timezone);
  return until === null ? `since ${from}` : `${from} to ${formatDate(until, timezone)}`;
}

type Rate = LiveVersion["clicks_per_list"];

/** "4.1 (3.2 to 5.0)", or that there is too little to say. */
export function rateWords(rate: Rate, of: number, { days_alone: days }: LiveVersion): string {
  if (rate) return formatRate(rate, of);
  return days === 0 ? NOTHING : "not enough yet";
}

/** "10,200 lists seen on 12 whole days": what the rates of a version rest on. */
export function basisWords({ lists, days_alone: days }: LiveVersion): string {
  return days === 0 ? "never alone for a whole day" : `${formatUnit(lists, "lists")} seen on ${formatUnit(days, "whole days")}`;
}

/** What past purchases had promised of a version beside the one in use; empty where they could not be asked. */
function promised({ gate }: ModelVersion): string {
  if (gate?.gain_percent == null || gate.low_percent == null || gate.high_percent == null) return "";
  return `On past purchases it was ${formatGain(gate.gain_percent)} beside version ${gate.champion} (likely ${formatGain(gate.low_percent)} to ${formatGain(gate.high_percent)}). `;
}

/** What a version's rollout measured, beside what past purchases had promised; undefined where none was measured. */
export function rolloutWords({ version, rollout }: LiveVersion, trained: ModelVersion | undefined): string | undefined {
  if (!rollout) return undefined;
  const groups = `${formatUnit(rollout.visitors, "visitors")} saw version ${version} and ${formatUnit(rollout.champion_visitors, "visitors")} version ${rollout.champion} at the same time`;
  return `Version ${version}: ${trained ? promised(trained) : ""}In rollout ${rollout.rollout}, ${groups}. ${rollout.words.join(" ")}`;
}
