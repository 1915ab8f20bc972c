/** What a rollout would change on the shop's pages, in words. */
import type { paths } from "../api/schema";
import type { ChangedPage, Changes, Place } from "../api/types";
import { formatCount, formatPart, formatUnit } from "./format";

type Question = NonNullable<paths["/api/rollouts/{id}/changes"]["get"]["parameters"]["query"]>;

export const ORDERS = { MOST_SOLD: "Most sold first", MOST_CHANGED: "Most changed first" } as const;

export type Order = keyof typeof ORDERS;

export const orderIn = (query: URLSearchParams): Order => (query.get("order") === "MOST_CHANGED" ? "MOST_CHANGED" : "MOST_SOLD");

export const pageIn = (query: URLSearchParams): number => Math.max(1, Math.floor(Number(query.get("page"))) || 1);

export const questionOf = (query: URLSearchParams): Question => ({ order: orderIn(query), page: pageIn(query) });

/** "On 31 of 40 pages something would change. On average 62% of the products in a list stay." */
export function summaryWords({ pages_compared: compared, pages_changed: changed, overlap, is_complete: isComplete }: Changes): string {
  if (compared === 0) return "No page was compared yet. That begins with the shadow and takes some minutes.";
  const share = overlap === null ? "" : ` On average ${formatPart(overlap)} of the products in a list stay.`;
  const rest = isComplete ? "" : " More pages are being compared.";
  return `On ${formatCount(changed)} of ${formatUnit(compared, "pages")} something would change.${share}${rest}`;
}

/** How a place of the new list differs, for eyes and for ears: "New", "2 places up". */
export function moveWords({ rises }: Place): string {
  if (rises === null) return "New";
  if (rises === 0) return "";
  return `${formatUnit(Math.abs(rises), "places")} ${rises > 0 ? "up" : "down"}`;
}

export const pageName = ({ product }: ChangedPage): string => product?.title ?? "Home page";
