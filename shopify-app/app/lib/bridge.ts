/** The few things we ask of App Bridge. Each does nothing where App Bridge is absent: on the server, or blocked. */

import type { ShopifyGlobal } from "@shopify/app-bridge-types";

export type BlockStatus = "active" | "available" | "unavailable";
export type Placement = "product" | "home";
export type BlockStatuses = Partial<Record<Placement, BlockStatus>>;

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

/** Show or hide the admin's save bar, which has the buttons of the `ui-save-bar` of this id. */
export function showSaveBar(id: string, isShown: boolean): void {
  const bar = bridge()?.saveBar;
  void (isShown ? bar?.show(id) : bar?.hide(id));
}

/** Let Shopify ask the merchant for one more permission, and tell whether it was given. */
export async function requestScope(scope: string): Promise<boolean> {
  const answer = await bridge()?.scopes?.request([scope]);
  return answer?.result === "granted-all";
}

/** Our blocks by their handles, as the files in `extensions/` are called. */
const PLACEMENTS: Record<string, Placement> = { "product-recommendations": "product", "home-recommendations": "home" };

/**
 * Return of each of our theme blocks whether it is placed in the live theme, could be, or can't be.
 *
 * A block that is left out is one that Shopify said nothing of: outside the admin, or with no theme extension deployed.
 */
export async function findBlockStatuses(): Promise<BlockStatuses> {
  const extensions = await bridge()?.app?.extensions?.();
  const statuses: BlockStatuses = {};
  for (const extension of extensions ?? []) {
    // The types name no discriminant between an app's own extensions and its theme blocks; the handle is what tells ours.
    const activations = extension.activations as readonly { handle?: string; status?: BlockStatus }[];
    for (const { handle, status } of extension.type === "theme_app_extension" ? activations : []) {
      const placement = PLACEMENTS[handle ?? ""];
      if (placement && status) statuses[placement] = status;
    }
  }
  return statuses;
}
