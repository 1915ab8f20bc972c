import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { dayIn, firstDay } from "../app/lib/activity";
import { anAct } from "./fixtures/answers";
import { OFFLINE, open, theActivity, violations } from "./fixtures/pages";

const toast = { show: vi.fn() };

beforeEach(() => {
  toast.show.mockReset();
  vi.stubGlobal("shopify", { toast, app: { extensions: vi.fn().mockResolvedValue([]) }, loading: vi.fn() });
});

afterEach(() => vi.unstubAllGlobals());

function choose(label: string, value: string): void {
  const field = document.querySelector(`s-select[label="${label}"]`) as HTMLInputElement;
  field.value = value;
  fireEvent.change(field);
}

const entryOf = (text: string) => screen.getByText(text).closest("li") as HTMLElement;

describe("the activity page", () => {
  test("says what was done, by whom, when, why, and what a value was before", async () => {
    const { container } = await open("/activity");

    const entry = entryOf("The rules for new versions were changed");
    expect(entry).toHaveTextContent("Staff member 8, 21 Nov 2026, 10:05 · release settings · In this app");
    expect(entry).toHaveTextContent("A new version must be better by +2.5%.");
    expect(entry.querySelector("dl")).toHaveTextContent("Least gain over the best simple methodwas 2% → , is now 2.5%");
    expect(screen.getByRole("status")).toHaveTextContent("1 entry shown.");
    expect(await violations(container)).toEqual([]);
  });

  test("names you and our support for what they are", async () => {
    const acts = [anAct({ is_you: true }), anAct({ id: "b", actor_kind: "STAFF", actor: "Tailorbird support", what: "Support looked at the shop", kind: "SUPPORT", changes: [] })];
    await open("/activity", { done: () => theActivity({ acts }) });

    expect(entryOf("The rules for new versions were changed")).toHaveTextContent("You, 21 Nov 2026");
    expect(entryOf("Support looked at the shop")).toHaveTextContent("Tailorbird support, 21 Nov 2026");
  });

  test("is narrowed by what is chosen, from the newest on", async () => {
    const asked: string[] = [];
    await open("/activity?before=x", { done: (query) => (asked.push(query.toString()), theActivity()) });

    choose("About", "SETTINGS");
    await waitFor(() => expect(asked.at(-1)).toBe("kind=SETTINGS"));
    choose("By", "STAFF");
    await waitFor(() => expect(asked.at(-1)).toBe("kind=SETTINGS&actor=STAFF"));
    choose("When", "7");
    await waitFor(() => expect(asked.at(-1)).toBe("kind=SETTINGS&actor=STAFF&days=7"));
    choose("About", "");
    await waitFor(() => expect(asked.at(-1)).toBe("actor=STAFF&days=7"));
  });

  test("leads to older pages with what is chosen, and back", async () => {
    await open("/activity?kind=MODEL&before=a", { done: () => theActivity({ next_before: "b" }) });

    expect(screen.getByText("Older")).toHaveAttribute("href", "/activity?kind=MODEL&before=b");
    expect(screen.getByText("Newest")).toHaveAttribute("href", "/activity?kind=MODEL");
  });

  test("says so when there is nothing, whether or not something was chosen", async () => {
    const { unmount } = await open("/activity", { done: () => theActivity({ acts: [] }) });
    expect(screen.getByText("Nothing was done yet.")).toBeInTheDocument();
    unmount();

    await open("/activity?kind=PRIVACY", { done: () => theActivity({ acts: [] }) });

    expect(screen.getByText("Nothing of this kind was done in this time.")).toBeInTheDocument();
  });

  test("is downloaded as it is narrowed", async () => {
    const asked: string[] = [];
    const fetched = vi.fn(async (path: string) => (asked.push(path), new Response("table")));
    vi.stubGlobal("fetch", fetched);
    URL.createObjectURL = vi.fn(() => "blob:x");
    URL.revokeObjectURL = vi.fn();
    const saved = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => undefined);
    await open("/activity?kind=SETTINGS&actor=STAFF");

    fireEvent.click(screen.getByText("Download CSV"));

    await waitFor(() => expect(saved).toHaveBeenCalledOnce());
    expect(asked).toEqual(["/api/activity/file?kind=SETTINGS&actor=STAFF"]);
    saved.mockRestore();
  });

  test("says when the file could not be had", async () => {
    vi.stubGlobal("fetch", vi.fn(async () => new Response("", { status: 503 })));
    await open("/activity");

    fireEvent.click(screen.getByText("Download CSV"));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("The file could not be downloaded. Please try again."));
  });

  test("says when it can't be shown", async () => {
    await open("/activity", { done: () => OFFLINE });

    expect(screen.getByRole("alert")).toHaveTextContent("can't be reached just now");
  });
});

describe("a day", () => {
  test.each([
    ["Pacific/Auckland", "2026-11-21T12:00:00Z", "2026-11-22"],
    ["America/Los_Angeles", "2026-11-21T03:00:00Z", "2026-11-20"],
    ["Not/AZone", "2026-11-21T03:00:00Z", "2026-11-21"],
  ])("in %s is that of its own clock", (zone, moment, day) => {
    expect(dayIn(zone, new Date(moment))).toBe(day);
  });

  test("is counted back with today, over the end of summer time and of a month", () => {
    expect(firstDay(1, "Europe/London", new Date("2026-11-02T10:00:00Z"))).toBe("2026-11-02");
    expect(firstDay(30, "Europe/London", new Date("2026-11-02T10:00:00Z"))).toBe("2026-10-04");
  });
});
