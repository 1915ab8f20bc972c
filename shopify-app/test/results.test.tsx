import { screen, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Results } from "../app/api/types";
import { formatAmount } from "../app/lib/format";
import { clicksNote, emptyWords, incrementalWords } from "../app/lib/results";
import { theIncremental, theResults } from "./fixtures/answers";
import { everything, OFFLINE, open, violations } from "./fixtures/pages";

beforeEach(() => vi.stubGlobal("shopify", { toast: { show: vi.fn() }, app: { extensions: vi.fn().mockResolvedValue([]) }, loading: vi.fn() }));
afterEach(() => vi.unstubAllGlobals());

const openWith = (changes: Partial<Results> = {}) => open("/", { load: () => everything({ results: { ok: true, data: theResults(changes) } }) });
const tile = (name: string) => screen.getByText(name).closest(".tile") as HTMLElement;
const NOTHING = { revenue: "0.0000", reversed: "0.0000", orders: 0, lines: 0 };

describe("the results", () => {
  test("lead the page with what clicks brought, and what was only seen apart from it", async () => {
    const { container } = await openWith();

    expect(container.querySelector("s-section")).toHaveAttribute("heading", "Revenue from recommendations");
    expect(tile("Orders that came from a click")).toHaveTextContent("£1,234.5061 orders, 74 products");
    expect(tile("Clicks")).toHaveTextContent("3473% of 10,200 times seen");
    expect(screen.getByText(/Not counted above: £310.00 from 12 orders of shoppers who saw the product recommended within 24 hours before, and did not click\./)).toBeInTheDocument();
    expect(screen.getByText(/within 7 days before the order/)).toBeInTheDocument();
    expect(screen.getByText("Taken off in this time: £20.00.")).toBeInTheDocument();
    expect(await violations(container)).toEqual([]);
  });

  test("keep each currency by itself", async () => {
    const earned = (revenue: string) => ({ direct: { ...NOTHING, revenue, orders: 2, lines: 2 }, view_through: NOTHING });
    const { container } = await openWith({ currencies: [{ currency: "GBP", ...earned("10.0000") }, { currency: "JPY", ...earned("2500.0000") }] });

    expect([...container.querySelectorAll(".tile-value")].slice(0, 2).map((value) => value.textContent)).toEqual(["£10.00", "¥2,500"]);
  });

  test("say which time they are about, and offer others", async () => {
    await open("/?days=90", { load: () => everything({ results: { ok: true, data: theResults({ days: 90 }) } }) });

    const nav = within(screen.getByRole("navigation", { name: "Time of the results" }));
    expect(nav.getByText("90 days")).toHaveAttribute("aria-current", "page");
    expect(nav.getByText("7 days")).toHaveAttribute("href", "/?days=7");
    expect(screen.getByText(/23 Oct 2026 to 21 Nov 2026/)).toBeInTheDocument();
  });

  test("name what was sold most", async () => {
    await openWith();

    const rows = within(screen.getByRole("table", { name: "Products that recommendations sold most in the last 30 days" })).getAllByRole("row");
    expect(rows.map((row) => [...row.children].map((cell) => cell.textContent))).toEqual([
      ["Product", "Sold", "Orders", "Revenue"],
      ["Beeswax Candle", "31", "28", "£310.00"],
      ["Linen Notebook", "8", "8", "£96.00"],
    ]);
  });

  test("say of how many orders nothing is known, and why", async () => {
    const { container } = await openWith();

    const section = container.querySelector('s-section[heading="How much of this is known"]') as HTMLElement;
    expect(section).toHaveTextContent("240 orders of the last 30 days hold a product that was recommended. Of 192 (80%) it is known what the shopper did before.");
    expect(within(section).getAllByRole("listitem").map((one) => one.textContent)).toEqual([
      "40The shopper did not agree to be measured, or blocked everything.",
      "8Placed elsewhere: at a till, as a draft or by another program.",
    ]);
  });

  test("show no figure of a holdout where there is none, and say how to get one", async () => {
    const { container } = await openWith();

    expect(screen.queryByText("Added by recommendations")).toBeNull();
    expect(container.querySelector('s-link[href="/settings"]')).not.toBeNull();
  });

  test("stand for themselves: without them the page is there", async () => {
    await open("/", { load: () => everything({ results: OFFLINE }) });

    expect(screen.getByRole("alert")).toHaveTextContent("can't be reached just now");
    expect(screen.getByText("Everything is set up")).toBeInTheDocument();
  });
});

describe("what is added beside a holdout", () => {
  test("stands beside what clicks brought, with its range in plain words", async () => {
    await openWith({ incremental: theIncremental() });

    expect(tile("Added by recommendations")).toHaveTextContent("£820.00since 1 Oct 2026, when the holdout was last changed");
    expect(screen.getByText(/between £200.00 and £1,440.00 with 95% certainty: more than chance\. Compared: 9,500 visitors with recommendations and 500 visitors \(5%\)/)).toBeInTheDocument();
  });

  test.each([
    [{ low: "-50.0000" }, "It lies between −£50.00 and £1,440.00 with 95% certainty: that may still be chance."],
    [{ amount: "-90.0000", low: "-150.0000", high: "-10.0000" }, "recommendations sold less than popular products would have."],
    [{ amount: null, low: null, high: null, reason: "There are too few visitors." }, "There are too few visitors. Compared:"],
  ])("is never said with more certainty than there is", (changes, words) => {
    expect(incrementalWords(theIncremental(changes), "GBP")).toContain(words);
    expect(incrementalWords(theIncremental(changes), "GBP")).not.toMatch(/\bp\b|p-value|significan/i);
  });

  test("is not a number while it isn't known", async () => {
    await openWith({ incremental: theIncremental({ amount: null, low: null, high: null, reason: "There are too few visitors." }) });

    expect(tile("Added by recommendations")).toHaveTextContent("Not known yet");
  });
});

describe("results that are not there yet", () => {
  test("say so of orders", async () => {
    const { container } = await openWith({ has_orders: false, currencies: [], counts: null, top_products: [], coverage: { orders: 0, joined: 0, reasons: [] } });

    expect(screen.getByText(/There were no orders in the last 30 days/)).toBeInTheDocument();
    expect(screen.queryByText("Orders that came from a click")).toBeNull();
    expect(container.querySelector('s-section[heading="How much of this is known"]')).toBeNull();
    expect(await violations(container)).toEqual([]);
  });

  test.each([
    ["ACTIVE", "no shopper who agreed to be measured saw a recommendation"],
    ["PENDING", "is being turned on"],
    ["NOT_GRANTED", "Close the app and open it again"],
    ["REFUSED", "Shopify declined"],
  ] as const)("say why clicks are not nought but unknown: %s", async (pixel, words) => {
    await openWith({ counts: null, pixel });

    expect(screen.getByText(/Clicks and views were not measured in this time/)).toHaveTextContent(words);
    expect(screen.queryByText("Clicks")).toBeNull();
  });

  test("say that orders came and none by a click", () => {
    const results = theResults({ currencies: [{ currency: "GBP", direct: NOTHING, view_through: { ...NOTHING, orders: 3, revenue: "30.0000" } }] });

    expect(emptyWords(results)).toBe("No order of the last 30 days came from a clicked recommendation. “How much of this is known” below says what could be told of your orders.");
    expect(emptyWords({ ...results, coverage: { orders: 0, joined: 0, reasons: [] } })).toMatch(/None of them holds a product that was recommended before\.$/);
    expect(emptyWords(theResults())).toBeUndefined();
  });

  test("count no share of nothing", () => {
    expect(clicksNote({ impressions: 0, clicks: 0, adds: 0 })).toBe("none were seen yet");
  });

  test.each([
    ["1234.5000", "GBP", "£1,234.50"],
    ["-3.2000", "EUR", "−€3.20"],
    ["1200.0000", "JPY", "¥1,200"],
    ["1.5000", "not a currency", "1.50 not a currency"],
  ])("write %s %s as %s", (amount, currency, text) => {
    expect(formatAmount(amount, currency)).toBe(text);
  });
});
