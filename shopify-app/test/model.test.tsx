import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { ModelState } from "../app/api/types";
import { describeCurve, timeShown } from "../app/components/training-plot";
import { aCurve, aGate, aMetric, aModel, aRun, aSettings, aStatus, aTrigger, aVersion, SHARES, theStatuses } from "./fixtures/answers";
import { everything, OFFLINE, open, retraining, theSettings, violations } from "./fixtures/pages";

const toast = { show: vi.fn(), hide: vi.fn() };

beforeEach(() => {
  toast.show.mockReset();
  toast.hide.mockReset();
  vi.stubGlobal("shopify", { toast, app: { extensions: vi.fn().mockResolvedValue([]) }, loading: vi.fn() });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Version 3 answers; version 4 was trained after it. */
function twoVersions(changes: Parameters<typeof aVersion>[0] = {}): ModelState {
  const current = aVersion({ weights: SHARES });
  const newer = aVersion({ id: "0192f0a1-0000-7000-8000-000000000004", number: 4, state: "HELD", can_release: true, ...changes });
  return aModel({ current, versions: [newer, current] });
}

const FAILED = aGate({ verdict: "FAILED", gain_percent: 0.8, low_percent: -3.1, high_percent: 4.6, champion: 3, words: "Not proven as good as version 3: +0.8% (likely −3.1% to +4.6%)." });

function versionNamed(title: string): HTMLElement {
  return screen.getByText(title).closest("li") as HTMLElement;
}

/** Types into a Polaris field, which in jsdom is an element without behaviour. */
function type(label: string, value: string): void {
  const field = document.querySelector(`[label="${label}"]`) as HTMLInputElement;
  field.value = value;
  fireEvent.input(field);
}

describe("the model page", () => {
  test("says which version is live, how good it is and why it was chosen", async () => {
    const { container } = await open("/model");

    expect(container.querySelector('s-section[heading="Version 3 is live"]')).not.toBeNull();
    expect(screen.getByText(/for 62 of 100 customers/)).toBeInTheDocument();
  });

  test("says what each surface shows and how good it is there", async () => {
    const words = "In the cart: what is bought together, chosen on 790 orders. Its first ten hold what was bought for 41% of 812 newer orders, popular products for 12%.";
    const current = aVersion({ surfaces: [{ surface: "cart", orders: 812, words }] });
    const { container } = await open("/model", { load: () => everything({ model: aModel({ current, versions: [current] }) }) });

    expect(container.querySelector('s-section[heading="What each page shows"] s-list-item')).toHaveTextContent(words);
  });

  test("says nothing of surfaces of a version from before they were measured", async () => {
    const { container } = await open("/model");

    expect(container.querySelector('s-section[heading="What each page shows"]')).toBeNull();
  });

  test("names no method and nothing of the machine but under Advanced", async () => {
    const against = { model: "personal_frequency", label: "What each customer buys most", gain: 0.12, low: 0.06, high: 0.18, customers: 4012 };
    const current = aVersion({ weights: SHARES, against_simple: against, peak_memory_mb: 1430, gate: aGate() });
    const load = () => everything({ model: aModel({ current, versions: [current] }) });
    const inner = [/transformer/i, /What each customer buys most/, /69d5cc0/, /MLflow/, /1\.4 GB/, /0\.309/, /blends/];

    for (const path of ["/", "/model"] as const) {
      const { container, unmount } = await open(path, { load });
      for (const word of inner) expect(container.textContent).not.toMatch(word);
      unmount();
    }
    const { container } = await open("/model/advanced", { load });
    for (const word of inner) expect(container.textContent).toMatch(word);
  });

  test("says plainly when there was too little to measure", async () => {
    const current = aVersion({ metrics: [] });
    await open("/model", { load: () => everything({ model: aModel({ current, versions: [current] }) }) });

    expect(screen.getByText(/too few orders to measure how good it is/)).toBeInTheDocument();
  });

  test("lists every method with its interval, best first, and marks the one in use", async () => {
    const { container } = await open("/model/advanced");

    const rows = [...(container.querySelector("s-table-body")?.children ?? [])].map((row) => [...row.children].slice(0, 3).map((cell) => cell.textContent?.trim()));
    expect(rows).toEqual([
      ["What each customer buys most In usewhat this customer bought most often before", "0.309", "0.297 to 0.320"],
      ["Transformer a neural network that reads each customer's purchases in their order", "0.246", "0.235 to 0.257"],
      ["Most popular products what sells most in the whole shop", "0.062", "0.055 to 0.068"],
    ]);
  });

  test("compares nothing where nothing could be measured", async () => {
    const nothing = { ndcg_at_10: null, ndcg_low: null, ndcg_high: null, recall_at_10: null, hit_rate_at_10: null, mrr_at_10: null, coverage: null };
    const current = aVersion({ metrics: [aMetric("popularity", { ...nothing, is_served: true })], curve: [], summary: "Popular products are shown: not enough data." });

    const { container } = await open("/model/advanced", { load: () => everything({ model: aModel({ current, versions: [] }) }) });

    expect(screen.getByText("Popular products are shown: not enough data.")).toBeInTheDocument();
    expect(container.querySelector("s-table")).toBeNull();
    expect(container.querySelector("svg")).toBeNull();
  });

  test("plots the training with the same in words and as a table", async () => {
    await open("/model/advanced");

    const plot = screen.getByRole("img", { name: /training error fell from 8.10 to 5.90/ });
    expect(plot.querySelectorAll("path")).toHaveLength(2);
    const table = screen.getByRole("table", { hidden: true, name: "Training by time" });
    expect(within(table).getAllByRole("row", { hidden: true })).toHaveLength(4);
  });

  test("describes a curve without needing to see it", () => {
    expect(describeCurve(aCurve())).toBe(
      "In 12 seconds the training error fell from 8.10 to 5.90. The ranking score on purchases it had not seen rose from 0.050 to 0.150; its best was 0.160 after 8 seconds.",
    );
  });

  test.each([
    ["from the beginning", [4, 8, 12, 40], { low: 0, high: 40 }],
    ["from the first point on where much came before it", [18, 20, 29], { low: 18, high: 29 }],
    ["of one late moment", [5, 5], { low: 0, high: 5 }],
    ["of one moment", [0], { low: 0, high: 1 }],
  ])("shows a training %s", (_, seconds, expected) => {
    expect(timeShown(seconds)).toEqual(expected);
  });

  test("survives a curve that was never validated", () => {
    expect(describeCurve(aCurve().map((point) => ({ ...point, validation_ndcg: null as unknown as number })))).toBe(
      "In 12 seconds the training error fell from 8.10 to 5.90.",
    );
  });

  test("starts a training and says so in a toast", async () => {
    const intents: unknown[] = [];
    await open("/model", { act: (form) => (intents.push(form.get("intent")), { ok: true, toast: "Training started" }) });

    fireEvent.click(screen.getByText("Train now"));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Training started"));
    expect(intents).toEqual(["train"]);
  });

  test("says in place why a training could not start", async () => {
    await open("/model", { act: () => ({ ok: false, problem: { code: "queue_down", message: "The queue is not reachable.", isTemporary: true } }) });

    fireEvent.click(screen.getByText("Train now"));

    expect(await screen.findByRole("alert")).toHaveTextContent("The queue is not reachable.");
    expect(toast.show).not.toHaveBeenCalled();
  });

  test("can't start a second training, and shows how far the first one is", async () => {
    const { container } = await open("/model", { load: () => everything({ model: aModel({ training: aRun() }) }) });

    expect(screen.getByText("Training…")).toHaveAttribute("disabled");
    expect(container.querySelector("s-progress")).toHaveAttribute("value", "35");
    expect(screen.getByText("35% done. Pass 7 of 20 over your orders.")).toBeInTheDocument();
    expect(screen.getByRole("status")).toHaveTextContent("Learning from your customers' purchases");
  });

  test("tells a merchant who waited that the training has ended", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
    let model = aModel({ training: aRun() });
    await open("/model", { load: () => everything({ model }) });

    model = aModel({ current: aVersion({ number: 4 }), training: aRun({ state: "DONE" }) });
    await act(() => vi.advanceTimersByTimeAsync(2_100));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Training finished. Version 4 is live."));
  });

  test("tells a merchant who waited that the new version is not in use", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
    let model = aModel({ training: aRun() });
    await open("/model", { load: () => everything({ model }) });

    const held = twoVersions();
    model = { ...held, training: aRun({ state: "DONE", version: held.versions[0]?.id ?? null }) };
    await act(() => vi.advanceTimersByTimeAsync(2_100));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Training finished. Version 4 is kept, but not in use."));
  });

  test("keeps a failed training in view with its reason", async () => {
    const { container } = await open("/model", { load: () => everything({ model: aModel({ training: aRun({ state: "FAILED", error: "Out of memory." }) }) }) });

    expect(container.querySelector("s-banner")).toHaveTextContent(/Out of memory\..*Nothing changed on your storefront/);
    expect(screen.getByText("Train now")).not.toHaveAttribute("disabled");
  });

  test("says what shoppers see while a model that can no longer be read is replaced", async () => {
    const { container } = await open("/model", { load: () => everything({ model: aModel({ training: aRun({ reason: "unreadable" }) }) }) });

    expect(container.querySelector('s-section[heading="Training now"]')).toHaveTextContent(/can no longer be read.*Until it is ready your storefront shows .* popular products/);
  });

  test("does not call a storefront unchanged whose model can no longer be read", async () => {
    const training = aRun({ reason: "unreadable", state: "FAILED", error: "Out of memory." });
    const { container } = await open("/model", { load: () => everything({ model: aModel({ training }) }) });

    expect(container.querySelector("s-banner")).toHaveTextContent(/Out of memory\..*shows what an earlier version picks, or popular products\. We try again tomorrow/);
    expect(container.querySelector("s-banner")).not.toHaveTextContent("Nothing changed");
  });

  test("explains what happens before there is a model", async () => {
    const { container } = await open("/model", { load: () => everything({ model: aModel({ current: null, versions: [] }) }) });

    expect(container.querySelector('s-section[heading="No model yet"]')).toHaveTextContent("popular and new products");
    expect(container.querySelector("s-table")).toBeNull();
  });

  test.each(["/model", "/model/retraining", "/model/advanced"] as const)("%s has no accessibility violations", async (path) => {
    const model = twoVersions({ gate: aGate() });
    const { container } = await open(path, { load: () => everything({ model }) });

    expect(await violations(container)).toEqual([]);
  });
});

describe("what happened live", () => {
  const LIVE = { version: 3, since: "2026-11-21T10:05:00Z", until: null, days_alone: 8, lists: 10_200, clicks: 418, orders: 12, clicks_per_list: { value: 0.041, low: 0.0324, high: 0.0496 }, orders_per_list: null, rollout: null };
  const ROLLED = { ...LIVE, version: 4, since: "2026-11-28T10:05:00Z", days_alone: 0, lists: 0, clicks: 0, orders: 0, clicks_per_list: null, rollout: { rollout: 7, champion: 3, visitors: 2010, champion_visitors: 1990, words: ["Visitors who click between −3.3% and +5.0%.", "Visitors who buy: too few orders to say anything yet."] } };
  const load = () => everything({ model: twoVersions({ gate: aGate({ champion: 3 }) }) });

  test("stands beside what was measured before, with its range or that it is not enough", async () => {
    const { container } = await open("/model/advanced", { load, lived: () => [ROLLED, { ...LIVE, until: "2026-11-28T10:05:00Z" }] });

    const section = container.querySelector('s-section[heading="Measured before, and live"]') as HTMLElement;
    const rows = [...section.querySelectorAll("s-table-row")].map((row) => [...row.children].map((cell) => cell.textContent?.trim()));
    expect(rows).toEqual([
      ["Version 4since 28 Nov 2026never alone for a whole day", "62.2%", "–", "–"],
      ["Version 321 Nov 2026 to 28 Nov 202610,200 lists seen on 8 whole days", "62.2%", "4.1 (3.2 to 5.0)", "not enough yet"],
    ]);
    expect(await violations(container)).toEqual([]);
  });

  test("is compared in a rollout with what past purchases had promised", async () => {
    await open("/model/advanced", { load, lived: () => [ROLLED, LIVE] });

    expect(
      screen.getByText(
        "Version 4: On past purchases it was +5.4% beside version 3 (likely +3.1% to +7.8%). In rollout 7, 2,010 visitors saw version 4 and 1,990 visitors version 3 at the same time. Visitors who click between −3.3% and +5.0%. Visitors who buy: too few orders to say anything yet.",
      ),
    ).toBeInTheDocument();
  });

  test("is not spoken of before anything answered a shopper", async () => {
    const { container } = await open("/model/advanced", { load });

    expect(container.querySelector('s-section[heading="Measured before, and live"]')).toBeNull();
  });
});

describe("what a version listens to", () => {
  test("is named by its parts, in a bar and in a list", async () => {
    const { container } = await open("/model/advanced", { load: () => everything({ model: twoVersions() }) });

    expect(screen.getByText("Version 3 blends 4 methods and listens most to your customers’ habits.")).toBeInTheDocument();
    const parts = within(screen.getByRole("list", { name: "What version 3 listens to" })).getAllByRole("listitem");
    expect(parts.map((part) => part.textContent)).toEqual(["your customers’ habits46%", "what is bought next22%", "the transformer21%", "what the same customers buy11%"]);
    expect(container.querySelectorAll(".mix-piece")).toHaveLength(4);
  });

  test("is compared with the best simple method, with how sure that is", async () => {
    const current = aVersion({ against_simple: { model: "personal_frequency", label: "What each customer buys most", gain: 0.12, low: 0.06, high: 0.18, customers: 4012 } });
    const load = () => everything({ model: aModel({ current, versions: [current] }) });
    const { unmount } = await open("/model", { load });
    expect(screen.getByText(/12% better than those of the best simple rule, such as showing best sellers\. The true gain is likely between 6% and 18%\./)).toBeInTheDocument();
    unmount();

    await open("/model/advanced", { load });

    expect(screen.getByText(/12% better than .*“What each customer buys most”\. The true gain is likely between 6% and 18%\./)).toBeInTheDocument();
  });

  test("is not named twice where a simple method beats the transformer", async () => {
    const current = aVersion({ weights: [{ model: "personal_frequency", label: "What each customer buys most", share: 1 }] });
    await open("/model/advanced", { load: () => everything({ model: aModel({ current, versions: [current] }) }) });

    expect(screen.getByText(/is not the best one for your shop yet/).closest("s-section")).not.toHaveTextContent("listens to one method alone");
  });

  test("is shown as before where a version is from before blends", async () => {
    const { container, unmount } = await open("/model/advanced");

    expect(container.querySelector(".mix")).toBeNull();
    expect(screen.getByText(/is not the best one for your shop yet/)).toBeInTheDocument();
    unmount();
    await open("/model");
    expect(screen.getByText(/from before versions were compared/)).toBeInTheDocument();
  });
});

describe("the decision on a version", () => {
  test("is told in its own words beside what it rests on", async () => {
    await open("/model", { load: () => everything({ model: twoVersions({ gate: FAILED }) }) });

    const version = versionNamed("Version 4");
    expect(version).toHaveTextContent("Not in use");
    expect(version).toHaveTextContent("Not proven as good as version 3: +0.8% (likely −3.1% to +4.6%).");
    expect(version.querySelector(".scale")).toHaveAttribute("data-cleared", "false");
    expect(version).toHaveTextContent("Compared withVersion 3, for 412 customers from 3 Nov 2026 to 17 Nov 2026");
  });

  test("draws nothing where nothing was measured", async () => {
    const gate = aGate({ verdict: "NOT_ENOUGH_DATA", gain_percent: null, low_percent: null, high_percent: null, words: "63 customers are too few to tell." });
    await open("/model", { load: () => everything({ model: twoVersions({ gate }) }) });

    expect(versionNamed("Version 4")).toHaveTextContent("63 customers are too few to tell.");
    expect(versionNamed("Version 4").querySelector(".scale")).toBeNull();
  });

  test("says who decided", async () => {
    await open("/model", { load: () => everything({ model: twoVersions({ gate: aGate({ verdict: "OVERRIDDEN", actor: "user 7" }) }) }) });

    expect(versionNamed("Version 4")).toHaveTextContent("by Staff member 7");
  });

  test("can't be changed for a version whose files are damaged", async () => {
    await open("/model", { load: () => everything({ model: twoVersions({ state: "REJECTED", can_release: false, gate: aGate({ verdict: "DAMAGED", words: "A file is missing.", gain_percent: null, low_percent: null, high_percent: null }) }) }) });

    expect(versionNamed("Version 4")).toHaveTextContent("A file is missing.");
    expect(versionNamed("Version 4").querySelector("s-button")).toBeNull();
  });

  test("folds all but the newest five of twenty", async () => {
    const versions = Array.from({ length: 20 }, (_, index) => aVersion({ id: `v${index}`, number: index + 1, state: index === 19 ? "LIVE" : "RETIRED", can_roll_back: index < 19 }));
    await open("/model", { load: () => everything({ model: aModel({ current: versions[19], versions }) }) });

    expect(screen.getByText("15 older versions").closest("details")).not.toHaveAttribute("open");
    expect(versionNamed("Version 20").closest("details")).toBeNull();
    expect(versionNamed("Version 15").closest("details")).not.toBeNull();
  });
});

describe("using a version by hand", () => {
  /** A backend that moves what is in use. */
  function movable(changes: Parameters<typeof twoVersions>[0] = {}) {
    let model = twoVersions({ gate: FAILED, ...changes });
    const asked: Record<string, FormDataEntryValue>[] = [];
    const move = (form: FormData) => {
      asked.push(Object.fromEntries(form));
      const versions = model.versions.map((version) => ({ ...version, state: version.id === form.get("version") ? ("LIVE" as const) : ("RETIRED" as const), can_roll_back: version.id !== form.get("version"), can_release: false }));
      const current = versions.find((version) => version.state === "LIVE") ?? null;
      model = { ...model, versions, current };
      return { ok: true as const, toast: `Version ${current?.number} is in use` };
    };
    return { asked, load: () => everything({ model }), act: move };
  }

  test("asks first, says what is known, and keeps the reason", async () => {
    const { asked, ...backend } = movable();
    const { container } = await open("/model", backend);
    fireEvent.click(screen.getByText("Try it out anyway"));

    const dialog = container.querySelector("s-modal");
    expect(dialog).toHaveAttribute("heading", "Try out version 4 anyway?");
    expect(dialog).toHaveTextContent("Not proven as good as version 3: +0.8%");
    expect(dialog).toHaveTextContent("Version 3 is kept: you can go back to it at any time.");
    expect(asked).toEqual([]);

    type("Why? (optional)", " It knows the Christmas range. ");
    fireEvent.click(screen.getByText("Try out version 4"));

    await waitFor(() => expect(asked).toEqual([{ intent: "release", version: "0192f0a1-0000-7000-8000-000000000004", reason: "It knows the Christmas range." }]));
  });

  test("can be undone from the banner", async () => {
    const { asked, ...backend } = movable({ state: "RETIRED", can_release: false, can_roll_back: true });
    await open("/model", backend);
    fireEvent.click(screen.getByText("Go back to this version"));
    fireEvent.click(screen.getByText("Go back to version 4"));

    fireEvent.click(await screen.findByText("Undo: back to version 3"));

    await screen.findByText("Undo: back to version 4");
    expect(asked.map(({ version }) => version)).toEqual(["0192f0a1-0000-7000-8000-000000000004", "0192f0a1-0000-7000-8000-000000000003"]);
  });

  test("can be undone from the toast", async () => {
    const { asked, ...backend } = movable({ state: "RETIRED", can_release: false, can_roll_back: true });
    await open("/model", backend);
    fireEvent.click(screen.getByText("Go back to this version"));
    fireEvent.click(screen.getByText("Go back to version 4"));
    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Version 4 is in use", expect.objectContaining({ action: "Undo" })));

    act(() => toast.show.mock.calls[0]?.[1].onAction());

    await waitFor(() => expect(asked).toHaveLength(2));
    expect(asked[1]).toEqual({ intent: "release", version: "0192f0a1-0000-7000-8000-000000000003", reason: "Undone." });
  });

  test("leaves one offer to undo at a time", async () => {
    const { load, act: move } = movable({ state: "RETIRED", can_release: false, can_roll_back: true });
    toast.show.mockReturnValueOnce("first").mockReturnValueOnce("second");
    await open("/model", { load, act: move });
    fireEvent.click(screen.getByText("Go back to this version"));
    fireEvent.click(screen.getByText("Go back to version 4"));

    fireEvent.click(await screen.findByText("Undo: back to version 3"));

    await waitFor(() => expect(toast.show).toHaveBeenCalledTimes(2));
    expect(toast.hide).toHaveBeenLastCalledWith("first");
  });

  test("goes back to a version that was used before", async () => {
    const model = twoVersions({ number: 2, state: "RETIRED", can_release: false, can_roll_back: true });
    const { container } = await open("/model", { load: () => everything({ model }) });

    fireEvent.click(screen.getByText("Go back to this version"));

    expect(container.querySelector("s-modal")).toHaveTextContent("It does not know the orders that came after it was trained.");
  });

  test("says in place why nothing was changed", async () => {
    const refused = { ok: false as const, problem: { code: "lost_race", message: "Somebody else changed it just now.", isTemporary: false } };
    const { container } = await open("/model", { load: () => everything({ model: twoVersions() }), act: () => refused });
    fireEvent.click(screen.getByText("Try it out anyway"));
    fireEvent.click(screen.getByText("Try out version 4"));

    expect(await screen.findByRole("alert")).toHaveTextContent("Somebody else changed it just now.");
    expect(container.querySelector('s-banner[heading="Version 4 is in use"]')).toBeNull();
  });
});

describe("the rules", () => {
  const field = (label: string) => document.querySelector(`[label="${label}"]`);

  test("explain what a bar means while it is chosen, and save all of it", async () => {
    const sent: Record<string, FormDataEntryValue>[] = [];
    await open("/model", { act: (form) => (sent.push(Object.fromEntries(form)), { ok: true, toast: "Settings saved" }) });
    expect(screen.getByText(/at least 2% better/)).toBeInTheDocument();

    type("Least gain over the best simple method", "-3");

    expect(screen.getByText(/even if it does up to 3% worse/)).toBeInTheDocument();
    fireEvent.click(screen.getByText("Save"));
    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Settings saved"));
    expect(sent).toEqual([{ intent: "settings", min_gain_percent: "-3", release_without_evidence: "false", cool_down_hours: "24", min_accuracy_percent: "82" }]);
  });

  test.each(["21", "-11", "", "much"])("refuse %j as a bar before it is sent", async (text) => {
    await open("/model");

    type("Least gain over the best simple method", text);

    expect(field("Least gain over the best simple method")).toHaveAttribute("error", "Give a number from −10 to 20.");
    expect(screen.getByText("Save")).toHaveAttribute("disabled");
  });

  test("put Django's words beside the field they are about", async () => {
    const problem = { code: "invalid", message: "No more than 168 hours.", isTemporary: false, field: "cool_down_hours" };
    await open("/model/retraining", { act: () => ({ ok: false, problem }) });

    type("Train again when matches fall under", "90");
    fireEvent.click(screen.getByText("Save"));

    await waitFor(() => expect(field("Pause after each training")).toHaveAttribute("error", "No more than 168 hours."));
    expect(screen.queryByRole("alert")).toBeNull();
  });

  test("drop what was typed on demand", async () => {
    await open("/model");
    type("Least gain over the best simple method", "7");

    fireEvent.click(screen.getByText("Discard"));

    expect(field("Least gain over the best simple method")).toHaveAttribute("value", "2");
    expect(screen.queryByText("Discard")).toBeNull();
  });

  test("may be missing while the rest of the page stands", async () => {
    let isUp = false;
    const { container } = await open("/model", { settings: () => (isUp ? theSettings() : OFFLINE) });
    expect(screen.getByRole("alert")).toHaveTextContent("can't be reached just now");
    expect(container.querySelector('s-section[heading="Version 3 is live"]')).not.toBeNull();

    isUp = true;
    fireEvent.click(screen.getByText("Try now"));

    await screen.findByText(/at least 2% better/);
  });
});

describe("retraining", () => {
  test("says for everything watched how it stands", async () => {
    const statuses = [
      aStatus("TIMETABLE", { title: "Every week", last_fired_at: "2026-11-14T10:00:00Z" }),
      aStatus("DRIFT", { title: "Your shop has changed", verdict: "NOT_ENOUGH_DATA", words: "320 of at least 500 rows." }),
      aStatus("METRIC", { title: "Matches", verdict: null, looked_at: null, words: "" }),
      aStatus("MANUAL", { title: "By hand", verdict: "FIRED", last_fired_at: "2026-11-20T10:00:00Z" }),
    ];
    await open("/model/retraining", { retrained: () => retraining({ triggers: [], watched: theStatuses({ statuses }) }) });

    expect(versionNamed("Every week")).toHaveTextContent(/Nothing to do.*Last led to a training 14 Nov 2026, 10:00\./);
    expect(versionNamed("Your shop has changed")).toHaveTextContent("Not enough data320 of at least 500 rows.");
    expect(versionNamed("Matches")).toHaveTextContent("MatchesNot checked yet");
    expect(versionNamed("By hand")).toHaveTextContent(/By handAny time.*All is well with manual\.Last led to a training 20 Nov 2026, 10:00\.$/);
    expect(screen.getByText(/Nothing yet/)).toBeInTheDocument();
  });

  test("lists what started a training and what came of it", async () => {
    const trigger = aTrigger({ kind: "CONVERSION", words: "Fewer visitors bought: −9% to −4%.", figures: [{ name: "Visits", value: "10,034" }, { name: "Change", value: "−9 %" }] });
    await open("/model/retraining", { retrained: () => retraining({ triggers: [trigger], watched: theStatuses({ statuses: [] }) }) });

    const event = versionNamed("Fewer visitors buy");
    expect(event).toHaveTextContent("Fewer visitors bought: −9% to −4%. It made version 3 (in use).");
    expect([...event.querySelectorAll(".figure")].map((figure) => figure.textContent)).toEqual(["Visits10,034", "Change−9%"]);
  });

  test("folds checks in a row that changed nothing", async () => {
    const calm = (id: string, day: number, verdict: "QUIET" | "NOT_ENOUGH_DATA" = "QUIET") => aTrigger({ id, verdict, run: null, version: null, created_at: `2026-11-${day}T10:00:00Z` });
    const triggers = [calm("a", 20), calm("b", 19, "NOT_ENOUGH_DATA"), calm("c", 18), aTrigger({ id: "d", kind: "DRIFT", verdict: "COOLING_DOWN" })];
    await open("/model/retraining", { retrained: () => retraining({ triggers, watched: theStatuses({ statuses: [] }) }) });

    expect(screen.getByText("3 checks led to nothing, 1 of them for lack of data: 18 Nov 2026 to 20 Nov 2026")).toBeInTheDocument();
    expect(versionNamed("Your shop has changed")).toHaveTextContent("Cooling down");
  });

  test("says until when it pauses", async () => {
    const { container } = await open("/model/retraining", { retrained: () => retraining({ watched: theStatuses({ cooling_down_until: "2026-11-22T10:00:00Z" }) }) });

    expect(container.querySelector('s-banner[heading="Pause until 22 Nov 2026, 10:00"]')).toHaveTextContent("“Train now” works at any time.");
  });

  test("keeps an unusual pause among the choices", async () => {
    const { container } = await open("/model/retraining", { retrained: () => retraining({ settings: aSettings({ cool_down_hours: 36 }) }) });

    expect([...container.querySelectorAll("s-option")].map((option) => option.textContent)).toEqual(["No pause", "6 hours", "12 hours", "1 day", "36 hours", "2 days", "3 days", "1 week"]);
  });

  test("may be missing while the rest of the page stands", async () => {
    await open("/model/retraining", { retrained: () => OFFLINE });

    expect(screen.getByRole("alert")).toHaveTextContent("can't be reached just now");
    expect(screen.getByText("Train now")).toBeInTheDocument();
  });
});

describe("methods compared", () => {
  test("can be looked up for every version", async () => {
    const model = twoVersions({ metrics: [aMetric("markov", { label: "Bought next", is_served: true })] });
    await open("/model/advanced?version=4", { load: () => everything({ model }) });

    expect(screen.getAllByText("Bought next").length).toBeGreaterThan(0);
    expect(screen.queryByText("What each customer buys most")).toBeNull();
  });

  test("tell experts what each method costs", async () => {
    const metrics = [aMetric("blend", { label: "Blend", is_served: true, fit_seconds: 92, p50_ms: 1.84, p99_ms: 3.1 }), aMetric("popularity", { label: "Popular", fit_seconds: 0.02 }), aMetric("markov")];
    const current = aVersion({ metrics, peak_memory_mb: 1430 });
    const { container } = await open("/model/advanced", { load: () => everything({ model: aModel({ current, versions: [current] }) }) });

    const rows = within(screen.getByRole("table", { name: "What each method costs" })).getAllByRole("row");
    expect(rows).toHaveLength(3);
    expect(rows[2]).toHaveTextContent("Popularunder 1 second––");
    expect(rows[1]).toHaveTextContent("Blend1 min 32 s1.8 ms3.1 ms");
    expect(container.querySelector('s-section[heading="For experts"]')).toHaveTextContent("1.4 GB while training");
  });

  test("stand on the version's model card, if it has one", async () => {
    const current = aVersion({ model_card: "# Model card\n\n## Data\n\n- 9,000 interactions (95 % interval)" });
    const { unmount } = await open("/model/advanced", { load: () => everything({ model: aModel({ current, versions: [current] }) }) });

    expect(screen.getByText("Model card").closest("details")).toHaveTextContent("- 9,000 interactions (95% interval)");

    unmount();
    await open("/model/advanced");
    expect(screen.queryByText("Model card")).toBeNull();
  });

  test("don't break the rows of a model card's tables", async () => {
    const current = aVersion({ model_card: "Ranked by what was bought.\n\n| model | NDCG@10 |\n| Blend | 0.394 |\n" });
    const { container } = await open("/model/advanced", { load: () => everything({ model: aModel({ current, versions: [current] }) }) });

    const rows = [...container.querySelectorAll(".model-card-row")].map((row) => row.textContent);
    expect(rows).toEqual(["| model | NDCG@10 |\n", "| Blend | 0.394 |\n"]);
    expect(container.querySelector(".model-card pre")?.textContent).toContain(current.model_card ?? "");
  });

  test("say how products without a sale fare", async () => {
    const current = aVersion({ cold: { items: 1, customers: 210, recall_at_10: 0.093, popularity_recall_at_10: 0.004, recall_with_place_at_10: null, place_ndcg_change: null } });
    await open("/model/advanced", { load: () => everything({ model: aModel({ current, versions: [current] }) }) });

    expect(screen.getByText(/Measured on 1 product that had not been sold before and 210 customers .*held 9\.3% .*would have held 0\.4%\./)).toBeInTheDocument();
  });
});
