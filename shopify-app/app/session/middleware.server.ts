import { createContext, type MiddlewareFunction } from "react-router";

import type { Settings } from "../settings.server";
import { BOUNCE_PATH, bounce, bouncePage, frameAncestors, isBounceLoop, noticePage, toAdmin } from "./pages.server";
import { BadToken, isShopDomain, type Session, verifyToken } from "./token.server";

export const sessionContext = createContext<Session>();

/** App Bridge fetches a fresh token and repeats the request when it sees this header on a 401. */
const RETRY_HEADER = "X-Shopify-Retry-Invalid-Session-Request";

function bearerOf(request: Request): string | undefined {
  return request.headers.get("authorization")?.match(/^Bearer (.+)$/)?.[1];
}

/** Data requests and form posts are made by script: they can't follow a bounce, but App Bridge can repeat them. */
function isFromScript(request: Request, url: URL): boolean {
  return url.pathname.endsWith(".data") || request.method !== "GET" || request.headers.has("authorization");
}

async function findSession(request: Request, url: URL, known: Settings): Promise<Session | undefined> {
  const token = bearerOf(request) ?? url.searchParams.get("id_token");
  if (!token) return undefined;
  try {
    return await verifyToken(token, known);
  } catch (error) {
    if (error instanceof BadToken) return undefined;
    throw error;
  }
}

function retryLater(): Response {
  return new Response(null, { status: 401, headers: { [RETRY_HEADER]: "1", "Cache-Control": "no-store" } });
}

/** Answer a request that proves nothing about who sent it. */
function withoutSession(request: Request, url: URL, known: Settings, now: number): Response {
  const shop = url.searchParams.get("shop");
  if (url.pathname === BOUNCE_PATH) return bouncePage(url, known);
  if (isFromScript(request, url)) return retryLater();
  if (isBounceLoop(url, now)) {
    return noticePage(
      "We couldn't confirm this page with Shopify",
      "Please reload the page in a minute. If you see this again, tell Tailorbird support that the session check failed: the server's clock or the app's secret may be wrong.",
      401,
      known,
      isShopDomain(shop) ? shop : undefined,
    );
  }
  const isFramed = url.searchParams.get("embedded") === "1" || request.headers.get("sec-fetch-dest") === "iframe";
  if (isFramed) return bounce(url, known, now);
  if (isShopDomain(shop)) return toAdmin(shop, known);
  return noticePage("Open Tailorbird from your Shopify admin", "Tailorbird works inside Shopify: in your admin, choose Apps, then Tailorbird.", 400, known);
}

function withHeaders(response: Response, session: Session, known: Settings): Response {
  response.headers.set("Content-Security-Policy", frameAncestors(session.shop, known.adminUrl));
  response.headers.set("Cache-Control", "no-store");
  // The document's own address holds the token: it must not travel to anybody as a referrer.
  response.headers.set("Referrer-Policy", "strict-origin");
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.append("Link", `<${known.appBridgeUrl}>; rel=preload; as=script, <${known.polarisUrl}>; rel=preload; as=script`);
  return response;
}

/**
 * Return the middleware that lets only requests with a valid session token through.
 *
 * It also answers the bounce page itself: a raw Response from a loader would end in an error boundary.
 */
export function createAuthMiddleware(settings: () => Settings, clock: () => number = Date.now): MiddlewareFunction<Response> {
  return async ({ request, context }, next) => {
    const known = settings();
    const url = new URL(request.url);
    const session = await findSession(request, url, known);
    if (!session || url.pathname === BOUNCE_PATH) return withoutSession(request, url, known, clock());
    context.set(sessionContext, session);
    const response = await next();
    if (session.isRefused) return withoutSession(request, url, known, clock());
    return withHeaders(response, session, known);
  };
}
