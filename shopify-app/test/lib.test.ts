import { describe, expect, test } from "vitest";

import { gainSentence, mixLead, mixSentence, partsOf } from "../app/lib/blend";
import { axis, linePath, rangeOf, thin, ticks } from "../app/lib/chart";
import { formatDuration, formatGain, formatMemory, formatMilliseconds, formatMoment, formatPart, formatPercent, formatUnit } from "../app/lib/format";
import { barMeaning, comparedWith, coolDownWord, decidedBy, decisionWords, findMove, readNumber } from "../app/lib/gates";
import { pauseMs } from "../app/lib/polling";
import { findStage, foundSentence, isMeasured, learnedFrom, nowSentences, servedBecause } from "../app/lib/training";
import { statusLook } from "../app/lib/triggers";
import { problemOf } from "../app/api/client.server";
import { aGate, aMetric, aRun, aVersion, SHARES } from "./fixtures/answers";

describe("the pause before the next poll", () => {
  test.each([
    ["two seconds while something runs", { isLive: true, failures: 0, quiet: 0 }, 2_000],
    ["five seconds right after", { isLive: false, failures: 0, quiet: 0 }, 5_000],
    ["longer the longer nothing happens", { isLive: false, failures: 0, quiet: 2 }, 20_000],
    ["a minute at most", { isLive: false, failures: 0, quiet: 50 }, 60_000],
    ["longer after a failure, also while something runs", { isLive: true, failures: 1, quiet: 0 }, 4_000],
    ["a minute at most after many failures", { isLive: true, failures: 12, quiet: 0 }, 60_000],
  ])("%s", (_, pace, expected) => {
    expect(pauseMs(pace)).toBe(expected);
  });
});

describe("formats", () => {
  test.each([
    [0.4, "0 seconds"],
    [1, "1 second"],
    [48.2, "48 seconds"],
    [143.2, "2 min 23 s"],
    [3_900, "1 h 5 min"],
  ])("%d seconds", (seconds, expected) => {
    expect(formatDuration(seconds)).toBe(expected);
  });

  test.each([
    [1, "orders", "1 order"],
    [1, "categories", "1 category"],
    [25_900, "orders", "25,900 orders"],
  ])("%d %s", (count, unit, expected) => {
    expect(formatUnit(count, unit)).toBe(expected);
  });

  test.each([
    [4.14, "+4.1%"],
    [-1.06, "−1.1%"],
    [0, "0%"],
    [0.01, "0%"],
    [-0.01, "0%"],
    [2, "+2%"],
  ])("a gain of %d percent: %s", (percent, expected) => {
    expect(formatGain(percent)).toBe(expected);
  });

  test("percentages, parts, milliseconds and memory", () => {
    expect(formatPercent(-2.5)).toBe("−2.5%");
    expect([formatPart(0.456), formatPart(0.004), formatPart(0)]).toEqual(["46%", "under 1%", "0%"]);
    expect([formatMilliseconds(0.4213), formatMilliseconds(18.4), formatMilliseconds(null)]).toEqual(["0.42 ms", "18 ms", "–"]);
    expect([formatMemory(312.4), formatMemory(1430), formatMemory(undefined)]).toEqual(["312 MB", "1.4 GB", "–"]);
  });

  test("moments are on the shop's clock", () => {
    expect(formatMoment("2026-07-01T23:30:00Z", "Europe/Berlin")).toBe("2 Jul 2026, 01:30");
  });

  test("an unknown time zone is shown as UTC, and says so", () => {
    expect(formatMoment("2026-07-01T23:30:00Z", "Mars/Olympus")).toBe("1 Jul 2026, 23:30 UTC");
  });
});

describe("charts", () => {
  test("an axis begins and ends on a label around its values", () => {
    expect(axis({ low: 4.19, high: 11.5 }, 4)).toEqual([4, 6, 8, 10, 12]);
    expect(axis({ low: 0.03, high: 0.236 }, 4)).toEqual([0, 0.1, 0.2, 0.3]);
  });

  test("ticks stay inside their range", () => {
    expect(ticks({ low: 0, high: 68 }, 5)).toEqual([0, 20, 40, 60]);
  });

  test("a flat line still has a range", () => {
    expect(rangeOf([5, 5])).toEqual({ low: 4.5, high: 5.5 });
    expect(rangeOf([0])).toEqual({ low: -1, high: 1 });
  });

  test("a path visits its points in order", () => {
    expect(linePath([{ x: 0, y: 1 }, { x: 10.26, y: 2 }])).toBe("M0.0 1.0L10.3 2.0");
  });

  test("a long list is thinned evenly, ends included", () => {
    expect(thin([0, 1, 2, 3, 4, 5, 6, 7, 8], 3)).toEqual([0, 4, 8]);
    expect(thin([1, 2], 3)).toEqual([1, 2]);
  });
});

describe("what is said of a version", () => {
  test("an honest sentence when the transformer is not the best", () => {
    expect(servedBecause(aVersion())).toBe(
      "The transformer, our most advanced method, is not the best one for your shop yet: it scored 0.246 against 0.309 for “What each customer buys most”. So your customers see the suggestions of “What each customer buys most”.",
    );
  });

  test.each([
    [{ interactions: 4187, customers: 555 }, "4,187 purchases by 555 customers"],
    [{ interactions: 1, customers: 1 }, "1 purchase by 1 customer"],
    [{ interactions: 110_998, customers: 0 }, "110,998 purchases by guests"],
    [{ interactions: 0, customers: 0 }, "no purchases"],
  ])("what it learned from: %o", (changes, words) => {
    expect(learnedFrom(aVersion(changes))).toBe(words);
  });

  test("too little to measure, in the training's own words", () => {
    const nothing = { ndcg_at_10: null, ndcg_low: null, ndcg_high: null, recall_at_10: null, hit_rate_at_10: null, mrr_at_10: null, coverage: null };
    const metrics = [aMetric("popularity", { ...nothing, is_served: true })];
    const version = aVersion({ metrics, summary: "Popular products are shown: not enough data." });

    expect(servedBecause(version)).toBe("Popular products are shown: not enough data.");
    expect(foundSentence(version)).toBe("");
    expect(isMeasured(version)).toBe(false);
  });

  test("the transformer in use", () => {
    const metrics = [
      aMetric("popularity", { label: "Popular products", ndcg_at_10: 0.12, ndcg_low: null, ndcg_high: null }),
      aMetric("transformer", { label: "Transformer", ndcg_at_10: 0.331, ndcg_low: 0.31, ndcg_high: 0.352, is_transformer: true, is_served: true }),
      aMetric("personal_frequency", { label: "Bought before", ndcg_at_10: 0.3, ndcg_low: 0.28, ndcg_high: 0.32 }),
    ];

    expect(servedBecause(aVersion({ metrics }))).toBe(
      "Of all the methods we tried, “Transformer” scored best, 0.331 (likely range 0.310 to 0.352), so it is the one your customers see. The next best, “Bought before”, scored 0.300 (likely range 0.280 to 0.320).",
    );
  });

  test("no transformer at all", () => {
    const metrics = [aMetric("popularity", { label: "Most popular products", is_served: true })];

    expect(servedBecause(aVersion({ metrics, curve: [] }))).toContain("was not trained this time");
    expect(nowSentences(aVersion({ metrics, curve: [], against_simple: null })).join(" ")).not.toContain("left out");
  });

  test("a transformer that was tried and left out", () => {
    const metrics = [aMetric("popularity", { label: "Most popular products", is_served: true })];
    const said = nowSentences(aVersion({ metrics, against_simple: null })).join(" ");

    expect(said).toContain("was tried and left out: the other methods do as well without it in your shop.");
    expect(said).not.toContain("was not trained");
  });

  test("a blend beside the best of its parts", () => {
    const metrics = [
      aMetric("blend", { label: "Blend", ndcg_at_10: 0.342, ndcg_low: 0.33, ndcg_high: 0.354, is_served: true }),
      aMetric("transformer", { label: "Transformer", ndcg_at_10: 0.297, ndcg_low: 0.285, ndcg_high: 0.309, is_transformer: true }),
    ];

    expect(servedBecause(aVersion({ metrics }))).toBe(
      "Together the methods scored 0.342 (likely range 0.330 to 0.354). The next best, “Transformer”, scored 0.297 (likely range 0.285 to 0.309).",
    );
  });

  test("how often it was right", () => {
    expect(foundSentence(aVersion())).toContain("62 of 100 customers");
    expect(foundSentence(aVersion({ asked: "orders" }))).toContain("held another product of the same order for 62 of 100 orders.");
  });
});

describe("what is said of a blend", () => {
  const many = Array.from({ length: 9 }, (_, index) => ({ model: `m${index}`, label: `Method ${index}`, share: (9 - index) / 45 }));

  test("names its parts by what they are to a shop, largest first", () => {
    expect(mixSentence(aVersion({ number: 7, weights: [...SHARES].reverse() }))).toBe(
      "Version 7 blends your customers’ habits 46%, what is bought next 22%, the transformer 21%, what the same customers buy 11%.",
    );
  });

  test("gathers what is too small to be told apart", () => {
    expect(partsOf(many).map(({ name }) => name)).toEqual(["Method 0", "Method 1", "Method 2", "Method 3", "Method 4", "4 other methods"]);
    expect(partsOf(many).reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    expect(mixLead(aVersion({ number: 7, weights: many }))).toBe("Version 7 blends 9 methods and listens most to Method 0.");
  });

  test("is one method where that is all it listens to", () => {
    expect(mixLead(aVersion({ number: 7, weights: [{ model: "markov", label: "", share: 1 }, { model: "ease", label: "", share: 0 }] }))).toBe(
      "Version 7 listens to one method alone: what is bought next.",
    );
  });

  test.each([
    ["surely better", { gain: 0.12, low: 0.06, high: 0.18 }, "12% better than those of the best simple method, “Habits”. The true gain is likely between 6% and 18%."],
    ["about as good", { gain: 0.01, low: -0.02, high: 0.045 }, "about as well as those of the best simple method, “Habits”. The truth is likely between 2% worse and 4.5% better."],
    ["surely worse", { gain: -0.05, low: -0.08, high: -0.01 }, "5% less well than those of the best simple method, “Habits”. The true loss is likely between 1% and 8%."],
  ])("%s than the best simple method", (_, figures, expected) => {
    expect(gainSentence({ model: "habits", label: "Habits", customers: 400, ...figures }, "customers")).toContain(expected);
  });

  test("is told of orders where few customers come back", () => {
    const told = gainSentence({ model: "ease", label: "Taste", customers: 400, gain: 0.12, low: 0.06, high: 0.18 }, "orders");
    expect(told).toContain("match what else customers order with a product 12% better than");
  });
});

describe("a version's decision", () => {
  test("is the gate's words, and none from before gates", () => {
    expect(decisionWords({ gate: aGate({ words: "It cleared the bar of +2.0 %." }) })).toBe("It cleared the bar of +2.0%.");
    expect(decisionWords({ gate: null })).toBe("");
  });

  test.each([
    ["system", "Tailorbird, by your rule"],
    ["user 7", "Staff member 7"],
    ["support", "support"],
  ])("by %s: %s", (actor, expected) => {
    expect(decidedBy({ actor })).toBe(expected);
  });

  test("names the version, the customers and the days it was measured on", () => {
    expect(comparedWith(aGate(), "UTC")).toBe("Version 2, for 412 customers from 3 Nov 2026 to 17 Nov 2026");
    expect(comparedWith(aGate({ customers: 1, since: null, until: null }), "UTC")).toBe("Version 2, for 1 customer");
  });

  test("can be changed for a held and for a former version only", () => {
    const current = aVersion({ number: 3 });

    expect(findMove(aVersion({ number: 4, can_release: true }), current)?.confirm).toBe("Try out version 4");
    expect(findMove(aVersion({ number: 2, can_roll_back: true }), current)?.confirm).toBe("Go back to version 2");
    expect(findMove(current, current)).toBeUndefined();
  });

  test("promises nothing about a version in use where there is none", () => {
    expect(findMove(aVersion({ can_release: true }), null)?.consequence).toBe("A few shoppers see its recommendations first, and it goes back by itself if it hurts.");
  });
});

describe("a rule", () => {
  test.each([
    [-3, "up to 3% worse than the best simple method"],
    [0, "as well as the best simple method and is not worse than the one in use"],
    [2, "at least 2% better than the best simple method and is not worse than the one in use. What is tried out goes to a few shoppers first"],
    [12, "at least 12% better than the best simple method and is not worse than the one in use. That is rare"],
  ])("a bar of %d means: %s", (percent, expected) => {
    expect(barMeaning(percent)).toContain(expected);
  });

  test.each([
    ["2.50", 2.5],
    ["2,5", undefined],
    [" -10 ", -10],
    ["20.1", undefined],
    ["", undefined],
    ["1e9", undefined],
    ["two", undefined],
  ])("%j is read as %s", (text, expected) => {
    expect(readNumber(text, { min: -10, max: 20 })).toBe(expected);
  });

  test.each([
    [0, "No pause"],
    [1, "1 hour"],
    [36, "36 hours"],
    [24, "1 day"],
    [168, "1 week"],
  ])("a pause of %d hours: %s", (hours, expected) => {
    expect(coolDownWord(hours)).toBe(expected);
  });
});

describe("a trigger", () => {
  test("that waits for a person is never unchecked", () => {
    expect(statusLook({ kind: "MANUAL", verdict: null }).word).toBe("Any time");
    expect(statusLook({ kind: "DRIFT", verdict: null }).word).toBe("Not checked yet");
  });
});

test.each([
  ["QUEUED", "Waiting for a free place to train"],
  ["DONE", undefined],
  ["FAILED", undefined],
  ["CANCELLED", undefined],
] as const)("a run that is %s: %s", (state, expected) => {
  expect(findStage(aRun({ state }))).toBe(expected);
});

describe("an error of Django's", () => {
  test("of the caller is shown as Django words it", () => {
    expect(problemOf({ error: { code: "already_running", message: "A training runs.", field: null } }, 409)).toEqual({
      code: "already_running",
      message: "A training runs.",
      isTemporary: false,
    });
  });

  test("of something outside is temporary", () => {
    expect(problemOf({ error: { code: "shopify_down", message: "Shopify is slow.", field: null } }, 503).isTemporary).toBe(true);
  });

  test("of Django itself keeps its details to itself", () => {
    const problem = problemOf({ error: { code: "corrupt", message: "KeyError: 'x' in row 4.", field: null } }, 500);

    expect(problem.code).toBe("corrupt");
    expect(problem.message).not.toContain("KeyError");
  });

  test.each([undefined, "<html>", {}, { error: "x" }, { error: { code: 1 } }])("%j is not shown to people", (body) => {
    expect(problemOf(body, 500).code).toBe("unexpected");
  });
});
