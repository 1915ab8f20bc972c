import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isAbstractType, isLeafType, isListType, isNonNullType } from 'graphql';
import { test } from 'node:test';
import { eventually, openApi, startApp, startDevstore } from './helpers.mjs';

const RUN = 'mutation($q: String!) { bulkOperationRunQuery(query: $q, groupObjects: false) { bulkOperation { id status } userErrors { field message code } } }';
const READ = 'query($id: ID!) { bulkOperation(id: $id) { id status errorCode objectCount rootObjectCount fileSize url partialDataUrl completedAt } }';
const PRODUCTS = `{ products { edges { node { __typename id title featuredMedia { id preview { image { url } } }
  collections { edges { node { __typename id } } } variants { edges { node { __typename id price } } } } } } }`;
const ORDERS = '{ orders { edges { node { __typename id customer { id } lineItems { edges { node { __typename id quantity product { id } } } } } } } }';

async function open(t, options, env) {
  const devstore = await startDevstore(t, { env });
  const api = await openApi(devstore, options);
  const run = async (query) => (await api(RUN, { q: query })).data.bulkOperationRunQuery;
  const finish = async (query) => {
    const { bulkOperation, userErrors } = await run(query);
    assert.deepEqual(userErrors, []);
    return eventually(async () => {
      const { bulkOperation: found } = (await api(READ, { id: bulkOperation.id })).data;
      return ['CREATED', 'RUNNING', 'CANCELING'].includes(found.status) ? null : found;
    });
  };
  return { devstore, shop: devstore.store.defaultShop, api, run, finish };
}

async function readLines(url) {
  const text = await (await fetch(url)).text();
  return text.trimEnd().split('\n').map((line) => JSON.parse(line));
}

test('every product comes as a line, its collections and variants after it', async (t) => {
  const { shop, finish } = await open(t);

  const operation = await finish(PRODUCTS);
  const lines = await readLines(operation.url);

  const [product] = shop.products.values();
  const variants = [...shop.products.values()].reduce((sum, each) => sum + each.variants.length, 0);
  assert.equal(operation.status, 'COMPLETED');
  assert.equal(operation.objectCount, String(lines.length));
  assert.equal(operation.rootObjectCount, '121');
  assert.equal(lines.length, 121 + 120 + variants);
  assert.equal(lines[0].id, `gid://shopify/Product/${product.id}`);
  assert.match(lines[0].featuredMedia.preview.image.url, /\/cdn\/products\/\d+\.svg$/);
  assert.deepEqual(lines.slice(0, 3).map((line) => [line.__typename, line.__parentId]), [
    ['Product', undefined], ['Collection', lines[0].id], ['ProductVariant', lines[0].id],
  ]);
});

test('order lines follow their order, each naming it', async (t) => {
  const { shop, finish } = await open(t);

  const operation = await finish(ORDERS);
  const lines = await readLines(operation.url);

  let parent = null;
  for (const line of lines) {
    if (line.__typename === 'Order') parent = line.id;
    else assert.equal(line.__parentId, parent);
  }
  const bought = [...shop.orders.values()].reduce((sum, order) => sum + order.lines.length, 0);
  assert.equal(lines.length, shop.orders.size + bought);
});

test('bulk operations obey the 60-day window', async (t) => {
  const { devstore, shop, finish } = await open(t, { optionalScopes: [] });
  const cutoff = devstore.clock.now() - 60 * 86_400_000;

  const { rootObjectCount } = await finish('{ orders { edges { node { id } } } }');

  const visible = [...shop.orders.values()].filter(({ createdAt }) => createdAt >= cutoff).length;
  assert.equal(rootObjectCount, String(visible));
  assert.ok(visible < shop.orders.size);
});

test('a filter narrows a bulk query; an empty result has no address', async (t) => {
  const { finish } = await open(t);

  const one = await finish('{ products(query: "handle:bread-knife") { edges { node { id handle } } } }');
  const none = await finish('{ products(query: "handle:nothing") { edges { node { id } } } }');

  assert.deepEqual((await readLines(one.url)).map(({ handle }) => handle), ['bread-knife']);
  assert.deepEqual([none.status, none.url, none.objectCount], ['COMPLETED', null, '0']);
});

for (const [name, query, message] of [
  ['with an unknown field', '{ products { edges { node { titel } } } }', /Cannot query field "titel"/],
  ['without a connection', '{ shop { name } }', /at least one connection/],
  ['with six connections', `{ ${'abcdef'.split('').map((each) => `${each}: products { edges { node { id } } }`).join(' ')} }`, /more than 5 connections/],
  ['three levels deep', '{ collections { edges { node { id products { edges { node { id variants { edges { node { id } } } } } } } } } }', /nesting depth greater than 2/],
  ['by node', '{ node(id: "gid://shopify/Product/1") { id } }', /top level `node`/],
  ['whose parents have no id', '{ products { edges { node { title variants { edges { node { id } } } } } } }', /must select the 'id' field/],
  ['that is a mutation', 'mutation { metafieldsSet(metafields: []) { userErrors { message } } }', /single query operation/],
  ['that is no GraphQL', 'products please', /Syntax Error/],
]) {
  test(`a bulk query ${name} is refused and nothing runs`, async (t) => {
    const { run, shop } = await open(t);

    const { bulkOperation, userErrors } = await run(query);

    assert.equal(bulkOperation, null);
    assert.equal(userErrors[0].code, 'INVALID');
    assert.match(userErrors[0].message, message);
    assert.equal(shop.bulkOperations.size, 0);
  });
}

test('a bulk query over what the app may not read fails with ACCESS_DENIED', async (t) => {
  const { finish } = await open(t, { scopes: ['read_products'], optionalScopes: [] });

  const operation = await finish(ORDERS);

  assert.deepEqual([operation.status, operation.errorCode, operation.url], ['FAILED', 'ACCESS_DENIED', null]);
});

test('five run at once, a sixth is refused', async (t) => {
  const { devstore, run } = await open(t);
  devstore.faults.set({ bulk: { delay_seconds: 60 } });

  const started = [];
  for (let count = 0; count < 6; count += 1) started.push(await run(ORDERS));

  assert.deepEqual(started.slice(0, 5).map(({ bulkOperation }) => bulkOperation.status), Array(5).fill('CREATED'));
  assert.equal(started[5].userErrors[0].code, 'LIMIT_REACHED');
});

test('an operation can be cancelled before it ends, not after', async (t) => {
  const { devstore, api, run } = await open(t);
  devstore.faults.set({ bulk: { delay_seconds: 60 } });
  const { bulkOperation: { id } } = await run(ORDERS);
  const cancel = 'mutation($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { message } } }';

  const first = (await api(cancel, { id })).data.bulkOperationCancel;
  await eventually(async () => (await api(READ, { id })).data.bulkOperation.status === 'CANCELED');
  const second = (await api(cancel, { id })).data.bulkOperationCancel;
  devstore.clock.set({ advanceMs: 61_000 });

  assert.equal((await api(READ, { id })).data.bulkOperation.status, 'CANCELED');
  assert.equal(first.bulkOperation.status, 'CANCELING');
  assert.equal(second.userErrors.length, 1);
});

test('the end is told by a webhook; a failure that was asked for is told too', async (t) => {
  const app = await startApp(t);
  const { devstore, finish } = await open(t, {}, { APP_BACKEND_URL: app.url });

  const good = await finish(PRODUCTS);
  devstore.faults.set({ bulk: { fail: 1 } });
  t.mock.method(console, 'error', () => {});
  const bad = await finish(PRODUCTS);
  await eventually(() => app.received.length === 2);

  const [first, second] = app.received.map((each) => each.payload());
  assert.equal(app.received[0].headers['x-shopify-topic'], 'bulk_operations/finish');
  assert.deepEqual([first.admin_graphql_api_id, first.status, first.error_code, first.type], [good.id, 'completed', null, 'query']);
  assert.deepEqual([second.admin_graphql_api_id, second.status, second.error_code], [bad.id, 'failed', 'internal_server_error']);
});

test('a result is read with its signature only, for 7 days', async (t) => {
  const { devstore, finish } = await open(t);
  const { url } = await finish(PRODUCTS);
  const forged = new URL(url);
  forged.searchParams.set('expires', String(Number(forged.searchParams.get('expires')) + 1));

  const statuses = [(await fetch(url)).status, (await fetch(url.split('?')[0])).status, (await fetch(forged)).status];
  devstore.clock.set({ advanceMs: 7 * 86_400_000 + 1_000 });
  const late = (await fetch(url)).status;

  assert.deepEqual(statuses, [200, 403, 403]);
  assert.equal(late, 403);
});

test('operations are listed by status, newest first', async (t) => {
  const { devstore, api, run, finish } = await open(t);
  await finish(PRODUCTS);
  devstore.faults.set({ bulk: { delay_seconds: 60 } });
  const { bulkOperation } = await run(ORDERS);

  const { data } = await api('{ bulkOperations(first: 10, query: "status:CREATED operation_type:QUERY") { nodes { id status } } all: bulkOperations(first: 10) { nodes { status } } }');

  assert.deepEqual(data.bulkOperations.nodes, [{ id: bulkOperation.id, status: 'CREATED' }]);
  assert.deepEqual(data.all.nodes.map(({ status }) => status), ['CREATED', 'COMPLETED']);
});

test('a lost address leaves an operation completed and its objects counted', async (t) => {
  const { devstore, finish } = await open(t);
  devstore.faults.set({ bulk: { lose_url: 1 } });

  const lost = await finish(PRODUCTS);
  const next = await finish(PRODUCTS);

  assert.deepEqual([lost.status, lost.url, lost.partialDataUrl, lost.fileSize], ['COMPLETED', null, null, null]);
  assert.deepEqual([lost.objectCount, lost.rootObjectCount], ['507', '121']);
  assert.notEqual(next.url, null);
});

test('a truncated file ends before its counts do, after a whole line', async (t) => {
  const { devstore, finish } = await open(t);
  devstore.faults.set({ bulk: { truncate: 1 } });

  const operation = await finish(PRODUCTS);
  const lines = await readLines(operation.url);

  assert.deepEqual([operation.status, operation.rootObjectCount, operation.objectCount], ['COMPLETED', '121', '507']);
  assert.equal(lines.filter((line) => line.__parentId === undefined).length, 60);
  assert.equal(lines.length, 180);
});

test('a byte that is no UTF-8 spoils one record and no other', async (t) => {
  const { devstore, finish } = await open(t);
  devstore.faults.set({ bulk: { bad_bytes: 1 } });

  const operation = await finish(PRODUCTS);
  const bytes = Buffer.from(await (await fetch(operation.url)).arrayBuffer());

  const lines = bytes.toString('latin1').trimEnd().split('\n').map((line) => Buffer.from(line, 'latin1'));
  const isWhole = (line) => {
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line)) !== null;
    } catch {
      return false;
    }
  };
  assert.equal(operation.status, 'COMPLETED');
  assert.equal(Number(operation.objectCount), lines.length);
  assert.equal(lines.filter((line) => !isWhole(line)).length, 1);
});

test('an operation that is held back knows nothing of what came meanwhile', async (t) => {
  const { devstore, shop, api, run } = await open(t);
  devstore.faults.set({ bulk: { hold_seconds: 60 } });
  const { bulkOperation: { id } } = await run(PRODUCTS);
  const read = async () => (await api(READ, { id })).data.bulkOperation;
  await eventually(async () => (await read()).objectCount === '507');

  devstore.catalog.create(shop, { title: 'Late Comer' });
  const held = await read();
  // The count is told before the file is closed, and the end is held back from then on.
  const ended = await eventually(async () => {
    devstore.clock.set({ advanceMs: 61_000 });
    const now = await read();
    return now.status === 'RUNNING' ? null : now;
  });

  assert.deepEqual([held.status, held.url], ['RUNNING', null]);
  assert.deepEqual([ended.status, ended.rootObjectCount], ['COMPLETED', '121']);
  assert.equal((await readLines(ended.url)).some(({ title }) => title === 'Late Comer'), false);
  assert.equal(shop.products.size, 122);
});

test('an operation that is held back can be cancelled', async (t) => {
  const { devstore, api, run } = await open(t);
  devstore.faults.set({ bulk: { hold_seconds: 60 } });
  const { bulkOperation: { id } } = await run(PRODUCTS);
  await eventually(async () => (await api(READ, { id })).data.bulkOperation.objectCount === '507');

  await api('mutation($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } } }', { id });

  assert.equal(await eventually(async () => {
    devstore.clock.set({ advanceMs: 61_000 });
    const { status } = (await api(READ, { id })).data.bulkOperation;
    return ['RUNNING', 'CANCELING'].includes(status) ? null : status;
  }), 'CANCELED');
});

test('a partial result fails with what was written so far', async (t) => {
  const { devstore, finish } = await open(t);
  devstore.faults.set({ bulk: { partial: 1 } });

  const operation = await finish(PRODUCTS);
  const lines = await readLines(operation.partialDataUrl);

  assert.deepEqual([operation.status, operation.errorCode, operation.url, operation.rootObjectCount], ['FAILED', 'TIMEOUT', null, '60']);
  assert.equal(lines.length, Number(operation.objectCount));
});

test('a start that times out has created its operation, which can be looked up', async (t) => {
  const { devstore, shop, api } = await open(t);
  devstore.faults.set({ bulk: { start_timeout: 1, delay_seconds: 60 }, graphql: { timeout_ms: 0 } });

  await assert.rejects(api(RUN, { q: ORDERS }), /fetch failed/);

  const { data } = await api('{ bulkOperations(first: 1, query: "status:created") { nodes { id query } } currentBulkOperation { id } }');
  const [id] = shop.bulkOperations.keys();
  assert.deepEqual(data.bulkOperations.nodes, [{ id: `gid://shopify/BulkOperation/${id}`, query: ORDERS }]);
  assert.equal(data.currentBulkOperation.id, data.bulkOperations.nodes[0].id);
  assert.equal((await api(RUN, { q: ORDERS })).data.bulkOperationRunQuery.bulkOperation.status, 'CREATED');
});

for (const [fault, code] of [['in_progress', 'OPERATION_IN_PROGRESS'], ['limit_reached', 'LIMIT_REACHED']]) {
  test(`a busy slot answers ${code} and starts nothing`, async (t) => {
    const { devstore, shop, run } = await open(t);
    devstore.faults.set({ bulk: { [fault]: 1 } });

    const refused = await run(PRODUCTS);
    const later = await run(PRODUCTS);

    assert.deepEqual([refused.bulkOperation, refused.userErrors[0].code, refused.userErrors[0].field], [null, code, null]);
    assert.equal(later.bulkOperation.status, 'CREATED');
    assert.equal(shop.bulkOperations.size, 1);
  });
}

test('an operation whose result is gone has expired', async (t) => {
  const { devstore, finish } = await open(t);
  const { id } = await finish(PRODUCTS);

  devstore.clock.set({ advanceMs: 7 * 86_400_000 + 1_000 });
  const fresh = await openApi(devstore);
  const found = (await fresh(READ, { id })).data.bulkOperation;

  assert.deepEqual([found.status, found.url], ['EXPIRED', null]);
  assert.equal((await fresh('query($id: ID!) { node(id: $id) { ... on BulkOperation { status } } }', { id })).data.node.status, 'EXPIRED');
});

const OPERATIONS = path.join(import.meta.dirname, '..', '..', 'backend', 'shopify', 'operations');

/** Return where a value is not what the schema says of its type. */
function faultsOf(schema, type, value, at) {
  if (isNonNullType(type)) return value === null ? [`${at} is null`] : faultsOf(schema, type.ofType, value, at);
  if (value === null) return [];
  if (isListType(type)) return Array.isArray(value) ? value.flatMap((each) => faultsOf(schema, type.ofType, each, `${at}[]`)) : [`${at} is no list`];
  if (isLeafType(type)) return isOf(type, value) ? [] : [`${at} is ${JSON.stringify(value)}, no ${type.name}`];
  const concrete = isAbstractType(type) && value.__typename ? schema.getType(value.__typename) : type;
  return Object.entries(value).filter(([name]) => !name.startsWith('__')).flatMap(([name, child]) => {
    const field = concrete.getFields()[name];
    return field ? faultsOf(schema, field.type, child, `${at}.${name}`) : [`${at}.${name} is unknown`];
  });
}

function isOf(type, value) {
  if (/^(DateTime|Decimal|UnsignedInt64|URL|Money|ID)$/.test(type.name)) return typeof value === 'string' && value !== '';
  try {
    return type.serialize(value) === value;
  } catch {
    return false;
  }
}

for (const name of ['bulk_products', 'bulk_orders']) {
  test(`every line of the app's ${name} is what the schema says`, async (t) => {
    const { devstore, shop, finish } = await open(t);
    const card = [...shop.products.values()].find(({ isGiftCard }) => isGiftCard);
    const order = devstore.orders.place(shop, { lines: [{ variantId: card.variants[0].id, quantity: 2, customAttributes: [{ key: 'to', value: 'Ada' }] }], currency: 'JPY' });
    devstore.orders.cancel(shop, order.id);

    const { url, objectCount } = await finish(readFileSync(path.join(OPERATIONS, `${name}.graphql`), 'utf8').replace(/^#.*$/gm, ''));
    const lines = await readLines(url);

    const { schema } = devstore.graphql;
    const faults = lines.flatMap((line) => faultsOf(schema, schema.getType(line.__typename), line, line.__typename));
    assert.equal(lines.length, Number(objectCount));
    assert.deepEqual([...new Set(faults)], []);
  });
}
