import type { ModelVersion, Trigger, TriggerStatus } from "../api/types";
import { formatMoment, withOurPercent } from "../lib/format";
import { stateLook } from "../lib/gates";
import { calmSentence, timeline, titleOf, verdictLook } from "../lib/triggers";

interface Props {
  triggers: readonly Trigger[];
  statuses: readonly TriggerStatus[];
  versions: readonly ModelVersion[];
  timezone: string;
}

type EventProps = Omit<Props, "triggers"> & { trigger: Trigger };

function Figures({ trigger }: { trigger: Trigger }) {
  if (trigger.figures.length === 0) return null;
  return (
    <details>
      <summary>The figures, for experts</summary>
      <dl className="figures">
        {trigger.figures.map(({ name, value }) => (
          <div key={name} className="figure">
            <dt>{name}</dt>
            <dd>{withOurPercent(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** "It made version 8 (not in use)." */
function outcomeWords({ version: id }: Trigger, versions: readonly ModelVersion[]): string {
  const version = versions.find((one) => one.id === id);
  return version ? `It made version ${version.number} (${stateLook(version).word.toLowerCase()}).` : "";
}

function Event({ trigger, statuses, versions, timezone }: EventProps) {
  const { icon, tone, word } = verdictLook(trigger.verdict);
  const outcome = outcomeWords(trigger, versions);
  return (
    <li className="step">
      <s-icon type={icon} tone={tone} />
      <div className="step-body">
        <div className="step-head">
          <s-text type="strong">{titleOf(trigger.kind, statuses)}</s-text>
          <s-badge tone={tone}>{word}</s-badge>
          <s-text color="subdued">{formatMoment(trigger.created_at, timezone)}</s-text>
        </div>
        <s-paragraph>{[withOurPercent(trigger.words), outcome].filter(Boolean).join(" ")}</s-paragraph>
        <Figures trigger={trigger} />
      </div>
    </li>
  );
}

/** When the model was trained again and when not, newest first, each with its evidence. */
export function Timeline({ triggers, ...rest }: Props) {
  return (
    <ol className="steps">
      {timeline(triggers).map((entry) =>
        entry.kind === "event" ? (
          <Event key={entry.trigger.id} trigger={entry.trigger} {...rest} />
        ) : (
          <li key={entry.triggers[0]?.id} className="step">
            <s-icon type="check-circle" tone="neutral" />
            <details>
              <summary>{calmSentence(entry.triggers, rest.timezone)}</summary>
              <ol className="steps">
                {entry.triggers.map((trigger) => (
                  <Event key={trigger.id} trigger={trigger} {...rest} />
                ))}
              </ol>
            </details>
          </li>
        ),
      )}
    </ol>
  );
}
