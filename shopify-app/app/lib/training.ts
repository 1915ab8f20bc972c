/** How a training run and its outcome read to a merchant. */
import type { Metrics, ModelState, ModelVersion, TrainingRun } from "../api/types";
import { BLEND, gainSentence, plainGain } from "./blend";
import { formatRange, formatScore, formatUnit } from "./format";

type State = TrainingRun["state"];

const STAGES: Partial<Record<State, string>> = {
  QUEUED: "Waiting for a free place to train",
  EXPORTING: "Collecting your orders",
  TRAINING: "Learning from your customers' purchases",
  EVALUATING: "Checking the new model against simpler methods",
  REGISTERING: "Saving the new version",
};

/** Return what a run is doing, or undefined when it has ended. */
export function findStage(run: TrainingRun | null): string | undefined {
  return run ? STAGES[run.state] : undefined;
}

export const isRunning = (run: TrainingRun | null): run is TrainingRun => findStage(run) !== undefined;

/** While a version is trained in place of one that an update of ours can't read. */
export const UNREADABLE =
  "After an update of Tailorbird the model in use can no longer be read, so a new one is trained. Until it is ready your storefront shows what an earlier version picks, or popular products.";

/** Say what a training that failed means for shoppers, and what can be done. */
export function afterFailure({ reason }: Pick<TrainingRun, "reason">): string {
  if (reason !== "unreadable") return "Nothing changed on your storefront. You can train again at any time.";
  return "The model in use can no longer be read, so your storefront shows what an earlier version picks, or popular products. We try again tomorrow; you can train again at any time.";
}

export const findServed = (version: ModelVersion): Metrics | undefined => version.metrics.find((row) => row.is_served);

const findTransformer = (version: ModelVersion): Metrics | undefined => version.metrics.find((row) => row.is_transformer);

/** Whether the transformer was trained, but nothing that serves asks it: its newest days were not learned. */
const isLeftOut = (version: ModelVersion): boolean => version.curve.length > 0 && !findTransformer(version);

const LEFT_OUT = "The transformer, our most advanced method, was tried and left out: the other methods do as well without it in your shop.";

/** Return the method that was served: its name for people. */
export function servedLabel(version: ModelVersion): string {
  return findServed(version)?.label ?? version.served;
}

/** What each method does, for a merchant. Methods that are added later go without until they are described here. */
const METHODS: Record<string, string> = {
  popularity: "what sells most in the whole shop",
  personal_frequency: "what this customer bought most often before",
  markov: "what customers buy next after the same product",
  item_knn: "what customers with similar purchases bought",
  session_knn: "what else is in the baskets that are most like this customer's",
  ease: "what customers with the same taste like, over the whole catalogue at once",
  content_knn: "what is like the products that this customer bought, by title, type, vendor and price",
  blend: "listens to all methods at once, most to those that are right in your shop",
  transformer: "a neural network that reads each customer's purchases in their order",
};

export const findDescription = (model: string): string | undefined => METHODS[model];

/** "0.382 (likely range 0.364 to 0.401)"; without its range where that is unknown. */
function scoreInWords({ ndcg_at_10: score, ndcg_low: low, ndcg_high: high }: Metrics): string {
  if (low == null || high == null) return formatScore(score);
  return `${formatScore(score)} (likely range ${formatRange(low, high)})`;
}

function runnerUp(version: ModelVersion): string {
  const others = version.metrics.filter((row) => !row.is_served && row.ndcg_at_10 != null);
  const [next] = others.sort((one, other) => (other.ndcg_at_10 ?? 0) - (one.ndcg_at_10 ?? 0));
  return next ? ` The next best, “${next.label}”, scored ${scoreInWords(next)}.` : "";
}

/** Say which method customers get and why, also when our own transformer lost. */
export function servedBecause(version: ModelVersion): string {
  const served = findServed(version);
  const transformer = findTransformer(version);
  // Where nothing could be measured the training's own words say why.
  if (served?.ndcg_at_10 == null) return version.summary;
  if (served.model === BLEND) return `Together the methods scored ${scoreInWords(served)}.${runnerUp(version)}`;
  if (transformer?.ndcg_at_10 == null) {
    const best = `Of the methods that could be tried, “${served.label}” scored best (${formatScore(served.ndcg_at_10)}), so it is the one your customers see.`;
    return isLeftOut(version) ? best : `${best} The transformer, our most advanced method, was not trained this time.`;
  }
  if (served.is_transformer) {
    return `Of all the methods we tried, “${served.label}” scored best, ${scoreInWords(served)}, so it is the one your customers see.${runnerUp(version)}`;
  }
  return `The transformer, our most advanced method, is not the best one for your shop yet: it scored ${formatScore(transformer.ndcg_at_10)} against ${formatScore(served.ndcg_at_10)} for “${served.label}”. So your customers see the suggestions of “${served.label}”.`;
}

/** "On the last two weeks it found …": one sentence on how well the served method did. */
export function foundSentence(version: ModelVersion): string {
  const hitRate = findServed(version)?.hit_rate_at_10;
  if (hitRate == null) return "";
  const held = version.asked === "orders" ? "another product of the same order for NUMBER of 100 orders" : "something that the customer then bought for NUMBER of 100 customers";
  return `On the last two weeks of orders, which it had not seen before, its ten suggestions held ${held.replace("NUMBER", String(Math.round(hitRate * 100)))}.`;
}

/** What is said of the version that answers: how it stands beside the best simple method, and how often it was right. */
export function nowSentences(version: ModelVersion): string[] {
  const standing = version.against_simple ? gainSentence(version.against_simple, version.asked) : servedBecause(version);
  return [standing, isLeftOut(version) ? LEFT_OUT : "", foundSentence(version)].filter(Boolean);
}

/** "4,187 purchases by 555 customers": what a version learned from. Guests are nobody whom a shop knows. */
export function learnedFrom({ interactions, customers }: ModelVersion): string {
  if (interactions === 0) return "no purchases";
  return `${formatUnit(interactions, "purchases")} by ${customers > 0 ? formatUnit(customers, "customers") : "guests"}`;
}

/** Say how good the version that answers is, without a word of what it is made of. */
export function plainSentences(version: ModelVersion): string[] {
  if (!isMeasured(version)) return ["There were too few orders to measure how good it is. It gets better as orders come in."];
  const standing = version.against_simple ? plainGain(version.against_simple, version.asked) : "";
  return [standing, foundSentence(version)].filter(Boolean);
}

/** Return the newest version if it was kept back, or undefined. */
export function findHeld({ current, versions }: ModelState): ModelVersion | undefined {
  const [newest] = [...versions].sort((one, other) => other.number - one.number);
  return newest && newest.state === "HELD" && newest.id !== current?.id ? newest : undefined;
}

/** Tell whether the methods of a version could be compared at all. */
export const isMeasured = (version: ModelVersion): boolean => version.metrics.some((row) => row.ndcg_at_10 != null);
