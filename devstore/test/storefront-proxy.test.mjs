import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { TIMEOUT_MS as PRODUCT_TIMEOUT_MS, signedUrl } from '../storefront/proxy.mjs';
import { API_SECRET, Visitor, startShop } from './support/shop.mjs';

/** For the answers that never come; the others take less on a slow machine too. */
const TIMEOUT_MS = 2_000;
let app;
let store;
let visitor;
const seen = [];

/** The app behind the proxy: each path answers in one way. */
const ANSWERS = {
  '/proxy/json': (res) => res.writeHead(200, {
    'Content-Type': 'application/json', 'Set-Cookie': 'a=1', 'X-Powered-By': 'x', Pragma: 'no-cache', P3P: 'x', 'Accept-Ranges': 'none', Warning: '1', Server: 'gunicorn', 'X-Kept': 'yes',
    'Cache-Control': 'max-age=60', 'Service-Worker-Allowed': '/', Tk: 'N',
  }).end('{"ok":true}'),
  '/proxy/refused': (res) => res.writeHead(401).end('no'),
  '/proxy/moved': (res) => res.writeHead(302, { Location: '/proxy/json' }).end(),
  '/proxy/kept-method': (res) => res.writeHead(307, { Location: '/proxy/echo' }).end(),
  '/proxy/loop': (res) => res.writeHead(302, { Location: '/proxy/loop' }).end(),
  '/proxy/slow': () => {},
  '/proxy/slow-body': (res) => res.writeHead(200, { 'Content-Type': 'application/liquid' }).write('half'),
  '/proxy/liquid': (res) => res.writeHead(200, { 'Content-Type': 'application/liquid', 'Content-Encoding': 'gzip' }).end(gzipSync('<p>{{ 450 | money }} for {{ customer.name | default: "you" | escape }} at {{ shop.name }}</p>')),
  '/proxy/bare': (res) => res.writeHead(200, { 'Content-Type': 'application/liquid; charset=utf-8' }).end('{% layout none %}<b>{{ shop.name }}</b>'),
  '/proxy/bad-liquid': (res) => res.writeHead(200, { 'Content-Type': 'application/liquid' }).end('{% if %}'),
  '/proxy/reset': (res) => res.destroy(),
};

before(async () => {
  app = http.createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const url = new URL(req.url, 'http://app');
    seen.push({ method: req.method, url, headers: req.headers, body: Buffer.concat(chunks).toString() });
    const answer = ANSWERS[url.pathname] ?? ((answering) => answering.end('echo'));
    answer(res);
  });
  await new Promise((resolve) => app.listen(0, '127.0.0.1', resolve));
  store = await startShop({ env: { APP_BACKEND_URL: `http://127.0.0.1:${app.address().port}` }, context: { proxyTimeoutMs: TIMEOUT_MS } });
  visitor = new Visitor(store.url);
});
after(async () => {
  await store.close();
  app.closeAllConnections();
  await new Promise((resolve) => app.close(resolve));
});

/** The rule of Shopify's documentation, written a second time. */
function signatureOf(url) {
  const grouped = {};
  for (const [key, value] of url.searchParams) if (key !== 'signature') (grouped[key] ??= []).push(value);
  const message = Object.entries(grouped).map(([key, values]) => `${key}=${values.join(',')}`).sort().join('');
  return createHmac('sha256', API_SECRET).update(message).digest('hex');
}

const QUERIES = ['', '?a=1', '?extra=1&extra=2', '?page2=x&page=y', '?q=caf%C3%A9+au%20lait&empty=&flag', '?a[]=1&a[]=2', '?%73ignature=forged&signature=forged&z=1'];
for (const query of QUERIES) {
  test(`the query "${query}" arrives whole and signed`, async () => {
    await visitor.go(`/apps/tailorbird/echo${query}`);

    const { url } = seen.at(-1);
    assert.equal(url.searchParams.getAll('signature').length, 1);
    assert.equal(url.searchParams.get('signature'), signatureOf(url));
    assert.equal(url.searchParams.get('shop'), 'willow-gifts.myshopify.com');
    assert.equal(url.searchParams.get('path_prefix'), '/apps/tailorbird');
    assert.equal(url.searchParams.get('logged_in_customer_id'), '');
    assert.ok(Math.abs(Number(url.searchParams.get('timestamp')) - Date.now() / 1000) < 60);
    for (const [key, value] of new URLSearchParams(query)) {
      if (key !== 'signature') assert.ok(url.searchParams.getAll(key).includes(value), key);
    }
  });
}

test('the signature is the documented one', () => {
  const url = signedUrl({
    url: new URL('http://shop/apps/awesome_reviews?extra=1&extra=2'), params: {}, clock: { wall: () => 1317327555_000 },
    apps: { about: { proxy: { url: 'http://app/proxy', prefix: 'apps', subpath: 'awesome_reviews' } } },
    config: { clientSecret: 'hush' }, customerId: '1', shop: { domain: 'shop-name.myshopify.com' },
  });

  assert.equal(url.searchParams.get('signature'), '4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb');
  assert.equal(url.pathname, '/proxy');
});

test("a visitor's own shop or customer arrives beside ours, so that the app can refuse", async () => {
  await visitor.go('/apps/tailorbird/echo?shop=evil.myshopify.com&logged_in_customer_id=7');

  const { url } = seen.at(-1);
  assert.deepEqual(url.searchParams.getAll('shop'), ['evil.myshopify.com', 'willow-gifts.myshopify.com']);
  assert.deepEqual(url.searchParams.getAll('logged_in_customer_id'), ['7', '']);
  assert.equal(url.searchParams.get('signature'), signatureOf(url));
});

test('the signed-in customer is named', async () => {
  const customer = new Visitor(store.url);
  await customer.post('/account/login', { customer_id: '17850' });

  await customer.go('/apps/tailorbird/echo');

  assert.equal(seen.at(-1).url.searchParams.get('logged_in_customer_id'), '6000000017850');
});

test('cookies stay behind; method, body and forwarding headers go on', async () => {
  const customer = new Visitor(store.url);
  await customer.post('/account/login', { customer_id: '17850' });

  await customer.go('/apps/tailorbird/a%20b/c?x=1', { method: 'PUT', body: 'payload', headers: { 'Content-Type': 'text/plain', 'X-Own': '1' } });

  const { method, url, headers, body } = seen.at(-1);
  assert.deepEqual([method, url.pathname, body], ['PUT', '/proxy/a%20b/c', 'payload']);
  assert.equal(headers.cookie, undefined);
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(headers['x-forwarded-host'], 'willow-gifts.myshopify.com');
  assert.deepEqual([headers['content-type'], headers['x-own'], headers['content-length']], ['text/plain', '1', '7']);
});

test('the documented headers are taken out of the answer, the others kept', async () => {
  const response = await visitor.go('/apps/tailorbird/json');

  assert.deepEqual(await response.json(), { ok: true });
  for (const name of ['set-cookie', 'x-powered-by', 'pragma', 'p3p', 'accept-ranges', 'warning', 'server', 'service-worker-allowed', 'tk']) {
    assert.equal(response.headers.get(name), null, name);
  }
  assert.deepEqual(['content-type', 'x-kept', 'cache-control'].map((name) => response.headers.get(name)), ['application/json', 'yes', 'max-age=60']);
});

test('a refusal of the app passes as it is', async () => {
  const response = await visitor.go('/apps/tailorbird/refused');

  assert.deepEqual([response.status, await response.text()], [401, 'no']);
});

test('a redirect of the app is followed, with its method where it says so', async () => {
  assert.deepEqual(await (await visitor.go('/apps/tailorbird/moved')).json(), { ok: true });

  await visitor.go('/apps/tailorbird/kept-method', { method: 'POST', body: 'x=1' });

  assert.deepEqual([seen.at(-1).method, seen.at(-1).body, seen.at(-1).url.pathname], ['POST', 'x=1', '/proxy/echo']);
});

const FAILURES = [['slow', 504], ['slow-body', 504], ['loop', 502], ['reset', 502], ['bad-liquid', 502]];
for (const [path, status] of FAILURES) {
  test(`the app's "${path}" becomes the shop's error page with ${status}`, async () => {
    const started = performance.now();
    const response = await visitor.go(`/apps/tailorbird/${path}`);
    const text = await response.text();

    assert.equal(response.status, status);
    assert.ok(text.includes('There was an error in a third-party application') && text.includes('Willow Gifts'));
    assert.ok(performance.now() - started < PRODUCT_TIMEOUT_MS);
  });
}

test('Liquid is rendered inside the theme', async () => {
  const response = await visitor.go('/apps/tailorbird/liquid');
  const text = await response.text();

  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.equal(response.headers.get('content-encoding'), null);
  assert.ok(text.includes('<p>£4.50 for you at Willow Gifts</p>'));
  assert.ok(text.includes('<main id="main"'));
});

test('Liquid without a layout is the whole answer', async () => {
  const response = await visitor.go('/apps/tailorbird/bare');

  assert.equal(await response.text(), '<b>Willow Gifts</b>');
});

test('a HEAD request has headers and no body', async () => {
  const response = await visitor.go('/apps/tailorbird/json', { method: 'HEAD' });

  assert.deepEqual([response.status, await response.text()], [200, '']);
  assert.equal(seen.at(-1).method, 'HEAD');
});

test('one connection to the app serves many requests', async () => {
  const connections = new Set();
  app.on('request', (req) => connections.add(req.socket));

  for (let at = 0; at < 5; at += 1) await (await visitor.go('/apps/tailorbird/echo')).text();

  assert.equal(connections.size, 1);
});

test('without the app, or without its scope, there is no such address', async () => {
  const asked = seen.length;
  store.apps.setScopes(store.shop, ['read_products']);
  assert.equal((await visitor.go('/apps/tailorbird/echo')).status, 404);

  store.apps.uninstall(store.shop);

  assert.equal((await visitor.go('/apps/tailorbird/echo')).status, 404);
  assert.equal(seen.length, asked);
});
