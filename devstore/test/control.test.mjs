import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHOP, eventually, openApi, post, startApp, startDevstore } from './helpers.mjs';

async function open(t) {
  const app = await startApp(t);
  const devstore = await startDevstore(t, { env: { APP_BACKEND_URL: app.url } });
  devstore.apps.install(devstore.store.defaultShop);
  const control = (name, body) => post(`${devstore.base}/control/${name}`, body);
  const read = async (name) => (await fetch(`${devstore.base}/control/${name}`)).json();
  const heard = async (count) => {
    await eventually(() => app.received.length >= count);
    return app.received.map(({ headers }) => headers['x-shopify-topic']);
  };
  return { app, devstore, shop: devstore.store.defaultShop, control, read, heard };
}

test('the state tells counts, installs, pending webhooks and what the shop began with', async (t) => {
  const { read } = await open(t);

  const state = await read('state');

  assert.equal(state.shops[0].domain, SHOP);
  assert.deepEqual(state.shops[0].counts, { products: 121, collections: 10, customers: 600, orders: state.shops[0].counts.orders, order_lines: state.shops[0].counts.order_lines });
  assert.ok(state.shops[0].counts.orders > 2_000);
  assert.ok(state.shops[0].install.scopes.includes('write_products'));
  assert.deepEqual(state.pending_webhooks, { due: 0, retrying: 0, scheduled: 0 });
  const { orders, order_lines } = state.shops[0].counts;
  assert.deepEqual(state.seeded, { orders, held_back: 0, order_lines, refunded_lines: 0, rejected_rows: {} });
});

test('an order is placed, taken from stock and told, products/update after it', async (t) => {
  const { app, shop, control, heard } = await open(t);
  const [, , product] = shop.products.values();
  const [customer] = shop.customers.values();

  const { status, body } = await control('orders', {
    customer_id: customer.id, attributes: { _tailorbird_5: 'decision' }, lines: [{ product_id: product.id, quantity: 2, properties: { _tailorbird: 'other' } }],
  });
  const topics = await heard(2);

  assert.equal(status, 201);
  assert.deepEqual(topics, ['orders/create', 'products/update']);
  const told = app.received[0].payload();
  assert.deepEqual(told, body.order);
  assert.deepEqual(told.note_attributes, [{ name: '_tailorbird_5', value: 'decision' }]);
  assert.deepEqual(told.line_items[0].properties, [{ name: '_tailorbird', value: 'other' }]);
  assert.deepEqual([told.customer.id, told.customer.email, told.email], [customer.id, null, null]);
  assert.match(told.cart_token, /^[0-9a-f]{32}$/);
  assert.equal(told.total_price, ((product.variants[0].price * 2) / 100).toFixed(2));
  assert.equal(app.received[1].payload().variants[0].inventory_quantity, product.variants[0].inventoryQuantity - 2);
  assert.equal(app.received[0].headers['x-shopify-event-id'], app.received[1].headers['x-shopify-event-id']);
});

for (const [name, body] of [
  ['no lines', { lines: [] }],
  ['an unknown customer', { customer_id: 1, lines: [{ product_id: 8_000_000_001_003 }] }],
  ['no quantity', { lines: [{ product_id: 8_000_000_001_003, quantity: 0 }] }],
  ['more than there is in stock', { lines: [{ product_id: 8_000_000_001_003, quantity: 300 }] }],
  ['a moment that is none', { created_at: 'soon', lines: [{ product_id: 8_000_000_001_003 }] }],
  ['an unknown variant', { lines: [{ variant_id: 1 }] }],
]) {
  test(`an order with ${name} is refused and nothing is told`, async (t) => {
    const { app, devstore, shop, control } = await open(t);
    const before = shop.orders.size;

    const { status } = await control('orders', body);
    await devstore.webhooks.settled();

    assert.equal(status, 422);
    assert.equal(shop.orders.size, before);
    assert.deepEqual(app.received, []);
  });
}

test('orders are refunded, cancelled and deleted with their webhooks', async (t) => {
  const { app, shop, control, heard } = await open(t);
  const order = [...shop.orders.values()].find(({ lines }) => lines[0].quantity === 2);

  await control(`orders/${order.id}/refund`, { lines: [{ line_id: order.lines[0].id, quantity: 1 }] });
  const tooMuch = await control(`orders/${order.id}/refund`, { lines: [{ line_id: order.lines[0].id, quantity: 2 }] });
  await heard(2);
  await control(`orders/${order.id}/cancel`, {});
  await heard(4);
  await control(`orders/${order.id}/delete`, {});
  const topics = await heard(5);

  assert.equal(tooMuch.status, 422);
  assert.deepEqual(topics.slice(0, 2).sort(), ['orders/updated', 'refunds/create']);
  assert.deepEqual(topics.slice(2, 4).sort(), ['orders/cancelled', 'refunds/create']);
  assert.equal(topics[4], 'orders/delete');
  assert.deepEqual(app.received[4].payload(), { id: order.id });
  assert.equal(shop.findOrder(order.id), null);
});

test('products and collections are created, changed and deleted with their webhooks', async (t) => {
  const { app, shop, control, heard } = await open(t);

  const { body: { product } } = await control('products', { title: 'Éclair Tray', price: '12.50', collection_ids: [[...shop.collections.keys()][0]] });
  await heard(2);
  await control('products', { action: 'update', id: product.id, status: 'draft' });
  const { body: { collection } } = await control('collections', { title: 'Sweet Things', product_ids: [product.id] });
  await heard(4);
  await control('products', { action: 'delete', id: product.id });
  await control('collections', { action: 'delete', id: collection.id });
  const topics = await heard(6);

  assert.deepEqual([product.handle, product.variants[0].price], ['eclair-tray', '12.50']);
  assert.deepEqual(topics.slice(0, 2).sort(), ['collections/update', 'products/create']);
  assert.deepEqual(topics.slice(2, 4).sort(), ['collections/create', 'products/update']);
  assert.deepEqual(topics.slice(4).sort(), ['collections/delete', 'products/delete']);
  assert.equal(app.received.find(({ headers }) => headers['x-shopify-topic'] === 'products/update').payload().published_at, null);
  assert.equal(shop.findProduct(product.id), null);
});

test('compliance topics come with what the law names', async (t) => {
  const { app, shop, control, heard } = await open(t);
  const customer = [...shop.customers.values()].find(({ id }) => shop.ordersOf(id).length === 2);
  const orders = shop.ordersOf(customer.id).map(({ id }) => id);

  for (const topic of ['customers/data_request', 'customers/redact', 'shop/redact']) await control('compliance', { topic, customer_id: customer.id });
  await heard(3);

  const payloads = Object.fromEntries(app.received.map((each) => [each.headers['x-shopify-topic'], each.payload()]));
  const person = { id: customer.id, email: customer.email, phone: null };
  assert.ok(app.received.every((each) => each.path === '/webhooks/compliance'));
  assert.deepEqual(payloads['shop/redact'], { shop_id: shop.id, shop_domain: SHOP });
  assert.deepEqual(payloads['customers/redact'], { shop_id: shop.id, shop_domain: SHOP, customer: person, orders_to_redact: orders });
  assert.deepEqual(payloads['customers/data_request'].orders_requested, orders);
});

test('a webhook can be sent on request, with a payload or the newest record', async (t) => {
  const { app, shop, control, heard } = await open(t);

  const { body } = await control('webhook', { topic: 'orders/updated' });
  await control('webhook', { topic: 'products/update', payload: { id: 7 } });
  const unknown = await control('webhook', { topic: 'carts/update' });
  await heard(2);

  assert.equal(body.webhook_ids.length, 1);
  assert.equal(unknown.status, 422);
  const payloads = Object.fromEntries(app.received.map((each) => [each.headers['x-shopify-topic'], each.payload()]));
  assert.equal(payloads['orders/updated'].id, [...shop.orders.keys()].at(-1));
  assert.deepEqual(payloads['products/update'], { id: 7 });
});

test('deliveries are listed by topic', async (t) => {
  const { control, read, devstore } = await open(t);
  await control('webhook', { topic: 'orders/updated' });
  await control('webhook', { topic: 'products/update' });
  await devstore.webhooks.settled();

  const { attempts } = await read('deliveries?topic=products/update');

  assert.deepEqual(attempts.map(({ topic, outcome, attempt, status }) => [topic, outcome, attempt, status]), [['products/update', 'DELIVERED', 1, 200]]);
});

test('faults that do not exist are refused, an empty request clears all', async (t) => {
  const { control, devstore } = await open(t);

  const bad = await Promise.all([{ weather: {} }, { webhooks: { dropp: 1 } }, { graphql: { throttle: 'yes' } }].map((body) => control('faults', body)));
  await control('faults', { graphql: { throttle: 3 } });
  const asked = devstore.faults.graphql.throttle;
  await control('faults', {});

  assert.deepEqual(bad.map(({ status }) => status), [422, 422, 422]);
  assert.equal(asked, 3);
  assert.equal(devstore.faults.graphql.throttle, 0);
});

test('time moves, speeds up and refuses nonsense', async (t) => {
  const { control, devstore } = await open(t);

  const moved = await control('time', { advance_seconds: 3600 });
  const bad = await Promise.all([{ now: 'soon' }, { advance_seconds: -1 }, { speed: 0 }].map((body) => control('time', body)));
  await control('time', { speed: 60 });

  assert.ok(Math.abs(Date.parse(moved.body.now) - Date.now() - 3_600_000) < 60_000);
  assert.deepEqual(bad.map(({ status }) => status), [422, 422, 422]);
  assert.equal(devstore.clock.speed, 60);
});

test('further shops stand apart from the first', async (t) => {
  const { control, devstore } = await open(t);

  const made = await control('shops', { handle: 'oak-lane', kind: 'empty' });
  const again = await control('shops', { handle: 'oak-lane' });

  const other = devstore.store.getShop('oak-lane');
  assert.equal(made.body.domain, 'oak-lane.myshopify.com');
  assert.equal(again.status, 422);
  assert.deepEqual([other.products.size, other.orders.size, other.installs.size], [121, 0, 0]);
  assert.notEqual(other.id, devstore.store.defaultShop.id);
});

test('customers with the most orders come first', async (t) => {
  const { read } = await open(t);

  const { customers } = await read('customers?limit=5');

  assert.equal(customers.length, 5);
  assert.deepEqual(customers.map(({ orders }) => orders), customers.map(({ orders }) => orders).sort((a, b) => b - a));
  assert.ok(customers[0].orders > 5);
});

test('a purge forgets all that happened since the first fill', async (t) => {
  const { control, devstore } = await open(t);
  const before = devstore.store.defaultShop.orders.size;
  await openApi(devstore);
  await control('orders', { lines: [{ product_id: 8_000_000_001_003 }] });
  await control('time', { advance_seconds: 3600 });
  await control('faults', { graphql: { throttle: 1 } });

  const { status } = await control('purge', {});

  const shop = devstore.store.defaultShop;
  assert.equal(status, 200);
  assert.deepEqual([shop.orders.size, shop.installs.size, shop.tokens.size], [before, 0, 0]);
  assert.ok(Math.abs(devstore.clock.offset) < 1_000);
  assert.equal(devstore.faults.graphql.throttle, 0);
  assert.deepEqual(devstore.webhooks.pending(), { due: 0, retrying: 0, scheduled: 0 });
});
