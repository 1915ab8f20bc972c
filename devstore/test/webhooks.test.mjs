import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { webhookHmac } from '../sign.mjs';
import { RETRY_SECONDS } from '../webhooks.mjs';
import { SHOP, eventually, makeFolder, openApi, post, startApp, startDevstore } from './helpers.mjs';

async function start(t, answer, env = {}) {
  const app = await startApp(t, answer);
  const devstore = await startDevstore(t, { env: { APP_BACKEND_URL: app.url, ...env } });
  devstore.apps.install(devstore.store.defaultShop);
  return { app, devstore, shop: devstore.store.defaultShop };
}

test('a webhook carries every header and the signature of its raw body', async (t) => {
  const { app, devstore, shop } = await start(t);

  const [id] = devstore.webhooks.emit(shop, 'products/update', { id: 1, title: 'Früchte' });
  await devstore.webhooks.settled();

  const [{ headers, body, path: address }] = app.received;
  assert.equal(address, '/webhooks');
  assert.equal(headers['x-shopify-topic'], 'products/update');
  assert.equal(headers['x-shopify-shop-domain'], SHOP);
  assert.equal(headers['x-shopify-api-version'], '2026-07');
  assert.equal(headers['x-shopify-webhook-id'], id);
  assert.match(headers['x-shopify-event-id'], /^[0-9a-f-]{36}$/);
  assert.ok(Math.abs(Date.parse(headers['x-shopify-triggered-at']) - Date.now()) < 60_000);
  assert.equal(headers['x-shopify-hmac-sha256'], webhookHmac(body, 'hush'));
  assert.equal(headers['x-shopify-name'], undefined);
});

/** Nearly the first wait: real time passes too, and a slow machine must not come to the delivery by itself. */
const AHEAD_MS = 9_000;

test('a delivery that keeps failing is tried nine times over four hours with one id, then given up', async (t) => {
  const { app, devstore, shop } = await start(t, () => 500);
  devstore.webhooks.emit(shop, 'orders/create', { id: 1 });

  for (const seconds of RETRY_SECONDS) {
    await devstore.webhooks.settled();
    const tried = app.received.length;
    devstore.clock.set({ advanceMs: seconds * 1000 - AHEAD_MS });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(app.received.length, tried, 'nothing is sent before its time');
    devstore.clock.set({ advanceMs: AHEAD_MS });
    await eventually(() => app.received.length === tried + 1);
  }
  await devstore.webhooks.settled();

  assert.equal(RETRY_SECONDS.length, 8);
  assert.equal(RETRY_SECONDS.reduce((sum, each) => sum + each), 4 * 3600);
  assert.ok(RETRY_SECONDS.every((each, index) => index === 0 || each > RETRY_SECONDS[index - 1]));
  assert.equal(new Set(app.received.map(({ headers }) => headers['x-shopify-webhook-id'])).size, 1);
  assert.equal(new Set(app.received.map(({ body }) => body.toString())).size, 1);
  assert.deepEqual(devstore.webhooks.attempts().map(({ outcome }) => outcome), [...Array(8).fill('RETRYING'), 'GIVEN_UP']);
  assert.deepEqual(devstore.webhooks.pending(), { due: 0, retrying: 0, scheduled: 0 });
});

test('a faster clock retries sooner', async (t) => {
  const { app, devstore, shop } = await start(t, (count) => (count === 1 ? 500 : 200));
  devstore.clock.set({ speed: 1_000 });

  devstore.webhooks.emit(shop, 'orders/create', { id: 1 });

  const begun = Date.now();
  await eventually(() => app.received.length === 2);
  assert.ok(Date.now() - begun < RETRY_SECONDS[0] * 1000);
});

for (const status of [301, 302, 400, 404]) {
  test(`an answer ${status} is a failure`, async (t) => {
    const { devstore, shop } = await start(t, () => status);

    devstore.webhooks.emit(shop, 'orders/create', { id: 1 });
    await devstore.webhooks.settled();

    assert.equal(devstore.webhooks.attempts()[0].outcome, 'RETRYING');
    assert.equal(devstore.webhooks.attempts()[0].status, status);
  });
}

test('an app that does not answer within five seconds has failed', async (t) => {
  const { devstore, shop } = await start(t, () => null);
  const before = Date.now();

  devstore.webhooks.emit(shop, 'orders/create', { id: 1 });
  await devstore.webhooks.settled();

  const [{ error, outcome }] = devstore.webhooks.attempts();
  assert.deepEqual([error, outcome], ['no answer within 5 s', 'RETRYING']);
  assert.ok(Date.now() - before >= 4_900);
});

test('duplicates share the id, reordering turns the order round, drops never arrive', async (t) => {
  const { app, devstore, shop } = await start(t);
  const send = async (...ids) => {
    app.received.length = 0;
    for (const id of ids) devstore.webhooks.emit(shop, 'orders/create', { id });
    await devstore.webhooks.settled();
    return app.received.map((each) => each.payload().id);
  };

  devstore.faults.set({ webhooks: { duplicate: 1 } });
  assert.deepEqual(await send(1), [1, 1]);
  assert.equal(new Set(app.received.map(({ headers }) => headers['x-shopify-webhook-id'])).size, 1);
  devstore.faults.set({ webhooks: { reorder: 2 } });
  assert.deepEqual(await send(2, 3), [3, 2]);
  devstore.faults.set({ webhooks: { drop: 1 } });
  assert.deepEqual(await send(4, 5), [5]);
  assert.equal(devstore.webhooks.attempts().find(({ outcome }) => outcome === 'DROPPED').status, null);
});

test('a burst is sent with few at once', async (t) => {
  let [now, most] = [0, 0];
  const { app, devstore, shop } = await start(t, async () => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now -= 1;
    return 200;
  });

  for (let id = 0; id < 100; id += 1) devstore.webhooks.emit(shop, 'orders/create', { id });
  await devstore.webhooks.settled();

  assert.equal(app.received.length, 100);
  assert.ok(most <= 8, `${most} at once`);
});

test('a shop without the app hears nothing but uninstalls and compliance', async (t) => {
  const app = await startApp(t);
  const devstore = await startDevstore(t, { env: { APP_BACKEND_URL: app.url } });

  const { body } = await post(`${devstore.base}/control/orders`, { lines: [{ product_id: [...devstore.store.defaultShop.products.keys()][2] }] });
  const ids = devstore.webhooks.emit(devstore.store.defaultShop, 'customers/redact', { shop_domain: SHOP });
  await devstore.webhooks.settled();

  assert.ok(body.order.id > 0);
  assert.equal(ids.length, 1);
  assert.deepEqual(app.received.map(({ headers }) => headers['x-shopify-topic']), ['customers/redact']);
});

test('subscriptions of shopify.app.toml decide address, name and fields', async (t) => {
  const toml = path.join(makeFolder(t), 'shopify.app.toml');
  writeFileSync(toml, `
    name = "Tailorbird"
    application_url = "https://example.com/"
    [access_scopes]
    scopes = "read_products"
    [webhooks]
    api_version = "2026-04"
    [[webhooks.subscriptions]]
    topics = ["products/update"]
    uri = "https://example.com/hooks/products"
    name = "products"
    include_fields = ["id", "updated_at"]
  `);
  const { app, devstore, shop } = await start(t, () => 200, { SHOPIFY_APP_TOML: toml });

  devstore.webhooks.emit(shop, 'products/update', { id: 1, title: 'Bowl', updated_at: 'now' });
  const unheard = devstore.webhooks.emit(shop, 'orders/create', { id: 2 });
  await devstore.webhooks.settled();

  assert.deepEqual(unheard, []);
  assert.equal(app.received[0].path, '/hooks/products');
  assert.equal(app.received[0].headers['x-shopify-name'], 'products');
  assert.equal(app.received[0].headers['x-shopify-api-version'], '2026-04');
  assert.deepEqual(app.received[0].payload(), { id: 1, updated_at: 'now' });
});

test('a subscription made through the API delivers, shares the event id, and goes after repeated failure', async (t) => {
  const { app, devstore, shop } = await start(t, (_, req) => (req.url === '/extra' ? 500 : 200));
  const api = await openApi(devstore);
  const create = `mutation($topic: WebhookSubscriptionTopic!, $input: WebhookSubscriptionInput!) {
    webhookSubscriptionCreate(topic: $topic, webhookSubscription: $input) { webhookSubscription { id topic uri } userErrors { field message } } }`;
  const variables = { topic: 'ORDERS_CREATE', input: { uri: `${app.url}/extra` } };

  const made = await api(create, variables);
  const again = await api(create, variables);
  const forbidden = await api(create, { topic: 'INVENTORY_LEVELS_UPDATE', input: { uri: `${app.url}/extra` } });
  await devstore.webhooks.settled();
  app.received.length = 0;
  devstore.webhooks.emit(shop, 'orders/create', { id: 1 });
  await devstore.webhooks.settled();

  assert.equal(made.data.webhookSubscriptionCreate.webhookSubscription.topic, 'ORDERS_CREATE');
  assert.equal(again.data.webhookSubscriptionCreate.userErrors[0].message, 'Address for this topic has already been taken');
  assert.match(forbidden.data.webhookSubscriptionCreate.userErrors[0].message, /read_inventory/);
  assert.deepEqual(app.received.map((each) => each.path).sort(), ['/extra', '/webhooks']);
  assert.equal(new Set(app.received.map(({ headers }) => headers['x-shopify-event-id'])).size, 1);
  for (let retry = 0; retry < RETRY_SECONDS.length; retry += 1) {
    devstore.clock.set({ advanceMs: RETRY_SECONDS[retry] * 1000 });
    await eventually(() => devstore.webhooks.attempts().filter(({ uri }) => uri.endsWith('/extra')).length === retry + 2);
  }
  assert.equal(shop.subscriptions.size, 0);
});
