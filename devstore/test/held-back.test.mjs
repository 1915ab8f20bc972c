/** The newest days of a shop wait until they are released, and then arrive by webhooks, each order once. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { holdBack, holdBackDays } from '../seed/held-back.mjs';
import { makeFolder, post, startApp, startDevstore } from './helpers.mjs';

const FILE = `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1001,22423,CAKESTAND,3,2010-12-01 08:26:00,10,1,UK
1002,22424,TEAPOT,2,2010-12-20 08:26:00,10,1,UK
C1003,22423,CAKESTAND,-1,2010-12-21 08:26:00,10,1,UK
1004,22424,TEAPOT,1,2010-12-22 08:26:00,10,2,UK
`;

async function open(t, days) {
  const file = path.join(makeFolder(t), 'orders.csv');
  writeFileSync(file, FILE);
  const app = await startApp(t);
  const env = { APP_BACKEND_URL: app.url, DEVSTORE_ORDERS: file, DEVSTORE_HOLD_BACK_DAYS: String(days), DEVSTORE_CONTROL: '1' };
  const devstore = await startDevstore(t, { env });
  devstore.apps.install(devstore.store.defaultShop);
  await devstore.webhooks.settled();
  return { app, devstore, env, shop: devstore.store.defaultShop };
}

const named = (shop) => [...shop.orders.values()].map(({ name }) => name).sort();
const told = (app) => app.received.map(({ headers }) => headers['x-shopify-topic']).filter((topic) => /^(orders|refunds)\//.test(topic));

test('a shop stands as it stood before its newest days', async (t) => {
  const { shop } = await open(t, 7);

  assert.deepEqual(named(shop), ['#1001']);
  const [order] = shop.orders.values();
  assert.deepEqual([order.refunds.length, order.lines[0].currentQuantity], [0, 3]);
  assert.equal(order.updatedAt, order.createdAt);
  assert.deepEqual([shop.seeded.orders, shop.seeded.order_lines, shop.seeded.refunded_lines], [3, 3, 1]);
});

test('what is released arrives as it would have: created, refunded, in order and once', async (t) => {
  const { app, devstore, shop } = await open(t, 7);

  const first = await post(`${devstore.base}/control/release`, { most: 1 });
  const rest = await post(`${devstore.base}/control/release`, {});
  const again = await post(`${devstore.base}/control/release`, {});
  await devstore.webhooks.settled();

  assert.deepEqual([first.body, rest.body, again.body], [{ released: 1, left: 2 }, { released: 2, left: 0 }, { released: 0, left: 0 }]);
  assert.deepEqual(named(shop), ['#1001', '#1002', '#1004']);
  assert.deepEqual(told(app).sort(), ['orders/create', 'orders/create', 'orders/updated', 'refunds/create']);
  assert.equal(shop.findOrder([...shop.orders.keys()][0]).lines[0].currentQuantity, 2);
});

test('an order of today takes no number and no id of one that waits', async (t) => {
  const { devstore, shop } = await open(t, 7);
  const waiting = shop.heldBack.map(({ id }) => id);

  const { variants: [variant] } = [...shop.products.values()][0];
  const placed = devstore.orders.place(shop, { lines: [{ variantId: variant.id, quantity: 1 }] });

  assert.ok(!waiting.includes(placed.id));
  assert.equal(placed.name, '#1005');
});

test('a restart goes on with what was not released', async (t) => {
  const { devstore, env } = await open(t, 7);
  await post(`${devstore.base}/control/release`, { most: 2 });
  await devstore.close();

  const second = await startDevstore(t, { dataDir: devstore.dataDir, env });
  const { body } = await post(`${second.base}/control/release`, {});

  assert.deepEqual(body, { released: 1, left: 0 });
  assert.deepEqual(named(second.store.defaultShop), ['#1001', '#1002', '#1004']);
});

test('without days nothing waits', async (t) => {
  const { shop } = await open(t, 0);

  assert.deepEqual(named(shop), ['#1001', '#1002', '#1004']);
  assert.deepEqual(shop.heldBack, []);
});

test('an order that was refunded before and after the moment keeps the first refund', () => {
  const line = { id: 1, quantity: 5, currentQuantity: 1 };
  const refunds = [{ id: 1, createdAt: 20, lines: [{ lineId: 1, quantity: 1 }] }, { id: 2, createdAt: 40, lines: [{ lineId: 1, quantity: 3 }] }];
  const order = { id: 9, createdAt: 10, updatedAt: 40, lines: [line], refunds };

  const { seed, held } = holdBack({ orders: [order] }, 30);

  assert.deepEqual(seed.orders, [{ ...order, updatedAt: 20, refunds: [refunds[0]], lines: [{ ...line, currentQuantity: 4 }] }]);
  assert.deepEqual(held, [order]);
});

test('nothing is held back of a shop that would be none without it, or would hardly notice', () => {
  const day = 24 * 60 * 60 * 1000;
  const shopOf = (days) => ({ orders: Array.from({ length: days }, (_, at) => ({ id: at, createdAt: at * day, refunds: [], lines: [] })) });
  const held = (days, wanted) => holdBackDays(shopOf(days), wanted).held.length;

  assert.equal(held(100, { days: 14, least: 14 }), 14);
  assert.equal(held(100, { days: 14, least: 15 }), 0);
  assert.equal(held(60, { days: 14, least: 14 }), 0);
  assert.equal(held(60, { days: 14, least: 0 }), 14);
  assert.equal(held(0, { days: 14, least: 0 }), 0);
});
