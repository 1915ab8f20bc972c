// @vitest-environment node
import { RouterContextProvider } from "react-router";
import { describe, expect, test, vi } from "vitest";

import { createAuthMiddleware, sessionContext } from "../app/session/middleware.server";
import type { Settings } from "../app/settings.server";
import { API_KEY, aToken, anUnsignedToken, SECRET, SHOP } from "./fixtures/tokens";

const NOW = 1_800_000_000_000;
const APP = "https://app.tailorbird.example";
const SETTINGS: Settings = {
  apiKey: API_KEY,
  secrets: [SECRET],
  backendUrl: "http://django.test",
  appUrl: APP,
  adminUrl: "https://admin.shopify.com",
  shopUrl: "https://{shop}",
  appBridgeUrl: "https://cdn.shopify.com/shopifycloud/app-bridge.js",
  polarisUrl: "https://cdn.shopify.com/shopifycloud/polaris-1.js",
};
const RETRY = "X-Shopify-Retry-Invalid-Session-Request";

function visit(path: string, init: RequestInit = {}) {
  const context = new RouterContextProvider();
  const next = vi.fn(async () => new Response("page"));
  const run = createAuthMiddleware(() => SETTINGS, () => NOW);
  const request = new Request(`${APP}${path}`, init);
  const args = { request, context, params: {}, unstable_pattern: "", pattern: "", url: new URL(request.url) };
  const answer = run(args as unknown as Parameters<typeof run>[0], next) as Promise<Response>;
  return { answer, context, next };
}

const embedded = (extra = "") => `/model?embedded=1&shop=${SHOP}&host=aG9zdA${extra}`;

test("a document with a valid token is rendered for its shop", async () => {
  const token = await aToken();

  const { answer, context, next } = visit(embedded(`&id_token=${token}`));
  const response = await answer;

  expect(response.status).toBe(200);
  expect(next).toHaveBeenCalledOnce();
  expect(context.get(sessionContext).shop).toBe(SHOP);
  expect(response.headers.get("content-security-policy")).toBe(`frame-ancestors https://${SHOP} https://admin.shopify.com;`);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("referrer-policy")).toBe("strict-origin");
  expect(response.headers.get("set-cookie")).toBeNull();
});

test("the policy names the shop of the token, not of the address", async () => {
  const token = await aToken();

  const response = await visit(`/?embedded=1&shop=evil.myshopify.com;script-src%20*&id_token=${token}`).answer;

  expect(response.headers.get("content-security-policy")).toBe(`frame-ancestors https://${SHOP} https://admin.shopify.com;`);
});

test("a data request carries its token in a header", async () => {
  const token = await aToken();

  const { answer, next } = visit("/model.data", { headers: { authorization: `Bearer ${token}` } });

  expect((await answer).status).toBe(200);
  expect(next).toHaveBeenCalledOnce();
});

describe("a data request without a valid token is answered 401, to be repeated by App Bridge", () => {
  test.each<[string, () => Promise<RequestInit> | RequestInit, string]>([
    ["no token", () => ({}), "/model.data"],
    ["an expired token", async () => ({ headers: { authorization: `Bearer ${await aToken({ expiresIn: -30 })}` } }), "/model.data"],
    ["a token for another app", async () => ({ headers: { authorization: `Bearer ${await aToken({ aud: "another" })}` } }), "/_.data"],
    ["an unsigned token", () => ({ headers: { authorization: `Bearer ${anUnsignedToken()}` } }), "/model"],
    ["a posted form", () => ({ method: "POST", body: "intent=train" }), "/model"],
  ])("%s", async (_, init, path) => {
    const { answer, next } = visit(path, await init());
    const response = await answer;

    expect(response.status).toBe(401);
    expect(response.headers.get(RETRY)).toBe("1");
    expect(await response.text()).toBe("");
    expect(next).not.toHaveBeenCalled();
  });
});

describe("a document without a valid token is bounced", () => {
  test.each<[string, () => Promise<string> | string]>([
    ["no token", () => ""],
    ["an expired token", async () => `&id_token=${await aToken({ expiresIn: -30 })}`],
    ["a token for another app", async () => `&id_token=${await aToken({ aud: "another" })}`],
    ["an unsigned token", () => `&id_token=${anUnsignedToken()}`],
    ["a token of no shop", async () => `&id_token=${await aToken({ shop: "evil.example" })}`],
  ])("%s", async (_, query) => {
    const { answer, next } = visit(embedded(await query()));
    const response = await answer;

    const location = new URL(response.headers.get("location") ?? "", APP);
    const back = new URL(location.searchParams.get("shopify-reload") ?? "");
    expect(response.status).toBe(302);
    expect(next).not.toHaveBeenCalled();
    expect(location.pathname).toBe("/session-bounce");
    expect(location.searchParams.get("shop")).toBe(SHOP);
    expect(location.searchParams.has("id_token")).toBe(false);
    expect(back.origin + back.pathname).toBe(`${APP}/model`);
    expect(back.searchParams.get("embedded")).toBe("1");
    expect(back.searchParams.has("id_token")).toBe(false);
  });
});

test("a document reloaded in the frame is bounced although its address has lost the shop", async () => {
  const response = await visit("/model", { headers: { "sec-fetch-dest": "iframe" } }).answer;

  expect(response.status).toBe(302);
  expect(response.headers.get("location")).toMatch(/^\/session-bounce\?/);
});

test("the bounce page holds App Bridge and nothing else", async () => {
  const { answer, next } = visit(`/session-bounce?shop=${SHOP}&shopify-reload=${encodeURIComponent(`${APP}/model`)}`);
  const response = await answer;
  const html = await response.text();

  expect(response.status).toBe(200);
  expect(next).not.toHaveBeenCalled();
  expect(html).toContain(`<script data-api-key="${API_KEY}" src="${SETTINGS.appBridgeUrl}"></script>`);
  expect(html.match(/<script/g)).toHaveLength(1);
  expect(response.headers.get("content-security-policy")).toBe(`frame-ancestors https://${SHOP} https://admin.shopify.com;`);
});

test("the bounce page is shown with a token, too", async () => {
  const token = await aToken();

  const { answer, next } = visit(`/session-bounce?id_token=${token}&shopify-reload=${encodeURIComponent(`${APP}/`)}`);

  expect((await answer).status).toBe(200);
  expect(next).not.toHaveBeenCalled();
});

test.each(["https://evil.example/", "javascript:alert(1)", "//evil.example", ""])("App Bridge is never told to take a token to %j", async (address) => {
  const response = await visit(`/session-bounce?shop=${SHOP}&shopify-reload=${encodeURIComponent(address)}`).answer;

  expect(response.status).toBe(400);
  expect(await response.text()).not.toContain("<script");
});

test("an invalid shop never reaches a header", async () => {
  const response = await visit(`/session-bounce?shop=evil.myshopify.com;%20script-src%20*&shopify-reload=${encodeURIComponent(`${APP}/`)}`).answer;

  expect(response.headers.get("content-security-policy")).toBe("frame-ancestors https://admin.shopify.com;");
});

test("a second bounce within seconds ends in a page for people instead of a loop", async () => {
  const response = await visit(embedded(`&bounced=${NOW - 2000}`)).answer;

  expect(response.status).toBe(401);
  expect(await response.text()).toContain("We couldn&#39;t confirm this page with Shopify");
});

test("a bounce of long ago is forgotten", async () => {
  const response = await visit(embedded(`&bounced=${NOW - 60_000}`)).answer;

  expect(response.status).toBe(302);
});

test("a visit outside the admin is sent into it", async () => {
  const response = await visit(`/?shop=${SHOP}`).answer;

  expect(response.status).toBe(302);
  expect(response.headers.get("location")).toBe(`https://${SHOP}/admin/apps/${API_KEY}`);
});

test.each(["/", "/?shop=evil.example", "/?shop=willow.myshopify.com%0d%0aX-Evil:1"])("a visit of %s that names no shop is told where the app lives", async (path) => {
  const response = await visit(path).answer;

  expect(response.status).toBe(400);
  expect(await response.text()).toContain("Open Tailorbird from your Shopify admin");
  expect(response.headers.get("content-security-policy")).toBe("frame-ancestors https://admin.shopify.com;");
});

describe("a token that Django refuses while the page is made", () => {
  async function refusedBy(path: string, init: RequestInit) {
    const context = new RouterContextProvider();
    const run = createAuthMiddleware(() => SETTINGS, () => NOW);
    const request = new Request(`${APP}${path}`, init);
    const args = { request, context, params: {} } as unknown as Parameters<typeof run>[0];
    return run(args, async () => {
      context.get(sessionContext).isRefused = true;
      return new Response("page");
    }) as Promise<Response>;
  }

  test("becomes a 401 that App Bridge repeats", async () => {
    const response = await refusedBy("/model.data", { headers: { authorization: `Bearer ${await aToken()}` } });

    expect(response.status).toBe(401);
    expect(response.headers.get(RETRY)).toBe("1");
  });

  test("becomes a bounce of the document", async () => {
    const response = await refusedBy(embedded(`&id_token=${await aToken()}`), {});

    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toMatch(/^\/session-bounce\?/);
  });
});
