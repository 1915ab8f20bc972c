/** How the mix that answers shoppers reads to a merchant. */
import type { AgainstSimple, Asked, Cold, ModelVersion, Weight } from "../api/types";
import { formatPart, formatPercent, formatShare, formatUnit } from "./format";

export const BLEND = "blend";

/** What each method of a blend listens to. A method that is added later goes by its label until it is described here. */
const MEMBERS: Record<string, string> = {
  popularity: "best sellers",
  personal_frequency: "your customers’ habits",
  markov: "what is bought next",
  item_knn: "what the same customers buy",
  session_knn: "what is in similar baskets",
  ease: "customers with the same taste",
  content_knn: "similar products",
  transformer: "the transformer",
};

export const memberName = ({ model, label }: Pick<Weight, "model" | "label">): string => MEMBERS[model] ?? label;

/** One part of the bar. */
export interface Part {
  key: string;
  name: string;
  share: number;
}

/** Beyond this many, parts are too small to be told apart by colour. */
const MOST_PARTS = 6;

/** Return the parts of a blend, largest first; the smallest ones become one part where there are too many. */
export function partsOf(weights: readonly Weight[]): Part[] {
  const parts = weights
    .filter((weight) => weight.share > 0)
    .sort((one, other) => other.share - one.share)
    .map((weight) => ({ key: weight.model, name: memberName(weight), share: weight.share }));
  if (parts.length <= MOST_PARTS) return parts;
  const rest = parts.slice(MOST_PARTS - 1);
  const share = rest.reduce((sum, part) => sum + part.share, 0);
  return [...parts.slice(0, MOST_PARTS - 1), { key: "rest", name: `${rest.length} other methods`, share }];
}

/** "Version 7 blends 5 methods: your customers’ habits 46%, what is bought next 22%, …". */
export function mixSentence({ number, weights }: Pick<ModelVersion, "number" | "weights">): string {
  const parts = partsOf(weights);
  const [first] = parts;
  if (!first) return "";
  if (parts.length === 1) return `Version ${number} listens to one method alone: ${first.name}.`;
  return `Version ${number} blends ${parts.map((part) => `${part.name} ${formatPart(part.share)}`).join(", ")}.`;
}

/** "Version 7 blends 7 methods and listens most to your customers’ habits.": the list beside it has all of them. */
export function mixLead({ number, weights }: Pick<ModelVersion, "number" | "weights">): string {
  const parts = partsOf(weights);
  const [first] = parts;
  if (!first || parts.length === 1) return mixSentence({ number, weights });
  const count = weights.filter((weight) => weight.share > 0).length;
  return `Version ${number} blends ${count} methods and listens most to ${first.name}.`;
}

const percentOf = (fraction: number): string => formatPercent(fraction * 100);
const between = (low: number, high: number): string => `between ${percentOf(low)} and ${percentOf(high)}`;

/** Say how much better than the best simple method the version matches what customers buy, and how sure that is. */
export const gainSentence = (against: AgainstSimple, asked: Asked): string => gainOver(`those of the best simple method, “${against.label}”`, against, asked);

/** The same for who wants no method's name. */
export const plainGain = (against: AgainstSimple, asked: Asked): string => gainOver("those of the best simple rule, such as showing best sellers", against, asked);

function gainOver(rival: string, { gain, low, high }: AgainstSimple, asked: Asked): string {
  const match = asked === "orders" ? "Its suggestions match what else customers order with a product" : "Its suggestions match what customers buy next";
  if (low > 0) return `${match} ${percentOf(gain)} better than ${rival}. The true gain is likely ${between(low, high)}.`;
  if (high < 0) return `${match} ${percentOf(-gain)} less well than ${rival}. The true loss is likely ${between(-high, -low)}.`;
  return `${match} about as well as ${rival}. The truth is likely between ${percentOf(-low)} worse and ${percentOf(high)} better.`;
}

const THINNEST = 0.0005; // a change that would read as 0.0%

/** Say what a place for a new product finds, and what it costs; nothing of versions that were not measured so. */
export function placeSentence({ recall_at_10: without, recall_with_place_at_10: recall, place_ndcg_change: change }: Cold): string | undefined {
  if (recall == null || change == null) return undefined;
  const found = `With the last place for a new product they held ${formatShare(recall)} of these purchases instead of ${formatShare(without)}.`;
  const isCostly = change <= -THINNEST;
  return `${found} All suggestions together matched what customers buy next ${isCostly ? `${percentOf(-change)} less well` : "about as well"}.`;
}

/** Say how well products without a sale are found, beside showing best sellers, which can't find any of them. */
export function coldSentence({ items, customers, recall_at_10: recall, popularity_recall_at_10: popularity }: Cold): string {
  const measured = `Measured on ${formatUnit(items, "products")} that had not been sold before and ${formatUnit(customers, "customers")} who then bought them:`;
  return `${measured} its ten suggestions held ${formatShare(recall)} of these purchases. Showing best sellers would have held ${formatShare(popularity)}.`;
}
