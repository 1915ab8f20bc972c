import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { shownRange } from "../app/components/rollout-plot";
import { formatChange } from "../app/lib/format";
import { faultsOf, draftOf, readSteps } from "../app/lib/plan";
import { describeHistory, dwellWords, moveOf, movesOf, noticeWords, refusalsOf, waitWords } from "../app/lib/rollouts";
import { aPreview } from "./fixtures/answers";
import { everything, OFFLINE, open, theList, thePage, violations } from "./fixtures/pages";
import { aLookBack, aMetricReport, aReport, REPORTS, ROLLOUT, theChanges, thePlan, theRollouts, theSteps } from "./fixtures/rollouts";

const toast = { show: vi.fn(), hide: vi.fn() };
const saveBar = { show: vi.fn(), hide: vi.fn() };
const PAGE = `/rollouts/${ROLLOUT}` as const;

type Sent = Record<string, FormDataEntryValue>;

beforeEach(() => {
  for (const spy of [toast.show, toast.hide, saveBar.show, saveBar.hide]) spy.mockReset();
  vi.stubGlobal("shopify", { toast, saveBar, app: { extensions: vi.fn().mockResolvedValue([]) }, loading: vi.fn() });
});

afterEach(() => vi.unstubAllGlobals());

function type(label: string, value: string): void {
  const field = document.querySelector(`[label="${label}"]`) as HTMLInputElement;
  field.value = value;
  fireEvent.input(field);
  fireEvent.change(field);
}

/** The one primary button of the dialog that asks once more. */
const confirming = (id = "rollout-move") => document.querySelector(`#${id} s-button[slot="primary-action"]`) as HTMLElement;

describe("the list of rollouts", () => {
  test("says in sentences where the one under way stands, and what became of the others", async () => {
    const { container } = await open("/rollouts");

    expect(screen.getByText("Shown to 5% of visitors since Tuesday. Revenue per visitor between −1.2% and +3.0%. Needs about 6 more days.")).toBeInTheDocument();
    expect(screen.getByText(/It answered with an error 24 times in 300/)).toBeInTheDocument();
    expect(container.textContent).not.toMatch(/p ?[=<]|p-value/);
    expect(await violations(container)).toEqual([]);
  });

  test.each([
    ["before the first version", { live: null, rollouts: [], live_version: null }, /There is no version yet/],
    ["while there is only the first", { live: null, rollouts: [], live_version: 1 }, /Version 1 is your first one, and in use/],
    ["between two rollouts", { live: null, live_version: 7 }, /begins a rollout by itself/],
  ])("says %s what comes", async (_, changes, words) => {
    await open("/rollouts", { listed: () => theList(changes) });

    expect(screen.getByText(words)).toBeInTheDocument();
  });

  test("opens a rollout by hand in two clicks, with the reason", async () => {
    const sent: Sent[] = [];
    await open("/rollouts", { act: (form) => (sent.push(Object.fromEntries(form)), { ok: true, toast: "Rollout 4 is opened" }) });

    fireEvent.click(screen.getByText("Open a rollout", { selector: "li s-button" }));
    type("Why? (optional)", " It knows the new range. ");
    fireEvent.click(confirming("rollout-offer"));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Rollout 4 is opened"));
    expect(sent).toEqual([{ intent: "open-rollout", version: theRollouts().to_open[0]?.version_id, reason: "It knows the new range." }]);
  });

  test.each([
    ["Open a rollout", 2],
    ["Go back to it", 1],
  ])("'%s' asks with what the shop's traffic can tell where it begins something", async (label, times) => {
    const words = "At your traffic no share of visitors can be judged by its orders in 60 days.";
    await open("/rollouts", { listed: () => theList({ live: null, advice: [words] }) });

    fireEvent.click(screen.getByText(label, { selector: "li s-button" }));

    expect(screen.getAllByText(words)).toHaveLength(times);
  });

  test("says of a former version that old pages may stay for 12 hours before it goes back", async () => {
    await open("/rollouts");

    fireEvent.click(screen.getByText("Go back to it", { selector: "li s-button" }));

    expect(document.querySelector("#rollout-offer")).toHaveAttribute("heading", "Go back to version 5?");
    expect(screen.getByText(/up to 12 hours/)).toBeInTheDocument();
  });

  test("stays while the service can't be reached, and says so", async () => {
    await open("/rollouts", { listed: () => OFFLINE });

    expect(screen.getByRole("alert")).toHaveTextContent("can't be reached just now");
  });
});

describe("a rollout's page", () => {
  test.each(Object.entries(REPORTS))("has nothing that axe objects to while it is %s", async (_, report) => {
    const { container } = await open(PAGE, { rolled: () => thePage(report) });

    expect(screen.getByText(report.summary.headline, { exact: false })).toBeInTheDocument();
    expect(await violations(container)).toEqual([]);
  });

  test("shows the way, the live split and what comes next", async () => {
    const { container } = await open(PAGE);

    const way = [...container.querySelectorAll(".way-step")].map((step) => [step.querySelector(".way-name")?.textContent, step.getAttribute("aria-current")]);
    expect(way).toEqual([["Shadow", null], ["5%", "step"], ["25%", null], ["50%", null], ["100%", null]]);
    expect([...container.querySelectorAll(".split-name")].map((part) => part.textContent)).toEqual(["Version 8, the new one5%", "Version 7, compared with it5%", "Version 790%"]);
    expect(screen.getByText(/Not before 25 Nov 2026, 09:00/)).toBeInTheDocument();
  });

  test("tells whose products are clicked first in lists of both versions, and what a pause leaves as it is", async () => {
    const { container } = await open(PAGE, { rolled: () => thePage(REPORTS.interleaved) });

    const way = [...container.querySelectorAll(".way-step")].map((step) => [step.querySelector(".way-name")?.textContent, step.getAttribute("aria-current")]);
    expect(way.slice(0, 3)).toEqual([["Shadow", null], ["Interleaving", "step"], ["5%", null]]);
    expect([...container.querySelectorAll(".split-name")].map((part) => part.textContent)).toEqual(["Version 7, personal lists with products of version 8100%"]);
    expect(screen.getByText(/Where it is asked for every personal list, and the whole shop has/)).toBeInTheDocument();
    expect(screen.getByText("Clicked first: 61 times a product of version 8, 39 times one of version 7")).toBeInTheDocument();
    expect(screen.getByText(/^Orders are compared once a share of visitors sees the new version's own lists\./)).toBeInTheDocument();
    expect(moveOf("PAUSE", REPORTS.interleaved).consequence).toMatch(/^Personal lists go on holding products of both versions/);
    expect(moveOf("STEP", REPORTS.interleaved).label).toBe("Next step: 5%");
    expect(moveOf("STEP", REPORTS.interleaved).consequence).toMatch(/ Lists of both versions end: each visitor sees one of them\.$/);
    expect(moveOf("UNDO", REPORTS.interleaved).consequence).toMatch(/^Personal lists hold products of version \d+ alone again, from the next answer on\.$/);
  });

  test("says who sees the version in use at any share, and how old a page may be after an undo", async () => {
    await open(PAGE);

    expect(screen.getByText(/First visits, and browsers that keep nothing of ours .* at 100% too/)).toBeInTheDocument();
    expect(screen.getByText(/up to 12 hours more/)).toBeInTheDocument();
  });

  test.each([
    ["before anybody sees it", REPORTS.shadow],
    ["while it is watched", REPORTS.canary],
  ])("says %s how soon harm is found, in answers and at three rates", async (_, report) => {
    await open(PAGE, { rolled: () => thePage(report) });

    expect(screen.getByText(/after 147 of the new version's answers in half of all cases, after 450 in 99 of 100/)).toBeInTheDocument();
    const told = [...document.querySelectorAll(`[heading="What takes it back by itself"] s-list-item`)].map((item) => item.textContent);
    expect(told).toEqual([
      "5 requests a second: about 10 minutes in half of all cases, about 30 minutes in 99 of 100",
      "20 requests a second: about 2 minutes in half of all cases, about 8 minutes in 99 of 100",
      "200 requests a second: about 17 seconds in half of all cases, about 47 seconds in 99 of 100",
    ]);
  });

  test.each([
    ["Open the shop as the new version", "candidate"],
    ["Open the shop as the live one", "champion"],
  ])("has a button '%s', which opens a tab and leaves a link", async (label, arm) => {
    const [sent, opened]: [Sent[], unknown[]] = [[], []];
    const url = "https://willow.myshopify.com/?canary=signed";
    vi.stubGlobal("open", (...asked: unknown[]) => void opened.push(asked));
    await open(PAGE, { act: (form) => (sent.push(Object.fromEntries(form)), { ok: true, url }) });

    fireEvent.click(screen.getByText(label, { selector: "s-button" }));

    await waitFor(() => expect(screen.getByText("Open it again")).toHaveAttribute("href", url));
    expect([sent, opened]).toEqual([[{ intent: "look", rollout: ROLLOUT, arm }], [[url, "_blank", "noopener"]]]);
    expect(screen.getByText(/valid for an hour, for whoever has it/)).toBeInTheDocument();
  });

  test("offers no look at the shop once it is over", async () => {
    await open(PAGE, { rolled: () => thePage(REPORTS.rolledBack) });

    expect(screen.queryByText(/Open the shop as/)).toBeNull();
  });

  test("says nothing of how soon harm is found once nothing is watched", async () => {
    await open(PAGE, { rolled: () => thePage(REPORTS.rolledBack) });

    expect(screen.queryByText(/in 99 of 100/)).toBeNull();
  });

  test("plots each deciding metric with the same in words and as a table", async () => {
    await open(PAGE);

    const plot = screen.getByRole("img", { name: /Revenue per visitor: at first between .* last between −1.2% and \+3.0%. It must stay above −5.0% to go on. The whole range lies above it./ });
    expect(plot.querySelector(".plot-bound")).not.toBeNull();
    expect(plot.querySelector(".plot-band")?.getAttribute("d")).toMatch(/^M.+Z$/);
    expect(within(screen.getByRole("table", { hidden: true, name: "Revenue per visitor over time" })).getAllByRole("row", { hidden: true }).length).toBeGreaterThan(10);
  });

  test("says why the next step is not possible before anybody presses it, and leaves the way back open", () => {
    const words = "Its lists are not on all of the shop's pages yet.";
    const moves = movesOf(aReport({ refused: [{ action: "STEP", words }, { action: "PROMOTE", words }] }));

    expect(refusalsOf(moves)).toEqual([words]);
    expect(moves.filter(({ refused }) => !refused).map(({ action }) => action)).toEqual(["PAUSE", "UNDO"]);
  });

  test("offers one way on where 100% of visitors see it", () => {
    const steps = aReport().steps.map((step) => ({ ...step, progress: "DONE" as const, since: "2026-11-24T09:00:00Z" }));

    expect(movesOf(aReport({ steps })).map(({ action }) => action)).toEqual(["PAUSE", "PROMOTE", "UNDO"]);
  });

  test("asks once more before the next step, posts which revision was seen, and offers to undo", async () => {
    const sent: Sent[] = [];
    await open(PAGE, { act: (form) => (sent.push(Object.fromEntries(form)), { ok: true, toast: String(form.get("toast")), seen: 5 }) });

    fireEvent.click(screen.getByText("Next step: 25%", { selector: ".page-stack s-button" }));
    expect(sent).toEqual([]);
    fireEvent.click(confirming());

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Shown to 25% of visitors", expect.objectContaining({ action: "Undo" })));
    await act(async () => toast.show.mock.lastCall?.[1].onAction());
    await waitFor(() => expect(sent).toHaveLength(2));
    expect(sent.map(({ action, revision, rollout }) => [action, revision, rollout])).toEqual([
      ["STEP", "4", ROLLOUT],
      ["UNDO", "5", ROLLOUT],
    ]);
  });

  test.each([
    ["START", "Start", { state: "DRAFT" as const, percent: 0 }],
    ["PAUSE", "Pause", {}],
    ["RESUME", "Resume", { state: "PAUSED" as const }],
    ["STEP", "Next step: 25%", {}],
    ["PROMOTE", "Promote", {}],
    ["UNDO", "Undo", {}],
    ["ABORT", "End", { state: "SHADOW" as const, percent: 0 }],
  ] as const)("does %s in two clicks with the question between, so in three from Home", async (action, label, summary) => {
    const sent: Sent[] = [];
    await open(PAGE, { rolled: () => thePage(aReport({ summary, actions: [action] })), act: (form) => (sent.push(Object.fromEntries(form)), { ok: true }) });

    fireEvent.click(screen.getByText(label, { selector: ".page-stack s-button" }));
    expect(document.querySelector("#rollout-move")?.getAttribute("heading")).toMatch(/\?$/);
    expect(sent).toEqual([]);
    fireEvent.click(confirming());

    await waitFor(() => expect(sent.map((one) => one.action)).toEqual([action]));
  });

  test("asks before a start with what the shop's traffic can tell, and before nothing else", async () => {
    const words = "At your traffic no share of visitors can be judged by its orders in 60 days.";
    await open(PAGE, { rolled: () => thePage(aReport({ summary: { state: "DRAFT", percent: 0 }, actions: ["START", "ABORT"], advice: [words] })) });

    fireEvent.click(screen.getByText("Start", { selector: ".page-stack s-button" }));
    expect(document.querySelector("#rollout-move")).toHaveTextContent(words);
    fireEvent.click(screen.getByText("End", { selector: ".page-stack s-button" }));
    expect(document.querySelector("#rollout-move")).not.toHaveTextContent(words);
  });

  test("moves what its dialog was opened on, though the page has been asked again since", async () => {
    const sent: Sent[] = [];
    let report = aReport();
    vi.useFakeTimers({ shouldAdvanceTime: true });
    await open(PAGE, { rolled: () => thePage(report), act: (form) => (sent.push(Object.fromEntries(form)), { ok: true }) });

    fireEvent.click(screen.getByText("Next step: 25%", { selector: ".page-stack s-button" }));
    report = aReport({ summary: { revision: 5, percent: 25, headline: "Shown to 25% of visitors since 12:00 today." }, steps: theSteps(2) });
    await act(() => vi.advanceTimersByTimeAsync(60_000));
    await screen.findByText(/Shown to 25% of visitors since 12:00 today/);
    fireEvent.click(confirming());
    vi.useRealTimers();

    await waitFor(() => expect(sent).toHaveLength(1));
    expect([sent[0]?.action, sent[0]?.revision]).toEqual(["STEP", "4"]);
  });

  test("takes the focus to what became of it where the button of a move is gone", async () => {
    let report = aReport({ summary: { state: "DRAFT", percent: 0 }, actions: ["START"] });
    await open(PAGE, { rolled: () => thePage(report), act: () => ((report = REPORTS.shadow), { ok: true, toast: "Rollout started" }) });

    fireEvent.click(screen.getByText("Start", { selector: ".page-stack s-button" }));
    fireEvent.click(confirming());

    await waitFor(() => expect(document.activeElement).toHaveTextContent(/Shown to nobody since/));
  });

  test("says when what has ended was measured last, and what was watched until then", async () => {
    await open(PAGE, { rolled: () => thePage(REPORTS.rolledBack) });

    expect(screen.getByText(/As it was last measured 24 Nov 2026, 09:13, before it ended/)).toBeInTheDocument();
    expect(screen.getByText(/As it was counted until it ended, 24 Nov 2026, 09:14/)).toBeInTheDocument();
    expect(screen.queryByText(/Watching|Not enough yet/)).toBeNull();
    expect(screen.queryByText(/Looked at every 2 seconds/)).toBeNull();
    expect(screen.queryByRole("columnheader", { name: "Clear harm is noticed" })).toBeNull();
  });

  test("undoes in two clicks and says how old a page may be", async () => {
    const sent: Sent[] = [];
    await open(PAGE, { act: (form) => (sent.push(Object.fromEntries(form)), { ok: true, toast: "Back to version 7", seen: 5 }) });

    fireEvent.click(screen.getByText("Undo", { selector: ".page-stack s-button" }));
    expect(document.querySelector("#rollout-move")).toHaveTextContent(/up to 12 hours/);
    fireEvent.click(confirming());

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Back to version 7"));
    expect(sent.map(({ action }) => action)).toEqual(["UNDO"]);
  });

  test("looks back at the last weeks in one click, and tells what was found with its interval", async () => {
    const sent: Sent[] = [];
    await open(PAGE, { act: (form) => (sent.push(Object.fromEntries(form)), { ok: true, toast: "Looking back at the last 30 days" }) });

    fireEvent.click(screen.getByText("Look back at the last 30 days", { selector: "s-button" }));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Looking back at the last 30 days"));
    expect(sent).toEqual([{ intent: "look-back", rollout: ROLLOUT }]);
  });

  test.each([
    [aLookBack({ state: "RUNNING", progress: 0.4, words: "Week 2 of 4: Learning.", rounds: [] }), /Week 2 of 4/, null],
    [aLookBack(), /between \+1.0% and \+7.0%/, "Look back again"],
    [aLookBack({ state: "FAILED", words: "The trainer ran out of memory.", rounds: [] }), /ran out of memory/, "Look back again"],
  ])("shows a look back as it stands", async (found, words, offer) => {
    const { container } = await open(PAGE, { rolled: () => thePage(aReport({ look_back: found })) });

    expect(screen.getByText(words)).toBeInTheDocument();
    expect(screen.queryAllByText(/^Look back/, { selector: "s-button" }).map((button) => button.textContent)).toEqual(offer ? [offer] : []);
    expect(container.querySelectorAll('[aria-label="What each found"] tbody tr')).toHaveLength(found.rounds.length);
    expect(await violations(container)).toEqual([]);
  });

  test("says why a move was not made", async () => {
    const problem = { code: "moved_meanwhile", message: "The rollout has moved on since you saw it.", isTemporary: false };
    await open(PAGE, { act: () => ({ ok: false, problem }) });

    fireEvent.click(screen.getByText("Pause", { selector: ".page-stack s-button" }));
    fireEvent.click(confirming());

    // Found by its attribute: a search by role through all of this page can take longer than it may.
    await waitFor(() => expect(document.querySelector('[role="alert"]')).toHaveTextContent("The rollout has moved on since you saw it."));
    expect(toast.show).not.toHaveBeenCalled();
  });

  test("tells of a rollback by itself with its reason and shows the guardrail that convicted", async () => {
    const { container } = await open(PAGE, { rolled: () => thePage(REPORTS.rolledBack) });

    expect(screen.getAllByText(/It answered with an error 24 times in 300/).length).toBeGreaterThan(0);
    const row = screen.getByRole("row", { name: /Errors/ });
    expect(row).toHaveTextContent("Worse");
    expect(container.querySelectorAll(".page-stack > s-section s-button")).toHaveLength(0);
  });
});

describe("home", () => {
  test("shows the running rollout and its next step", async () => {
    await open("/", { load: () => everything({ rollouts: { ok: true, data: theRollouts() } }) });

    expect(screen.getByText(/Shown to 5% of visitors since Tuesday/)).toBeInTheDocument();
    expect(screen.getByText(/^Next: 25% of visitors/)).toBeInTheDocument();
  });

  test.each([
    ["there is none", { ok: true as const, data: theRollouts({ live: null }) }],
    ["rollouts can't be had", OFFLINE],
  ])("stands without one where %s", async (_, rollouts) => {
    const { container } = await open("/", { load: () => everything({ rollouts }) });

    expect(screen.queryByText(/of visitors since/)).toBeNull();
    expect(container.querySelector('s-section[heading="Revenue from recommendations"]')).not.toBeNull();
  });
});

describe("what a rollout changes", () => {
  test("stands page by page, with what comes, goes and moves", async () => {
    const { container } = await open(`${PAGE}/changes`);

    expect(screen.getByText("On 31 of 40 pages something would change. On average 62% of the products in a list stay.")).toBeInTheDocument();
    const candle = container.querySelector('s-section[heading="Beeswax Candle"]') as HTMLElement;
    expect([...candle.querySelectorAll(".change-item")].map((item) => item.textContent)).toEqual(["Glass Bud VaseGone", "Linen Notebook", "Linen Notebook1 place up", "Wool ThrowNew"]);
    expect(container.querySelector('s-section[heading="Home page"]')).toHaveTextContent("Nothing would change.");
    expect(screen.getByRole("link", { name: "More pages" })).toHaveAttribute("href", expect.stringContaining("page=2"));
    expect(await violations(container)).toEqual([]);
  });

  test("says that nothing was compared yet", async () => {
    const nothing = theChanges({ pages_compared: 0, pages_changed: 0, overlap: null, gains: [], losses: [], pages: [], next_page: null });
    await open(`${PAGE}/changes`, { changed: () => ({ ok: true, data: nothing }) });

    expect(screen.getByText(/No page was compared yet/)).toBeInTheDocument();
    expect(screen.queryByRole("navigation")).toBeNull();
  });
});

describe("the preview", () => {
  test("opens the same page of the shop under either version while a rollout is on", async () => {
    const sent: Sent[] = [];
    vi.stubGlobal("open", vi.fn());
    const { container } = await open("/preview", { inShop: () => ({ ok: true, data: theRollouts() }), act: (form) => (sent.push(Object.fromEntries(form)), { ok: true, url: "https://willow.myshopify.com/?canary=signed" }) });

    fireEvent.click(screen.getByText("Open the shop as the new version", { selector: "s-button" }));

    await waitFor(() => expect(screen.getByText("Open it again")).toBeInTheDocument());
    expect(sent).toEqual([{ intent: "look", rollout: ROLLOUT, arm: "candidate", product: String(aPreview().product?.product_id) }]);
    expect(await violations(container)).toEqual([]);
  });

  test("says on the preview that shoppers see lists of both versions, and that it shows each alone", async () => {
    await open("/preview", { inShop: () => ({ ok: true, data: theRollouts({ live: REPORTS.interleaved.summary }) }) });

    expect(screen.getByText("In personal lists since 09:00 today: each holds products of both versions, chosen in turns. Here each version answers alone.")).toBeInTheDocument();
  });

  test.each([
    ["no rollout is under way", { ok: true as const, data: theRollouts({ live: null }) }],
    ["rollouts can't be had", OFFLINE],
  ])("offers no look at the shop where %s, and stands", async (_, rollouts) => {
    const { container } = await open("/preview", { inShop: () => rollouts });

    expect(screen.queryByText(/Open the shop as/)).toBeNull();
    expect(container.querySelector(".shelf")).not.toBeNull();
  });

  test("leads to the same page and customer beside the version that is rolled out, and no further once it is there", async () => {
    const inShop = () => ({ ok: true as const, data: theRollouts() });

    const view = await open("/preview?product=7&order=%231001", { inShop });
    expect(screen.getByText("See version 8 beside it")).toHaveAttribute("href", `/preview?product=7&order=%231001&beside=${theRollouts().live?.candidate_id}`);
    view.unmount();
    await open(`/preview?beside=${theRollouts().live?.candidate_id}`, { inShop, beside: aPreview({ version_number: 8 }) });

    expect(screen.queryByText("See version 8 beside it")).toBeNull();
  });

  test("shows a page under both versions", async () => {
    const { container } = await open("/preview?beside=x", { beside: aPreview({ version_number: 8 }) });

    expect([...container.querySelectorAll(".sides s-section")].map((one) => one.getAttribute("heading"))).toEqual([
      "Version 3, in use: on the page of Beeswax Candle",
      "Version 8, the new one: on the page of Beeswax Candle",
    ]);
  });
});

describe("the plan", () => {
  test("shows the admin's save bar once something is changed, and saves from it", async () => {
    const sent: Sent[] = [];
    await open("/rollouts/settings", { act: (form) => (sent.push(Object.fromEntries(form)), { ok: true, toast: "Plan saved" }) });
    expect(saveBar.show).not.toHaveBeenCalled();

    type("Shares of visitors, in percent", "10, 50");
    expect(saveBar.show).toHaveBeenLastCalledWith("rollout-settings-bar");
    fireEvent.click(screen.getByText("Save"));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Plan saved"));
    expect(JSON.parse(String(sent[0]?.settings))).toMatchObject({ steps: [10, 50, 100], is_off: false, margin_percent: 5, freezes: [{ name: "Black Friday" }] });
  });

  test("hides the save bar when the change is discarded", async () => {
    await open("/rollouts/settings");

    type("A loss up to this counts as no worse", "2");
    fireEvent.click(screen.getByText("Discard"));

    expect(saveBar.hide).toHaveBeenLastCalledWith("rollout-settings-bar");
  });

  test("lets nothing be saved that is out of limits, and says which", async () => {
    await open("/rollouts/settings");

    type("A loss up to this counts as no worse", "40");

    expect(screen.getByText("Save")).toBeDisabled();
    expect(document.querySelector('[label="A loss up to this counts as no worse"]')).toHaveAttribute("error", "Give a number from 0.5 to 10.");
  });

  test("accepts what is stored where days are short and Django names no limits", async () => {
    await open("/rollouts/settings", { plan: () => ({ ok: true, data: thePlan({ margin_percent: 20, shadow_requests: 20, limits: [] }) }) });

    type("Longest time", "30");

    expect(screen.getByText("Save")).toBeEnabled();
    expect(document.querySelectorAll("[error]")).toHaveLength(0);
  });

  test("hides the save bar once it is saved, however the shares were typed", async () => {
    let stored = thePlan();
    await open("/rollouts/settings", {
      plan: () => ({ ok: true, data: stored }),
      act: (form) => ((stored = { ...stored, ...JSON.parse(String(form.get("settings"))) }), { ok: true, toast: "Plan saved" }),
    });

    type("Shares of visitors, in percent", "10%,50");
    fireEvent.click(screen.getByText("Save"));

    await waitFor(() => expect(saveBar.hide).toHaveBeenLastCalledWith("rollout-settings-bar"));
    expect(stored.steps).toEqual([10, 50, 100]);
  });

  test("says beside the shares why Django refused them", async () => {
    const problem = { code: "bad_plan", message: "An A/B test needs 7 days and a step of at most 50%.", isTemporary: false, field: "steps" };
    await open("/rollouts/settings", { act: () => ({ ok: false, problem }) });

    type("Shares of visitors, in percent", "60");
    fireEvent.click(screen.getByText("Save"));

    await waitFor(() => expect(document.querySelector('[label="Shares of visitors, in percent"]')).toHaveAttribute("error", problem.message));
  });

  test("turns everything off in two clicks", async () => {
    const sent: Sent[] = [];
    const { container } = await open("/rollouts/settings", { act: (form) => (sent.push(Object.fromEntries(form)), { ok: true, toast: "Rollouts are off" }) });

    fireEvent.click(screen.getByText("Turn all rollouts off"));
    fireEvent.click(confirming("rollouts-off"));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Rollouts are off"));
    expect(JSON.parse(String(sent[0]?.settings))).toMatchObject({ is_off: true });
    expect(await violations(container)).toEqual([]);
  });

  test.each([
    ["5, 25, 50", [5, 25, 50, 100]],
    ["5% 50%", [5, 50, 100]],
    ["1, 2, 3, 4, 5, 6, 7, 8, 9", [1, 2, 3, 4, 5, 6, 7, 8, 9, 100]],
    ["1, 2, 3, 4, 5, 6, 7, 8, 9, 10", undefined],
    ["", undefined],
    ["50, 25", undefined],
    ["5, 5", undefined],
    ["0, 50", undefined],
    ["5, 100", undefined],
    ["2.5", undefined],
    ["many", undefined],
  ])("reads %j as shares", (text, shares) => {
    expect(readSteps(text)).toEqual(shares);
  });

  test("wants both days of a freeze in their order", () => {
    const settings = thePlan();
    const draft = { ...draftOf(settings), freezes: [{ first: "2026-12-24", last: "2026-12-20", name: "" }] };

    expect(faultsOf(draft, settings)).toEqual({ freezes: "Each time needs a first day and a last one that is not before it." });
  });
});

describe("words", () => {
  test("of what it waits for are not said twice", () => {
    const finding = "Revenue per visitor between −1.2% and +3.0%.";

    expect(waitWords({ finding, waits_for: `${finding} Needs about 6 more days.` })).toBe("");
    expect(waitWords({ finding, waits_for: "Nothing widens until 30 November 2026 is over." })).toBe("Nothing widens until 30 November 2026 is over.");
    expect(waitWords({ finding: "", waits_for: "Its plan asks a person before it goes on." })).toBe("Its plan asks a person before it goes on.");
  });

  test.each([
    [3, "+3.0%"],
    [-1.24, "−1.3%"],
    [-0.04, "−0.1%"],
    [0, "+0.0%"],
    [6.99999999, "+7.0%"],
  ])("round %j as the backend does", (percent, words) => {
    expect(formatChange(percent)).toBe(words);
  });

  test.each([
    [null, "No requests to tell from"],
    [0.2, "At once"],
    [40, "About 40 seconds"],
    [1500, "About 25 minutes"],
    [90_000, "About 25 hours"],
    [400_000, "About 5 days"],
    [14_587 * 86_400, "Too few requests to tell"],
  ])("say how long %j seconds are", (seconds, words) => {
    expect(noticeWords(seconds)).toBe(words);
  });

  test.each([
    [0, ""],
    [0.01, "1 min at least"],
    [1, "1 hour at least"],
    [24, "1 day at least"],
    [72, "3 days at least"],
  ])("say how long %j hours are", (hours, words) => {
    expect(dwellWords(hours)).toBe(words);
  });

  test("name the last step for what it is", () => {
    const steps = aReport().steps.map((step) => ({ ...step, progress: step.percent === 100 ? ("AHEAD" as const) : ("DONE" as const) }));

    const move = moveOf("STEP", aReport({ steps }));
    expect([move.label, move.question, move.toast]).toEqual(["Next step: 100%", "Show version 8 to 100% of visitors now?", "Shown to 100% of visitors"]);
    expect(move.consequence).toMatch(/First visits, and browsers that keep nothing of ours .* at 100% too/);
  });

  test("offer what goes on before what goes back", () => {
    expect(movesOf(aReport()).map(({ action }) => action)).toEqual(["STEP", "PAUSE", "PROMOTE", "UNDO"]);
    expect(movesOf(REPORTS.paused).map(({ action }) => action)).toEqual(["RESUME", "UNDO"]);
  });

  test("say that an interval has not cleared its bound", () => {
    expect(describeHistory(aMetricReport("REVENUE", { bound: 0 }))).toMatch(/The low end has not cleared it\.$/);
    expect(describeHistory({ name: "Visitors who buy", history: [], bound: null })).toBe("");
  });

  test("leave the width of the first days off the axis", () => {
    const history = [
      { at: "2026-11-24T00:00:00Z", percent: 0, low: -900, high: 900 },
      { at: "2026-11-25T00:00:00Z", percent: 0, low: -4, high: 4 },
    ];

    expect(shownRange(history, -5)).toEqual({ low: -15, high: 15 });
  });
});
