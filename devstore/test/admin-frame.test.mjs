import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { jwtVerify } from 'jose';
import { API_KEY, API_SECRET, Visitor, startShop } from './support/shop.mjs';

const ADMIN = '/willow-gifts/admin';
const FRAME = `${ADMIN}/apps/tailorbird`;
let store;
let visitor;

before(async () => {
  store = await startShop({ env: { APP_URL: 'http://app.test:1234' }, installed: false });
  visitor = new Visitor(store.url);
});
after(() => store.close());

function verify(token) {
  return jwtVerify(token, new TextEncoder().encode(API_SECRET), { algorithms: ['HS256'], audience: API_KEY });
}

async function frameUrl(path = FRAME) {
  const text = await (await visitor.go(path)).text();
  return new URL(/<iframe[^>]* src="([^"]+)"/.exec(text)[1].replaceAll('&amp;', '&'));
}

test('an app that is not installed is offered, not opened', async () => {
  const response = await visitor.go(`${FRAME}/model`);

  assert.equal(response.headers.get('location'), `${ADMIN}/app_grant`);
  assert.equal((await visitor.go(`${ADMIN}/session-token`, { method: 'POST' })).status, 403);
  const grant = await (await visitor.go(`${ADMIN}/app_grant`)).text();
  for (const scope of store.about.scopes) assert.ok(grant.includes(`<code>${scope}</code>`), scope);
  assert.match(grant, /<input type="checkbox" name="optional_scopes\[\]" value="read_all_orders">/);
});

test('a form from another site installs nothing', async () => {
  const response = await visitor.post(`${ADMIN}/install`, {}, { origin: 'https://evil.example' });

  assert.equal(response.status, 403);
  assert.equal(store.shop.findInstall(API_KEY), null);
});

test('installing grants what the merchant saw, and opens the app', async () => {
  const response = await visitor.go(`${ADMIN}/install`, { method: 'POST', body: 'optional_scopes[]=read_all_orders', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });

  assert.equal(response.headers.get('location'), FRAME);
  assert.deepEqual(store.shop.findInstall(API_KEY).scopes, [...store.about.scopes, 'read_all_orders']);
});

test('the frame opens the app with a signed query', async () => {
  const url = await frameUrl(`${FRAME}/model?tab=1&shop=evil.myshopify.com&hmac=0`);
  const pairs = [...url.searchParams].filter(([name]) => name !== 'hmac');
  const message = pairs.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`).join('&');

  assert.equal(url.origin + url.pathname, 'http://app.test:1234/model');
  assert.deepEqual([...new Set(pairs.map(([name]) => name))], ['embedded', 'host', 'id_token', 'locale', 'session', 'shop', 'tab', 'timestamp']);
  assert.deepEqual(url.searchParams.getAll('shop'), ['willow-gifts.myshopify.com']);
  assert.equal(url.searchParams.get('hmac'), createHmac('sha256', API_SECRET).update(message).digest('hex'));
  assert.equal(Buffer.from(url.searchParams.get('host'), 'base64').toString(), `${new URL(store.url).host}/store/willow-gifts`);
  assert.equal(url.searchParams.get('tab'), '1');
});

test('the address that `host` names leads back to the frame', async () => {
  const response = await visitor.go(`/store/willow-gifts/apps/${API_KEY}/model?x=1`);

  assert.equal(response.headers.get('location'), `${ADMIN}/apps/${API_KEY}/model?x=1`);
  assert.equal((await visitor.go(response.headers.get('location'))).status, 200);
});

test('session tokens carry the documented claims and live for a minute', async () => {
  const { token } = await (await visitor.go(`${ADMIN}/session-token`, { method: 'POST' })).json();
  const { payload, protectedHeader } = await verify(token);
  const { payload: opened } = await verify((await frameUrl()).searchParams.get('id_token'));

  assert.equal(protectedHeader.alg, 'HS256');
  assert.deepEqual(Object.keys(payload).sort(), ['aud', 'dest', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sid', 'sig', 'sub']);
  assert.equal(payload.iss, 'https://willow-gifts.myshopify.com/admin');
  assert.equal(payload.dest, 'https://willow-gifts.myshopify.com');
  assert.deepEqual([payload.exp - payload.nbf, payload.iat - payload.nbf], [60, 0]);
  assert.notEqual(payload.jti, opened.jti);
});

test('another site gets no session token', async () => {
  assert.equal((await visitor.post(`${ADMIN}/session-token`, {}, { origin: 'https://evil.example' })).status, 403);
});

test('nothing may frame the admin, and its pages are not kept', async () => {
  for (const path of [ADMIN, FRAME, `${ADMIN}/orders`, `${ADMIN}/themes/current/editor`]) {
    const { headers } = await visitor.go(path);
    assert.equal(headers.get('content-security-policy'), "frame-ancestors 'none'", path);
    assert.equal(headers.get('cache-control'), 'no-store');
  }
});

test('scopes are shown, granted and taken back; required ones stay', async () => {
  const ask = async (path, scopes) => {
    const response = scopes ? await visitor.postJson(`${ADMIN}/app-bridge/${path}`, { scopes }) : await visitor.go(`${ADMIN}/app-bridge/${path}`);
    return [response.status, await response.json()];
  };
  await ask('scopes/revoke', ['read_all_orders']);

  const [, before] = await ask('scopes');
  assert.deepEqual(before, { granted: store.about.scopes, required: store.about.scopes, optional: store.about.optionalScopes });
  assert.ok(before.optional.includes('read_all_orders'));
  const [, granted] = await ask('scopes/grant', ['read_all_orders']);
  assert.deepEqual(granted.granted, [...store.about.scopes, 'read_all_orders']);
  assert.equal(store.sent.at(-1).topic, 'app/scopes_update');
  assert.equal((await ask('scopes/revoke', ['read_products']))[0], 422);
  assert.equal((await ask('scopes/grant', ['write_everything']))[0], 422);
});

test('extensions tell where their blocks stand', async () => {
  const read = async () => (await (await visitor.go(`${ADMIN}/app-bridge/extensions`)).json())[0];
  const statusOf = (extension, handle) => extension.activations.find((block) => block.handle === handle).status;
  assert.equal(statusOf(await read(), 'product-recommendations'), 'available');

  await visitor.go(`${ADMIN}/themes/current/editor?template=product&addAppBlockId=${API_KEY}/product-recommendations&target=newAppsSection`);

  const extension = await read();
  assert.equal(extension.type, 'theme_app_extension');
  assert.equal(statusOf(extension, 'product-recommendations'), 'active');
  assert.equal(statusOf(extension, 'home-recommendations'), 'available');
  assert.match(extension.activations.find(({ handle }) => handle === 'product-recommendations').activations[0].target, /^template--product\/apps\//);
});

test('the picker finds products and collections', async () => {
  const ask = async (query) => (await visitor.go(`${ADMIN}/app-bridge/resources?${query}`)).json();

  assert.deepEqual((await ask('type=product&query=wool')).map(({ title }) => title), ['Wool Throw']);
  assert.deepEqual((await ask('type=collection&query=kit')).map(({ title }) => title), ['Kitchen']);
});

test('an order shows what its cart carried', async () => {
  const [variant] = store.shop.findProductByHandle('wool-throw').variants;
  const order = store.orders.place(store.shop, {
    lines: [{ variantId: variant.id, quantity: 2, customAttributes: [{ key: '_tailorbird', value: 'line-decision' }] }],
    customerId: 6_000_000_017_850, customAttributes: [{ key: '_tailorbird_1', value: 'cart-<decision>' }], cartToken: 'c', checkoutToken: 't',
  });

  const list = await (await visitor.go(`${ADMIN}/orders`)).text();
  const text = await (await visitor.go(`${ADMIN}/orders/${order.id}`)).text();

  assert.ok(list.includes(order.name));
  for (const words of ['Wool Throw', 'line-decision', 'cart-&lt;decision&gt;', 'Customer 17850', '£12.00']) assert.ok(text.includes(words), words);
  assert.equal((await visitor.go(`${ADMIN}/orders/1`)).status, 404);
});

test('a shop that is not there has no admin', async () => {
  assert.equal((await visitor.go('/no-such-shop/admin')).status, 404);
});

test('uninstalling ends the app at once', async () => {
  const response = await visitor.post(`${ADMIN}/uninstall`, {});

  assert.equal(response.headers.get('location'), ADMIN);
  assert.equal(store.shop.findInstall(API_KEY), null);
  assert.ok(store.sent.some(({ topic }) => topic === 'app/uninstalled'));
  assert.equal((await visitor.go(FRAME)).status, 302);
});

test('the list of products says where nobody counts', async () => {
  const product = store.shop.findProductByHandle('wool-throw');
  store.shop.putProduct({ ...product, variants: product.variants.map((variant) => ({ ...variant, tracked: false })) });

  const text = await (await visitor.go(`${ADMIN}/products?query=w`)).text();

  const rowOf = (title) => text.split('<tr>').find((row) => row.includes(title));
  assert.match(rowOf('Wool Throw'), /<td class="end">Not tracked<\/td>/);
  assert.match(rowOf('Wax Seal'), /<td class="end">20<\/td>/);
});
