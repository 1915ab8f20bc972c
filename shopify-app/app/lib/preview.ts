/** Which preview is asked for, and what it says. */
import type { paths } from "../api/schema";
import type { FoundProduct, Preview } from "../api/types";
import { formatUnit } from "./format";

type Question = NonNullable<paths["/api/preview"]["get"]["parameters"]["query"]>;

/** What is typed or chosen; empty for nobody and nothing in particular. */
export interface Asked {
  product: string;
  order: string;
  customer: string;
}

export const askedIn = (query: URLSearchParams): Asked => ({
  product: query.get("product") ?? "",
  order: query.get("order") ?? "",
  customer: query.get("customer") ?? "",
});

/** The version that the address asks to see beside the one in use; empty for none. */
export const besideIn = (query: URLSearchParams): string => query.get("beside") ?? "";

/** Django checks each: what is no number is refused in its own words, beside its field. */
export function questionOf(query: URLSearchParams): Question {
  const { product, order, customer } = askedIn(query);
  return {
    ...(product && { product: product as unknown as number }),
    ...(order && { order }),
    ...(customer && { customer: customer as unknown as number }),
  };
}

/** The address of a preview, without what is empty. */
export function addressOf(asked: Asked, beside = ""): URLSearchParams {
  const told = Object.entries({ ...asked, beside }).map(([name, text]) => [name, text.trim()] as const);
  return new URLSearchParams(told.filter(([, text]) => text) as [string, string][]);
}

function whoWords({ order, is_guest: isGuest, is_personal: isPersonal, purchases }: Preview): string {
  if (isGuest) return `Order ${order} was placed by a guest, so no earlier purchase is known: this is what anybody sees.`;
  const customer = order ? `the customer of order ${order}` : "this customer";
  if (purchases > 0) {
    const known = `For ${customer}, of whom ${formatUnit(purchases, "purchases")} ${purchases === 1 ? "is" : "are"} known`;
    return isPersonal ? `${known}: the list is their own.` : `${known}; they did not change this list.`;
  }
  return order ? `No purchase of ${customer} is known to the model yet: this is what anybody sees.` : "This is what anybody sees of whom no purchase is known.";
}

/** For whom the list is, who made it, and why not the live version alone. */
export function whatWords(preview: Preview): string[] {
  const by = preview.version_number === null ? "" : `Chosen by version ${preview.version_number}.`;
  return [whoWords(preview), by, preview.why_not_model].filter(Boolean);
}

/** Search the shop's products, from the browser: App Bridge signs the call. */
export async function findProducts(search: string, signal: AbortSignal): Promise<FoundProduct[]> {
  const response = await fetch(`/api/products?${new URLSearchParams({ search })}`, { signal });
  if (!response.ok) throw new Error(`The products could not be searched: ${response.status}.`);
  return ((await response.json()) as { products: FoundProduct[] }).products;
}
