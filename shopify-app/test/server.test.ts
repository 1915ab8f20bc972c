// @vitest-environment node
/** The built app behind its own server, with a Django of two answers. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { RouterContextProvider, type ServerBuild } from "react-router";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { handleError } from "../app/entry.server";
import { createAppServer } from "../server/http.js";
import { aModel, aSetup, aShop } from "./fixtures/answers";
import { API_KEY, aToken, SECRET, SHOP } from "./fixtures/tokens";

const ROOT = path.resolve(import.meta.dirname, "..");
const BUILD = path.join(ROOT, ".react-router", "test-build");
const RETRY = "x-shopify-retry-invalid-session-request";

const ANSWERS: Record<string, unknown> = { "/api/shop": aShop(), "/api/setup": aSetup(), "/api/model": aModel() };

let app: string;
let servers: http.Server[] = [];
let lines: string[] = [];

async function listen(server: http.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function aDjango(): http.Server {
  return http.createServer((request, response) => {
    const isKnown = request.headers.authorization?.startsWith("Bearer ");
    response.writeHead(isKnown ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(isKnown ? ANSWERS[request.url ?? ""] : { error: { code: "not_authenticated", message: "No token.", field: null } }));
  });
}

beforeAll(async () => {
  const env = { ...process.env, BUILD_DIRECTORY: path.relative(ROOT, BUILD), NODE_ENV: "production", VITEST: "" };
  execFileSync(path.join(ROOT, "../node_modules/.bin/react-router"), ["build"], { cwd: ROOT, env, stdio: "pipe" });
  const backendUrl = await listen(aDjango());
  vi.stubEnv("BACKEND_URL", backendUrl);
  vi.stubEnv("SHOPIFY_API_KEY", API_KEY);
  vi.stubEnv("SHOPIFY_API_SECRET", SECRET);
  const build = (await import(path.join(BUILD, "server/index.js"))) as ServerBuild;
  app = await listen(createAppServer({ build, clientFolder: path.join(BUILD, "client"), backendUrl, write: (line: string) => void lines.push(line) }));
  // The built app reads its settings once, on its first request.
  await fetch(`${app}/?shop=${SHOP}`, { redirect: "manual" });
}, 60_000);

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(BUILD, { recursive: true, force: true });
  servers = [];
});

beforeEach(() => {
  lines = [];
});

const embedded = async (page = "/") => `${app}${page}?embedded=1&shop=${SHOP}&host=aG9zdA&id_token=${await aToken()}`;

describe("a document", () => {
  test("is rendered for the shop that the token names", async () => {
    const response = await fetch(await embedded("/"));
    const html = await response.text();

    expect(response.status).toBe(200);
    expect(response.headers.get("content-security-policy")).toBe(`frame-ancestors https://${SHOP} https://admin.shopify.com;`);
    expect(response.headers.get("set-cookie")).toBeNull();
    expect(html.replaceAll("<!-- -->", "")).toContain("6 of 6 steps done");
  });

  test("loads App Bridge before any other script, with the key it needs", async () => {
    const html = await (await fetch(await embedded("/model"))).text();

    const scripts = [...html.matchAll(/<script[^>]*src="([^"]+)"/g)].map((match) => match[1]);
    expect(scripts[0]).toBe("https://cdn.shopify.com/shopifycloud/app-bridge.js");
    expect(scripts[1]).toBe("https://cdn.shopify.com/shopifycloud/polaris-1.js");
    expect(html).toContain(`<meta name="shopify-api-key" content="${API_KEY}"/>`);
    expect(html).not.toMatch(/app-bridge\.js"[^>]*(async|defer)/);
    expect(html).not.toContain(SECRET);
  });

  test("without a token is bounced, and the bounce page is App Bridge alone", async () => {
    const bounced = await fetch(`${app}/model?embedded=1&shop=${SHOP}`, { redirect: "manual" });
    const page = await fetch(new URL(bounced.headers.get("location") ?? "", app));

    expect(bounced.status).toBe(302);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain(`data-api-key="${API_KEY}"`);
  });

  test("that doesn't exist is said so inside the app", async () => {
    const response = await fetch(await embedded("/nowhere"));

    expect(response.status).toBe(404);
    expect(await response.text()).toContain("This page doesn&#x27;t exist");
    expect(response.headers.get("content-security-policy")).toContain(SHOP);
  });
});

describe("data", () => {
  test("comes with a token in the header", async () => {
    const response = await fetch(`${app}/model.data`, { headers: { authorization: `Bearer ${await aToken()}` } });

    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.text()).toContain("personal_frequency");
  });

  test.each(["/model.data", "/_root.data", "/_.data", "/nowhere.data"])("of %s is refused without one, to be asked for again", async (page) => {
    const response = await fetch(`${app}${page}`);

    expect(response.status).toBe(401);
    expect(response.headers.get(RETRY)).toBe("1");
    expect(await response.text()).toBe("");
  });

  test("is never posted without a token", async () => {
    const response = await fetch(`${app}/model.data`, { method: "POST", body: new URLSearchParams({ intent: "train" }) });

    expect(response.status).toBe(401);
  });
});

describe("files", () => {
  test("with a hash in their name are kept for ever", async () => {
    const [asset] = readdirSync(path.join(BUILD, "client/assets"));

    const response = await fetch(`${app}/assets/${asset}`);

    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  });

  test.each(["/favicon.ico", "/favicon.svg"])("without one (%s) only for a while", async (file) => {
    const response = await fetch(`${app}${file}`);

    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("public, max-age=3600");
  });

  test("are sent zipped to browsers that can unzip, and not again when unchanged", async () => {
    const asset = readdirSync(path.join(BUILD, "client/assets")).find((name) => name.startsWith("entry.client")) ?? "";
    const ask = (headers: Record<string, string>) => fetch(`${app}/assets/${asset}`, { headers });

    const zipped = await ask({ "accept-encoding": "gzip" });
    const plain = await ask({ "accept-encoding": "identity" });
    const again = await ask({ "if-none-match": plain.headers.get("etag") ?? "" });

    expect(zipped.headers.get("content-encoding")).toBe("gzip");
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(await zipped.text()).toBe(await plain.text());
    expect(again.status).toBe(304);
  });

  test("outlive a build that removes them", async () => {
    const [asset] = readdirSync(path.join(BUILD, "client/assets"));
    const file = path.join(BUILD, "client/assets", asset ?? "");
    renameSync(file, `${file}.gone`);

    const response = await fetch(`${app}/assets/${asset}`);

    renameSync(`${file}.gone`, file);
    expect(response.status).toBe(200);
  });

  test.each(["/assets/../../server/index.js", "/assets/%2e%2e/%2e%2e/server/index.js", "/assets/none.js"])("outside the build (%s) are not files", async (url) => {
    const response = await fetch(`${app}${url}`, { redirect: "manual" });

    expect(response.headers.get("content-type") ?? "").not.toContain("javascript");
    expect(response.status).not.toBe(200);
  });

  test("for the browser hold no secret and no server code", () => {
    const folder = path.join(BUILD, "client/assets");
    const scripts = readdirSync(folder).filter((name) => name.endsWith(".js")).map((name) => readFileSync(path.join(folder, name), "utf8"));

    expect(scripts.length).toBeGreaterThan(3);
    for (const script of scripts) expect(script).not.toMatch(/SHOPIFY_API_SECRET|jwtVerify|BACKEND_URL|localStorage|document\.cookie/);
  });
});

test("Django's paths are handed on", async () => {
  const response = await fetch(`${app}/api/shop`);

  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ error: { code: "not_authenticated" } });
});

test("the process answers for itself", async () => {
  expect(await (await fetch(`${app}/healthz`)).json()).toEqual({ status: "ok" });
});

test("no log line holds a query string or a token", async () => {
  const token = await aToken();
  await (await fetch(`${app}/?embedded=1&shop=${SHOP}&id_token=${token}`)).text();
  await vi.waitFor(() => expect(lines).toHaveLength(1));

  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ event: "http.answered", method: "GET", path: "/", status: 200 });
  expect(lines[0]).not.toContain(token);
  expect(lines[0]).not.toContain("id_token");
});

test("an error is logged by its kind and its places, not by its words", () => {
  const written = vi.spyOn(console, "error").mockReturnValue();
  const request = new Request(`${app}/?id_token=eyJ.1`);

  handleError(new TypeError("Cannot read 'Ada Lovelace' of shpat_1\n  with a second line"), { request, params: {}, context: new RouterContextProvider() });

  const [line] = written.mock.calls[0] as [string];
  written.mockRestore();
  expect(JSON.parse(line)).toMatchObject({ event: "ui.error", path: "/", kind: "TypeError" });
  expect(line).toContain("server.test.ts");
  for (const word of ["Ada", "shpat_1", "second line", "eyJ"]) expect(line).not.toContain(word);
});
