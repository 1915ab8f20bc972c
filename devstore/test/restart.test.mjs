import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Clock } from '../clock.mjs';
import { RETRY_SECONDS } from '../webhooks.mjs';
import { SHOP, callApi, eventually, exchange, makeFolder, openApi, post, refresh, startApp, startDevstore } from './helpers.mjs';

const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';

function ordersFile(t, text = `${HEADER}\n1,22423,CAKESTAND,2,2010-12-01 08:26:00,10,1,UK\n`) {
  const file = path.join(makeFolder(t), 'orders.csv');
  writeFileSync(file, text);
  return file;
}

async function restarted(t, devstore, env) {
  await devstore.close();
  return startDevstore(t, { dataDir: devstore.dataDir, env });
}

test('a restart keeps orders, stock, tokens, metafields and settings', async (t) => {
  const first = await startDevstore(t);
  const shop = first.store.defaultShop;
  const api = await openApi(first);
  const { body: pair } = await exchange(first);
  const product = [...shop.products.values()][2];
  const gid = `gid://shopify/Product/${product.id}`;
  const { body: placed } = await post(`${first.base}/control/orders`, { lines: [{ product_id: product.id, quantity: 2 }] });
  await callApi(first, pair.access_token, 'mutation($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) { userErrors { message } } }', {
    m: [{ ownerId: gid, key: 'decision', value: 'abc' }],
  });
  first.store.change({ type: 'setting.put', shop: SHOP, data: { key: 'blocks', value: ['a'] } });
  const orders = shop.orders.size;

  const second = await restarted(t, first);

  const kept = second.store.defaultShop;
  assert.equal(typeof api, 'function');
  assert.equal(kept.orders.size, orders);
  assert.deepEqual(kept.findOrder(placed.order.id), shop.findOrder(placed.order.id));
  assert.equal(kept.findProduct(product.id).variants[0].inventoryQuantity, product.variants[0].inventoryQuantity - 2);
  assert.equal(second.metafields.read(kept, gid, '$app', 'decision').value, 'abc');
  assert.deepEqual(kept.settings.get('blocks'), ['a']);
  assert.equal((await callApi(second, pair.access_token, '{ shop { name } }')).status, 200);
  assert.equal((await refresh(second, pair.refresh_token)).status, 200);
  assert.ok(second.orders.place(kept, { lines: [{ variantId: product.variants[0].id, quantity: 1 }] }).id > placed.order.id);
});

test('deliveries that were pending go on where they stopped', async (t) => {
  const app = await startApp(t, (count) => (count === 1 ? 500 : 200));
  const env = { APP_BACKEND_URL: app.url };
  const first = await startDevstore(t, { env });
  first.apps.install(first.store.defaultShop);
  first.webhooks.emit(first.store.defaultShop, 'orders/create', { id: 1 });
  await first.webhooks.settled();

  const second = await restarted(t, first, env);
  const pending = second.webhooks.pending();
  second.clock.set({ advanceMs: RETRY_SECONDS[0] * 1000 });
  await eventually(() => app.received.length === 2);
  await second.webhooks.settled();

  assert.deepEqual(pending, { due: 0, retrying: 1, scheduled: 0 });
  assert.equal(app.received[1].headers['x-shopify-webhook-id'], app.received[0].headers['x-shopify-webhook-id']);
  assert.deepEqual(second.webhooks.attempts().map(({ outcome, attempt }) => [outcome, attempt]), [['RETRYING', 1], ['DELIVERED', 2]]);
});

test('a bulk operation that was running is run again', async (t) => {
  const first = await startDevstore(t);
  const api = await openApi(first);
  first.faults.set({ bulk: { delay_seconds: 60 } });
  await api('mutation { bulkOperationRunQuery(query: "{ products { edges { node { id } } } }") { userErrors { message } } }');

  const second = await restarted(t, first);

  const operation = await eventually(() => [...second.store.defaultShop.bulkOperations.values()].find(({ status }) => status === 'COMPLETED'));
  assert.equal(operation.objectCount, 121);
});

test('results that nobody can fetch any more are removed at the next start', async (t) => {
  const first = await startDevstore(t);
  const api = await openApi(first);
  await api('mutation { bulkOperationRunQuery(query: "{ products { edges { node { id } } } }") { userErrors { message } } }');
  await eventually(() => [...first.store.defaultShop.bulkOperations.values()].find(({ status }) => status === 'COMPLETED'));
  writeFileSync(path.join(first.dataDir, 'bulk', 'left-behind.jsonl'), '');

  const second = await restarted(t, first);
  const kept = readdirSync(path.join(second.dataDir, 'bulk'));
  await post(`${second.base}/control/time`, { advance_seconds: 8 * 86_400 });
  const third = await restarted(t, second);

  assert.deepEqual(kept, [[...second.store.defaultShop.bulkOperations.values()][0].file]);
  assert.deepEqual(readdirSync(path.join(third.dataDir, 'bulk')), []);
});

test('a clock that was moved stays moved', async (t) => {
  const first = await startDevstore(t);
  await post(`${first.base}/control/time`, { advance_seconds: 86_400 });

  const second = await restarted(t, first);

  assert.ok(Math.abs(second.clock.offset - 86_400_000) < 1_000);
});

test('a journal line torn by a power cut is dropped, a broken one in the middle stops the start', async (t) => {
  const first = await startDevstore(t);
  const journal = path.join(first.dataDir, 'journal.jsonl');
  first.store.change({ type: 'setting.put', shop: SHOP, data: { key: 'a', value: 1 } });
  await first.close();
  appendFileSync(journal, '{"type":"setting.put","sh');

  const second = await startDevstore(t, { dataDir: first.dataDir });
  second.store.change({ type: 'setting.put', shop: SHOP, data: { key: 'b', value: 2 } });
  await second.close();
  const whole = readFileSync(journal, 'utf8').trimEnd().split('\n');
  appendFileSync(journal, 'nonsense\n{}\n');

  assert.deepEqual(whole.map((line) => JSON.parse(line).data.key), ['a', 'b']);
  await assert.rejects(startDevstore(t, { dataDir: first.dataDir }), /Line 3 of .*journal\.jsonl is not JSON\./);
});

test('the shift of an order file is fixed at the first fill', async (t) => {
  const file = ordersFile(t);
  const now = Date.UTC(2026, 10, 21, 12);
  const first = await startDevstore(t, { env: { DEVSTORE_ORDERS: file }, clock: new Clock(() => now) });
  const createdAt = [...first.store.defaultShop.orders.values()][0].createdAt;
  await first.close();

  const later = new Clock(() => now + 30 * 86_400_000);
  const second = await startDevstore(t, { env: { DEVSTORE_ORDERS: file }, clock: later, dataDir: first.dataDir });

  assert.ok(now - createdAt < 7 * 86_400_000);
  assert.equal([...second.store.defaultShop.orders.values()][0].createdAt, createdAt);
});

test('a data folder opens without the file it was filled from, and refuses another one', async (t) => {
  const first = await startDevstore(t, { env: { DEVSTORE_ORDERS: ordersFile(t) } });

  const second = await restarted(t, first);
  const products = second.store.defaultShop.products.size;
  await second.close();

  assert.equal(products, 1);
  const other = ordersFile(t, `${HEADER}\n1,1,JUG,2,2010-12-01 08:26:00,10,1,UK\n`);
  await assert.rejects(startDevstore(t, { dataDir: first.dataDir, env: { DEVSTORE_ORDERS: other } }), /filled from something else than orders\.csv/);
  await assert.rejects(startDevstore(t, { dataDir: first.dataDir, env: { DEVSTORE_SHOP: 'empty' } }), /filled as "orders", not as "empty"/);
});

test('a shop without orders has products to sell', async (t) => {
  const { store } = await startDevstore(t, { env: { DEVSTORE_SHOP: 'empty' } });

  assert.deepEqual([store.defaultShop.products.size, store.defaultShop.orders.size, store.defaultShop.customers.size], [121, 0, 0]);
});

for (const [kind, count] of [
  ['test_orders', ({ orders }) => [...orders.values()].every((order) => order.test)],
  ['unpublished', ({ products }) => [...products.values()].every((product) => product.status === 'DRAFT' && product.publishedAt === null)],
]) {
  test(`a shop of the kind ${kind} has the usual history, and stays as it is without being named again`, async (t) => {
    const first = await startDevstore(t, { env: { DEVSTORE_SHOP: kind } });
    const shape = ({ products, orders }) => [products.size, orders.size > 2_000];

    assert.deepEqual([shape(first.store.defaultShop), count(first.store.defaultShop)], [[121, true], true]);
    const second = await restarted(t, first);
    assert.deepEqual([shape(second.store.defaultShop), count(second.store.defaultShop)], [[121, true], true]);
  });
}

test('the process says when it is ready and ends on SIGTERM', async (t) => {
  const env = {
    ...process.env, PORT: '0', APP_URL: 'http://127.0.0.1:9', SHOPIFY_API_KEY: 'key', SHOPIFY_API_SECRET: 'hush', DEVSTORE_DATA: makeFolder(t),
  };
  const child = spawn(process.execPath, [path.join(path.dirname(import.meta.dirname), 'bin', 'devstore.mjs')], { env });
  t.after(() => child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
  const line = await new Promise((resolve) => child.stdout.once('data', (data) => resolve(data.toString())));

  const { ready, port } = JSON.parse(line);
  const hidden = await fetch(`http://127.0.0.1:${port}/control/state`);
  child.kill('SIGTERM');

  assert.equal(ready, true);
  assert.equal(hidden.status, 404);
  assert.deepEqual(await ended, [0, null]);
});

test('settings that are missing are named', async (t) => {
  const child = spawn(process.execPath, [path.join(path.dirname(import.meta.dirname), 'bin', 'devstore.mjs')], { env: { PATH: process.env.PATH } });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (data) => (said += data));
  const code = await new Promise((resolve) => child.once('exit', resolve));

  assert.deepEqual([code, said], [2, 'APP_URL is not set.\n']);
});
