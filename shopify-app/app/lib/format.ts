/** Numbers and moments as people read them. One locale on server and client, so that hydration agrees. */

const LOCALE = "en";

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const score = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const share = new Intl.NumberFormat(LOCALE, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const wholeShare = new Intl.NumberFormat(LOCALE, { style: "percent", maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
const twoDigits = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 2 });

/** Shown where there was too little to measure. */
export const NOTHING = "–";

type Figure = number | null | undefined;

export const formatCount = (value: number): string => whole.format(value);
export const formatScore = (value: Figure): string => (value == null ? NOTHING : score.format(value));
export const formatShare = (value: Figure): string => (value == null ? NOTHING : share.format(value));

/** "46%", and "under 1%" for what would round to nothing. */
export function formatPart(part: number): string {
  return part > 0 && part < 0.005 ? "under 1%" : wholeShare.format(part);
}

/** "2%", "2.5%", "−1.1%": a figure that is in percent already. */
export function formatPercent(percent: number): string {
  const rounded = oneDecimal.format(Math.abs(percent));
  return `${percent < 0 && rounded !== "0" ? "−" : ""}${rounded}%`;
}

/** "+4.1%", "−1.1%", "0%": a change, in percent. */
export function formatGain(percent: number): string {
  const text = formatPercent(percent);
  return percent > 0 && text !== "0%" ? `+${text}` : text;
}

/** "+3.0%", "−1.2%": an end of an interval. Rounded down like the backend's own sentences, so that no loss looks like less. */
export function formatChange(percent: number): string {
  const tenths = Math.floor(Number((percent * 10).toFixed(6)));
  return `${tenths < 0 ? "−" : "+"}${(Math.abs(tenths) / 10).toFixed(1)}%`;
}

/** A sentence of the backend's, with percentages written as everywhere on our pages: "2%" for "2 %". */
export const withOurPercent = (words: string): string => words.replaceAll(/(\d) %/g, "$1%");

/** "£1,234.50": an amount that comes as text, so that no cent of a large one is lost on the way. */
export function formatAmount(amount: string, currency: string): string {
  try {
    return new Intl.NumberFormat(LOCALE, { style: "currency", currency, currencyDisplay: "narrowSymbol" }).format(Number(amount)).replace("-", "−");
  } catch {
    return `${Number(amount).toFixed(2)} ${currency}`;
  }
}

/** "1.8 ms", "0.42 ms". */
export function formatMilliseconds(value: Figure): string {
  return value == null ? NOTHING : `${twoDigits.format(value)} ms`;
}

/** "312 MB", "1.4 GB". */
export function formatMemory(megabytes: Figure): string {
  if (megabytes == null) return NOTHING;
  return megabytes < 1000 ? `${whole.format(megabytes)} MB` : `${oneDecimal.format(megabytes / 1000)} GB`;
}

/** "0.364 to 0.401": where a figure probably lies. */
export function formatRange(low: Figure, high: Figure): string {
  return low == null || high == null ? NOTHING : `${score.format(low)} to ${score.format(high)}`;
}

/** "4.1 (3.2 to 5.0)": how often of so many something happened, and where that probably lies. */
export function formatRate({ value, low, high }: { value: number; low: number; high: number }, of: number): string {
  const [told, least, most] = [value, low, high].map((part) => (part * of).toFixed(1));
  return `${told} (${least} to ${most})`;
}

/** "1 order", "25,900 orders": the unit comes in the plural. */
export function formatUnit(count: number, unit: string): string {
  const name = count === 1 ? unit.replace(/ies$/, "y").replace(/s$/, "") : unit;
  return `${formatCount(count)} ${name}`;
}

/** "48 seconds", "3 min 20 s", "1 h 5 min". */
export function formatDuration(seconds: number): string {
  const rounded = Math.round(seconds);
  if (rounded < 60) return formatUnit(rounded, "seconds");
  if (rounded < 3600) return `${Math.floor(rounded / 60)} min ${rounded % 60} s`;
  return `${Math.floor(rounded / 3600)} h ${Math.floor((rounded % 3600) / 60)} min`;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat(LOCALE, { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const inZone = (iso: string, timeZone: string, parts: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat("en-GB", { ...parts, timeZone: isTimeZone(timeZone) ? timeZone : "UTC" }).format(new Date(iso));

/** "21 Nov 2026" on the shop's own clock. */
export function formatDate(iso: string, timeZone: string): string {
  return inZone(iso, timeZone, { day: "numeric", month: "short", year: "numeric" });
}

/** "21 Nov" on the shop's own clock: a mark of an axis. */
export const formatShortDate = (iso: string, timeZone: string): string => inZone(iso, timeZone, { day: "numeric", month: "short" });

/** "10:05" on the shop's own clock: a mark of an axis. */
export const formatClock = (iso: string, timeZone: string): string => inZone(iso, timeZone, { hour: "2-digit", minute: "2-digit" });

/** "21 Nov 2026, 10:05" on the shop's own clock; UTC, and said so, where the shop's zone is unknown. */
export function formatMoment(iso: string, timeZone: string): string {
  const moment = inZone(iso, timeZone, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  return isTimeZone(timeZone) ? moment : `${moment} UTC`;
}
