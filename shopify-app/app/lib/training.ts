/** How a training run and its outcome read to a merchant. */
import type { Metrics, ModelVersion, TrainingRun } from "../api/types";
import { formatScore } from "./format";

type State = TrainingRun["state"];

const STAGES: Partial<Record<State, string>> = {
  QUEUED: "Waiting for a free place to train",
  EXPORTING: "Collecting your orders",
  TRAINING: "Learning from your customers' purchases",
  EVALUATING: "Checking the new model against simpler methods",
  REGISTERING: "Saving the new version",
  PUBLISHING: "Publishing recommendations to your store",
};

/** Return what a run is doing, or undefined when it has ended. */
export function findStage(run: TrainingRun | null): string | undefined {
  return run ? STAGES[run.state] : undefined;
}

export const isRunning = (run: TrainingRun | null): run is TrainingRun => findStage(run) !== undefined;

export const findServed = (version: ModelVersion): Metrics | undefined => version.metrics.find((row) => row.is_served);

const findTransformer = (version: ModelVersion): Metrics | undefined => version.metrics.find((row) => row.is_transformer);

/** Tell whether chance alone could explain the difference between two scores. */
function overlaps(one: Metrics, other: Metrics): boolean {
  if (one.ndcg_low == null || one.ndcg_high == null || other.ndcg_low == null || other.ndcg_high == null) return false;
  return one.ndcg_low <= other.ndcg_high && other.ndcg_low <= one.ndcg_high;
}

/** Return the method that was served: its name for people. */
export function servedLabel(version: ModelVersion): string {
  return findServed(version)?.label ?? version.served;
}

/** Say which method customers get and why, also when our own transformer lost. */
export function servedBecause(version: ModelVersion): string {
  const served = findServed(version);
  const transformer = findTransformer(version);
  if (!served) return `Your customers see the suggestions of “${version.served}”.`;
  if (!transformer) {
    return `Your customers see the suggestions of “${served.label}”. The transformer was not trained this time: there is not enough purchase history for it yet.`;
  }
  if (served.is_transformer) {
    return `Of all the methods we tried, “${served.label}” scored best (${formatScore(served.ndcg_at_10)}), so it is the one your customers see.`;
  }
  const scores = `${formatScore(transformer.ndcg_at_10)} against ${formatScore(served.ndcg_at_10)}`;
  const doubt = overlaps(served, transformer) ? " The two are close enough that the difference may be chance." : "";
  return `The transformer, our most advanced method, is not the best one for your shop yet: it scored ${scores} for “${served.label}”. So your customers see the suggestions of “${served.label}”.${doubt}`;
}

/** "On the last two weeks it found …": one sentence on how well the served method did. */
export function foundSentence(version: ModelVersion): string {
  const served = findServed(version);
  if (!served) return "";
  const hits = Math.round(served.hit_rate_at_10 * 100);
  return `On the last two weeks of orders, which it had never seen, its ten suggestions held something that the customer then bought in ${hits} of 100 cases.`;
}
