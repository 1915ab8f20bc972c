import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { aHoldout } from "./fixtures/answers";
import { open, shopSettings, violations } from "./fixtures/pages";

const toast = { show: vi.fn() };

beforeEach(() => {
  toast.show.mockReset();
  vi.stubGlobal("shopify", { toast, app: { extensions: vi.fn().mockResolvedValue([]) }, loading: vi.fn() });
});

afterEach(() => vi.unstubAllGlobals());

const field = () => document.querySelector('s-select[label="Held out"]') as HTMLInputElement;

function choose(value: string): void {
  field().value = value;
  fireEvent.change(field());
}

describe("the holdout", () => {
  test("is off at first, says what it is and what it costs, and offers one to ten percent", async () => {
    const { container } = await open("/settings");

    expect(field()).toHaveAttribute("value", "0");
    expect([...field().children].map((option) => option.getAttribute("value"))).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    expect(screen.getByText(/would have bought the same products without a recommendation/)).toBeInTheDocument();
    expect(screen.getByText(/It costs a little/)).toBeInTheDocument();
    expect(await violations(container)).toEqual([]);
  });

  test("changes only when it is saved", async () => {
    const sent: Record<string, FormDataEntryValue>[] = [];
    await open("/settings", { act: (form) => (sent.push(Object.fromEntries(form)), { ok: true, toast: "5% of your visitors are held out" }) });

    choose("5");
    expect(sent).toEqual([]);
    fireEvent.click(screen.getByText("Save"));

    await waitFor(() => expect(toast.show).toHaveBeenCalledWith("5% of your visitors are held out"));
    expect(sent).toEqual([{ intent: "holdout", percent: "5" }]);
  });

  test("warns that a change begins the measuring anew", async () => {
    await open("/settings", { chosen: () => shopSettings({ holdout: aHoldout({ percent: 5, since: "2026-11-01T10:00:00Z" }) }) });
    expect(screen.queryByText(/begins anew/)).toBeNull();

    choose("10");

    expect(screen.getByText(/begins anew/)).toBeInTheDocument();
    expect(screen.getByText(/Last changed 1 Nov 2026, 10:00/)).toBeInTheDocument();
  });

  test("stays as it was where it could not be changed", async () => {
    await open("/settings", { act: () => ({ ok: false, problem: { code: "down", message: "Please try again.", isTemporary: true } }) });

    choose("5");
    fireEvent.click(screen.getByText("Save"));

    expect(await screen.findByRole("alert")).toHaveTextContent("Please try again.");
  });
});
