/** The few things we ask of App Bridge. Each does nothing where App Bridge is absent: on the server, or blocked. */

import type { ShopifyGlobal } from "@shopify/app-bridge-types";

export type BlockStatus = "active" | "available" | "unavailable";

function bridge(): ShopifyGlobal | undefined {
  return (globalThis as { shopify?: ShopifyGlobal }).shopify;
}

/** The one thing that a toast can offer. */
export interface ToastAction {
  label: string;
  run: () => void;
}

/** The toast whose offer stands. */
let offering: string | undefined;

export function showToast(message: string): void {
  bridge()?.toast.show(message);
}

/** Show a toast that offers something. It takes the place of the last one that did: what that offered is out of date. */
export function offerInToast(message: string, { label, run }: ToastAction): void {
  const toast = bridge()?.toast;
  if (offering) toast?.hide(offering);
  offering = toast?.show(message, { action: label, onAction: run, duration: 10_000 });
}

export function showLoading(isLoading: boolean): void {
  bridge()?.loading?.(isLoading);
}

/** Let Shopify ask the merchant for one more permission, and tell whether it was given. */
export async function requestScope(scope: string): Promise<boolean> {
  const answer = await bridge()?.scopes?.request([scope]);
  return answer?.result === "granted-all";
}

/**
 * Return whether our theme block is placed in the live theme, could be, or can't be.
 *
 * `undefined` means that Shopify didn't say: outside the admin, or with no theme extension deployed.
 */
export async function findBlockStatus(): Promise<BlockStatus | undefined> {
  const extensions = await bridge()?.app?.extensions?.();
  const blocks = (extensions ?? [])
    .filter((extension) => extension.type === "theme_app_extension")
    .flatMap((extension) => extension.activations)
    .filter((activation) => "status" in activation);
  const statuses = blocks.map((block) => block.status);
  return (["active", "available", "unavailable"] as const).find((status) => statuses.includes(status));
}
