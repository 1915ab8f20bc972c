import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { DataRequests } from "../app/components/data-requests";

const REQUEST = {
  id: "01a2-b3",
  shopify_id: 9999,
  requested_at: "2026-11-21T12:00:00Z",
  due_at: "2026-12-21T12:00:00Z",
  is_overdue: false,
  downloaded_at: null as string | null,
  orders: 2,
  decisions: 14,
};

let requests = [REQUEST];
const asked: string[] = [];
const click = vi.fn();

beforeEach(() => {
  requests = [REQUEST];
  asked.length = 0;
  click.mockClear();
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(click);
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    return path.endsWith("/file") ? new Response("{}") : Response.json({ requests });
  });
  URL.createObjectURL = () => "blob:file";
  URL.revokeObjectURL = () => undefined;
});

afterEach(() => vi.unstubAllGlobals());

test("a customer's request stands there with the day it is due, and its file can be fetched", async () => {
  const { container } = render(<DataRequests timezone="Europe/London" />);
  await screen.findByText("Request 9999");
  expect(container.textContent).toContain("2 orders, 14 recommendations shown");
  expect(container.textContent).toContain("Answer by");
  requests = [{ ...REQUEST, downloaded_at: "2026-11-22T12:00:00Z" }];

  fireEvent.click(container.querySelector("s-button")!);

  await waitFor(() => expect(container.textContent).toContain("Downloaded on"));
  expect(asked).toEqual(["/api/data-requests", "/api/data-requests/01a2-b3/file", "/api/data-requests"]);
  expect(click).toHaveBeenCalledOnce();
});

test("one order and one recommendation are told as one, and each button by its request", async () => {
  requests = [{ ...REQUEST, orders: 1, decisions: 1 }, { ...REQUEST, id: "01a2-b4", shopify_id: 10_000, orders: 0, decisions: 0 }];

  const { container } = render(<DataRequests timezone="Europe/London" />);

  await screen.findByText("1 order, 1 recommendation shown");
  await screen.findByText("0 orders, 0 recommendations shown");
  const names = [...container.querySelectorAll("s-button")].map((button) => button.getAttribute("accessibilitylabel"));
  expect(names).toEqual(["Download the file: Request 9999", "Download the file: Request 10000"]);
});

test("an overdue answer is warned of", async () => {
  requests = [{ ...REQUEST, is_overdue: true }];

  const { container } = render(<DataRequests timezone="Europe/London" />);

  await waitFor(() => expect(container.querySelector('s-banner[tone="critical"]')).toHaveTextContent("marked “Overdue”"));
  expect(container.querySelector("li")).toHaveTextContent(/^Request 9999Overdue/);
});

test("nothing is shown while nobody asked, and a word where it can't be known", async () => {
  requests = [];
  const { container } = render(<DataRequests timezone="Europe/London" />);
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(container.textContent).toBe("");

  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
  const other = render(<DataRequests timezone="Europe/London" />);

  await waitFor(() => expect(other.container.querySelector('s-banner[tone="info"]')).toHaveTextContent("again in a few minutes"));
});
