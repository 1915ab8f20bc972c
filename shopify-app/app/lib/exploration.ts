/** What neighbouring products that changed places by chance have shown, in words. */
import type { Exploration } from "../api/types";
import { formatCount, formatUnit } from "./format";

type Ratio = NonNullable<Exploration["order"]>;

const times = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const range = ({ low, high }: Ratio): string => `between ${times.format(low)} and ${times.format(high)} with 95% certainty`;

function orderWords(order: Ratio): string {
  const measured = `Wherever they stand, shoppers click the product that your model puts first ${times.format(order.value)} times as often as its neighbour (${range(order)})`;
  if (order.low > 1) return `${measured}: its order is right.`;
  if (order.high < 1) return `${measured}: the other way round they would be clicked more.`;
  return `${measured}: that may still be chance.`;
}

const placeWords = (place: Ratio): string => `The place in front alone brings ${times.format(place.value)} times the clicks of the one behind it (${range(place)}).`;

/** What is known by now, a sentence each. */
export function explorationWords({ visitors, needed, order, place }: Exploration): string[] {
  if (visitors < needed) return [`${formatCount(visitors)} of ${formatUnit(needed, "visitors")} clicked one of two products that had changed places. From then on you read here what it shows.`];
  const words = [order && orderWords(order), place && placeWords(place)].filter((one) => one !== null);
  return words.length > 0 ? words : ["Shoppers clicked only one of each two products, so there is nothing to compare."];
}
