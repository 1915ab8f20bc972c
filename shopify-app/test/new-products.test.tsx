import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { placeSentence } from "../app/lib/blend";
import { aModel, aShop, aVersion } from "./fixtures/answers";
import { everything, open, shopSettings, violations } from "./fixtures/pages";

const toast = { show: vi.fn(), hide: vi.fn() };

beforeEach(() => {
  toast.show.mockReset();
  vi.stubGlobal("shopify", { toast, app: { extensions: vi.fn().mockResolvedValue([]) }, loading: vi.fn() });
});

afterEach(() => vi.unstubAllGlobals());

const box = () => document.querySelector('s-checkbox[label="Show new products"]') as HTMLInputElement;

function choose(isOn: boolean): void {
  box().checked = isOn;
  fireEvent.change(box());
}

describe("the place for new products", () => {
  test("is on until the merchant turns it off, and says what it costs", async () => {
    const sent: Record<string, FormDataEntryValue>[] = [];
    let shop = aShop();
    const answer = (form: FormData) => {
      sent.push(Object.fromEntries(form));
      shop = aShop({ shows_new_products: false });
      return { ok: true as const, toast: "New products get no place of their own" };
    };
    const { container } = await open("/settings", { chosen: () => shopSettings({ shop }), act: answer });
    expect(box()).toHaveAttribute("checked");
    expect(box().getAttribute("details")).toContain("That costs one place of ten.");

    choose(false);

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("New products get no place of their own"));
    expect(sent).toEqual([{ intent: "new-products", shows_new_products: "false" }]);
    await waitFor(() => expect(box().checked).toBe(false));
    expect(await violations(container)).toEqual([]);
  });

  test("goes back to what is stored where it could not be saved", async () => {
    const problem = { code: "backend_unreachable", message: "Tailorbird's service can't be reached just now.", isTemporary: true };
    await open("/settings", { act: () => ({ ok: false, problem }) });

    choose(false);

    expect(await screen.findByRole("alert")).toHaveTextContent("can't be reached just now");
    expect(box().checked).toBe(true);
  });
});

const COLD = { items: 111, customers: 985, recall_at_10: 0, popularity_recall_at_10: 0, recall_with_place_at_10: 0.053, place_ndcg_change: -0.027 };

describe("what the place finds and costs", () => {
  test.each([
    [COLD, "With the last place for a new product they held 5.3% of these purchases instead of 0.0%. All suggestions together matched what customers buy next 2.7% less well."],
    [{ ...COLD, place_ndcg_change: 0.0001 }, "With the last place for a new product they held 5.3% of these purchases instead of 0.0%. All suggestions together matched what customers buy next about as well."],
    [{ ...COLD, recall_with_place_at_10: null, place_ndcg_change: null }, undefined],
  ])("is said as it was measured", (cold, words) => {
    expect(placeSentence(cold)).toBe(words);
  });

  test("stands beside what is found without it", async () => {
    const current = aVersion({ cold: COLD });
    await open("/model/advanced", { load: () => everything({ model: aModel({ current, versions: [current] }) }) });

    expect(screen.getByText(/they held 5.3% of these purchases/)).toBeInTheDocument();
  });
});
