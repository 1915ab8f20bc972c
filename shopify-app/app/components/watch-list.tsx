import type { TriggerStatus } from "../api/types";
import { formatMoment, withOurPercent } from "../lib/format";
import { statusLook } from "../lib/triggers";

function seenWords({ kind, looked_at: looked, last_fired_at: fired }: TriggerStatus, timezone: string): string {
  return [looked && kind !== "MANUAL" && `Checked ${formatMoment(looked, timezone)}.`, fired && `Last led to a training ${formatMoment(fired, timezone)}.`].filter(Boolean).join(" ");
}

/** Everything that can start a training, and how it stands now. */
export function WatchList({ statuses, timezone }: { statuses: readonly TriggerStatus[]; timezone: string }) {
  return (
    <ul className="steps">
      {statuses.map((status) => {
        const { icon, tone, word } = statusLook(status);
        const seen = seenWords(status, timezone);
        return (
          <li key={status.kind} className="step">
            <s-icon type={icon} tone={tone} />
            <div className="step-body">
              <div className="step-head">
                <s-text type="strong">{status.title}</s-text>
                <s-badge tone={tone}>{word}</s-badge>
              </div>
              {status.words && <s-paragraph>{withOurPercent(status.words)}</s-paragraph>}
              {seen && <s-text color="subdued">{seen}</s-text>}
            </div>
          </li>
        );
      })}
    </ul>
  );
}
