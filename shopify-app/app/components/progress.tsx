import { formatCount, formatUnit } from "../lib/format";

interface Amount {
  done: number | null;
  total: number | null;
  unit: string;
}

/** "12,340 of 25,900 orders", "12,340 orders so far", "35% done", or nothing while nothing is counted. */
export function progressText({ done, total, unit }: Amount): string {
  if (done === null) return "";
  if (unit === "%") return done > 0 ? `${formatCount(done)}% done` : "";
  if (!total) return done > 0 ? `${formatUnit(done, unit)} so far` : "";
  return `${formatCount(done)} of ${formatUnit(total, unit)}`;
}

/** A bar with its count in words. Before the first step, or without a total, it only says that work goes on. */
export function Progress({ label, ...amount }: Amount & { label: string }) {
  const text = progressText(amount);
  const isMeasured = !!amount.done && !!amount.total;
  return (
    <div className="progress">
      {isMeasured ? (
        <s-progress value={Math.min(amount.done ?? 0, amount.total ?? 1)} max={amount.total ?? 1} accessibilityLabel={`${label}: ${text}`} />
      ) : (
        <s-progress accessibilityLabel={label} />
      )}
      {text && (
        <s-text color="subdued" fontVariantNumeric="tabular-nums">
          {text}
        </s-text>
      )}
    </div>
  );
}
