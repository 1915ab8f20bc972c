// @vitest-environment node
import { http, HttpResponse, delay } from "msw";
import { setupServer } from "msw/node";
import { RouterContextProvider } from "react-router";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { act } from "../app/api/actions.server";
import { apiFor, ask } from "../app/api/client.server";
import { orProblem } from "../app/lib/load";
import { loader as activityLoader } from "../app/routes/activity";
import { action as homeAction, loader as homeLoader } from "../app/routes/home";
import { loader as modelLoader } from "../app/routes/model";
import { loader as nowLoader } from "../app/routes/model-now";
import { loader as retrainingLoader } from "../app/routes/model-retraining";
import { loader as settingsLoader } from "../app/routes/settings";
import { sessionContext } from "../app/session/middleware.server";
import type { Session } from "../app/session/token.server";
import { aHoldout, aModel, anActivity, anExploration, aRun, aSettings, aSetup, aShop, aTrigger, aVersion, theResults, theStatuses } from "./fixtures/answers";
import { theRollouts } from "./fixtures/rollouts";
import { SHOP } from "./fixtures/tokens";

const DJANGO = "http://django.test";
const django = setupServer();

beforeAll(() => django.listen({ onUnhandledRequest: "error" }));
afterEach(() => django.resetHandlers());
afterAll(() => django.close());

const aSession = (): Session => ({ shop: SHOP, token: "the-session-token", isRefused: false });

function argsOf(session: Session, request = new Request("https://app.example/")) {
  const context = new RouterContextProvider();
  context.set(sessionContext, session);
  return { context, request, params: {} } as unknown as Parameters<typeof homeLoader>[0] & Parameters<typeof modelLoader>[0] & Parameters<typeof nowLoader>[0] & Parameters<typeof retrainingLoader>[0];
}

function answering({ shop = aShop(), setup = aSetup(), model = aModel() } = {}) {
  return [
    http.get(`${DJANGO}/api/shop`, () => HttpResponse.json(shop)),
    http.get(`${DJANGO}/api/setup`, () => HttpResponse.json(setup)),
    http.get(`${DJANGO}/api/model`, () => HttpResponse.json(model)),
    http.get(`${DJANGO}/api/results`, ({ request }) => HttpResponse.json(theResults({ days: Number(new URL(request.url).searchParams.get("days")) }))),
    http.get(`${DJANGO}/api/rollouts`, () => HttpResponse.json(theRollouts())),
  ];
}

const failing = (path: string, status: number, code = "some_code", message = "Words of Django.") =>
  http.get(`${DJANGO}${path}`, () => HttpResponse.json({ error: { code, message, field: null } }, { status }));

describe("the home page's data", () => {
  test("comes from Django, asked with the session token", async () => {
    const tokens: (string | null)[] = [];
    django.events.on("request:start", ({ request }) => void tokens.push(request.headers.get("authorization")));
    django.use(...answering());

    const { data, init } = await homeLoader(argsOf(aSession()));

    expect(data).toEqual({ ok: true, data: { shop: aShop(), setup: aSetup(), model: aModel(), results: { ok: true, data: theResults() }, rollouts: { ok: true, data: theRollouts() } } });
    expect(init?.status).toBe(200);
    expect(tokens).toEqual(Array(5).fill("Bearer the-session-token"));
    django.events.removeAllListeners();
  });

  test("asks for the shop before anything else, so that a new shop is installed once", async () => {
    const paths: string[] = [];
    let answer: () => void = () => {};
    const isInstalled = new Promise<void>((resolve) => (answer = resolve));
    django.events.on("request:start", ({ request }) => void paths.push(new URL(request.url).pathname));
    django.use(http.get(`${DJANGO}/api/shop`, async () => (await isInstalled, HttpResponse.json(aShop()))), ...answering().slice(1));

    const asked = homeLoader(argsOf(aSession()));
    await vi.waitUntil(() => paths.length > 0, { timeout: 20_000 });
    await delay(10);

    expect(paths).toEqual(["/api/shop"]);
    answer();
    await asked;
    expect(paths).toHaveLength(5);
    django.events.removeAllListeners();
  });

  test.each([
    ["?days=90", 90],
    ["?days=7", 7],
    ["?days=5000", 30],
    ["?days=week", 30],
  ])("is about the time that the address %s asks for", async (query, days) => {
    django.use(...answering());

    const { data } = await homeLoader(argsOf(aSession(), new Request(`https://app.example/${query}`)));

    expect(data).toMatchObject({ data: { results: { ok: true, data: { days } } } });
  });

  test("stands without its results", async () => {
    django.use(failing("/api/results", 503, "down", "The results can't be read."), ...answering());

    const { data, init } = await homeLoader(argsOf(aSession()));

    expect(init?.status).toBe(200);
    expect(data).toMatchObject({ ok: true, data: { results: { ok: false, problem: { message: "The results can't be read." } } } });
  });

  test("stands without its rollouts", async () => {
    django.use(failing("/api/rollouts", 503, "down", "The rollouts can't be read."), ...answering());

    const { data, init } = await homeLoader(argsOf(aSession()));

    expect(init?.status).toBe(200);
    expect(data).toMatchObject({ ok: true, data: { rollouts: { ok: false, problem: { message: "The rollouts can't be read." } } } });
  });

  test.each(["/api/shop", "/api/setup", "/api/model"])("is a problem in Django's words when %s is unavailable", async (path) => {
    django.use(failing(path, 503, "shopify_down", "Shopify does not answer."), ...answering());

    const { data, init } = await homeLoader(argsOf(aSession()));

    expect(data).toEqual({ ok: false, problem: { code: "shopify_down", message: "Shopify does not answer.", isTemporary: true } });
    expect(init?.status).toBe(503);
  });
});

describe("the activity page's data", () => {
  const asking = (asked: URLSearchParams[]) => [
    http.get(`${DJANGO}/api/shop`, () => HttpResponse.json(aShop({ timezone: "Pacific/Auckland" }))),
    http.get(`${DJANGO}/api/activity`, ({ request }) => (asked.push(new URL(request.url).searchParams), HttpResponse.json(anActivity()))),
  ];

  test("is what the address chooses, from the first day on the shop's own clock", async () => {
    vi.useFakeTimers({ now: new Date("2026-11-21T12:00:00Z"), toFake: ["Date"] });
    const asked: URLSearchParams[] = [];
    django.use(...asking(asked));

    await activityLoader(argsOf(aSession(), new Request("https://app.example/activity?kind=SETTINGS&actor=MERCHANT&days=7&before=0192f0a1-0000-7000-8000-0000000000c1")));
    vi.useRealTimers();

    // It is the 22nd already in Auckland.
    expect(Object.fromEntries(asked[0] ?? [])).toEqual({ kind: "SETTINGS", actor: "MERCHANT", since: "2026-11-16", before: "0192f0a1-0000-7000-8000-0000000000c1" });
  });

  test("is everything where the address chooses nothing that is known", async () => {
    const asked: URLSearchParams[] = [];
    django.use(...asking(asked));

    const { data } = await activityLoader(argsOf(aSession(), new Request("https://app.example/activity?kind=toString&days=12")));

    expect([...(asked[0] ?? [])]).toEqual([]);
    expect(data).toMatchObject({ ok: true, data: { activity: anActivity() } });
  });
});

describe("the settings page's data", () => {
  const known = [http.get(`${DJANGO}/api/holdout`, () => HttpResponse.json(aHoldout({ percent: 5 }))), http.get(`${DJANGO}/api/exploration`, () => HttpResponse.json(anExploration({ is_on: true })))];

  test("is the shop, its holdout and its exploration", async () => {
    django.use(...answering(), ...known);

    expect((await settingsLoader(argsOf(aSession()))).data).toEqual({ ok: true, data: { shop: aShop(), holdout: aHoldout({ percent: 5 }), exploration: anExploration({ is_on: true }) } });
  });

  test.each(["/api/holdout", "/api/exploration"])("is a problem when %s is unavailable", async (path) => {
    django.use(http.get(`${DJANGO}${path}`, () => HttpResponse.error()), ...answering(), ...known);

    const { data, init } = await settingsLoader(argsOf(aSession()));

    expect([data.ok, init?.status]).toEqual([false, 503]);
  });
});

describe("the model page's data", () => {
  test("comes from Django", async () => {
    django.use(...answering({ model: aModel({ training: aRun() }) }));

    const { data } = await modelLoader(argsOf(aSession()));

    expect(data).toEqual({ ok: true, data: { shop: aShop(), model: aModel({ training: aRun() }) } });
  });

  test("is a problem in plain words when Django is down", async () => {
    django.use(http.get(`${DJANGO}/api/shop`, () => HttpResponse.error()));

    const { data, init } = await modelLoader(argsOf(aSession()));

    expect(data).toMatchObject({ ok: false, problem: { code: "backend_unreachable", isTemporary: true } });
    expect(init?.status).toBe(503);
  });
});

describe("the data of a part of the model page", () => {
  const retraining = () => [
    http.get(`${DJANGO}/api/triggers`, () => HttpResponse.json({ triggers: [aTrigger()] })),
    http.get(`${DJANGO}/api/triggers/status`, () => HttpResponse.json(theStatuses())),
    http.get(`${DJANGO}/api/model/settings`, () => HttpResponse.json(aSettings())),
  ];

  test("are the rules of the shop", async () => {
    django.use(...retraining());

    expect((await nowLoader(argsOf(aSession()))).data).toEqual({ ok: true, data: aSettings() });
  });

  test("are the triggers, what is watched and the rules", async () => {
    django.use(...retraining());

    expect((await retrainingLoader(argsOf(aSession()))).data).toEqual({ ok: true, data: { triggers: [aTrigger()], watched: theStatuses(), settings: aSettings() } });
  });

  test.each(["/api/triggers", "/api/triggers/status", "/api/model/settings"])("are a problem in Django's words when %s is unavailable", async (path) => {
    django.use(failing(path, 503, "database_down", "Our database does not answer."), ...retraining());

    const { data, init } = await retrainingLoader(argsOf(aSession()));

    expect(data).toEqual({ ok: false, problem: { code: "database_down", message: "Our database does not answer.", isTemporary: true } });
    expect(init?.status).toBe(503);
  });
});

describe("a call to Django", () => {
  test("that takes too long is given up", async () => {
    django.use(http.get(`${DJANGO}/api/shop`, async () => (await delay(500), HttpResponse.json(aShop()))));
    const session = aSession();

    const answer = await ask(session, apiFor(session, { timeoutMs: 30 }).GET("/api/shop"));

    expect(answer).toMatchObject({ ok: false, problem: { code: "backend_slow", isTemporary: true } });
  });

  test("that is refused marks the session, so that App Bridge fetches a fresh token", async () => {
    django.use(failing("/api/shop", 401));
    const session = aSession();

    await ask(session, apiFor(session).GET("/api/shop"));

    expect(session.isRefused).toBe(true);
  });

  test("that answers with a page instead of JSON is our problem, not the merchant's", async () => {
    django.use(http.get(`${DJANGO}/api/shop`, () => new HttpResponse("<h1>Bad gateway</h1>", { status: 502, headers: { "content-type": "text/html" } })));
    const session = aSession();

    const answer = await ask(session, apiFor(session).GET("/api/shop"));

    expect(answer).toMatchObject({ ok: false, problem: { code: "unexpected" } });
  });

  test("never follows a redirect with the token", async () => {
    django.use(http.get(`${DJANGO}/api/shop`, () => HttpResponse.redirect("https://elsewhere.example/", 302)));
    const session = aSession();

    const answer = await ask(session, apiFor(session).GET("/api/shop"));

    expect(answer).toMatchObject({ ok: false, problem: { code: "backend_unreachable" } });
  });
});

function form(fields: Record<string, string>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  return data;
}

const posting = (path: string, status: number, body: object) => http.post(`${DJANGO}${path}`, () => HttpResponse.json(body, { status }));

describe("a button", () => {
  test("starts a training", async () => {
    django.use(posting("/api/training", 202, aRun({ state: "QUEUED" })));

    expect(await act(aSession(), form({ intent: "train" }))).toEqual({ ok: true, toast: "Training started" });
  });

  test("pressed twice is no error", async () => {
    django.use(posting("/api/training", 409, { error: { code: "already_running", message: "A training runs.", field: null } }));

    expect(await act(aSession(), form({ intent: "train" }))).toEqual({ ok: true, toast: "A training is already running" });
  });

  test("that fails says why", async () => {
    django.use(posting("/api/training", 503, { error: { code: "queue_down", message: "The queue is not reachable.", field: null } }));

    expect(await act(aSession(), form({ intent: "train" }))).toEqual({
      ok: false,
      problem: { code: "queue_down", message: "The queue is not reachable.", isTemporary: true },
    });
  });

  test("starts an import", async () => {
    django.use(posting("/api/imports", 202, {}));

    expect(await act(aSession(), form({ intent: "import" }))).toEqual({ ok: true, toast: "Import started" });
  });

  test("puts a version in use, with the reason", async () => {
    const bodies: unknown[] = [];
    const version = aVersion({ number: 4 });
    django.use(http.post(`${DJANGO}/api/model/versions/${version.id}/release`, async ({ request }) => (bodies.push(await request.json()), HttpResponse.json(version))));

    expect(await act(aSession(), form({ intent: "release", version: version.id, reason: "Christmas." }))).toEqual({ ok: true, toast: "Version 4 is in use" });
    expect(bodies).toEqual([{ reason: "Christmas." }]);
  });

  const RULES = { intent: "settings", min_gain_percent: "-2.5", release_without_evidence: "true", cool_down_hours: "48", min_accuracy_percent: "90" };

  test("saves the rules as numbers", async () => {
    const bodies: unknown[] = [];
    django.use(http.put(`${DJANGO}/api/model/settings`, async ({ request }) => (bodies.push(await request.json()), HttpResponse.json(aSettings()))));

    expect(await act(aSession(), form(RULES))).toEqual({ ok: true, toast: "Settings saved" });
    expect(bodies).toEqual([{ min_gain_percent: -2.5, release_without_evidence: true, cool_down_hours: 48, min_accuracy_percent: 90 }]);
  });

  test.each([
    ["5", 5, "5% of your visitors are held out"],
    ["0", 0, "Every visitor sees recommendations"],
  ])("changes the holdout: %s", async (text, percent, toast) => {
    const bodies: unknown[] = [];
    django.use(http.put(`${DJANGO}/api/holdout`, async ({ request }) => (bodies.push(await request.json()), HttpResponse.json(aHoldout({ percent })))));

    expect(await act(aSession(), form({ intent: "holdout", percent: text }))).toEqual({ ok: true, toast });
    expect(bodies).toEqual([{ percent }]);
  });

  test.each([
    ["true", true, "New products get a place"],
    ["false", false, "New products get no place of their own"],
  ])("says whether new products get a place: %s", async (text, isOn, toast) => {
    const bodies: unknown[] = [];
    django.use(http.put(`${DJANGO}/api/shop/settings`, async ({ request }) => (bodies.push(await request.json()), HttpResponse.json({ shows_new_products: isOn }))));

    expect(await act(aSession(), form({ intent: "new-products", shows_new_products: text }))).toEqual({ ok: true, toast });
    expect(bodies).toEqual([{ shows_new_products: isOn }]);
  });

  test.each([
    ["true", true, "Neighbouring products change places now and then"],
    ["false", false, "Every list keeps its order"],
  ])("says whether neighbours change places: %s", async (text, isOn, toast) => {
    const bodies: unknown[] = [];
    django.use(http.put(`${DJANGO}/api/exploration`, async ({ request }) => (bodies.push(await request.json()), HttpResponse.json(anExploration({ is_on: isOn })))));

    expect(await act(aSession(), form({ intent: "exploration", is_on: text }))).toEqual({ ok: true, toast });
    expect(bodies).toEqual([{ is_on: isOn }]);
  });

  test("that is refused for one field names it", async () => {
    django.use(http.put(`${DJANGO}/api/model/settings`, () => HttpResponse.json({ error: { code: "invalid", message: "At most 20.", field: "min_gain_percent" } }, { status: 400 })));

    expect(await act(aSession(), form({ ...RULES, min_gain_percent: "99" }))).toEqual({
      ok: false,
      problem: { code: "invalid", message: "At most 20.", isTemporary: false, field: "min_gain_percent" },
    });
  });

  test("that nobody knows does nothing", async () => {
    expect(await act(aSession(), form({ intent: "erase" }))).toMatchObject({ ok: false, problem: { code: "unknown_intent" } });
  });

  test("tells Django where the theme block is, through the page's own action", async () => {
    const bodies: unknown[] = [];
    django.use(http.post(`${DJANGO}/api/setup/theme-block`, async ({ request }) => (bodies.push(await request.json()), new HttpResponse(null, { status: 204 }))));
    const request = new Request("https://app.example/?index", { method: "POST", body: form({ intent: "theme-block", product: "available", home: "active" }) });

    expect(await homeAction(argsOf(aSession(), request))).toEqual({ ok: true });
    expect(bodies).toEqual([{ product: "available", home: "active" }]);
  });
});

describe("in the browser", () => {
  test("a lost connection is a problem to show, a new object each time", async () => {
    const lose = () => orProblem<{ ok: boolean }>(async () => Promise.reject(new TypeError("Failed to fetch")));

    const [first, second] = [await lose(), await lose()];

    expect(first).toMatchObject({ ok: false, problem: { code: "connection_lost" } });
    expect(first).not.toBe(second);
  });

  test("a redirect stays a redirect", async () => {
    const redirect = new Response(null, { status: 302 });

    await expect(orProblem<{ ok: boolean }>(async () => Promise.reject(redirect))).rejects.toBe(redirect);
  });
});
