/** Events as the real stand-in elements send them: a DOM without the elements would take any name for an event. */
import { act, fireEvent, render, screen } from "@testing-library/react";
import path from "node:path";
import { beforeAll, expect, test, vi } from "vitest";

import { ReleaseBanner } from "../app/components/release";
import type { Release } from "../app/components/release";
import { listen } from "../app/lib/listen";
import { aVersion } from "./fixtures/answers";

beforeAll(async () => {
  // jsdom lacks what the elements use for their looks and for assistive technology; that is the browser tests' business.
  vi.stubGlobal("CSSStyleSheet", class { replaceSync() {} });
  HTMLElement.prototype.attachInternals = () => ({ setFormValue() {} }) as unknown as ElementInternals;
  for (const name of ["content", "actions"]) await import(path.resolve(import.meta.dirname, `../../devstore/stand-ins/polaris/${name}.js`));
});

function dismiss(banner: Element): void {
  act(() => (banner.shadowRoot?.querySelector("button") as HTMLButtonElement).click());
}

function aRelease(changes: Partial<Release> = {}): Release {
  return { dialogId: "d", isBusy: false, problem: undefined, asked: undefined, done: { to: aVersion(), from: null }, ask: vi.fn(), confirm: vi.fn(), undo: vi.fn(), dismiss: vi.fn(), ...changes };
}

test("a dismissed banner tells whoever shows it", () => {
  const release = aRelease();
  const { container } = render(<ReleaseBanner release={release} />);

  dismiss(container.querySelector("s-banner") as Element);

  expect(release.dismiss).toHaveBeenCalledTimes(1);
});

test("the newest listener hears, once, and none after the element is gone", () => {
  const former = vi.fn();
  const newest = vi.fn();
  const { container, rerender, unmount } = render(<s-banner dismissible ref={listen("dismiss", former)} />);
  rerender(<s-banner dismissible ref={listen("dismiss", newest)} />);
  const banner = container.querySelector("s-banner") as Element;

  dismiss(banner);
  unmount();
  fireEvent(banner, new Event("dismiss"));

  expect(former).not.toHaveBeenCalled();
  expect(newest).toHaveBeenCalledTimes(1);
});

test("a click on a real button arrives through React", () => {
  const pressed = vi.fn();
  render(<s-button onClick={pressed}>Train now</s-button>);

  fireEvent.click(screen.getByText("Train now"));

  expect(pressed).toHaveBeenCalledTimes(1);
});
