import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAbstractType } from 'graphql';
import { RESOLVERS } from '../gql/execute.mjs';
import { callApi, exchange, openApi, post, startDevstore } from './helpers.mjs';

const DAY = 86_400_000;

async function open(t, options, env) {
  const devstore = await startDevstore(t, { env });
  return { devstore, shop: devstore.store.defaultShop, api: await openApi(devstore, options) };
}

test('every resolver stands for a field of the schema', async (t) => {
  const { graphql } = await startDevstore(t);

  const unknown = Object.entries(RESOLVERS).flatMap(([type, fields]) =>
    Object.keys(fields).filter((field) => !graphql.schema.getType(type)?.getFields()[field]).map((field) => `${type}.${field}`));

  assert.deepEqual(unknown, []);
  assert.deepEqual(Object.keys(RESOLVERS).filter((type) => isAbstractType(graphql.schema.getType(type))), []);
});

test('a field that Shopify does not have is refused', async (t) => {
  const { api } = await open(t);

  const body = await api('{ products(first: 1) { nodes { titel } } }');

  assert.equal(body.errors[0].message, 'Cannot query field "titel" on type "Product". Did you mean "title"?');
  assert.equal(body.data, undefined);
});

test('a field that the devstore does not have is an error, not a null', async (t) => {
  const { api } = await open(t);

  const body = await api('{ shop { name description } }');

  assert.equal(body.errors[0].extensions.code, 'NOT_IMPLEMENTED');
  assert.equal(body.errors[0].message, 'The devstore does not implement Shop.description.');
});

test('a missing or foreign token is answered with 401', async (t) => {
  const devstore = await startDevstore(t);

  const answers = await Promise.all(['', 'shpat_guess'].map((token) => callApi(devstore, token, '{ shop { name } }')));

  assert.deepEqual(answers.map(({ status }) => status), [401, 401]);
});

test('older versions fall forward to the one held, which a header names; later and malformed ones are not there', async (t) => {
  const devstore = await startDevstore(t);
  devstore.apps.install(devstore.store.defaultShop);
  const { body: { access_token: token } } = await exchange(devstore);
  const ask = (version) => callApi(devstore, token, '{ shop { name } }', {}, version);

  const [held, older, later, odd] = await Promise.all(['2026-07', '2025-10', '2026-10', '2026-08'].map(ask));

  assert.deepEqual([held.status, older.status, later.status, odd.status], [200, 200, 404, 404]);
  assert.equal(older.headers.get('x-shopify-api-version'), '2026-07');
});

test('a body without a query is a bad request', async (t) => {
  const devstore = await startDevstore(t);
  devstore.apps.install(devstore.store.defaultShop);
  const { body: { access_token: token } } = await exchange(devstore);
  const address = `${devstore.base}/willow-gifts/admin/api/2026-07/graphql.json`;

  const answer = await post(address, { variables: {} }, { 'X-Shopify-Access-Token': token });
  const broken = await fetch(address, { method: 'POST', body: '{', headers: { 'X-Shopify-Access-Token': token } });

  assert.equal(answer.status, 400);
  const odd = await fetch(address, { method: 'POST', body: 'null', headers: { 'X-Shopify-Access-Token': token } });
  assert.equal(broken.status, 400);
  assert.equal(odd.status, 400);
});

test('pages follow each other without gap or repeat, forwards and backwards', async (t) => {
  const { api, shop } = await open(t);
  const query = 'query($first: Int, $after: String, $last: Int, $before: String, $reverse: Boolean) { products(first: $first, after: $after, last: $last, before: $before, sortKey: TITLE, reverse: $reverse) { nodes { title } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }';
  const collect = async (reverse) => {
    const [titles, pages] = [[], []];
    for (let after = null; ; ) {
      const { products } = (await api(query, { first: 50, after, reverse })).data;
      titles.push(...products.nodes.map(({ title }) => title));
      pages.push(products.pageInfo);
      if (!products.pageInfo.hasNextPage) return { titles, pages };
      after = products.pageInfo.endCursor;
    }
  };

  const { titles, pages } = await collect(false);
  const backwards = await collect(true);
  const { products: before } = (await api(query, { last: 10, before: pages[1].startCursor })).data;

  assert.deepEqual(titles, [...shop.products.values()].map(({ title }) => title).sort((a, b) => (a < b ? -1 : 1)));
  assert.deepEqual(backwards.titles, [...titles].reverse());
  assert.deepEqual(before.nodes.map(({ title }) => title), titles.slice(40, 50));
  assert.equal(before.pageInfo.hasPreviousPage, true);
});

for (const [name, args, message] of [
  ['without a size', '', 'you must provide one of first or last'],
  ['of more than 250', 'first: 251', 'first and last cannot exceed 250'],
  ['after a foreign cursor', 'first: 1, after: "nonsense"', 'Invalid cursor for current pagination sort.'],
]) {
  test(`a page ${name} is refused`, async (t) => {
    const { api } = await open(t);

    const body = await api(`{ products${args ? `(${args})` : ''} { nodes { id } } }`);

    assert.equal(body.errors[0].message, message);
  });
}

test('search finds by date, status and word; an unknown field is named in a warning', async (t) => {
  const { api, shop, devstore } = await open(t);
  const [product] = shop.products.values();
  devstore.catalog.update(shop, product.id, { status: 'DRAFT' });
  const find = async (query) => (await api('query($q: String) { products(first: 250, query: $q) { nodes { id status } } }', { q: query }));
  const count = async (query) => (await find(query)).data.products.nodes.length;
  const now = new Date(devstore.clock.now() - 60_000).toISOString();

  assert.equal(await count('status:draft'), 1);
  assert.equal(await count(`updated_at:>'${now}'`), 1);
  assert.equal(await count(`updated_at:>'${now}' AND status:active`), 0);
  assert.equal(await count('NOT status:draft'), shop.products.size - 1);
  assert.equal(await count('status:draft OR (handle:bread-knife AND vendor:"Willow Gifts")'), 2);
  assert.equal(await count(`id:${product.id}`), 1);
  assert.equal(await count('candle'), [...shop.products.values()].filter(({ title, tags }) => /candle/i.test(title + tags)).length);
  const strange = await find('colour:red');
  assert.equal(strange.data.products.nodes.length, shop.products.size);
  assert.equal(strange.extensions.search[0].warnings[0].field, 'colour');
  assert.match((await find('(status:draft')).errors[0].message, /open parenthesis/);
});

test('without read_products products are denied as documented', async (t) => {
  const { api } = await open(t, { scopes: ['read_orders'], optionalScopes: [] });

  const body = await api('{ products(first: 1) { nodes { id } } shop { name } }');

  assert.equal(body.errors[0].extensions.code, 'ACCESS_DENIED');
  assert.deepEqual(body.errors[0].path, ['products']);
  assert.equal(body.errors[0].extensions.requiredAccess, '`read_products` access scope.');
});

test('writing a resource includes reading it', async (t) => {
  const { api } = await open(t, { scopes: ['write_products'], optionalScopes: [] });

  assert.equal((await api('{ products(first: 1) { nodes { id } } }')).errors, undefined);
});

test('node asks for the scope of what it finds', async (t) => {
  const { api, shop } = await open(t, { scopes: ['read_products'], optionalScopes: [] });
  const order = `gid://shopify/Order/${[...shop.orders.keys()].at(-1)}`;
  const product = `gid://shopify/Product/${[...shop.products.keys()][0]}`;
  const query = 'query($id: ID!) { node(id: $id) { id __typename } }';

  const denied = await api(query, { id: order });
  const found = await api(query, { id: product });

  assert.equal(denied.data.node, null);
  assert.equal(denied.errors[0].extensions.code, 'ACCESS_DENIED');
  assert.deepEqual(found.data.node, { id: product, __typename: 'Product' });
});

test('names and addresses of customers need level 2 of protected data', async (t) => {
  const query = '{ customers(first: 1) { nodes { id numberOfOrders firstName email } } }';
  const atLevelOne = await open(t);
  const atLevelTwo = await open(t, {}, { DEVSTORE_PROTECTED_DATA_LEVEL: '2' });
  const atLevelNone = await open(t);
  atLevelNone.devstore.approvals.set({ protectedDataLevel: 0 });

  const [one, two, none] = await Promise.all([atLevelOne, atLevelTwo, atLevelNone].map(({ api }) => api(query)));

  assert.equal(one.data.customers.nodes[0].email, null);
  assert.equal(one.data.customers.nodes[0].firstName, null);
  assert.match(one.errors[0].message, /not approved to use the (firstName|email) field/);
  assert.match(two.data.customers.nodes[0].email, /@example\.com$/);
  assert.equal(none.data, null);
  assert.match(none.errors[0].message, /^This app is not approved to access the Customer object\. See https:/);
  assert.equal(none.errors[0].extensions.code, 'ACCESS_DENIED');
});

test('orders before the last 60 days are seen with read_all_orders only', async (t) => {
  const { api, shop, devstore } = await open(t, { optionalScopes: [] });
  const cutoff = devstore.clock.now() - 60 * DAY;
  const [oldest] = shop.orders.values();
  const visible = [...shop.orders.values()].filter(({ createdAt }) => createdAt >= cutoff).length;
  const query = 'query($id: ID!) { ordersCount { count } order(id: $id) { id } node(id: $id) { id } }';
  const id = `gid://shopify/Order/${oldest.id}`;

  const within = await api(query, { id });
  devstore.apps.grantScopes(shop, ['read_all_orders']);
  const all = await api(query, { id });

  assert.ok(oldest.createdAt < cutoff);
  assert.deepEqual(within.data, { ordersCount: { count: visible }, order: null, node: null });
  assert.deepEqual(all.data, { ordersCount: { count: shop.orders.size }, order: { id }, node: { id } });
});

test('an order shows what was bought, refunded and carried along', async (t) => {
  const { api, shop, devstore } = await open(t);
  const [, , product] = shop.products.values();
  const [customer] = shop.customers.values();
  const order = devstore.orders.place(shop, {
    lines: [{ variantId: product.variants[0].id, quantity: 3, customAttributes: [{ key: '_tailorbird', value: 'decision' }] }],
    customerId: customer.id, customAttributes: [{ key: '_tailorbird_1', value: 'other' }], cartToken: 'cart', checkoutToken: 'checkout',
  });
  devstore.orders.refund(shop, order.id, [{ lineId: order.lines[0].id, quantity: 1 }]);

  const body = await api(`query($id: ID!) { order(id: $id) { name cartToken checkoutToken test cancelledAt customer { id } customAttributes { key value }
    currentTotalPriceSet { shopMoney { amount currencyCode } } displayFinancialStatus
    refunds(first: 5) { refundLineItems(first: 5) { nodes { quantity lineItem { id } } } }
    lineItems(first: 5) { nodes { quantity currentQuantity customAttributes { key value } product { id } originalUnitPriceSet { shopMoney { amount } } } } } }`, { id: `gid://shopify/Order/${order.id}` });

  assert.equal(body.errors, undefined);
  const found = body.data.order;
  const price = product.variants[0].price;
  assert.deepEqual(found.customAttributes, [{ key: '_tailorbird_1', value: 'other' }]);
  assert.deepEqual([found.cartToken, found.checkoutToken, found.test, found.cancelledAt], ['cart', 'checkout', false, null]);
  assert.equal(found.customer.id, `gid://shopify/Customer/${customer.id}`);
  assert.equal(found.displayFinancialStatus, 'PARTIALLY_REFUNDED');
  assert.deepEqual(found.currentTotalPriceSet.shopMoney, { amount: ((price * 2) / 100).toFixed(2), currencyCode: 'GBP' });
  assert.deepEqual(found.lineItems.nodes[0], {
    quantity: 3, currentQuantity: 2, customAttributes: [{ key: '_tailorbird', value: 'decision' }],
    product: { id: `gid://shopify/Product/${product.id}` }, originalUnitPriceSet: { shopMoney: { amount: (price / 100).toFixed(2) } },
  });
  assert.equal(found.refunds[0].refundLineItems.nodes[0].quantity, 1);
});

test('an order tells every amount in the shop\'s currency and in what was paid', async (t) => {
  const { api, shop, devstore } = await open(t);
  const product = [...shop.products.values()].find(({ variants }) => variants[0].inventoryQuantity > 5);
  const [variant] = product.variants;
  const order = devstore.orders.place(shop, { lines: [{ variantId: variant.id, quantity: 2 }], currency: 'EUR', locale: 'fr' });
  devstore.orders.refund(shop, order.id, [{ lineId: order.lines[0].id, quantity: 1 }]);
  const both = '{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }';

  const { data, errors } = await api(`query($id: ID!) { order(id: $id) { currencyCode presentmentCurrencyCode customerLocale totalPriceSet ${both}
    lineItems(first: 1) { nodes { originalUnitPriceSet ${both} } } refunds { totalRefundedSet ${both} refundLineItems(first: 1) { nodes { subtotalSet ${both} lineItem { discountedTotalSet ${both} } } } } }
    shop { enabledPresentmentCurrencies } }`, { id: `gid://shopify/Order/${order.id}` });

  const amounts = (hundredths) => ({
    shopMoney: { amount: (hundredths / 100).toFixed(2), currencyCode: 'GBP' },
    presentmentMoney: { amount: (Math.round(hundredths * 1.17) / 100).toFixed(2), currencyCode: 'EUR' },
  });
  const { order: found } = data;
  assert.equal(errors, undefined);
  assert.deepEqual([found.currencyCode, found.presentmentCurrencyCode, found.customerLocale], ['GBP', 'EUR', 'fr']);
  assert.deepEqual(found.totalPriceSet, amounts(variant.price * 2));
  assert.deepEqual(found.lineItems.nodes[0].originalUnitPriceSet, amounts(variant.price));
  assert.deepEqual(found.refunds[0].totalRefundedSet, amounts(variant.price));
  assert.deepEqual(found.refunds[0].refundLineItems.nodes[0].subtotalSet, amounts(variant.price));
  assert.deepEqual(found.refunds[0].refundLineItems.nodes[0].lineItem.discountedTotalSet, amounts(variant.price * 2));
  assert.deepEqual(data.shop.enabledPresentmentCurrencies, ['GBP', 'EUR', 'USD', 'JPY']);
});

test('what a query asks and what it used are both told', async (t) => {
  const { api, devstore } = await open(t);
  // Points come back with time: on a slow machine some would before the answer.
  const stopped = Date.now();
  t.mock.method(devstore.clock, 'wall', () => stopped);

  const { extensions } = await api('{ products(first: 100, query: "handle:bread-knife") { edges { node { id variants(first: 5) { nodes { id } } } } pageInfo { hasNextPage } } shop { name } }');

  assert.equal(extensions.cost.requestedQueryCost, 601);
  assert.equal(extensions.cost.actualQueryCost, 3);
  assert.equal(extensions.cost.throttleStatus.maximumAvailable, 2000);
  assert.equal(extensions.cost.throttleStatus.restoreRate, 100);
  assert.equal(extensions.cost.throttleStatus.currentlyAvailable, 1997);
});

test('a query of more than 1000 points is refused on any plan', async (t) => {
  const { api } = await open(t, {}, { DEVSTORE_PLAN: 'plus' });

  const body = await api('{ products(first: 250) { nodes { id variants(first: 10) { nodes { id } } } } }');

  assert.equal(body.errors[0].extensions.code, 'MAX_COST_EXCEEDED');
  assert.equal(body.errors[0].extensions.cost, 2750);
  assert.equal(body.data, undefined);
});

test('an empty bucket throttles with HTTP 200 and fills again by the plan', async (t) => {
  const { devstore, api, shop } = await open(t);
  const bucket = devstore.graphql.bucketOf(shop, shop.findInstall('test-client'));
  bucket.take(1990);

  const refused = await api('{ products(first: 50) { nodes { id } } }');
  bucket.giveBack(100);
  const served = await api('{ products(first: 50) { nodes { id } } }');

  assert.equal(refused.errors[0].extensions.code, 'THROTTLED');
  assert.equal(refused.extensions.cost.requestedQueryCost, 50);
  assert.equal(refused.extensions.cost.actualQueryCost, null);
  assert.ok(refused.extensions.cost.throttleStatus.currentlyAvailable < 50);
  assert.equal(served.data.products.nodes.length, 50);
});

test('a throttle fault hits exactly as many calls as were asked for', async (t) => {
  const { devstore, api } = await open(t);
  devstore.faults.set({ graphql: { throttle: 2 } });

  const answers = [];
  for (let call = 0; call < 3; call += 1) answers.push(await api('{ shop { name } }'));

  assert.deepEqual(answers.map(({ errors }) => errors?.[0].extensions.code ?? null), ['THROTTLED', 'THROTTLED', null]);
});

test('an input array of more than 250 is refused', async (t) => {
  const { api } = await open(t);
  const ids = Array(251).fill('gid://shopify/Product/1');

  const body = await api('query($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids });

  assert.equal(body.errors[0].extensions.code, 'MAX_INPUT_SIZE_EXCEEDED');
});

test('the installation tells its scopes, the shop its plan', async (t) => {
  const { api } = await open(t);

  const { data } = await api('{ currentAppInstallation { id launchUrl accessScopes { handle } activeSubscriptions { id } } shop { id name myshopifyDomain ianaTimezone currencyCode primaryDomain { url } plan { publicDisplayName partnerDevelopment shopifyPlus } } }');

  assert.ok(data.currentAppInstallation.accessScopes.some(({ handle }) => handle === 'read_all_orders'));
  assert.deepEqual(data.currentAppInstallation.activeSubscriptions, []);
  assert.equal(data.shop.myshopifyDomain, 'willow-gifts.myshopify.com');
  assert.deepEqual(data.shop.plan, { publicDisplayName: 'Basic', partnerDevelopment: true, shopifyPlus: false });
});

test('Flow triggers are kept', async (t) => {
  const { shop, api } = await open(t);
  const fired = await api('mutation($p: JSON!) { flowTriggerReceive(handle: "recs-clicked", payload: $p) { userErrors { message } } }', { p: { product_id: 1 } });

  assert.deepEqual(fired.data.flowTriggerReceive.userErrors, []);
  assert.deepEqual(shop.flowEvents.map(({ handle, payload }) => [handle, payload]), [['recs-clicked', { product_id: 1 }]]);
});

test('stock that is not counted is for sale and reads as none; a gift card is one', async (t) => {
  const { api, shop } = await open(t);
  const untracked = [...shop.products.values()].find(({ isGiftCard, variants }) => !isGiftCard && variants[0].tracked === false);
  const query = `query($id: ID!) { product(id: $id) { isGiftCard tracksInventory totalInventory hasOutOfStockVariants
    variants(first: 1) { nodes { availableForSale inventoryQuantity inventoryItem { tracked } } } } }`;
  const read = async (product) => (await api(query, { id: `gid://shopify/Product/${product.id}` })).data.product;

  const goods = await read(untracked);
  const card = await read([...shop.products.values()].find(({ isGiftCard }) => isGiftCard));
  const { data } = await api('{ products(first: 5, query: "gift_card:true") { nodes { handle } } }');

  assert.deepEqual([goods.isGiftCard, goods.tracksInventory, goods.totalInventory, goods.hasOutOfStockVariants], [false, false, 0, false]);
  assert.deepEqual(goods.variants.nodes, [{ availableForSale: true, inventoryQuantity: 0, inventoryItem: { tracked: false } }]);
  assert.equal(card.isGiftCard, true);
  assert.deepEqual(data.products.nodes, [{ handle: 'gift-card' }]);
});

test('more than 100 variants are paged through', async (t) => {
  const { api, shop } = await open(t);
  const product = [...shop.products.values()].find(({ variants }) => variants.length > 100);
  const seen = [];

  for (let after = null, more = true; more;) {
    const { data } = await api('query($id: ID!, $after: String) { product(id: $id) { variantsCount { count } variants(first: 50, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } }',
      { id: `gid://shopify/Product/${product.id}`, after });
    const { nodes, pageInfo } = data.product.variants;
    seen.push(...nodes.map(({ id }) => id));
    [after, more] = [pageInfo.endCursor, pageInfo.hasNextPage];
    assert.equal(data.product.variantsCount.count, product.variants.length);
  }

  assert.deepEqual(seen, product.variants.map(({ id }) => `gid://shopify/ProductVariant/${id}`));
});
