import type { RolloutSummary } from "../api/types";
import { withOurPercent } from "../lib/format";
import { stateLook, waitWords } from "../lib/rollouts";

/** A rollout in a few sentences, with the way to its page. */
export function SummaryWords({ summary }: { summary: RolloutSummary }) {
  const { tone, word } = stateLook(summary.state);
  const { headline, finding, outlook, next_move: next } = summary;
  const waits = waitWords(summary);
  return (
    <s-stack gap="small">
      <div className="step-head">
        <s-badge tone={tone}>{word}</s-badge>
      </div>
      <p className="standing">{[headline, finding, outlook].filter(Boolean).map(withOurPercent).join(" ")}</p>
      {next.words && <s-paragraph>{withOurPercent(next.words)}</s-paragraph>}
      {waits && <s-paragraph>It waits: {withOurPercent(waits)}</s-paragraph>}
      <div>
        <s-button href={`/rollouts/${summary.id}`}>Look at rollout {summary.number}</s-button>
      </div>
    </s-stack>
  );
}
