import type { RolloutReport, RolloutStep } from "../api/types";
import { formatMoment, formatPercent } from "../lib/format";
import { dwellWords, splitParts, stepName, UNKNOWN_VISITORS } from "../lib/rollouts";

const LOOKS = {
  DONE: { icon: "check-circle", tone: "success", word: "done" },
  CURRENT: { icon: "circle", tone: "info", word: "now" },
  AHEAD: { icon: "circle-dashed", tone: "neutral", word: "still to come" },
} as const satisfies Record<RolloutStep["progress"], unknown>;

function note({ progress, since, hours }: RolloutStep, timezone: string): string {
  if (since) return `${progress === "CURRENT" ? "since " : ""}${formatMoment(since, timezone)}`;
  return dwellWords(hours);
}

/** The way of a rollout, from nobody to 100% of visitors, and how far it is. */
export function RolloutSteps({ steps, timezone }: { steps: readonly RolloutStep[]; timezone: string }) {
  return (
    <ol className="way">
      {steps.map((step) => {
        const { icon, tone, word } = LOOKS[step.progress];
        return (
          <li key={`${step.kind} ${step.percent}`} className="way-step" data-progress={step.progress} aria-current={step.progress === "CURRENT" ? "step" : undefined}>
            <s-icon type={icon} tone={tone} />
            <span className="way-name">{stepName(step)}</span>
            <span className="visually-hidden">, {word}</span>
            <span className="way-note">{note(step, timezone)}</span>
          </li>
        );
      })}
    </ol>
  );
}

/** Who sees what at this moment. */
export function LiveSplit({ report }: { report: RolloutReport }) {
  const parts = splitParts(report);
  if (parts.length === 0) return null;
  return (
    <div className="split">
      <div className="split-bar" aria-hidden="true">
        {parts.map(({ key, share }) => (
          <span key={key} className="split-part" data-arm={key} style={{ flexGrow: share }} />
        ))}
      </div>
      <ul className="split-names">
        {parts.map(({ key, name, share }) => (
          <li key={key} className="split-name">
            <span className="mix-swatch split-part" data-arm={key} aria-hidden="true" />
            <span>{name}</span>
            <span className="mix-share">{formatPercent(share)}</span>
          </li>
        ))}
      </ul>
      <s-text color="subdued">{UNKNOWN_VISITORS}</s-text>
    </div>
  );
}
