import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { progressText } from "../app/components/progress";
import { aBlock, aModel, aRun, aSetup, aShop, aStep, aVersion } from "./fixtures/answers";
import { everything, OFFLINE, open, violations } from "./fixtures/pages";

const toast = { show: vi.fn() };
const extensions = vi.fn();
const scopes = { request: vi.fn() };

beforeEach(() => {
  toast.show.mockReset();
  scopes.request.mockReset();
  extensions.mockReset().mockResolvedValue([]);
  vi.stubGlobal("shopify", { toast, app: { extensions }, scopes, loading: vi.fn() });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function stepNamed(title: string): HTMLElement {
  return screen.getByText(title).closest("li") as HTMLElement;
}

describe("the set-up list", () => {
  const importing = () =>
    everything({
      setup: aSetup({
        recommendations_live: false,
        blocks: [aBlock("product", { state: "MISSING", seen_at: null }), aBlock("home")],
        steps: [
          aStep("install"),
          aStep("import_products", { state: "RUNNING", detail: "Shopify prepares the list.", done: 0, total: null, unit: "products" }),
          aStep("import_orders", { state: "RUNNING", done: 12_340, total: 25_900, unit: "orders" }),
          aStep("train", { state: "WAITING" }),
          aStep("publish", { state: "WAITING" }),
          aStep("theme_block", { state: "NEEDS_ACTION", detail: "One click in the theme editor." }),
        ],
      }),
    });

  test("shows how far each step is, with counts and unit", async () => {
    await open("/", { load: importing });

    const bar = stepNamed("Import your orders").querySelector("s-progress");
    expect(bar).toHaveAttribute("value", "12340");
    expect(bar).toHaveAttribute("max", "25900");
    expect(bar).toHaveAttribute("accessibilityLabel", "Import your orders: 12,340 of 25,900 orders");
    expect(within(stepNamed("Import your orders")).getByText("12,340 of 25,900 orders")).toBeInTheDocument();
    expect(screen.getByText("1 of 6 steps done")).toBeInTheDocument();
  });

  test("doesn't pretend to know a total", async () => {
    await open("/", { load: importing });

    const bar = stepNamed("Import your products").querySelector("s-progress");
    expect(bar).not.toHaveAttribute("value");
    expect(bar).toHaveAttribute("accessibilityLabel", "Import your products");
  });

  test("tells a screen reader what runs", async () => {
    await open("/", { load: importing });

    expect(screen.getByRole("status")).toHaveTextContent("Import your products: in progress. Import your orders: in progress.");
  });

  test("leads to the theme editor, in a tab of its own, so that the set-up stays where it is", async () => {
    await open("/", { load: importing });

    const button = within(stepNamed("Add recommendations to your theme")).getByText("Add to product pages");
    expect(button).toHaveAttribute("href", aSetup().theme_editor_urls.product);
    expect(button).toHaveAttribute("target", "_blank");
  });

  test("offers only the block that is missing, though the other one is placed", async () => {
    await open("/", { load: importing });

    const step = within(stepNamed("Add recommendations to your theme"));
    expect(step.getByText("Add to product pages")).toBeInTheDocument();
    expect(step.queryByText("Add to home page")).toBeNull();
  });

  test("offers a failed import again, and says when it starts", async () => {
    const seen: unknown[] = [];
    await open("/", {
      load: () => everything({ setup: aSetup({ steps: [aStep("import_orders", { state: "FAILED", detail: "Shopify stopped." })] }) }),
      act: (form) => (seen.push(form.get("intent")), { ok: true, toast: "Import started" }),
    });

    fireEvent.click(screen.getByText("Import again"));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Import started"));
    expect(seen).toEqual(["import"]);
  });

  test("isn't called a set-up any more when a shop that is live trains again", async () => {
    const steps = [aStep("import_orders"), aStep("train", { state: "RUNNING", done: 0, total: 100, unit: "%" })];
    const { container } = await open("/", { load: () => everything({ setup: aSetup({ steps, recommendations_live: true }) }) });

    const headings = [...container.querySelectorAll("s-section")].map((section) => section.getAttribute("heading"));
    expect(headings[0]).toBe("Revenue from recommendations");
    expect(headings).toContain("Keeping recommendations up to date");
    expect(stepNamed("Train your first model").querySelector("s-progress")).not.toHaveAttribute("value");
  });

  test("shrinks to a line below the results when everything is done", async () => {
    const { container } = await open("/");

    const headings = [...container.querySelectorAll("s-section")].map((section) => section.getAttribute("heading"));
    expect(headings).toEqual([
      "Revenue from recommendations",
      "What recommendations sold most",
      "How much of this is known",
      null,
      "What Tailorbird learns from",
      "Recommendations",
      "Learn from older orders",
    ]);
    const line = screen.getByText("Everything is set up").closest("details") as HTMLDetailsElement;
    expect(line.open).toBe(false);
    expect(within(line).getByText("6 of 6 steps done")).toBeInTheDocument();
  });

  test("keeps a block in sight that could be added besides, though the set-up is done", async () => {
    const blocks = [aBlock("product"), aBlock("home", { state: "MISSING", seen_at: null })];
    await open("/", { load: () => everything({ setup: aSetup({ blocks }) }) });

    expect(screen.getByText("Add to home page").closest("details")).toBeNull();
    expect(screen.getByText("Everything is set up")).toBeInTheDocument();
  });

  test.each([
    [{ done: 12_340, total: 25_900, unit: "orders" }, "12,340 of 25,900 orders"],
    [{ done: 12_340, total: null, unit: "orders" }, "12,340 orders so far"],
    [{ done: 0, total: null, unit: "orders" }, ""],
    [{ done: null, total: null, unit: "orders" }, ""],
    [{ done: 0, total: 1, unit: "orders" }, "0 of 1 order"],
    [{ done: 35, total: 100, unit: "%" }, "35% done"],
    [{ done: 0, total: 100, unit: "%" }, ""],
  ])("%j reads %j", (amount, expected) => {
    expect(progressText(amount)).toBe(expected);
  });
});

describe("home", () => {
  test("says what is missing in plain words", async () => {
    await open("/", { load: () => everything({ setup: aSetup({ missing: ["No orders in the last 60 days yet."] }) }) });

    expect(screen.getByText("No orders in the last 60 days yet.")).toBeInTheDocument();
  });

  test("sums up the current model", async () => {
    await open("/");

    expect(screen.getByText("Version 3")).toBeInTheDocument();
    expect(screen.getByText("21 Nov 2026, 10:05")).toBeInTheDocument();
  });

  test("says when the newest version is not in use", async () => {
    const current = aVersion();
    const newer = aVersion({ id: "v4", number: 4, state: "HELD" });
    await open("/", { load: () => everything({ model: aModel({ current, versions: [current, newer] }) }) });

    expect(screen.getByText(/Version 4 is newer but not in use/)).toBeInTheDocument();
  });

  test("says nothing of older versions that were not used", async () => {
    const current = aVersion();
    const older = aVersion({ id: "v2", number: 2, state: "HELD" });
    await open("/", { load: () => everything({ model: aModel({ current, versions: [current, older] }) }) });

    expect(screen.queryByText(/is newer but not in use/)).toBeNull();
  });

  test("says what waits while the access is renewed, and what does not", async () => {
    const { container } = await open("/", { load: () => everything({ shop: aShop({ needs_reauth: true }) }) });

    const banner = container.querySelector("s-banner");
    expect(banner).toHaveTextContent("imports and new recommendation lists wait; new orders still arrive");
  });

  test("asks for a missing permission by what it is for", async () => {
    await open("/", { load: () => everything({ shop: aShop({ missing_scopes: ["read_orders"] }) }) });

    expect(screen.getByText(/can't yet see your orders/)).toBeInTheDocument();
  });

  test("imports again once the merchant allows all orders", async () => {
    const intents: unknown[] = [];
    scopes.request.mockResolvedValue({ result: "granted-all" });
    await open("/", { act: (form) => (intents.push(form.get("intent")), { ok: true, toast: "Import started" }) });

    fireEvent.click(screen.getByText("Allow all orders"));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Import started"));
    expect(scopes.request).toHaveBeenCalledWith(["read_all_orders"]);
    expect(intents).toEqual(["import"]);
  });

  test("changes nothing when the merchant declines", async () => {
    const answer = vi.fn(() => ({ ok: true }) as const);
    scopes.request.mockResolvedValue({ result: "declined-all" });
    await open("/", { act: answer });

    fireEvent.click(screen.getByText("Allow all orders"));

    await waitFor(() => expect(scopes.request).toHaveBeenCalled());
    expect(answer).not.toHaveBeenCalled();
  });

  test("says so when Shopify can't ask", async () => {
    scopes.request.mockRejectedValue(new Error("no answer"));
    await open("/");

    fireEvent.click(screen.getByText("Allow all orders"));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Shopify could not ask for the permission. Please try again."));
  });

  test("doesn't ask for orders that it may already see", async () => {
    await open("/", { load: () => everything({ shop: aShop({ scopes: ["read_all_orders"] }) }) });

    expect(screen.queryByText("Allow all orders")).toBeNull();
  });

  test("says since when no block was seen, instead of live for ever", async () => {
    const blocks = [aBlock("product", { state: "NOT_SEEN", seen_at: "2026-11-02T09:00:00Z" }), aBlock("home", { state: "MISSING", seen_at: null })];
    const { container } = await open("/", { load: () => everything({ setup: aSetup({ recommendations_live: false, blocks }) }) });

    expect(screen.getByText(/No block was seen on your storefront since 2 Nov/)).toBeInTheDocument();
    expect([...container.querySelectorAll("s-badge")].map((badge) => badge.textContent)).toContain("Not live");
  });

  test("reports where each theme block is, once", async () => {
    const statuses: unknown[] = [];
    extensions.mockResolvedValue([
      { handle: "tailorbird", type: "theme_app_extension", activations: [
        { target: "section", handle: "home-recommendations", name: "H", status: "active", activations: [] },
        { target: "section", handle: "product-recommendations", name: "R", status: "available", activations: [] },
      ] },
    ]);
    await open("/", { act: (form) => (statuses.push([form.get("product"), form.get("home")]), { ok: true }) });

    await waitFor(() => expect(statuses).toEqual([["available", "active"]]));
    act(() => void window.dispatchEvent(new Event("focus")));
    await waitFor(() => expect(extensions).toHaveBeenCalledTimes(2));
    expect(statuses).toHaveLength(1);
  });

  test("stays up when Shopify doesn't tell where the block is", async () => {
    extensions.mockRejectedValue(new Error("not available"));

    await open("/");
    await waitFor(() => expect(extensions).toHaveBeenCalled());

    expect(screen.getByText("6 of 6 steps done")).toBeInTheDocument();
  });

  test("has no accessibility violations", async () => {
    const { container } = await open("/");

    expect(await violations(container)).toEqual([]);
  });
});

describe("while Django is away", () => {
  test("the first visit says so and offers another try", async () => {
    let isUp = false;
    await open("/", { load: () => (isUp ? everything() : OFFLINE) });
    expect(screen.getByRole("alert")).toHaveTextContent("Tailorbird's service can't be reached just now.");

    isUp = true;
    fireEvent.click(screen.getByText("Try now"));

    await screen.findByText("6 of 6 steps done");
  });

  test("an open page keeps what it showed, and says that it may be old", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
    let isUp = true;
    const { container } = await open("/model", { load: () => (isUp ? everything({ model: aModel({ training: aRun() }) }) : OFFLINE) });

    isUp = false;
    await act(() => vi.advanceTimersByTimeAsync(2_100));

    await waitFor(() => expect(container.querySelector('s-banner[heading="This page may be a little old"]')).not.toBeNull());
    expect(container.querySelector('s-section[heading="Version 3 is live"]')).not.toBeNull();
  });
});

describe("polling", () => {
  test("asks every two seconds while a training runs", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
    const load = vi.fn(() => everything({ model: aModel({ training: aRun() }) }));
    await open("/model", { load });
    load.mockClear();

    for (let poll = 1; poll <= 3; poll += 1) {
      await act(() => vi.advanceTimersByTimeAsync(2_050));
      expect(load).toHaveBeenCalledTimes(poll);
    }
  });

  test("asks seldom while nothing runs", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
    const load = vi.fn(() => everything());
    await open("/model", { load });
    load.mockClear();

    await act(() => vi.advanceTimersByTimeAsync(4_500));

    expect(load).not.toHaveBeenCalled();
  });

  test("rests in a hidden tab and asks again when it is seen", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
    const load = vi.fn(() => everything({ model: aModel({ training: aRun() }) }));
    await open("/model", { load });
    const visibility = vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
    act(() => void document.dispatchEvent(new Event("visibilitychange")));
    load.mockClear();

    await act(() => vi.advanceTimersByTimeAsync(10_000));
    expect(load).not.toHaveBeenCalled();

    visibility.mockReturnValue("visible");
    act(() => void document.dispatchEvent(new Event("visibilitychange")));
    await act(() => vi.advanceTimersByTimeAsync(2_100));
    expect(load).toHaveBeenCalled();
  });
});
