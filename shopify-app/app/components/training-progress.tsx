import type { TrainingRun } from "../api/types";
import { findStage } from "../lib/training";

/** Said while the training itself has nothing more telling to say. */
function passText({ epoch, epochs }: TrainingRun["progress"]): string {
  return epoch && epochs ? `Pass ${epoch} of ${epochs} over your orders.` : "";
}

/** What a running training does now, and how far it is. */
export function TrainingProgress({ run }: { run: TrainingRun }) {
  const stage = findStage(run) ?? "";
  const isMeasured = run.state !== "QUEUED" && run.progress.fraction > 0;
  const percent = Math.round(run.progress.fraction * 100);
  return (
    <div className="progress">
      <p className="visually-hidden" role="status">
        {stage}
      </p>
      <s-text type="strong">{stage}</s-text>
      {isMeasured ? <s-progress value={percent} max={100} accessibilityLabel={`${stage}: ${percent} percent`} /> : <s-progress accessibilityLabel={stage} />}
      <s-text color="subdued" fontVariantNumeric="tabular-nums">
        {[isMeasured ? `${percent}% done.` : "", run.progress.message || passText(run.progress)].filter(Boolean).join(" ")}
      </s-text>
    </div>
  );
}
