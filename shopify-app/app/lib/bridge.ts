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

export function showToast(message: string, offer?: ToastAction): void {
  if (offer) bridge()?.toast.show(message, { action: offer.label, onAction: offer.run, duration: 10_000 });
  else bridge()?.toast.show(message);
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
