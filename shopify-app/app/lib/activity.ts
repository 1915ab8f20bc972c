/** Which acts are asked for: what the page's address says, and what that means for Django. */
import type { paths } from "../api/schema";
import type { Act } from "../api/types";
import { saveFile } from "./download";

type Question = NonNullable<paths["/api/activity"]["get"]["parameters"]["query"]>;

export const KINDS: Record<Act["kind"], string> = {
  SETUP: "Set-up",
  SETTINGS: "Settings",
  MODEL: "Model",
  STOREFRONT: "Storefront",
  PRIVACY: "Customers' data",
  SUPPORT: "Support",
};

export const ACTORS: Record<Act["actor_kind"], string> = {
  MERCHANT: "People of your shop",
  SYSTEM: "Tailorbird itself",
  STAFF: "Tailorbird support",
};

/** Days back from today, today included. */
export const PERIODS = { "": "Any time", 1: "Today", 7: "Last 7 days", 30: "Last 30 days", 90: "Last 90 days" } as const;

export interface Chosen {
  kind: string;
  actor: string;
  days: string;
}

const oneOf = (text: string | null, known: object): string => (text !== null && Object.hasOwn(known, text) ? text : "");

/** What the address chooses; a value that isn't known chooses nothing. */
export const chosenIn = (query: URLSearchParams): Chosen => ({
  kind: oneOf(query.get("kind"), KINDS),
  actor: oneOf(query.get("actor"), ACTORS),
  days: oneOf(query.get("days"), PERIODS),
});

/** The day it is in a time zone, as "2026-11-21"; in UTC where the zone isn't known. */
export function dayIn(timeZone: string, moment: Date): string {
  const format = (zone: string) => new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(moment);
  try {
    return format(timeZone);
  } catch {
    return format("UTC");
  }
}

/** The first of the last `days` days, today included, on the shop's own clock. */
export function firstDay(days: number, timeZone: string, now: Date): string {
  const day = new Date(`${dayIn(timeZone, now)}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() - (days - 1));
  return day.toISOString().slice(0, 10);
}

export function questionOf({ kind, actor, days }: Chosen, timeZone: string, now: Date): Question {
  return {
    ...(kind && { kind: kind as Act["kind"] }),
    ...(actor && { actor: actor as Act["actor_kind"] }),
    ...(days && { since: firstDay(Number(days), timeZone, now) }),
  };
}

/** Hand the acts that are chosen to the browser as a file for a spreadsheet. */
export async function downloadActivity(chosen: Chosen, timeZone: string, now: Date): Promise<void> {
  const query = new URLSearchParams(questionOf(chosen, timeZone, now) as Record<string, string>);
  await saveFile(`/api/activity/file?${query}`, `tailorbird-activity-${dayIn(timeZone, now)}.csv`);
}
