// @vitest-environment node
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";

import { createForwarder, FORWARDED_PREFIXES, isForwarded } from "../server/forward.js";

const open: http.Server[] = [];

async function listen(handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler).listen(0, "127.0.0.1");
  open.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function bodyOf(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe("Django's paths are told from the UI's", () => {
  test.each([
    ["/webhooks", true],
    ["/webhooks/compliance", true],
    ["/api/setup", true],
    ["/staff/", true],
    ["/health/ready", true],
    ["/healthz", false],
    ["/apiary", false],
    ["/", false],
    ["/model", false],
    ["/model.data", false],
  ])("%s", (path, expected) => {
    expect(isForwarded(path)).toBe(expected);
  });

  test("as the project's routing says", () => {
    expect(FORWARDED_PREFIXES).toEqual(["/webhooks", "/proxy", "/events", "/auth", "/api", "/staff", "/static", "/health"]);
  });
});

test("a webhook reaches Django byte for byte, with its headers and its path", async () => {
  const seen: { url?: string; headers?: http.IncomingHttpHeaders; body?: Buffer; method?: string } = {};
  const backend = await listen(async (request, response) => {
    Object.assign(seen, { url: request.url, headers: request.headers, method: request.method, body: await bodyOf(request) });
    response.writeHead(401, { "x-answer": "yes", "content-type": "text/plain" }).end("no");
  });
  const edge = await listen(createForwarder(backend));
  const body = Buffer.from([0, 1, 2, 255, 10, 13, 123]);

  const response = await fetch(`${edge}/webhooks?a=%20b&c=d%2Fe`, {
    method: "POST",
    body,
    headers: { "x-shopify-hmac-sha256": "abc=", host: "ignored" },
  });

  expect(response.status).toBe(401);
  expect(response.headers.get("x-answer")).toBe("yes");
  expect(await response.text()).toBe("no");
  expect(seen.method).toBe("POST");
  expect(seen.url).toBe("/webhooks?a=%20b&c=d%2Fe");
  expect(seen.body).toEqual(body);
  expect(seen.headers?.["x-shopify-hmac-sha256"]).toBe("abc=");
  expect(seen.headers?.host).toBe(new URL(edge).host);
  expect(seen.headers?.["x-forwarded-for"]).toBe("127.0.0.1");
  expect(seen.headers?.["x-forwarded-proto"]).toBe("http");
});

test("a redirect is passed on, not followed", async () => {
  const backend = await listen((_, response) => response.writeHead(302, { location: "https://willow.myshopify.com/x" }).end());
  const edge = await listen(createForwarder(backend));

  const response = await fetch(`${edge}/auth/install`, { redirect: "manual" });

  expect(response.status).toBe(302);
  expect(response.headers.get("location")).toBe("https://willow.myshopify.com/x");
});

test("the first bytes arrive before the last are written", async () => {
  let finish = () => {};
  const backend = await listen((_, response) => {
    response.write("first");
    finish = () => response.end("last");
  });
  const edge = await listen(createForwarder(backend));

  const reader = (await fetch(`${edge}/api/x`)).body!.getReader();
  const first = await reader.read();
  finish();
  const last = await reader.read();

  expect(Buffer.from(first.value!).toString()).toBe("first");
  expect(Buffer.from(last.value!).toString()).toBe("last");
});

test("a backend that is down is a 502 in the API's own words", async () => {
  const backend = await listen(() => {});
  open.pop()?.close();
  const edge = await listen(createForwarder(backend));

  const response = await fetch(`${edge}/api/shop`);

  expect(response.status).toBe(502);
  expect(await response.json()).toEqual({ error: { code: "backend_unreachable", message: "Tailorbird's service can't be reached just now.", field: null } });
});

test("a backend that is silent is a 504", async () => {
  const backend = await listen(() => {});
  const edge = await listen(createForwarder(backend, { silenceMs: 40 }));

  const response = await fetch(`${edge}/api/shop`);

  expect(response.status).toBe(504);
});

test("a client that hangs up ends the work behind it", async () => {
  let hasEnded: (value: boolean) => void = () => {};
  const ended = new Promise<boolean>((resolve) => (hasEnded = resolve));
  const abort = new AbortController();
  const backend = await listen((request) => {
    request.on("close", () => hasEnded(true));
    abort.abort();
  });
  const edge = await listen(createForwarder(backend));

  const asked = fetch(`${edge}/api/shop`, { signal: abort.signal }).catch(() => "aborted");

  expect(await asked).toBe("aborted");
  expect(await ended).toBe(true);
});

test("connections to the backend are used again", async () => {
  const sockets = new Set<unknown>();
  const backend = await listen((request, response) => {
    sockets.add(request.socket.remotePort);
    response.end("ok");
  });
  const edge = await listen(createForwarder(backend));

  for (let time = 0; time < 3; time += 1) await (await fetch(`${edge}/api/shop`)).text();

  expect(sockets.size).toBe(1);
});
