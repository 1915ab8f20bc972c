/** Pixels in a real browser: when they run, what they hear, and in which shape. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { setStance } from '../consent.mjs';
import { Pixel } from '../pixels.mjs';
import { readBody } from '../server.mjs';
import { setCollector } from '../storefront/pixel.mjs';
import { launch } from './browser.mjs';
import { eventually, makeFolder } from './helpers.mjs';
import { API_KEY, startShop } from './support/shop.mjs';

const ACCOUNT = '0197a1b2-0000-7000-8000-0000000000aa';
const DECISION = '0197a1b2-0000-7000-8000-000000000001';
const QUIET_MS = 400;

/** Tells all it hears, and what it has around it. */
const PROBE = `shopify.extend('WebPixel::Render', ({ analytics, browser, init, customerPrivacy, settings }) => {
  const tell = (what, value) => fetch(settings.endpoint + '/probe', { method: 'POST', keepalive: true, body: JSON.stringify({ what, value }) });
  tell('globals', [typeof window, typeof document, typeof localStorage, typeof Worker]);
  tell('init', init);
  analytics.subscribe('all_events', (event) => tell('event', event));
  customerPrivacy.subscribe('visitorConsentCollected', (event) => tell('privacy', event.customerPrivacy));
  analytics.subscribe('storage', async () => {
    await browser.localStorage.setItem('probe', 'local');
    await browser.sessionStorage.setItem('probe', 'session');
    await browser.cookie.set('probe', 'cookie');
    const kept = [await browser.localStorage.getItem('probe'), await browser.sessionStorage.getItem('probe'), await browser.cookie.get('probe')];
    await browser.localStorage.removeItem('probe');
    tell('storage', [...kept, await browser.localStorage.getItem('probe'), await browser.sendBeacon(settings.endpoint + '/beacon', 'hello')]);
  });
});`;

let browser;
let store;
let collector;
let context;
let page;
let faults;

before(async () => {
  browser = await launch();
  collector = await startCollector();
  store = await startShop();
  const settings = { accountID: ACCOUNT, endpoint: collector.url };
  store.store.change({ type: 'pixel.put', shop: store.shop.domain, data: { id: 1, clientId: API_KEY, settings } });
});
after(async () => {
  await browser?.close();
  await store?.close();
  collector?.close();
});
beforeEach(async () => {
  faults = [];
  collector.received.length = 0;
  setStance(store.store, store.shop, 'granted');
  setCollector(store.store, store.shop, 'open');
  context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  page = await context.newPage();
  page.on('pageerror', (error) => faults.push(error.message));
});
afterEach(async () => {
  await context.close();
  assert.deepEqual(faults, []);
});

/** Takes what pixels send, from every origin, as the app's collector does. */
async function startCollector() {
  const received = [];
  const server = createServer(async (req, res) => {
    const body = (await readBody(req)).toString();
    received.push({ path: req.url, method: req.method, origin: req.headers.origin, type: req.headers['content-type'], cookie: req.headers.cookie, body });
    res.writeHead(202, { 'Access-Control-Allow-Origin': '*' }).end('{}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { received, url: `http://127.0.0.1:${server.address().port}`, close };
}

const events = () => collector.received.filter(({ path: to }) => to === `/events/${ACCOUNT}`).flatMap(({ body }) => JSON.parse(body).events);
const heard = (topic) => eventually(() => events().find((event) => event.topic === topic));
const open = (address = '/') => page.goto(new URL(address, store.url).href);
const quiet = () => page.waitForTimeout(QUIET_MS);

test('a shopper who looks, adds and buys is heard of in that order, by ids alone', async () => {
  const throw_ = store.shop.findProductByHandle('wool-throw');
  await open('/products/wool-throw');
  await heard('product_viewed');
  await page.locator('#product-quantity').fill('2');
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await heard('product_added_to_cart');
  await page.goto(`${store.url}/checkout`);
  await heard('checkout_started');
  await page.getByRole('button', { name: 'Pay now' }).click();
  await page.getByRole('heading', { name: 'Thank you' }).waitFor();
  await heard('checkout_completed');
  await page.reload();
  await quiet();

  const order = [...store.shop.orders.values()].at(-1);
  const [viewed, added, started, completed, ...more] = events();
  assert.deepEqual(more, []);
  assert.deepEqual([viewed.topic, viewed.data], ['product_viewed', { product: String(throw_.id) }]);
  assert.deepEqual([added.topic, added.data], ['product_added_to_cart', { product: String(throw_.id), quantity: 2 }]);
  assert.deepEqual([started.topic, started.data], ['checkout_started', { checkout: order.checkoutToken }]);
  assert.deepEqual([completed.topic, completed.data], ['checkout_completed', { checkout: order.checkoutToken, order: String(order.id) }]);
  assert.equal(new Set([viewed, added, started, completed].map(({ client }) => client)).size, 1);
  assert.equal(new Set(events().map(({ id }) => id)).size, 4);
  const [{ method, origin, type, cookie }] = collector.received;
  assert.deepEqual([method, origin, type, cookie], ['POST', store.url, 'text/plain;charset=UTF-8', undefined]);
});

test('"Buy it now" is heard of by its checkout', async () => {
  await open('/products/wool-throw');
  await page.getByRole('button', { name: 'Buy it now' }).click();
  await page.getByRole('button', { name: 'Pay now' }).click();
  await page.getByRole('heading', { name: 'Thank you' }).waitFor();

  const { data } = await heard('checkout_completed');

  const order = [...store.shop.orders.values()].at(-1);
  assert.deepEqual([data.checkout, data.order, order.customAttributes], [order.checkoutToken, String(order.id), []]);
});

test('a signal of the page that a click leaves is heard all the same', async () => {
  await open();
  await page.waitForLoadState('networkidle');

  await page.evaluate((decision) => {
    window.Shopify.analytics.publish('tailorbird:click', { decision, product: '8' });
    window.location.href = '/collections/all';
  }, DECISION);
  await page.waitForURL('**/collections/all');

  const { data } = await heard('tailorbird:click');
  assert.deepEqual(data, { decision: DECISION, product: '8' });
});

test('before an answer to the banner nothing is sent or kept; once accepted, what happened on the page is told', async () => {
  setStance(store.store, store.shop, 'unanswered');
  await open('/products/wool-throw');
  await quiet();
  const before = [collector.received.length, await page.evaluate(() => document.cookie), page.workers().length];

  await page.getByRole('button', { name: 'Accept' }).click();
  const viewed = await heard('product_viewed');

  assert.deepEqual(before, [0, '', 0]);
  assert.equal(viewed.data.product, String(store.shop.findProductByHandle('wool-throw').id));
});

test('a shopper who declines is heard of by nobody, and no pixel runs', async () => {
  setStance(store.store, store.shop, 'unanswered');
  await open('/products/wool-throw');
  await page.getByRole('button', { name: 'Decline' }).click();
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await page.getByText('Added to your cart').waitFor();
  await page.evaluate(() => window.Shopify.analytics.publish('tailorbird:click', { decision: 'd', product: '1' }));
  await page.goto(`${store.url}/checkout`);
  await page.getByRole('button', { name: 'Pay now' }).click();
  await page.getByRole('heading', { name: 'Thank you' }).waitFor();
  await quiet();

  assert.deepEqual([collector.received, page.workers()], [[], []]);
  assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length, /_shopify_y/.test(document.cookie)]), [0, 0, false]);
});

test('consent that is taken back on the page ends what is sent', async () => {
  await open('/products/wool-throw');
  await heard('product_viewed');

  await page.evaluate(() => new Promise((resolve) => { window.Shopify.customerPrivacy.setTrackingConsent({ analytics: false }, resolve); }));
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await page.getByText('Added to your cart').waitFor();
  await quiet();

  assert.deepEqual(events().map(({ topic }) => topic), ['product_viewed']);
});

test('where the collector is blocked the shop works as ever, and nothing arrives', async () => {
  setCollector(store.store, store.shop, 'blocked');
  await open('/products/wool-throw');
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await page.getByText('Added to your cart').waitFor();
  await quiet();

  assert.deepEqual(collector.received, []);
});

test('a pixel sees no page, and what it hears is as Shopify types it', async (t) => {
  const folder = makeFolder(t);
  mkdirSync(path.join(folder, 'probe'));
  writeFileSync(path.join(folder, 'probe/index.js'), PROBE);
  const ours = store.context.pixel;
  t.after(() => { store.context.pixel = ours; });
  store.context.pixel = new Pixel(path.join(folder, 'probe'), { runtime_context: 'strict', customer_privacy: { analytics: true } });
  const told = (what) => collector.received.filter(({ path: to }) => to === '/probe').map(({ body }) => JSON.parse(body)).filter((each) => each.what === what).map(({ value }) => value);
  await open('/products/glass-bud-vase');
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await page.getByText('Added to your cart').waitFor();
  await page.evaluate(() => window.Shopify.analytics.publish('storage', { decision: 'd' }));
  await eventually(() => told('storage')[0]);
  await page.goto(`${store.url}/checkout`);
  await page.getByRole('button', { name: 'Pay now' }).click();
  await page.getByRole('heading', { name: 'Thank you' }).waitFor();
  await eventually(() => told('event').some(({ name }) => name === 'checkout_completed'));
  await page.evaluate(() => new Promise((resolve) => { window.Shopify.loadFeatures([{ name: 'consent-tracking-api', version: '0.1' }], resolve); }));
  await page.evaluate(() => new Promise((resolve) => { window.Shopify.customerPrivacy.setTrackingConsent({ analytics: true, marketing: false }, resolve); }));
  const [privacy] = await eventually(() => told('privacy').length && told('privacy'));

  assert.deepEqual(told('globals')[0], ['undefined', 'undefined', 'undefined', 'function']);
  assert.deepEqual(told('storage')[0], ['local', 'session', 'cookie', null, true]);
  assert.deepEqual([privacy.analyticsProcessingAllowed, privacy.marketingAllowed], [true, false]);
  const names = new Set(told('event').map(({ name }) => name));
  assert.deepEqual([...names].sort(), ['checkout_completed', 'checkout_started', 'page_viewed', 'product_added_to_cart', 'product_viewed', 'storage']);
  assert.deepEqual(typeFaults(told('event'), told('init')), []);
});

/** What TypeScript says of events and beginnings, held against the types that Shopify publishes. */
function typeFaults(all, beginnings) {
  const file = fileURLToPath(new URL('./heard.ts', import.meta.url));
  // Screen is the browser's own type, of which a pixel gets two numbers as JSON.
  const asJson = (value) => JSON.stringify(value).replaceAll(/"screen":(\{[^}]*\})/g, '"screen":$1 as Screen');
  const lines = all.map((event) => (event.type === 'custom'
    ? `const _: Custom = ${asJson({ ...event, type: 0 }).replace('"type":0', '"type":EventType.Custom')};`
    : `const _: PixelEvents['${event.name}'] = ${asJson({ ...event, type: 0 }).replace('"type":0', '"type":EventType.Standard')};`));
  lines.push(...beginnings.map((init) => `const _: ExtensionApi['init'] = ${asJson(init)};`));
  const head = `import type { EventType as Kinds, PixelEvents, CustomEvent as Custom } from '@shopify/web-pixels-extension/build/ts/types/PixelEvents/index';
import type { ExtensionApi } from '@shopify/web-pixels-extension/build/ts/types/ExtensionApi';
declare const EventType: typeof Kinds;
`;
  const source = head + lines.map((line) => `{ ${line} }`).join('\n');
  const options = { noEmit: true, strict: true, skipLibCheck: true, types: [], moduleResolution: ts.ModuleResolutionKind.Node10, module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile;
  host.getSourceFile = (name, ...rest) => (name === file ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022) : read.call(host, name, ...rest));
  const found = ts.getPreEmitDiagnostics(ts.createProgram([file], options, host));
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}
