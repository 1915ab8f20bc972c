import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { addressOf, whatWords } from "../app/lib/preview";
import { aPreview } from "./fixtures/answers";
import { OFFLINE, open, violations } from "./fixtures/pages";

beforeEach(() => vi.stubGlobal("shopify", { toast: { show: vi.fn() }, app: { extensions: vi.fn().mockResolvedValue([]) }, loading: vi.fn() }));
afterEach(() => vi.unstubAllGlobals());

function type(tag: string, label: string, value: string): void {
  const field = document.querySelector(`${tag}[label="${label}"]`) as HTMLInputElement;
  field.value = value;
  fireEvent.input(field);
}

describe("the preview", () => {
  test("shows each place with its reason, who chose it, and what fills up", async () => {
    const { container } = await open("/preview");

    const places = within(container.querySelector(".shelf") as HTMLElement).getAllByRole("listitem");
    expect(places.map((place) => place.textContent)).toEqual([
      "1. Linen Notebook£12.00Often bought with Beeswax Candle",
      "2. Glass Bud Vase£9.50Popular nowFills a place that the live version left.",
    ]);
    expect(container.querySelector('s-section[heading="On the page of Beeswax Candle"]')).not.toBeNull();
    expect(screen.getAllByRole("status").at(-1)).toHaveTextContent(
      "For the customer of order #1001, of whom 6 purchases are known: the list is their own.Chosen by version 3.The live version knows too few products that can be bought now, so others fill the rest.",
    );
    expect(await violations(container)).toEqual([]);
  });

  test("is asked for by a product that was searched, and an order", async () => {
    const asked: string[] = [];
    const searched: string[] = [];
    vi.stubGlobal("fetch", vi.fn(async (path: string) => (searched.push(path), Response.json({ products: [{ product_id: 7, title: "Tea cup", image_url: "", is_available: false }] }))));
    const { container } = await open("/preview", { shown: (query) => (asked.push(query.toString()), { ok: true, data: aPreview({ product: null }) }) });

    type("s-search-field", "Product", "tea cup");
    fireEvent.click(await screen.findByText(/Tea cup/));
    type("s-text-field", "Order number", " #1001 ");
    fireEvent.submit(container.querySelector("form") as HTMLFormElement);

    await waitFor(() => expect(asked.at(-1)).toBe("product=7&order=%231001"));
    expect(searched).toEqual(["/api/products?search=tea+cup"]);
  });

  test("says beside its field what is not there", async () => {
    const problem = { code: "unknown_order", message: "No order of your shop has this number.", isTemporary: false, field: "order" };
    const { container } = await open("/preview?order=9", { shown: () => ({ ok: false, problem }) });

    expect(container.querySelector('s-text-field[label="Order number"]')).toHaveAttribute("error", "No order of your shop has this number.");
    expect(container.querySelector('s-text-field[label="Order number"]')).toHaveAttribute("value", "9");
    expect(container.querySelector(".shelf")).toBeNull();
  });

  test("can be tried again when it can't be had", async () => {
    await open("/preview", { shown: () => OFFLINE });

    expect(screen.getByRole("alert")).toHaveTextContent("can't be reached just now");
    expect(screen.getByText("Try now")).toBeInTheDocument();
  });

  test.each([
    [{ is_guest: true, purchases: 0 }, "Order #1001 was placed by a guest, so no earlier purchase is known: this is what anybody sees."],
    [{ purchases: 1, is_personal: false }, "For the customer of order #1001, of whom 1 purchase is known; they did not change this list."],
    [{ purchases: 0 }, "No purchase of the customer of order #1001 is known to the model yet: this is what anybody sees."],
    [{ purchases: 0, order: "" }, "This is what anybody sees of whom no purchase is known."],
    [{ order: "", version_number: null, why_not_model: "" }, "For this customer, of whom 6 purchases are known: the list is their own."],
  ])("says for whom it is", (changes, words) => {
    expect(whatWords(aPreview(changes))[0]).toBe(words);
  });

  test("keeps nothing empty in its address", () => {
    expect(addressOf({ product: "", order: "  ", customer: " 61 " }).toString()).toBe("customer=61");
  });
});
