/** The app's pixel as Shopify bundles it, in a sandbox without window or document whose collector answers as told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import vm from 'node:vm';
import { fileURLToPath } from 'node:url';
import { wait } from '../../checks/test/turns.mjs';
import { Pixel } from '../pixels.mjs';

const SETTINGS = { accountID: '0197a1b2-0000-7000-8000-0000000000aa', endpoint: 'https://app.example.com' };
const DECISION = '0197a1b2-0000-7000-8000-000000000001';
const pixel = Pixel.find(fileURLToPath(new URL('../../extensions', import.meta.url)));
const code = await pixel.bundle();
const ALLOWED = { analyticsProcessingAllowed: true, marketingAllowed: false, preferencesProcessingAllowed: false, saleOfDataAllowed: false };

/** Run the pixel; waits are 1 ms, so that what it sends is there soon. */
function start({ customerPrivacy = ALLOWED, answer = () => ({ status: 202 }) } = {}) {
  const run = { sent: [], waits: [], subscribers: {}, decide: null };
  const subscribe = (name, callback) => { run.subscribers[name] = callback; };
  const api = {
    analytics: { subscribe }, init: { customerPrivacy }, settings: SETTINGS,
    customerPrivacy: { subscribe: (_, callback) => { run.decide = (allowed) => callback({ customerPrivacy: { ...ALLOWED, analyticsProcessingAllowed: allowed } }); } },
  };
  const fetch = async (url, options) => {
    run.sent.push({ url, ...options, events: JSON.parse(options.body).events });
    const { status, headers = {} } = await answer(run.sent.length);
    return { status, headers: new Headers(headers) };
  };
  const later = (task, ms) => {
    run.waits.push(ms);
    return setTimeout(task, 1);
  };
  vm.runInNewContext(code, { fetch, setTimeout: later, clearTimeout, shopify: { extend: (_, extend) => extend(api) } });
  return run;
}

/** An event as Shopify gives it: much more than is told. */
const anEvent = (name, fields, number = 1) => ({
  id: `sh-${number}`, name, clientId: 'visitor-1', timestamp: '2026-11-29T10:00:00.000Z', seq: number, type: 'standard',
  context: { document: { location: { href: 'https://willow-gifts.example/secret' } } }, ...fields,
});
const aProduct = (id, number) => anEvent('product_viewed', { data: { productVariant: { id: '9', product: { id, title: 'Mug' } } } }, number);
const aCard = (name, customData) => anEvent(name, { type: 'custom', customData });
const aCheckout = (order) => ({ data: { checkout: { token: 'c0ffee', email: 'ann@example.com', order } } });

for (const [topic, event, data] of [
  ['tailorbird:impression', aCard('tailorbird:impression', { decision: DECISION, products: ['1', 2, null, 'x'] }), { decision: DECISION, products: ['1', '2'] }],
  ['tailorbird:click', aCard('tailorbird:click', { decision: DECISION, product: '1' }), { product: '1', decision: DECISION }],
  ['tailorbird:add', aCard('tailorbird:add', { decision: DECISION, product: '1' }), { product: '1', decision: DECISION }],
  ['tailorbird:group', aCard('tailorbird:group', { bucket: 0 }), { bucket: 0 }],
  ['tailorbird:exposure', aCard('tailorbird:exposure', { rollout: DECISION, bucket: 9999, visitor: 'x' }), { rollout: DECISION, bucket: 9999 }],
  ['product_viewed', aProduct('7'), { product: '7' }],
  ['product_added_to_cart', anEvent('product_added_to_cart', { data: { cartLine: { quantity: 2, merchandise: { id: '70', product: { id: '7' } } } } }), { product: '7', quantity: 2 }],
  ['checkout_started', anEvent('checkout_started', aCheckout(null)), { checkout: 'c0ffee' }],
  ['checkout_completed', anEvent('checkout_completed', aCheckout({ id: '5001', customer: { id: '3' } })), { checkout: 'c0ffee', order: '5001' }],
  ['checkout_completed', anEvent('checkout_completed', aCheckout({ id: 'gid://shopify/OrderIdentity/5001' })), { checkout: 'c0ffee', order: '5001' }],
  ['checkout_completed', anEvent('checkout_completed', aCheckout({ id: null })), { checkout: 'c0ffee', order: null }],
]) {
  test(`of ${topic} ids are told and nothing else: ${JSON.stringify(data)}`, async () => {
    const run = start();

    run.subscribers[topic](event);
    await wait(10);

    const [{ url, method, keepalive, credentials, headers, events }] = run.sent;
    assert.equal(url, 'https://app.example.com/events/0197a1b2-0000-7000-8000-0000000000aa');
    assert.deepEqual([method, keepalive, credentials, headers], ['POST', true, 'omit', undefined]);
    assert.deepEqual(events, [{ id: 'sh-1', topic, at: '2026-11-29T10:00:00.000Z', client: 'visitor-1', data }]);
  });
}

for (const [topic, event] of [
  ['tailorbird:impression', aCard('tailorbird:impression', { decision: DECISION, products: [] })],
  ['tailorbird:click', aCard('tailorbird:click', null)],
  ['tailorbird:add', aCard('tailorbird:add', { product: '1' })],
  ['product_viewed', anEvent('product_viewed', { data: { productVariant: { product: { id: null } } } })],
  ['product_added_to_cart', anEvent('product_added_to_cart', { data: { cartLine: null } })],
  ['checkout_completed', anEvent('checkout_completed', { data: { checkout: { token: null } } })],
]) {
  test(`${topic} without what it is about is not told`, async () => {
    const run = start();

    run.subscribers[topic](event);
    await wait(10);

    assert.deepEqual(run.sent, []);
  });
}

test('what comes together is sent together, twenty at most, and none is lost', async () => {
  const run = start();

  for (let number = 1; number <= 45; number += 1) run.subscribers.product_viewed(aProduct(String(number), number));
  await wait(10);

  assert.deepEqual(run.sent.map(({ events }) => events.length), [20, 20, 5]);
  assert.deepEqual(run.sent.flatMap(({ events }) => events.map(({ id }) => id)), Array.from({ length: 45 }, (_, at) => `sh-${at + 1}`));
});

test('no request is larger than the collector takes', async () => {
  const run = start();
  const products = Array.from({ length: 50 }, (_, at) => String(8_000_000_000_000 + at));

  for (let number = 0; number < 30; number += 1) run.subscribers['tailorbird:impression'](aCard('tailorbird:impression', { decision: DECISION, products }));
  await wait(10);

  assert.equal(run.sent.flatMap(({ events }) => events).length, 30);
  assert.ok(run.sent.every(({ body }) => body.length <= 16_384));
});

test('what a page may end with does not wait for others', () => {
  const run = start();

  run.subscribers.product_viewed(aProduct('7'));
  run.subscribers['tailorbird:click'](aCard('tailorbird:click', { decision: DECISION, product: '1' }));

  assert.deepEqual(run.sent.map(({ events }) => events.map(({ topic }) => topic)), [['product_viewed', 'tailorbird:click']]);
});

for (const [what, answers, tries] of [
  ['is down', [503, 503, 503], 3],
  ['is down for a moment', [500, 202], 2],
  ['is asked too often', [429, 202], 2],
  ['cannot be reached', [new TypeError('offline'), 202], 2],
  ['refuses', [400], 1],
  ['does not know the shop', [404], 1],
]) {
  test(`a collector that ${what} is asked ${tries} times`, async () => {
    const answer = async (count) => {
      const found = answers[count - 1];
      if (found instanceof Error) throw found;
      return { status: found };
    };
    const run = start({ answer });

    run.subscribers['tailorbird:click'](aCard('tailorbird:click', { decision: DECISION, product: '1' }));
    await wait(40);

    assert.equal(run.sent.length, tries);
    assert.equal(new Set(run.sent.map(({ body }) => body)).size, 1);
  });
}

test('a collector that says when is asked no sooner, and never later than half a minute', async () => {
  for (const [seconds, least] of [['7', 7000], ['86400', 30_000]]) {
    const run = start({ answer: (count) => (count === 1 ? { status: 429, headers: { 'Retry-After': seconds } } : { status: 202 }) });

    run.subscribers['tailorbird:click'](aCard('tailorbird:click', { decision: DECISION, product: '1' }));
    await wait(20);

    assert.deepEqual(run.waits, [least]);
  }
});

test('without consent to analytics nothing is sent', async () => {
  const run = start({ customerPrivacy: { ...ALLOWED, analyticsProcessingAllowed: false } });

  run.subscribers.product_viewed(aProduct('7'));
  await wait(10);

  assert.deepEqual(run.sent, []);
});

test('consent that is taken back stops what waits, what comes, and what is tried again; given anew it goes on', async () => {
  const run = start({ answer: () => ({ status: 503 }) });
  run.subscribers['tailorbird:click'](aCard('tailorbird:click', { decision: DECISION, product: '1' }));
  run.subscribers.product_viewed(aProduct('7'));

  run.decide(false);
  run.subscribers.product_viewed(aProduct('8'));
  await wait(30);
  const before = run.sent.length;
  run.decide(true);
  run.subscribers.product_viewed(aProduct('9', 9));
  await wait(30);

  assert.equal(before, 1);
  assert.deepEqual(new Set(run.sent.slice(1).map(({ events }) => events[0].id)), new Set(['sh-9']));
});

test('what was tried again when consent was taken back is forgotten, though consent comes back at once', async () => {
  const run = start({ answer: () => ({ status: 503 }) });
  run.subscribers['tailorbird:click'](aCard('tailorbird:click', { decision: DECISION, product: '1' }));

  run.decide(false);
  run.decide(true);
  await wait(30);

  assert.equal(run.sent.length, 1);
});

test('the pixel needs analytics alone, and its settings are those of its file', () => {
  assert.deepEqual(pixel.purposes, ['analytics']);
  assert.equal(pixel.faultOf(SETTINGS), null);
  assert.match(pixel.faultOf({ ...SETTINGS, accountID: 'short' }), /accountID is shorter than 36/);
  assert.match(pixel.faultOf({ accountID: SETTINGS.accountID }), /lack the text endpoint/);
  assert.match(pixel.faultOf({ ...SETTINGS, color: 'red' }), /unknown field color/);
});
