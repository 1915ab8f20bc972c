import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setStance } from '../consent.mjs';
import { launch } from './browser.mjs';
import { startShop } from './support/shop.mjs';

const FEATURE = [{ name: 'consent-tracking-api', version: '0.1' }];
let browser;
let store;
let context;
let page;
let faults;

before(async () => {
  store = await startShop();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await store?.close();
});
beforeEach(async () => {
  faults = [];
  setStance(store.store, store.shop, 'not_required');
  context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  page = await context.newPage();
  page.on('pageerror', (error) => faults.push(error.message));
});
afterEach(async () => {
  await context.close();
  assert.deepEqual(faults, []);
});

/** Open the home page and load the Customer Privacy API. */
async function open(stance) {
  setStance(store.store, store.shop, stance);
  await page.goto(store.url);
  await page.evaluate((features) => new Promise((resolve) => { window.Shopify.loadFeatures(features, resolve); }), FEATURE);
}

/** Return what the API allows, in the order analytics, marketing, preferences, sale of data. */
const allowed = () => page.evaluate(() => {
  const { analyticsProcessingAllowed, marketingAllowed, preferencesProcessingAllowed, saleOfDataAllowed } = window.Shopify.customerPrivacy;
  return [analyticsProcessingAllowed(), marketingAllowed(), preferencesProcessingAllowed(), saleOfDataAllowed()];
});

const answers = () => page.evaluate(() => window.Shopify.customerPrivacy.currentVisitorConsent());

for (const [stance, isAllowed, answer, hasBanner] of [
  ['not_required', true, '', false],
  ['unanswered', false, '', true],
  ['refused', false, 'no', false],
  ['granted', true, 'yes', false],
]) {
  test(`consent ${stance}: processing is ${isAllowed ? '' : 'not '}allowed, the banner is ${hasBanner ? 'shown' : 'hidden'}`, async () => {
    await open(stance);

    assert.deepEqual(await allowed(), Array(4).fill(isAllowed));
    assert.deepEqual(await answers(), { analytics: answer, marketing: answer, preferences: answer, sale_of_data: answer });
    assert.equal(await page.getByRole('region', { name: 'Cookies' }).isVisible(), hasBanner);
  });
}

test('the API is not there before it is loaded, and an unknown feature is an error', async () => {
  await page.route('**/theme.js**', (route) => route.abort());
  await page.goto(store.url);

  const before = await page.evaluate(() => typeof window.Shopify.customerPrivacy);
  const error = await page.evaluate(() => new Promise((resolve) => { window.Shopify.loadFeatures([{ name: 'weather', version: '1' }], (told) => resolve(told?.message)); }));

  assert.equal(before, 'undefined');
  assert.match(error, /weather/);
});

for (const [button, isAllowed] of [['Accept', true], ['Decline', false]]) {
  test(`${button} in the banner is told once, kept, and asked no more`, async () => {
    await open('unanswered');
    await page.evaluate(() => { window.told = []; document.addEventListener('visitorConsentCollected', ({ detail }) => window.told.push(detail)); });

    await page.getByRole('button', { name: button }).click();
    await page.getByRole('region', { name: 'Cookies' }).waitFor({ state: 'hidden' });
    const told = await page.evaluate(() => window.told);
    await open('unanswered');

    assert.equal(told.length, 1);
    assert.deepEqual([told[0].analyticsAllowed, told[0].preferencesAllowed, told[0].marketingAllowed, told[0].saleOfDataAllowed], Array(4).fill(isAllowed));
    assert.deepEqual(await allowed(), Array(4).fill(isAllowed));
    assert.equal(await page.getByRole('region', { name: 'Cookies' }).isVisible(), false);
  });
}

test('one purpose may be answered alone; the others stay as they were', async () => {
  await open('unanswered');

  await page.evaluate(() => new Promise((resolve) => { window.Shopify.customerPrivacy.setTrackingConsent({ analytics: true }, resolve); }));

  assert.deepEqual(await answers(), { analytics: 'yes', marketing: '', preferences: '', sale_of_data: '' });
  assert.deepEqual(await allowed(), [true, false, false, false]);
});

test("a visitor's own answer goes before the shop's stance", async () => {
  await open('granted');
  await page.evaluate(() => new Promise((resolve) => { window.Shopify.customerPrivacy.setTrackingConsent({ analytics: false, preferences: false }, resolve); }));

  await open('granted');

  assert.deepEqual(await allowed(), [false, true, false, true]);
});

const gidOf = (handle) => `gid://shopify/ProductVariant/${store.shop.findProductByHandle(handle).variants[0].id}`;

test('a standard action adds to the cart on the page, tells of it, and the theme shows it', async () => {
  await page.goto(store.url);

  const { before, result, events, isDefault } = await page.evaluate(async (merchandiseId) => {
    const events = [];
    document.addEventListener('shopify:cart:lines-update', ({ action, context, lines, promise }) => {
      events.push({ action, context, lines });
      promise.then(({ cart }) => events.push(cart.totalQuantity));
    });
    const before = await window.Shopify.actions.getCart();
    const result = await window.Shopify.actions.updateCart({ lines: [{ merchandiseId, quantity: 2, attributes: [{ key: '_from', value: 'list' }] }] });
    return { before, result, events, isDefault: window.Shopify.actions.updateCart.isDefault() };
  }, gidOf('wool-throw'));

  const { cart } = result;
  assert.deepEqual(before, { cart: null });
  assert.equal(isDefault, false);
  assert.equal(cart.totalQuantity, 2);
  assert.deepEqual(cart.lines.nodes.map(({ quantity, attributes, merchandise }) => [quantity, attributes, merchandise.id]), [[2, [{ key: '_from', value: 'list' }], gidOf('wool-throw')]]);
  assert.deepEqual(events.map((each) => each.action ?? each), ['add', 2]);
  assert.equal(events[0].context, 'standard-action');
  assert.equal(await page.locator('[data-cart-count]').textContent(), '2');
  assert.equal(new URL(page.url()).pathname, '/');
});

test('a line is changed and removed by its id', async () => {
  await page.goto(store.url);

  const counts = await page.evaluate(async (merchandiseId) => {
    const { updateCart } = window.Shopify.actions;
    const added = await updateCart({ lines: [{ merchandiseId, quantity: 1 }] });
    const { id } = added.cart.lines.nodes[0];
    const changed = await updateCart({ lines: [{ id, quantity: 3 }], note: 'Ring twice' });
    const removed = await updateCart({ lines: [{ id, quantity: 0 }] });
    return [added, changed, removed].map(({ cart }) => [cart.totalQuantity, cart.note]);
  }, gidOf('wool-throw'));

  assert.deepEqual(counts, [[1, ''], [3, 'Ring twice'], [0, 'Ring twice']]);
});

test('what the cart declines resolves with userErrors; what could not be asked rejects and is told', async () => {
  await page.goto(store.url);

  const { declined, failed, errors } = await page.evaluate(async (merchandiseId) => {
    const errors = [];
    document.addEventListener('shopify:cart:error', ({ error }) => errors.push(error.name));
    const declined = await window.Shopify.actions.updateCart({ lines: [{ merchandiseId, quantity: 1 }] });
    const failed = await window.Shopify.actions.updateCart({ lines: [{ merchandiseId: '7', quantity: 1 }] }).catch(({ name }) => name);
    return { declined, failed, errors };
  }, gidOf('oak-spoon'));

  assert.equal(declined.cart, null);
  assert.match(declined.userErrors[0].message, /already sold out/);
  assert.deepEqual([failed, errors], ['TypeError', ['TypeError']]);
  assert.equal(await page.locator('[data-cart-count]').isVisible(), false);
});

test('without a theme that configures it the page is loaded anew; openCart leads to the cart', async () => {
  await page.route('**/theme.js**', (route) => route.abort());
  await page.goto(store.url);

  const isDefault = await page.evaluate(() => window.Shopify.actions.updateCart.isDefault());
  await Promise.all([
    page.waitForEvent('load'),
    page.evaluate((merchandiseId) => { window.Shopify.actions.updateCart({ lines: [{ merchandiseId, quantity: 1 }] }); }, gidOf('wool-throw')),
  ]);
  await page.evaluate(() => { window.Shopify.actions.openCart(); });
  await page.waitForURL('**/cart');

  assert.equal(isDefault, true);
  await page.getByRole('heading', { name: 'Your cart' }).waitFor();
  assert.equal(await page.getByText('Wool Throw').first().isVisible(), true);
});
