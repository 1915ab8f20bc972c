import { describe, expect, test } from "vitest";

import { axis, linePath, rangeOf, thin, ticks } from "../app/lib/chart";
import { formatDuration, formatMoment, formatUnit } from "../app/lib/format";
import { pauseMs } from "../app/lib/polling";
import { findStage, foundSentence, isMeasured, servedBecause } from "../app/lib/training";
import { problemOf } from "../app/api/client.server";
import { aMetric, aRun, aVersion } from "./fixtures/answers";

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

    expect(servedBecause(aVersion({ metrics }))).toContain("was not trained this time");
  });

  test("how often it was right", () => {
    expect(foundSentence(aVersion())).toContain("62 of 100 customers");
  });
});

test.each([
  ["QUEUED", "Waiting for a free place to train"],
  ["PUBLISHING", "Publishing recommendations to your store"],
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
