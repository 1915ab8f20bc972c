import type { Settings } from "../settings.server";
import { isShopDomain } from "./token.server";

/** Where a document without a valid token is sent; App Bridge brings it back with a fresh one. */
export const BOUNCE_PATH = "/session-bounce";

/** Two bounces within this time mean that fresh tokens don't verify: a wrong secret or a wrong clock. */
const BOUNCE_LOOP_MS = 30_000;

const HTML_ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML_ESCAPES[character] ?? character);
}

/**
 * Return the policy that lets only this shop's admin frame us.
 *
 * @param shop a verified domain, or one that at least has the form of one where the page says nothing about a shop
 */
export function frameAncestors(shop: string | undefined, adminUrl: string): string {
  const ancestors = [shop && `https://${shop}`, adminUrl].filter(Boolean).join(" ");
  return `frame-ancestors ${ancestors};`;
}

function htmlPage(body: string, status: number, policy: string): Response {
  const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Tailorbird</title></head><body>${body}</body></html>`;
  return new Response(page, {
    status,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy,
      "Cache-Control": "no-store",
      "Referrer-Policy": "strict-origin",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

/** A page for people, in the few cases where the app itself can't be shown. Plain HTML: no App Bridge is at hand. */
export function noticePage(heading: string, text: string, status: number, { adminUrl }: Settings, shop?: string): Response {
  const body =
    `<main style="font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1.5rem;color:#303030">` +
    `<h1 style="font-size:1.35rem">${escapeHtml(heading)}</h1><p>${escapeHtml(text)}</p></main>`;
  return htmlPage(body, status, frameAncestors(shop, adminUrl));
}

/** Tell whether an address is ours. App Bridge hands a token to the address in `shopify-reload`. */
function isOurs(address: string | null, url: URL, appUrl: string | undefined): boolean {
  return !!address && URL.canParse(address) && new URL(address).origin === new URL(appUrl ?? url.origin).origin;
}

/** The page that holds App Bridge alone: it fetches a token and reloads the address in `shopify-reload`. */
export function bouncePage(url: URL, settings: Settings): Response {
  const { apiKey, appBridgeUrl, adminUrl, appUrl } = settings;
  const shop = url.searchParams.get("shop");
  if (!isOurs(url.searchParams.get("shopify-reload"), url, appUrl)) {
    return noticePage("Open Tailorbird from your Shopify admin", "This address is not complete.", 400, settings);
  }
  const script = `<script data-api-key="${escapeHtml(apiKey)}" src="${escapeHtml(appBridgeUrl)}"></script>`;
  return htmlPage(script, 200, frameAncestors(isShopDomain(shop) ? shop : undefined, adminUrl));
}

/** Tell whether this document was bounced a moment ago and still has no valid token. */
export function isBounceLoop(url: URL, now: number): boolean {
  const bouncedAt = Number(url.searchParams.get("bounced"));
  return Math.abs(now - bouncedAt) < BOUNCE_LOOP_MS;
}

/** Send a document to the bounce page, which brings it back with a token. */
export function bounce(url: URL, { appUrl }: Settings, now: number): Response {
  const query = new URLSearchParams(url.searchParams);
  for (const name of ["id_token", "bounced", "shopify-reload"]) query.delete(name);
  const back = new URL(url.pathname, appUrl ?? url.origin);
  back.search = query.toString();
  back.searchParams.set("bounced", String(now));
  query.set("shopify-reload", back.toString());
  return new Response(null, {
    status: 302,
    headers: { Location: `${BOUNCE_PATH}?${query}`, "Cache-Control": "no-store" },
  });
}

/** Send a top-level visit into the shop's admin, where the app lives. */
export function toAdmin(shop: string, { shopUrl, apiKey }: Settings): Response {
  const location = `${shopUrl.replace("{shop}", shop)}/admin/apps/${encodeURIComponent(apiKey)}`;
  return new Response(null, { status: 302, headers: { Location: location, "Cache-Control": "no-store" } });
}
