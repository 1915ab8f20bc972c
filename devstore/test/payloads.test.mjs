import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'smol-toml';
import { readFileSync } from 'node:fs';
import { eventually, openApi, post, startApp, startDevstore } from './helpers.mjs';
import { foreignTo, lackingFrom } from './support/samples.mjs';

const TOML = new URL('../../shopify.app.toml', import.meta.url).pathname;
const { webhooks: { api_version: VERSION, subscriptions } } = parse(readFileSync(TOML, 'utf8'));
const TOPICS = subscriptions.flatMap(({ topics = [], compliance_topics: compliance = [] }) => [...topics, ...compliance]);

async function open(t, env = {}) {
  const app = await startApp(t);
  const devstore = await startDevstore(t, { env: { APP_BACKEND_URL: app.url, SHOPIFY_APP_TOML: TOML, ...env } });
  devstore.apps.install(devstore.store.defaultShop, { optionalScopes: ['read_all_orders'] });
  const control = async (name, body) => (await post(`${devstore.base}/control/${name}`, body)).body;
  const heard = async (topic) => {
    const find = () => app.received.filter(({ headers }) => headers['x-shopify-topic'] === topic);
    await eventually(() => find().length > 0);
    return find().at(-1).payload();
  };
  return { app, devstore, shop: devstore.store.defaultShop, control, heard };
}

/** Do each thing in the shop that a topic tells of. */
async function live({ devstore, shop, control }) {
  const [customer] = shop.customers.values();
  const { product } = await control('products', { title: 'Mug', price: '12.50', inventory_quantity: 7 });
  await control('products', { action: 'update', id: product.id, price: '13.00' });
  const { order } = await control('orders', { customer_id: customer.id, lines: [{ product_id: product.id, quantity: 2, properties: { engraving: 'A' } }], attributes: { gift: 'yes' } });
  await control(`orders/${order.id}/refund`, { lines: [{ line_id: order.line_items[0].id, quantity: 1 }] });
  await control(`orders/${order.id}/cancel`, {});
  await control(`orders/${order.id}/delete`, {});
  const { collection } = await control('collections', { title: 'Cups', product_ids: [product.id] });
  await control('collections', { action: 'update', id: collection.id, title: 'Mugs' });
  await control('collections', { action: 'delete', id: collection.id });
  await control('products', { action: 'delete', id: product.id });
  for (const topic of ['customers/data_request', 'customers/redact', 'shop/redact']) await control('compliance', { topic, customer_id: customer.id });
  devstore.bulk.start(shop, '{ products { edges { node { id } } } }', { context: devstore.graphql.contextFor(shop, shop.findInstall('test-client')) });
  await eventually(() => [...shop.bulkOperations.values()].every(({ completedAt }) => completedAt !== null));
  await control('scopes', { revoke: ['read_all_orders'] });
  await control('uninstall', {});
}

for (const level of ['1', '2']) {
  test(`each topic of shopify.app.toml is sent as Shopify's sample shows it, at level ${level} of protected data`, async (t) => {
    const opened = await open(t, { DEVSTORE_PROTECTED_DATA_LEVEL: level });

    await live(opened);

    for (const topic of TOPICS) {
      const payload = await opened.heard(topic);
      assert.deepEqual(foreignTo(VERSION, topic, payload), [], topic);
      assert.deepEqual(lackingFrom(VERSION, topic, payload), [], topic);
    }
  });
}

test('a theme that is published is told as the sample of Shopify shows it, to whom has the scope for it', async (t) => {
  const { app, devstore, control, heard } = await open(t);
  const subscribe = readFileSync(new URL('../../backend/shopify/operations/subscribe_themes_publish.graphql', import.meta.url), 'utf8');
  const ask = async (optionalScopes) => (await openApi(devstore, { optionalScopes }))(subscribe, { uri: `${app.url}/webhooks` });

  const refused = await ask(['read_all_orders']);
  const granted = await ask(['read_themes']);
  await control('theme', { theme: 'Horizon' });

  assert.match(refused.data.webhookSubscriptionCreate.userErrors[0].message, /read_themes/);
  assert.deepEqual(granted.data.webhookSubscriptionCreate.userErrors, []);
  const payload = await heard('themes/publish');
  assert.equal(payload.name, 'Horizon');
  assert.deepEqual(foreignTo(VERSION, 'themes/publish', payload), []);
  assert.deepEqual(lackingFrom(VERSION, 'themes/publish', payload), []);
});

test('a product without counted stock arrives as sold out, and nothing says that it is not', async (t) => {
  const { control, heard } = await open(t);

  await control('products', { title: 'Print at home', tracked: false, inventory_quantity: 40, inventory_policy: 'continue' });

  const { variants: [variant] } = await heard('products/create');
  assert.deepEqual([variant.inventory_quantity, variant.old_inventory_quantity, variant.inventory_policy, variant.inventory_item_id], [0, 0, 'deny', null]);
  assert.equal(Object.hasOwn(variant, 'inventory_management'), false);
});

test('the first 100 variants come in full, all are named, those that changed last first', async (t) => {
  const { devstore, control, heard } = await open(t);
  const variants = Array.from({ length: 150 }, (_, index) => ({ title: `Shade ${index + 1}`, price: '9.50', inventory_quantity: 0 }));
  const { product } = await control('products', { title: 'Paint', variants });
  await heard('products/create');
  const last = devstore.store.defaultShop.findProduct(product.id).variants.at(-1);
  devstore.clock.set({ advanceMs: 60_000 });

  await control('products', { action: 'update', id: product.id, variants: [{ id: last.id, price: '5.00', inventory_quantity: 3 }] });

  const told = await heard('products/update');
  assert.deepEqual(told.variants.map(({ position }) => position), Array.from({ length: 100 }, (_, index) => index + 1));
  assert.equal(told.variant_gids.length, 150);
  assert.equal(told.variant_gids[0].admin_graphql_api_id, `gid://shopify/ProductVariant/${last.id}`);
  assert.match(told.variant_gids[0].updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(told.variant_gids[0].updated_at > told.variant_gids[1].updated_at);
  assert.deepEqual(foreignTo(VERSION, 'products/update', told), []);
});

test('a field of an older version is found foreign, in a list too', () => {
  const variant = { id: 1, inventory_management: 'shopify', price: 9.5 };

  const found = foreignTo(VERSION, 'products/update', { id: 1, variants: [{ id: 2 }, variant] });

  assert.deepEqual(found, ['.variants[].inventory_management is not in the sample', '.variants[].price is number, the sample has string']);
});
