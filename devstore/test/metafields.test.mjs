import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, openApi, startApp, startDevstore } from './helpers.mjs';

const SET = 'mutation($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) { metafields { id namespace key type compareDigest } userErrors { field message code elementIndex } } }';

async function open(t, options, env) {
  const devstore = await startDevstore(t, { env });
  const api = await openApi(devstore, options);
  const shop = devstore.store.defaultShop;
  const products = [...shop.products.keys()].map((id) => `gid://shopify/Product/${id}`);
  const set = async (...inputs) => (await api(SET, { m: inputs })).data.metafieldsSet;
  return { devstore, shop, api, products, set };
}

function recs(ownerId, ids, more = {}) {
  return { ownerId, namespace: '$app', key: 'recs', type: 'list.product_reference', value: JSON.stringify(ids), ...more };
}

test('a product keeps its recommendations in the reserved namespace', async (t) => {
  const { api, products, set, devstore } = await open(t);

  const { metafields, userErrors } = await set(recs(products[0], products.slice(1, 4)));
  const { data } = await api(`query($id: ID!) { product(id: $id) { metafield(namespace: "$app", key: "recs") { value type ownerType references(first: 20) { nodes { ... on Product { id } } } }
    metafields(first: 5, namespace: "$app") { nodes { key } } other: metafield(namespace: "app", key: "recs") { id } } }`, { id: products[0] });

  assert.deepEqual(userErrors, []);
  assert.equal(metafields[0].namespace, `app--${devstore.config.appId}`);
  assert.deepEqual(data.product.metafield.references.nodes, products.slice(1, 4).map((id) => ({ id })));
  assert.deepEqual([data.product.metafield.type, data.product.metafield.ownerType], ['list.product_reference', 'PRODUCT']);
  assert.deepEqual(data.product.metafields.nodes, [{ key: 'recs' }]);
  assert.equal(data.product.other, null);
});

test('25 are written at once, 26 are refused', async (t) => {
  const { products, set, shop } = await open(t);
  const inputs = (count) => products.slice(0, count).map((id) => recs(id, [products[0]]));

  const tooMany = await set(...inputs(26));
  const written = shop.metafields.size;
  const enough = await set(...inputs(25));

  assert.deepEqual(tooMany.userErrors.map(({ code, field }) => [code, field]), [['LESS_THAN_OR_EQUAL_TO', ['metafields']]]);
  assert.equal(written, 0);
  assert.equal(enough.metafields.length, 25);
});

test('one bad metafield stops all of them', async (t) => {
  const { products, set, shop } = await open(t);

  const { metafields, userErrors } = await set(recs(products[0], [products[1]]), recs(products[1], ['gid://shopify/Product/1']));

  assert.deepEqual(metafields, []);
  assert.equal(shop.metafields.size, 0);
  assert.deepEqual(userErrors, [{
    field: ['metafields', '1', 'value'], message: 'Value references product 1, which does not exist.', code: 'INVALID_VALUE', elementIndex: 1,
  }]);
});

for (const [name, change, code] of [
  ['a list that is no JSON', { value: 'gid' }, 'INVALID_VALUE'],
  ['a list of more than 128', { value: JSON.stringify(Array(129).fill('x')) }, 'INVALID_VALUE'],
  ['a reference to another kind', { value: '["gid://shopify/Order/1"]' }, 'INVALID_VALUE'],
  ['an empty value', { value: '' }, 'INVALID_VALUE'],
  ['another type than the definition', { type: 'json', value: '{}' }, 'INVALID_TYPE'],
  ['an unknown type', { key: 'other', type: 'list.dream' }, 'INVALID_TYPE'],
  ['no type at all', { key: 'other', type: undefined }, 'BLANK'],
  ['a text with line breaks', { key: 'decision', type: 'single_line_text_field', value: 'a\nb' }, 'INVALID_VALUE'],
  ['a key of one letter', { key: 'x' }, 'INVALID'],
  ['an owner that does not exist', { ownerId: 'gid://shopify/Product/1' }, 'INVALID'],
  ['the installation of another app', { ownerId: 'gid://shopify/AppInstallation/1' }, 'INVALID'],
]) {
  test(`${name} is refused with ${code}`, async (t) => {
    const { products, set, shop } = await open(t);

    const { userErrors } = await set({ ...recs(products[0], [products[1]]), ...change });

    assert.deepEqual(userErrors.map((error) => error.code), [code]);
    assert.equal(shop.metafields.size, 0);
  });
}

test('the type may be left out where a definition gives it', async (t) => {
  const { products, set } = await open(t);

  const { metafields } = await set(recs(products[0], [products[1]], { type: undefined, namespace: undefined }));

  assert.equal(metafields[0].type, 'list.product_reference');
});

test('a product metafield needs write_products', async (t) => {
  const { products, set, shop } = await open(t, { scopes: ['read_products'], optionalScopes: [] });

  const { userErrors } = await set(recs(products[0], [products[1]]));

  assert.equal(userErrors[0].code, 'APP_NOT_AUTHORIZED');
  assert.equal(shop.metafields.size, 0);
});

test('compare-and-set writes only over what was read', async (t) => {
  const { products, set } = await open(t);
  const first = await set(recs(products[0], [products[1]], { compareDigest: null }));
  const digest = first.metafields[0].compareDigest;

  const second = await set(recs(products[0], [products[2]], { compareDigest: digest }));
  const stale = await set(recs(products[0], [products[3]], { compareDigest: digest }));
  const taken = await set(recs(products[0], [products[3]], { compareDigest: null }));

  assert.equal(second.metafields[0].id, first.metafields[0].id);
  assert.equal(stale.userErrors[0].code, 'STALE_OBJECT');
  assert.equal(taken.userErrors[0].code, 'STALE_OBJECT');
});

test('the installation owns the app-data metafields and takes them along', async (t) => {
  const { api, set, devstore, shop, products } = await open(t);
  const owner = devstore.metafields.installationGid(shop);

  const { userErrors } = await set({ ownerId: owner, namespace: 'home', key: 'products', type: 'list.product_reference', value: JSON.stringify([products[0]]) });
  const { data } = await api('{ currentAppInstallation { id metafield(namespace: "home", key: "products") { value } } }');
  devstore.apps.uninstall(shop);

  assert.deepEqual(userErrors, []);
  assert.deepEqual(data.currentAppInstallation, { id: owner, metafield: { value: JSON.stringify([products[0]]) } });
  assert.deepEqual(shop.metafieldsOf(owner), []);
});

test('deleting tells what was there', async (t) => {
  const { api, products, set, shop } = await open(t);
  await set(recs(products[0], [products[1]]));
  const remove = 'mutation($m: [MetafieldIdentifierInput!]!) { metafieldsDelete(metafields: $m) { deletedMetafields { ownerId key } userErrors { message } } }';

  const { data } = await api(remove, { m: [{ ownerId: products[0], namespace: '$app', key: 'recs' }, { ownerId: products[0], namespace: '$app', key: 'gone' }] });

  assert.deepEqual(data.metafieldsDelete.deletedMetafields, [{ ownerId: products[0], key: 'recs' }, null]);
  assert.deepEqual(shop.metafieldsOf(products[0]), []);
});

test('a write is told back as one products/update for each product, a removal too', async (t) => {
  const app = await startApp(t);
  const { api, devstore, products, set } = await open(t, {}, { APP_BACKEND_URL: app.url });
  const decision = { ownerId: products[0], namespace: '$app', key: 'decision', type: 'single_line_text_field', value: 'd1' };

  const { userErrors } = await set(recs(products[0], [products[1]]), decision, recs(products[2], [products[1]]));
  await eventually(() => app.received.length === 2);
  await api('mutation($m: [MetafieldIdentifierInput!]!) { metafieldsDelete(metafields: $m) { userErrors { message } } }', {
    m: [{ ownerId: products[0], namespace: '$app', key: 'decision' }, { ownerId: products[3], namespace: '$app', key: 'recs' }],
  });
  await eventually(() => app.received.length === 3);
  await devstore.webhooks.settled();

  assert.deepEqual(userErrors, []);
  assert.deepEqual(app.received.map(({ headers }) => headers['x-shopify-topic']), Array(3).fill('products/update'));
  assert.deepEqual(app.received.map((each) => each.payload().admin_graphql_api_id).sort(), [products[0], products[0], products[2]].sort());
  assert.ok(app.received[2].payload().updated_at >= app.received[0].payload().updated_at);
});

test('a refused write and a write on the installation are not told', async (t) => {
  const app = await startApp(t);
  const { devstore, products, set } = await open(t, {}, { APP_BACKEND_URL: app.url });
  const owner = devstore.metafields.installationGid(devstore.store.defaultShop);

  const refused = await set(recs(products[0], ['gid://shopify/Product/1']));
  await set({ ownerId: owner, namespace: '$app', key: 'note', type: 'single_line_text_field', value: 'x' });
  await devstore.webhooks.settled();

  assert.equal(refused.userErrors.length, 1);
  assert.deepEqual(app.received, []);
});
