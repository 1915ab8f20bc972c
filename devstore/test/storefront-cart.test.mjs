import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { addItems, changeLine, emptyCart, updateCart, withoutUnsellable, CartRefused } from '../storefront/cart.mjs';
import { nest } from '../storefront/form-data.mjs';
import { Visitor, aShop, startShop } from './support/shop.mjs';

const DECISION = '0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee';
let store;
let visitor;

before(async () => {
  store = await startShop();
});
after(() => store.close());
beforeEach(() => {
  visitor = new Visitor(store.url);
});

const variantOf = (handle, at = 0) => store.shop.findProductByHandle(handle).variants[at].id;

test('equal lines merge, lines with other properties do not, a new line comes first', () => {
  const shop = aShop();
  const [id, other] = [...shop.variants.keys()];

  const cart = addItems(shop, emptyCart(), [{ id }, { id: other }, { id, quantity: 2 }, { id, properties: { _x: '1' } }]);

  assert.deepEqual(cart.lines.map(({ variantId, quantity, properties }) => [variantId, quantity, properties]), [[id, 1, { _x: '1' }], [other, 1, {}], [id, 3, {}]]);
});

const REFUSED = [
  ['no items', (shop, cart) => addItems(shop, cart, [])],
  ['an unknown variant', (shop, cart) => addItems(shop, cart, [{ id: 1 }])],
  ['a sold-out product', (shop, cart) => addItems(shop, cart, [{ id: shop.findProductByHandle('oak-spoon').variants[0].id }])],
  ['more than there is', (shop, cart) => addItems(shop, cart, [{ id: [...shop.variants.keys()][0], quantity: 21 }])],
  ['more than there is, over two lines', (shop, cart) => addItems(shop, cart, [{ id: [...shop.variants.keys()][0], quantity: 15 }, { id: [...shop.variants.keys()][0], quantity: 6, properties: { a: 1 } }])],
  ['half an item', (shop, cart) => addItems(shop, cart, [{ id: [...shop.variants.keys()][0], quantity: 1.5 }])],
  ['a negative quantity', (shop, cart) => addItems(shop, cart, [{ id: [...shop.variants.keys()][0], quantity: -1 }])],
  ['a line that is not there', (shop, cart) => changeLine(shop, cart, { line: 5, quantity: 1 })],
];
for (const [name, edit] of REFUSED) {
  test(`the cart refuses ${name}`, () => {
    assert.throws(() => edit(aShop(), emptyCart()), CartRefused);
  });
}

test('attributes merge, and an empty one is removed', () => {
  const cart = { ...emptyCart(), attributes: { a: '1', b: '2' } };

  assert.deepEqual(updateCart(aShop(), cart, { attributes: { b: '', c: 3 } }).attributes, { a: '1', c: '3' });
});

test('what can no longer be sold leaves the cart', () => {
  const shop = aShop();
  const [first, second] = [...shop.variants.values()];
  const cart = addItems(shop, emptyCart(), [{ id: first.id, quantity: 5 }, { id: second.id, quantity: 5 }]);
  shop.putProduct({ ...shop.findProduct(first.productId), variants: [{ ...first, inventoryQuantity: 2 }] });
  shop.putProduct({ ...shop.findProduct(second.productId), status: 'DRAFT' });

  assert.deepEqual(withoutUnsellable(shop, cart).lines.map(({ variantId, quantity }) => [variantId, quantity]), [[first.id, 2]]);
});

test('field names nest, and never reach into objects', () => {
  const fields = nest(new URLSearchParams('id=1&properties[_x]=a&updates[]=1&updates[]=2&__proto__[y]=1&properties[__proto__][z]=1'));

  assert.deepEqual(fields, { id: '1', properties: { _x: 'a' }, updates: ['1', '2'] });
  assert.equal({}.y, undefined);
});

test('the form variant of add leads to the cart page and remembers the visitor', async () => {
  const response = await visitor.post('/cart/add', { id: variantOf('wool-throw'), quantity: 2, 'properties[_tailorbird]': DECISION });

  assert.equal(response.status, 302);
  assert.equal(response.headers.get('location'), '/cart');
  assert.match(visitor.cookie('cart'), /^[0-9a-f]{32}$/);
  const text = await (await visitor.go('/cart')).text();
  assert.ok(text.includes('Wool Throw'));
  assert.ok(!text.includes(DECISION), 'a property with an underscore is not shown');
});

test('a form may lead on within the site only', async () => {
  for (const [returnTo, expected] of [['/collections/all', '/collections/all'], ['https://evil.example', '/cart'], ['//evil.example', '/cart'], ['/\\evil.example', '/cart']]) {
    const response = await visitor.post('/cart/add', { id: variantOf('wool-throw'), return_to: returnTo });
    assert.equal(response.headers.get('location'), expected);
  }
});

test('the script variants answer with JSON', async () => {
  const line = await (await visitor.postJson('/cart/add.js', { id: variantOf('wool-throw'), quantity: 2 })).json();
  const items = await (await visitor.postJson('/cart/add.js', { items: [{ id: variantOf('seed-tin') }, { id: variantOf('glass-bud-vase', 1) }], attributes: { gift: 'yes' } })).json();
  const changed = await (await visitor.postJson('/cart/change.js', { id: line.key, quantity: 3 })).json();
  const updated = await (await visitor.postJson('/cart/update.js', { updates: { [variantOf('seed-tin')]: 0 }, note: 'Wrap it' })).json();
  const read = await (await visitor.go('/cart.js')).json();

  assert.deepEqual([line.title, line.quantity, line.final_line_price, line.product_has_only_default_variant], ['Wool Throw', 2, 1200, true]);
  assert.deepEqual(items.items.map(({ title }) => title).sort(), ['Glass Bud Vase - Large', 'Seed Tin']);
  assert.equal(changed.item_count, 5);
  assert.deepEqual([updated.item_count, updated.total_price, updated.note, updated.attributes], [4, 3 * 600 + 1400, 'Wrap it', { gift: 'yes' }]);
  assert.deepEqual(read, updated);
  const cleared = await (await visitor.postJson('/cart/clear.js', {})).json();
  assert.deepEqual([cleared.item_count, cleared.attributes], [0, { gift: 'yes' }]);
});

test('a refused change answers 422 and changes nothing', async () => {
  await visitor.postJson('/cart/add.js', { id: variantOf('wool-throw') });

  const response = await visitor.postJson('/cart/add.js', { id: variantOf('oak-spoon') });

  assert.equal(response.status, 422);
  assert.deepEqual(await response.json(), { status: 422, message: 'Cart Error', description: "The product 'Oak Spoon' is already sold out." });
  assert.equal((await (await visitor.go('/cart.js')).json()).item_count, 1);
  const page = await visitor.post('/cart/add', { id: variantOf('oak-spoon') });
  assert.equal(page.status, 422);
  assert.match(await page.text(), /already sold out/);
});

test('a body that is no JSON object answers 400', async () => {
  const response = await visitor.go('/cart/add.js', { method: 'POST', body: '{', headers: { 'Content-Type': 'application/json' } });

  assert.equal(response.status, 400);
});

test('the cart page edits lines without a script and leads to the checkout', async () => {
  await visitor.post('/cart/add', { id: variantOf('wool-throw'), quantity: 2 });
  await visitor.post('/cart/add', { id: variantOf('seed-tin'), quantity: 1 });

  const response = await visitor.go('/cart', { method: 'POST', body: 'updates[]=4&updates[]=1&checkout=', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });

  assert.equal(response.headers.get('location'), '/checkout');
  const removed = await visitor.go('/cart/change?line=2&quantity=0');
  assert.equal(removed.headers.get('location'), '/cart');
  const cart = await (await visitor.go('/cart.js')).json();
  assert.deepEqual(cart.items.map(({ title, quantity }) => [title, quantity]), [['Seed Tin', 4]]);
});

test('a checkout becomes an order with everything the cart carried', async () => {
  const customer = store.shop.findCustomer(6_000_000_017_850);
  await visitor.post('/account/login', { customer_id: '17850' });
  await visitor.post('/cart/add', { id: variantOf('wool-throw'), quantity: 2, 'properties[_tailorbird]': DECISION });
  await visitor.postJson('/cart/update.js', { attributes: { [`_tailorbird_${store.shop.findProductByHandle('wool-throw').id}`]: DECISION } });
  const token = visitor.cookie('cart');
  const sentBefore = store.sent.length;

  const response = await visitor.checkOut('', { first_name: 'Someone', address: '1 Street' });
  const thanks = await visitor.go(response.headers.get('location'));

  assert.equal(response.status, 303);
  const { payload } = store.sent.slice(sentBefore).find(({ topic }) => topic === 'orders/create');
  assert.equal(payload.customer.id, customer.id);
  assert.equal(payload.cart_token, token);
  assert.match(response.headers.get('location'), new RegExp(`/checkouts/${payload.checkout_token}/thank-you`));
  assert.deepEqual(payload.line_items.map(({ quantity, properties }) => [quantity, properties]), [[2, [{ name: '_tailorbird', value: DECISION }]]]);
  assert.deepEqual(payload.note_attributes, [{ name: `_tailorbird_${store.shop.findProductByHandle('wool-throw').id}`, value: DECISION }]);
  assert.ok((await thanks.text()).includes(payload.name));
  assert.equal(visitor.cookie('cart'), undefined);
  assert.ok(!JSON.stringify(payload).includes('1 Street'));
});

test('an empty cart has no checkout, and a guest orders without a customer', async () => {
  assert.equal((await visitor.go('/checkout')).headers.get('location'), '/cart');
  assert.equal((await visitor.post('/checkouts/0123', {})).headers.get('location'), '/cart');
  const orders = store.shop.orders.size;
  await visitor.post('/cart/add', { id: variantOf('seed-tin') });

  await visitor.checkOut();

  assert.equal(store.shop.orders.size, orders + 1);
  assert.equal([...store.shop.orders.values()].at(-1).customerId, null);
});

test('a checkout keeps its token from beginning to order, and a cart keeps its checkout', async () => {
  await visitor.post('/cart/add', { id: variantOf('seed-tin') });

  const [first, second] = [await visitor.go('/checkout'), await visitor.go('/checkout')].map((answer) => answer.headers.get('location'));
  await visitor.post(first, {});

  assert.equal(second, first);
  assert.equal(`/checkouts/${[...store.shop.orders.values()].at(-1).checkoutToken}`, first);
});

test('"Buy it now" checks out one line, past the cart and its attributes, which stay', async () => {
  await visitor.post('/cart/add', { id: variantOf('seed-tin') });
  await visitor.postJson('/cart/update.js', { attributes: { gift: 'yes' } });
  const token = visitor.cookie('cart');

  const begun = await visitor.post('/checkouts/buy-now', { id: variantOf('wool-throw'), quantity: 2 });
  await visitor.post(begun.headers.get('location'), {});

  const order = [...store.shop.orders.values()].at(-1);
  const cart = await (await visitor.go('/cart.js')).json();
  assert.equal(begun.status, 303);
  assert.deepEqual(order.lines.map(({ variantId, quantity }) => [variantId, quantity]), [[variantOf('wool-throw'), 2]]);
  assert.deepEqual(order.customAttributes, []);
  assert.notEqual(order.cartToken, token);
  assert.deepEqual([cart.token, cart.item_count, cart.attributes], [token, 1, { gift: 'yes' }]);
  assert.equal((await visitor.post('/checkouts/buy-now', { id: variantOf('oak-spoon') })).status, 422);
});

test('a customer cookie that the shop did not sign means nobody', async () => {
  const response = await fetch(`${store.url}/account`, { redirect: 'manual', headers: { cookie: 'storefront_customer=6000000017850.0000' } });

  assert.equal(response.headers.get('location'), '/account/login');
});

test('signing in, an unknown customer, signing out', async () => {
  assert.equal((await visitor.post('/account/login', { customer_id: 'nobody' })).status, 422);
  assert.equal((await visitor.post('/account/login', { customer_id: 'Customer 13047' })).status, 303);
  assert.ok((await (await visitor.go('/account')).text()).includes('Customer 13047'));

  await visitor.go('/account/logout');

  assert.equal((await visitor.go('/account')).status, 302);
});

test('of changes that overlap one goes through, the others are answered 409 and do nothing', async () => {
  const add = () => visitor.postJson('/cart/add.js', { id: variantOf('wool-throw'), quantity: 1 });
  await add();

  const answers = await Promise.all([add(), add(), add()]);
  const other = await new Visitor(store.url).postJson('/cart/add.js', { id: variantOf('wool-throw') });
  const later = await visitor.postJson('/cart/update.js', { attributes: { gift: 'yes' } });

  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409]);
  assert.deepEqual(await answers.find(({ status }) => status === 409).json(), {
    status: 409, message: 'Conflict', description: 'Could not complete cart operation. The cart conflicted with another request.',
  });
  assert.deepEqual([other.status, later.status], [200, 200]);
  const cart = await (await visitor.go('/cart.js')).json();
  assert.deepEqual([cart.item_count, cart.attributes], [2, { gift: 'yes' }]);
});
