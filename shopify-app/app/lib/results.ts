/** What recommendations earned, in words. */
import type { Results } from "../api/types";
import { formatAmount, formatCount, formatPart, formatUnit } from "./format";

export const PERIODS = [7, 30, 90] as const;
export const DEFAULT_PERIOD = 30;

/** The days that an address asks for. */
export function daysIn(query: URLSearchParams): (typeof PERIODS)[number] {
  const asked = Number(query.get("days"));
  return PERIODS.find((days) => days === asked) ?? DEFAULT_PERIOD;
}

type Incremental = NonNullable<Results["incremental"]>;

/** The figure of a holdout: "about £820", or undefined while there is none. */
export function incrementalFigure({ amount }: Incremental, currency: string): string | undefined {
  return amount === null ? undefined : formatAmount(amount, currency);
}

/** Say how sure the figure of a holdout is, so that nobody has to know what an interval is. */
export function incrementalWords({ percent, amount, low, high, reason, held_out_visitors: few, shown_visitors: many }: Incremental, currency: string): string {
  const groups = `Compared: ${formatUnit(many, "visitors")} with recommendations and ${formatUnit(few, "visitors")} (${percent}%) who see popular products instead.`;
  if (amount === null || low === null || high === null) return `${reason} ${groups}`;
  const range = `It lies between ${formatAmount(low, currency)} and ${formatAmount(high, currency)} with 95% certainty`;
  if (Number(low) > 0) return `${range}: more than chance. ${groups}`;
  if (Number(high) < 0) return `${range}: recommendations sold less than popular products would have. ${groups}`;
  return `${range}: that may still be chance. ${groups}`;
}

/** "3.4% of 10,200 times seen". */
export function clicksNote({ clicks, impressions }: NonNullable<Results["counts"]>): string {
  if (impressions === 0) return "none were seen yet";
  return `${formatPart(clicks / impressions)} of ${formatCount(impressions)} times seen`;
}

const NOT_MEASURED: Record<Results["pixel"], string> = {
  ACTIVE: "the measuring is on, and no shopper who agreed to be measured saw a recommendation",
  PENDING: "the measuring is being turned on, which takes some minutes after the installation",
  NOT_GRANTED: "Tailorbird may not measure yet. Close the app and open it again to let Shopify ask you for the permission",
  REFUSED: "Shopify declined to turn the measuring on. It is tried again by itself; if this stays, contact Tailorbird support",
};

/** Why clicks and views are not nought but unknown. */
export const notMeasuredWords = ({ pixel }: Results): string => `Clicks and views were not measured in this time: ${NOT_MEASURED[pixel]}. Shoppers who don't agree to be measured are never counted.`;

/** "the last 30 days". */
export const periodWords = (days: number): string => (days === 1 ? "today" : `the last ${days} days`);

/** Why there are no figures yet, or undefined where there are. */
export function emptyWords({ days, has_orders: hasOrders, currencies, coverage }: Results): string | undefined {
  if (!hasOrders) return `There were no orders in ${periodWords(days)}. When a shopper buys what was recommended, it is counted here.`;
  const isEarning = currencies.some(({ direct }) => direct.orders > 0 || Number(direct.reversed) > 0);
  if (isEarning) return undefined;
  const known = coverage.orders > 0 ? "“How much of this is known” below says what could be told of your orders." : "None of them holds a product that was recommended before.";
  return `No order of ${periodWords(days)} came from a clicked recommendation. ${known}`;
}
