import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { explorationWords } from "../app/lib/exploration";
import { anExploration } from "./fixtures/answers";
import { open, shopSettings, violations } from "./fixtures/pages";

const toast = { show: vi.fn() };

beforeEach(() => {
  toast.show.mockReset();
  vi.stubGlobal("shopify", { toast, app: { extensions: vi.fn().mockResolvedValue([]) }, loading: vi.fn() });
});

afterEach(() => vi.unstubAllGlobals());

const box = () => document.querySelector('s-checkbox[label="Let neighbouring products change places now and then"]') as HTMLInputElement;

function choose(isOn: boolean): void {
  box().checked = isOn;
  fireEvent.change(box());
}

describe("the order by chance", () => {
  test("is off until the merchant agrees, and says what it is for and costs at most", async () => {
    const sent: Record<string, FormDataEntryValue>[] = [];
    let exploration = anExploration();
    const answer = (form: FormData) => {
      sent.push(Object.fromEntries(form));
      exploration = anExploration({ is_on: true, since: "2026-11-01T10:00:00Z" });
      return { ok: true as const, toast: "Neighbouring products change places now and then" };
    };
    const { container } = await open("/settings", { chosen: () => shopSettings({ exploration }), act: answer });
    expect(box()).not.toHaveAttribute("checked");
    expect(box().getAttribute("details")).toContain("It costs at most that: one list of 10 is ordered a little less well.");
    expect(screen.queryByText(/clicked one of two products/)).toBeNull();

    choose(true);

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("Neighbouring products change places now and then"));
    expect(sent).toEqual([{ intent: "exploration", is_on: "true" }]);
    expect(await screen.findByText(/0 of 100 visitors clicked one of two products/)).toBeInTheDocument();
    expect(screen.getByText(/On since 1 Nov 2026, 10:00/)).toBeInTheDocument();
    expect(await violations(container)).toEqual([]);
  });

  test("stays as it was where that could not be saved", async () => {
    await open("/settings", { act: () => ({ ok: false, problem: { code: "down", message: "Please try again.", isTemporary: true } }) });

    choose(true);

    expect(await screen.findByRole("alert")).toHaveTextContent("Please try again.");
    expect(box().checked).toBe(false);
  });
});

const PLACE = { value: 1.5, low: 1.31, high: 1.72 };
const PLACE_WORDS = "The place in front alone brings 1.50 times the clicks of the one behind it (between 1.31 and 1.72 with 95% certainty).";

describe("what it has shown", () => {
  test.each([
    [{ value: 1.3, low: 1.1, high: 1.54 }, "1.30 times as often as its neighbour (between 1.10 and 1.54 with 95% certainty): its order is right."],
    [{ value: 1.3, low: 0.9, high: 1.9 }, "that may still be chance."],
    [{ value: 0.7, low: 0.55, high: 0.9 }, "the other way round they would be clicked more."],
  ])("says whether the order is right: %o", (order, words) => {
    const said = explorationWords(anExploration({ visitors: 140, order, place: PLACE }));

    expect(said).toEqual([expect.stringContaining(words), PLACE_WORDS]);
  });

  test("is nothing while too few clicked, or clicked one side alone", () => {
    expect(explorationWords(anExploration({ visitors: 99 }))).toEqual([expect.stringMatching(/^99 of 100 visitors/)]);
    expect(explorationWords(anExploration({ visitors: 120 }))).toEqual(["Shoppers clicked only one of each two products, so there is nothing to compare."]);
  });
});
