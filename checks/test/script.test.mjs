/** What the script adds to the rendered blocks, in a DOM whose shop and app proxy answer as told. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { aCart, allowing, answering, answerOf, aShopProduct, click, decide, open, openDefault, openPersonal, pageOf, PERSONAL, PROXY, shopOf } from './page.mjs';
import { aProduct, aSubject, DECISION, makePage, renderBlock } from './storefront.mjs';
import { wait } from './turns.mjs';

const VISITOR = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/* A click on its way to the order */

/** From a click to the look at it; less than any wrong clock here is wrong. */
const SLOWEST_SECONDS = 15;

const now = () => Math.floor(Date.now() / 1000);
const aClick = (product, { decision = DECISION, at = now() - 60, how = 'c' } = {}) => `${decision}:${product}:${at}:${how}`;

function assertClick(click, product, { decision = DECISION, how = 'c', at = now() } = {}) {
  const [id, shown, second, by] = click.split(':');
  assert.deepEqual([id, shown, by], [decision, String(product), how]);
  assert.ok(Math.abs(Number(second) - at) <= SLOWEST_SECONDS, `${second} is not ${at}`);
}

for (const type of ['click', 'auxclick']) {
  test(`with consent to analytics ${type} on a card is told to the cart, and outlives the page`, async () => {
    const { answers, clicks } = aCart();
    const page = await openDefault({ shopify: allowing(['analytics']), answers });

    click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'), type);
    await wait(5);

    const [{ method, keepalive }] = page.to('/cart/update.js');
    assert.deepEqual([method, keepalive], ['POST', true]);
    assert.equal(clicks().length, 1);
    assertClick(clicks()[0], 3);
    assert.equal(page.window.localStorage.length, 0);
  });
}

for (const [why, shopify] of [
  ['nothing was decided yet', allowing([])],
  ['only preferences are allowed', allowing(['preferences'])],
  ['only marketing is allowed', allowing(['marketing'])],
  ['the shop has no privacy API', undefined],
  ['the privacy API does not answer', { loadFeatures: () => {} }],
  ['the privacy API does not load', { loadFeatures: (_, done) => done(new Error('blocked')) }],
  ['the merchant is in the theme editor', { ...allowing(true), designMode: true }],
]) {
  test(`a click is told to nobody and leaves nothing in the browser where ${why}`, async () => {
    const page = await openDefault({ shopify, answers: aCart().answers });

    click(page, page.document.querySelector('.tailorbird__link'));
    await wait(5);

    assert.deepEqual(page.acts(), []);
    assert.equal(page.window.localStorage.length, 0);
  });
}

test('a click beside a link, by the right button, or on a card that no model chose, is none', async () => {
  const objects = { product: aSubject(undefined, { mates: [aProduct(2)] }) };
  const standIn = await open(await makePage(await renderBlock('product-recommendations', { objects })), { shopify: allowing(true) });
  const page = await openDefault({ shopify: allowing(true) });

  click(standIn, standIn.document.querySelector('.tailorbird__link'));
  click(page, page.document.querySelector('h2'));
  page.document.querySelector('.tailorbird__link').dispatchEvent(new page.window.MouseEvent('auxclick', { bubbles: true, button: 2 }));
  await wait(5);

  assert.deepEqual([...standIn.acts(), ...page.acts()], []);
});

test('with consent to preferences too the browser keeps the clicks, so that parallel tabs lose none', async () => {
  const { answers, clicks } = aCart({ attributes: { _tailorbird: aClick(9, { at: now() - 90 }) } });
  const page = await openDefault({ shopify: allowing(true), answers });
  const ofAnotherTab = aClick(8, { at: now() - 5 });
  page.window.localStorage.setItem('tailorbird:clicks', `${page.window.localStorage.getItem('tailorbird:clicks')} ${ofAnotherTab}`);

  click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'));
  await wait(5);

  assert.deepEqual(clicks().map((each) => each.split(':')[1]), ['3', '8', '9']);
  assert.equal(page.window.localStorage.getItem('tailorbird:clicks'), clicks().join(' '));
});

test('a click whose request was lost reaches the cart from the next page', async () => {
  const { answers, clicks } = aCart();
  const page = await openDefault({ shopify: allowing(true), answers, stored: { 'tailorbird:clicks': aClick(5) } });
  await wait(10);

  assert.equal(page.to('/cart/update.js').length, 1);
  assert.deepEqual(clicks(), [page.window.localStorage.getItem('tailorbird:clicks')]);
});

test('clicks that an order took along are not told to the next cart', async () => {
  const stored = { 'tailorbird:clicks': aClick(5), 'tailorbird:carted': '1' };
  const page = await openDefault({ shopify: allowing(true), answers: aCart().answers, stored });
  await wait(10);

  assert.deepEqual(page.acts(), []);
  assert.equal(page.window.localStorage.length, 0);
});

test('ten clicks travel, each card once, and what others wrote is dropped', async () => {
  const many = Array.from({ length: 14 }, (_, index) => aClick(index + 100, { at: now() - 100 + index }));
  const { answers, clicks } = aCart({ attributes: { _tailorbird: ['<script>', ...many, aClick(113, { at: now() - 500 })].join(' ') } });
  const page = await openDefault({ shopify: allowing(['analytics']), answers });

  click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'));
  await wait(5);

  assert.deepEqual(clicks().map((each) => each.split(':')[1]), ['3', '113', '112', '111', '110', '109', '108', '107', '106', '105']);
});

test("a click's moment is the shop's where the shopper's clock is wrong", async () => {
  const date = new Date(Date.now() - 3_600_000);
  const { answers, clicks } = aCart({ date });
  const page = await openDefault({ shopify: allowing(['analytics']), answers });

  click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'));
  await wait(5);

  assertClick(clicks()[0], 3, { at: Math.floor(date / 1000) });
});

test('a click is never told from before its decision', async () => {
  const made = Date.now() + 20_000; // of a clock twenty seconds ahead
  const hex = made.toString(16).padStart(12, '0');
  const decision = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000001`;
  const { answers, clicks } = aCart();
  const html = (await pageOf([aProduct(2), aProduct(3)])).replaceAll(DECISION, decision);
  const page = await open(html, { shopify: allowing(['analytics']), answers });

  click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'));
  await wait(5);

  assertClick(clicks()[0], 3, { decision, at: Math.floor(made / 1000) });
});

test('a cart that answers 409 is asked again with the newest clicks', async () => {
  let refusals = 2;
  const { answers, clicks } = aCart();
  const update = answers['/cart/update.js'];
  answers['/cart/update.js'] = (options) => (refusals-- > 0 ? answering({}, { status: 409 }) : update(options));
  const page = await openDefault({ shopify: allowing(['analytics']), answers });

  click(page, page.document.querySelector('[data-product="2"] .tailorbird__link'));
  await wait(20);
  click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'));
  await wait(1200);

  assert.deepEqual(clicks().map((each) => each.split(':')[1]).sort(), ['2', '3']);
  assert.equal(page.to('/cart/update.js').length, 4);
});

test("a shop under a language's path is asked under that path", async () => {
  const page = await openDefault({ shopify: { ...allowing(['analytics']), routes: { root: '/de/' } } });

  click(page, page.document.querySelector('.tailorbird__link'));
  await wait(5);

  assert.deepEqual(page.requests.map(({ path }) => path), ['/de/cart.js', '/de/cart/update.js']);
});

test('a cart that does not answer troubles nobody', async () => {
  const offline = () => Promise.reject(new Error('offline'));
  const page = await openDefault({ shopify: allowing(true), answers: { '/cart.js': offline, '/cart/update.js': offline } });

  click(page, page.document.querySelector('.tailorbird__link'));
  await wait(10);

  assert.equal(page.to('/cart/update.js').length, 1);
  assert.deepEqual(page.titles(), ['Product 2', 'Product 3']);
});

test('a cart that could not be read is not taken for a new one', async () => {
  const stored = { 'tailorbird:clicks': aClick(5), 'tailorbird:carted': '1' };
  const { answers, clicks } = aCart({ attributes: { _tailorbird: aClick(5) } });
  const page = await openDefault({ shopify: allowing(true), stored, answers: { ...answers, '/cart.js': () => answering(null, { status: 500 }) } });

  click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'));
  await wait(5);

  assert.deepEqual(clicks().map((each) => each.split(':')[1]), ['3', '5']);
});

test('a page that is shown again by the back button learns what happened since', async () => {
  const { answers, cart, clicks } = aCart();
  const page = await openDefault({ shopify: allowing(['analytics']), answers });
  click(page, page.document.querySelector('[data-product="2"] .tailorbird__link'));
  await wait(5);

  const [first] = clicks();
  cart.attributes._tailorbird = `${aClick(5, { at: now() + 1 })} ${first}`;
  cart.items = [{ product_id: 2 }];
  page.window.dispatchEvent(Object.assign(new page.window.Event('pageshow'), { persisted: true }));
  await wait(10);
  click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'));
  await wait(5);

  assert.deepEqual(clicks().map((each) => each.split(':')[1]).sort(), ['2', '3', '5']);
  assert.deepEqual(page.titles(), ['Product 3']);
});

test('a page that is shown again after the order tells its clicks to no other cart', async () => {
  const { answers, cart, clicks } = aCart();
  const page = await openDefault({ shopify: allowing(true), answers });
  click(page, page.document.querySelector('[data-product="2"] .tailorbird__link'));
  await wait(5);

  cart.attributes = {};
  page.window.dispatchEvent(Object.assign(new page.window.Event('pageshow'), { persisted: true }));
  await wait(10);
  click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'));
  await wait(5);

  assert.deepEqual(clicks().map((each) => each.split(':')[1]), ['3']);
});

/* Consent that changes on the page */

test('what was cleared when consent went does not come back when it is given again', async () => {
  const { answers, clicks } = aCart({ attributes: { _tailorbird: aClick(5) } });
  const page = await openDefault({ shopify: allowing(['analytics']), answers });

  await decide(page, []);
  await decide(page, ['analytics']);
  click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'));
  await wait(5);

  assert.deepEqual(clicks().map((each) => each.split(':')[1]), ['3']);
});

test('consent taken back while clicks are on their way clears the cart behind them', async () => {
  const { answers, clicks } = aCart();
  const update = answers['/cart/update.js'];
  answers['/cart/update.js'] = async (options) => {
    await wait(20);
    return update(options);
  };
  const page = await openDefault({ shopify: allowing(['analytics']), answers });
  click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'));
  await wait(5);

  await decide(page, []);
  await wait(40);

  assert.equal(page.to('/cart/update.js').length, 2);
  assert.deepEqual(clicks(), []);
});

test('consent given later is obeyed at once, for what comes after it', async () => {
  const { answers, clicks } = aCart();
  const page = await openDefault({ shopify: allowing([]), answers });
  click(page, page.document.querySelector('[data-product="2"] .tailorbird__link'));

  await decide(page, ['analytics']);
  click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'));
  await wait(5);

  assert.deepEqual(clicks().map((each) => each.split(':')[1]), ['3']);
});

test('consent taken back clears the cart and the browser of what it allowed', async () => {
  const { answers, clicks } = aCart();
  const page = await openDefault({ shopify: allowing(true), answers });
  click(page, page.document.querySelector('.tailorbird__link'));
  await wait(5);
  assert.equal(clicks().length, 1);

  await decide(page, []);
  click(page, page.document.querySelector('.tailorbird__link'));
  await wait(5);

  assert.deepEqual(clicks(), []);
  assert.equal(page.window.localStorage.length, 0);
});

test('consent taken back before this page came clears the cart here', async () => {
  const { answers, clicks } = aCart({ attributes: { _tailorbird: aClick(5), gift: 'yes' } });
  await openDefault({ shopify: allowing([]), answers });
  await wait(10);

  assert.deepEqual(clicks(), []);
});

test("a banner's refusal counts although the privacy API still allows", async () => {
  const page = await openDefault({ shopify: allowing(true), answers: aCart().answers });
  page.document.dispatchEvent(new page.window.CustomEvent('visitorConsentCollected', { detail: { analyticsAllowed: false, preferencesAllowed: false } }));

  click(page, page.document.querySelector('.tailorbird__link'));
  await wait(5);

  assert.deepEqual(page.acts(), []);
});

/* No product twice */

const twoBlocks = async (first, second, settings = {}) => {
  const blocks = [first, second].map((recommended) => renderBlock('product-recommendations', { objects: { product: aSubject(recommended) }, settings }));
  return makePage((await Promise.all(blocks)).join(''));
};
const lists = (page) => [...page.document.querySelectorAll('tailorbird-carousel')].map((one) =>
  one.hidden ? 'hidden' : [...one.list.children].map((card) => Number(card.dataset.product)));
const several = (...ids) => ids.map((id) => aProduct(id));

test('the second block on a page shows what the first does not, from its own next products', async () => {
  const page = await open(await twoBlocks(several(2, 3, 4, 5, 6), several(3, 2, 7, 4, 8), { items_to_show: 2 }));

  assert.deepEqual(lists(page), [[2, 3], [7, 4]]);
});

test('where the second block has nothing else it is not there', async () => {
  const page = await open(await twoBlocks(several(2, 3), several(3, 2)));

  assert.deepEqual(lists(page), [[2, 3], 'hidden']);
});

test('what lies in the cart leaves a page that came from a cache', async () => {
  const page = await open(await twoBlocks(several(2, 3, 4), several(3, 5, 4), { items_to_show: 2 }), { answers: aCart({ products: [2, 5] }).answers });
  await wait(5);

  assert.deepEqual(lists(page), [[3, 4], 'hidden']);
});

/* Adding to the cart */

async function submit(page, product) {
  const form = page.document.querySelector(`[data-product="${product}"] form`);
  form.requestSubmit(form.querySelector('button'));
  await wait(30);
  return page.document.querySelector('[role="status"]').textContent;
}

test("the storefront's own action adds to the cart, and opens the cart the theme has", async () => {
  const calls = [];
  const action = (name, result) => Object.assign(async (...given) => {
    calls.push([name, ...structuredClone(given)]);
    return result;
  }, { isDefault: () => false });
  const actions = { updateCart: action('updateCart', { cart: {}, userErrors: [] }), openCart: action('openCart') };
  const page = await openDefault({ shopify: { actions } });

  const told = await submit(page, 3);

  assert.deepEqual(calls, [
    ['updateCart', { lines: [{ merchandiseId: 'gid://shopify/ProductVariant/30', quantity: 1 }] }, { event: { context: 'product' } }],
    ['openCart'],
  ]);
  assert.equal(told, 'Added to your cart: Product 3');
  assert.deepEqual(page.acts(), []);
});

test("a default that would leave the page for the cart's is not called", async () => {
  const opened = [];
  const isDefault = () => true;
  const actions = {
    updateCart: Object.assign(async () => ({ cart: {} }), { isDefault }),
    openCart: Object.assign(async () => opened.push(1), { isDefault }),
  };
  const page = await openDefault({ shopify: { actions } });

  await submit(page, 3);
  page.document.body.append(page.document.createElement('cart-drawer'));
  await submit(page, 2);

  assert.equal(opened.length, 1);
});

for (const [what, result, told] of [
  ['refuses', { cart: {}, userErrors: [{ code: 'INVALID', message: 'The product is sold out.' }] }, 'The product is sold out.'],
  ['warns', { cart: {}, warnings: [{ code: 'MERCHANDISE_OUT_OF_STOCK', message: 'None is left.' }] }, 'None is left.'],
]) {
  test(`what the action ${what} is told, and the click on it is taken back`, async () => {
    const { answers, clicks } = aCart();
    const page = await openDefault({ shopify: { ...allowing(['analytics']), actions: { updateCart: async () => result } }, answers });

    assert.equal(await submit(page, 3), told);
    assert.deepEqual(clicks(), []);
  });
}

for (const [how, conflict] of [
  ['says', () => ({ userErrors: [{ code: 'CONFLICT', message: 'busy' }] })],
  ['fails with', () => Promise.reject(new Error('The cart answered 409.'))],
]) {
  test(`an action that ${how} a conflict with another change of the cart is tried again`, async () => {
    let calls = 0;
    const updateCart = async () => (++calls < 2 ? conflict() : { cart: {} });
    const page = await openDefault({ shopify: { actions: { updateCart } } });

    await submit(page, 3);
    await wait(300);

    assert.equal(calls, 2);
    assert.equal(page.document.querySelector('[role="status"]').textContent, 'Added to your cart: Product 3');
  });
}

test('an action that fails otherwise is not tried again: it may have added', async () => {
  let calls = 0;
  const updateCart = async () => {
    calls += 1;
    throw new Error('offline');
  };
  const page = await openDefault({ shopify: { actions: { updateCart } } });

  assert.match(await submit(page, 3), /Please try again/);
  assert.equal(calls, 1);
});

test("without actions the Ajax API adds, and a drawer of Shopify's themes shows it", async () => {
  const shown = [];
  const events = [];
  const { answers } = aCart();
  const before = (window) => window.addEventListener('DOMContentLoaded', () => {
    const drawer = Object.assign(window.document.createElement('cart-drawer'), {
      className: 'drawer is-empty',
      getSectionsToRender: () => [{ id: 'cart-drawer', selector: '#CartDrawer' }, { id: 'cart-icon-bubble' }],
      renderContents: (line) => shown.push([line.id, drawer.className]),
    });
    window.document.body.append(drawer);
    for (const type of ['shopify:cart:lines-update', 'cart:refresh']) window.document.addEventListener(type, (event) => events.push(event));
  });
  const page = await openDefault({ answers, before });

  const told = await submit(page, 3);

  const [{ body }] = page.to('/cart/add.js');
  assert.deepEqual(JSON.parse(body), { id: 30, quantity: 1, sections: ['cart-drawer', 'cart-icon-bubble'], sections_url: '/products/product-1' });
  assert.deepEqual(shown, [[30, 'drawer']]);
  assert.deepEqual(events.map(({ type, action, context }) => [type, action, context]), [['shopify:cart:lines-update', 'add', 'product'], ['cart:refresh', undefined, undefined]]);
  assert.equal(told, 'Added to your cart: Product 3');
});

for (const [what, answer, told] of [
  ['sold out', () => answering({ status: 422, message: 'Cart Error', description: "The product 'Product 3' is already sold out." }, { status: 422 }), "The product 'Product 3' is already sold out."],
  ['a table of fields', () => answering({ status: 422, message: 'No', description: { quantity: ['is too large'] } }, { status: 422 }), 'No'],
  ['an answer that is no JSON', () => new Response('<html>', { status: 500 }), 'This could not be added to your cart. Please try again.'],
  ['no answer', () => Promise.reject(new TypeError('offline')), 'This could not be added to your cart. Please try again.'],
]) {
  test(`${what} is told where a screen reader hears it, and the button works again`, async () => {
    const { answers, clicks } = aCart();
    const page = await openDefault({ shopify: allowing(['analytics']), answers: { ...answers, '/cart/add.js': answer } });

    assert.equal(await submit(page, 3), told);

    assert.deepEqual(clicks(), []);
    assert.equal(page.document.querySelector('[data-product="3"] button').getAttribute('aria-disabled'), null);
    await submit(page, 3);
    assert.equal(page.to('/cart/add.js').length, 2);
  });
}

for (const [what, shopify] of [
  ['whose answers fail', { customerPrivacy: { analyticsProcessingAllowed: fail, preferencesProcessingAllowed: fail } }],
  ['that fails to load', { loadFeatures: fail }],
]) {
  test(`a privacy API ${what} has not said yes, and keeps nobody from buying`, async () => {
    const { answers, clicks } = aCart();
    const page = await openDefault({ shopify, answers });

    assert.equal(await submit(page, 3), 'Added to your cart: Product 3');

    assert.deepEqual([clicks(), page.window.localStorage.length], [[], 0]);
  });
}

function fail() {
  throw new TypeError('broken');
}

for (const [what, shopify, hanging] of [
  ['telling a click', allowing(['analytics']), '/cart/update.js'],
  ['adding', undefined, '/cart/add.js'],
]) {
  test(`a cart that never answers to ${what} keeps the next product from nothing`, async () => {
    const { answers } = aCart();
    const answer = answers[hanging];
    let asked = 0;
    answers[hanging] = (options) => ((asked += 1) === 1 ? new Promise(() => {}) : answer(options));
    const before = (window) => {
      const later = window.setTimeout;
      window.setTimeout = (task, ms) => later(task, ms >= 3000 ? 10 : ms);
    };
    const page = await openDefault({ shopify, answers, before });

    for (const id of [2, 3]) await submit(page, id);

    assert.deepEqual(page.to('/cart/add.js').map(({ body }) => JSON.parse(body).id), [20, 30]);
    assert.equal(page.document.querySelectorAll('[aria-disabled="true"].tailorbird__button').length, 0);
  });
}

test('a title is told as it is written', async () => {
  const page = await open(await pageOf([aProduct(2, { title: "$& cash$$ $' mug" })]), { answers: aCart().answers });

  assert.equal(await submit(page, 2), "Added to your cart: $& cash$$ $' mug");
});

test('two presses add once', async () => {
  const page = await openDefault({ answers: aCart().answers });
  const form = page.document.querySelector('[data-product="3"] form');

  form.requestSubmit();
  form.requestSubmit();
  await wait(30);

  assert.equal(page.to('/cart/add.js').length, 1);
});

test('with consent the button tells the cart that it was the button', async () => {
  const { answers, clicks } = aCart();
  const page = await openDefault({ shopify: allowing(['analytics']), answers });

  await submit(page, 3);

  assertClick(clicks()[0], 3, { how: 'a' });
  assert.deepEqual(page.acts().map(({ path }) => path), ['/cart/update.js', '/cart/add.js']);
});

/* Parallel tabs of a shopper who allows analytics alone: only the cart can tell one of the other's clicks */

const products = (clicks) => clicks.map((each) => each.split(':')[1]).sort();

async function twoTabs(cart) {
  const tabs = [];
  for (const shopify of [allowing(['analytics']), allowing(['analytics'])]) tabs.push(await openDefault({ shopify, answers: cart.answers }));
  return tabs;
}

async function clickCard(page, id) {
  click(page, page.document.querySelector(`[data-product="${id}"] .tailorbird__link`));
  await wait(20);
}

for (const type of ['focus', 'visibilitychange']) {
  test(`a tab that is turned to (${type}) keeps what another one told the cart`, async () => {
    const cart = aCart();
    const [first, second] = await twoTabs(cart);

    await clickCard(first, 2);
    (type === 'focus' ? second.window : second.document).dispatchEvent(new second.window.Event(type));
    await wait(20);
    await clickCard(second, 3);

    assert.deepEqual(products(cart.clicks()), ['2', '3']);
    assert.deepEqual([first.window.localStorage.length, second.window.localStorage.length], [0, 0]);
  });
}

test('a tab whose change met that of another reads the cart before it asks again', async () => {
  const cart = aCart();
  const update = cart.answers['/cart/update.js'];
  const [first, second] = await twoTabs(cart);
  let isBusy = true;
  cart.answers['/cart/update.js'] = (options) => {
    if (!isBusy) return update(options);
    isBusy = false;
    return answering({}, { status: 409 });
  };

  await clickCard(second, 3);
  await clickCard(first, 2);
  await wait(400);

  assert.deepEqual(products(cart.clicks()), ['2', '3']);
});

test('a click that was taken back does not come back with the cart', async () => {
  const cart = aCart();
  const page = await openDefault({
    shopify: allowing(['analytics']), answers: { ...cart.answers, '/cart/add.js': () => answering({ message: 'No' }, { status: 422 }) },
  });
  const update = cart.answers['/cart/update.js'];
  let refusals = 0;
  cart.answers['/cart/update.js'] = (options) => (refusals-- > 0 ? answering({}, { status: 409 }) : update(options));
  await clickCard(page, 2);
  page.document.querySelector('[data-product="3"] form').requestSubmit();
  await wait(30);

  page.window.dispatchEvent(new page.window.Event('focus'));
  await wait(20);

  assert.deepEqual(products(cart.clicks()), ['2']);
});

test('clicks that an order took along in another tab are not told to the next cart', async () => {
  const cart = aCart();
  const [first, second] = await twoTabs(cart);
  await clickCard(first, 2);
  second.window.dispatchEvent(new second.window.Event('focus'));
  await wait(20);

  delete cart.cart.attributes._tailorbird; // the order: what follows is another cart
  for (const tab of [first, second]) tab.window.dispatchEvent(new tab.window.Event('focus'));
  await wait(20);
  await clickCard(second, 3);

  assert.deepEqual(products(cart.clicks()), ['3']);
});

/* Signals */

/** `Shopify.analytics`, and what was published to it. */
function publishing(purposes, extra = {}) {
  const published = [];
  const analytics = { publish: (name, data) => published.push([name, structuredClone(data)]) };
  return { shopify: Object.assign(allowing(purposes), { analytics }, extra), published };
}

/** The second of a look, and the moment in which a row is gathered, take 10 ms. */
const quick = (window) => {
  const later = window.setTimeout;
  window.setTimeout = (task, ms, ...rest) => later(task, [1000, 100].includes(ms) ? 10 : ms, ...rest);
};

test('cards that were half in view for a second are told once a page view, in one event', async () => {
  const { shopify, published } = publishing(['analytics']);
  const page = await openDefault({ shopify, before: quick, answers: aCart().answers });

  page.see([2, 3], 0.5);
  await wait(60);
  page.see([2, 3], 0);
  page.see([2, 3]);
  await wait(60);

  assert.deepEqual(published, [['tailorbird:impression', { decision: DECISION, products: ['2', '3'] }]]);
});

test('a card that was not in view for a whole second, or less than half of it, is not told', async () => {
  const { shopify, published } = publishing(['analytics']);
  const looks = new Map();
  const before = (window) => {
    const { setTimeout: later, clearTimeout: forget } = window;
    window.setTimeout = (task, ms, ...rest) => {
      const timer = later(task, ms === 1000 ? 3_600_000 : ms, ...rest);
      if (ms === 1000) looks.set(timer, task);
      return timer;
    };
    window.clearTimeout = (timer) => {
      looks.delete(timer);
      forget(timer);
    };
  };
  const page = await openDefault({ shopify, before, answers: aCart().answers });

  page.see([2], 0.49);
  const begun = looks.size;
  page.see([3]);
  assert.deepEqual([begun, looks.size], [0, 1]);
  page.see([3], 0);
  for (const look of looks.values()) look();
  await wait(150);

  assert.deepEqual(published, []);
});

test('in a tab that nobody looks at nothing is seen, until it is turned to', async () => {
  const { shopify, published } = publishing(['analytics']);
  let isHidden = true;
  const before = (window) => {
    quick(window);
    Object.defineProperty(window.document, 'hidden', { get: () => isHidden });
  };
  const page = await openDefault({ shopify, before, answers: aCart().answers });
  const turn = async () => {
    page.document.dispatchEvent(new page.window.Event('visibilitychange'));
    await wait(60);
  };

  page.see([2]);
  await turn();
  const away = [...published];
  isHidden = false;
  await turn();

  assert.deepEqual(away, []);
  assert.deepEqual(published, [['tailorbird:impression', { decision: DECISION, products: ['2'] }]]);
});

test('the cards of a personal order are seen under their own decision', async () => {
  const { shopify, published } = publishing(true);
  const answers = { ...aCart().answers, [PROXY]: answerOf(9), ...shopOf(aShopProduct(9)) };
  const page = await openPersonal({ shopify, before: quick, answers });
  await page.scrollTo();
  await wait(60);

  page.see([9, 2]);
  await wait(60);

  assert.deepEqual(published.at(-1), ['tailorbird:impression', { decision: PERSONAL, products: ['9'] }]);
  assert.deepEqual(published.map(([, { decision }]) => decision), [DECISION, PERSONAL]);
});

test('a click and an add are told apart, an add once the cart has it', async () => {
  const { shopify, published } = publishing(['analytics']);
  const { answers } = aCart();
  const add = answers['/cart/add.js'];
  let isSoldOut = true;
  answers['/cart/add.js'] = (options) => (isSoldOut ? answering({ message: 'Sold out' }, { status: 422 }) : add(options));
  const page = await openDefault({ shopify, answers });

  await clickCard(page, 2);
  await submit(page, 3);
  const before = [...published];
  isSoldOut = false;
  await submit(page, 3);

  assert.deepEqual(before, [['tailorbird:click', { decision: DECISION, product: '2' }]]);
  assert.deepEqual(published.slice(1), [['tailorbird:add', { decision: DECISION, product: '3' }]]);
});

for (const [why, { shopify, published }] of [
  ['the shopper refused', publishing([])],
  ['only preferences are allowed', publishing(['preferences'])],
  ['the merchant is in the theme editor', publishing(true, { designMode: true })],
]) {
  test(`nothing is published where ${why}`, async () => {
    const page = await openDefault({ shopify, before: quick, answers: aCart().answers });

    page.see([2, 3]);
    await clickCard(page, 2);
    await submit(page, 3);
    await wait(60);

    assert.deepEqual(published, []);
  });
}

test('what is in view when the shopper agrees is seen from then on', async () => {
  const { shopify, published } = publishing([]);
  const page = await openDefault({ shopify, before: quick, answers: aCart().answers });
  page.see([2]);
  await wait(60);
  const before = [...published];

  await decide(page, ['analytics']);
  await wait(60);

  assert.deepEqual(before, []);
  assert.deepEqual(published, [['tailorbird:impression', { decision: DECISION, products: ['2'] }]]);
});

for (const [what, analytics] of [['is not there', undefined], ['fails', { publish: fail }]]) {
  test(`Shopify's analytics that ${what} keeps nobody from buying`, async () => {
    const { answers, clicks } = aCart();
    const page = await openDefault({ shopify: { ...allowing(['analytics']), analytics }, before: quick, answers });

    page.see([2]);
    await wait(60);

    assert.equal(await submit(page, 3), 'Added to your cart: Product 3');
    assert.equal(clicks().length, 1);
  });
}

/* The buttons */

function withWidths(window, { scrollWidth, clientWidth }) {
  Object.defineProperty(window.HTMLElement.prototype, 'scrollWidth', { get: () => scrollWidth });
  Object.defineProperty(window.HTMLElement.prototype, 'clientWidth', { get: () => clientWidth });
}

test('buttons appear when there is more than fits, and say where they end', async () => {
  const page = await openDefault({ before: (window) => withWidths(window, { scrollWidth: 1000, clientWidth: 400 }) });
  const [previous, next] = page.document.querySelectorAll('.tailorbird__move');

  const atStart = [previous.getAttribute('aria-disabled'), next.getAttribute('aria-disabled')];
  page.carousel.list.scrollLeft = 600;
  page.carousel.list.dispatchEvent(new page.window.Event('scroll'));

  assert.equal(page.document.querySelector('.tailorbird__moves').hidden, false);
  assert.deepEqual(atStart, ['true', 'false']);
  assert.deepEqual([previous.getAttribute('aria-disabled'), next.getAttribute('aria-disabled')], ['false', 'true']);
});

test('buttons stay hidden when all fits', async () => {
  const page = await openDefault({ before: (window) => withWidths(window, { scrollWidth: 400, clientWidth: 400 }) });

  assert.equal(page.document.querySelector('.tailorbird__moves').hidden, true);
});

for (const [direction, moves] of [['ltr', [-360, 360]], ['rtl', [360, -360]]]) {
  test(`buttons move the list by nearly its width (${direction})`, async () => {
    const moved = [];
    const page = await openDefault({ before: (window) => withWidths(window, { scrollWidth: 1000, clientWidth: 400 }) });
    page.carousel.list.style.direction = direction;
    page.carousel.list.scrollBy = ({ left }) => moved.push(left);

    for (const button of page.document.querySelectorAll('.tailorbird__move')) click(page, button);

    assert.deepEqual(moved, moves);
  });
}

/* The personal order */

test('nothing is asked, loaded or stored where the merchant wants no personal order', async () => {
  const page = await openDefault({ shopify: allowing(true) });
  await page.scrollTo();

  assert.deepEqual(page.acts(), []);
  assert.equal(page.window.localStorage.length, 0);
});

test('nothing is asked before the carousel is near', async () => {
  const page = await openPersonal({ answers: { [PROXY]: answerOf(9) } });
  await wait(30);

  assert.deepEqual(page.acts(), []);
});

test('a personal order takes the place of the default, which fills what is left', async () => {
  const page = await openPersonal({ answers: { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9)) } });
  await page.scrollTo();

  assert.deepEqual(page.titles(), ['Product 9', 'Product 2']);
});

test('a click on a personal card names its own decision', async () => {
  const { answers, clicks } = aCart();
  const page = await openPersonal({ answers: { ...answers, [PROXY]: answerOf(9), ...shopOf(aShopProduct(9)) } });
  await page.scrollTo();
  const card = page.document.querySelector('[data-product="9"]');

  click(page, card.querySelector('.tailorbird__link'));
  await wait(5);

  assert.equal(card.querySelector('.tailorbird__link').getAttribute('href'), '/products/product-9');
  assert.equal(card.querySelector('[name="id"]').value, '90');
  assertClick(clicks()[0], 9, { decision: PERSONAL });
});

test('a personal card looks as the shop would render it', async () => {
  const products = [aShopProduct(9), aShopProduct(8, {
    compare_at_price: 2000, price_varies: true, featured_image: null, variants: [{ id: 1 }, { id: 2 }], title: '<b>8</b>',
  })];
  const page = await openPersonal({ answers: { [PROXY]: answerOf(9, 8), ...shopOf(...products) } });
  await page.scrollTo();

  const rendered = await open(await pageOf(products.map((product) => ({
    ...product,
    featured_image: product.featured_image && { src: '/images/9.png?v=1', width: 360, height: 360, alt: 'Photo 9' },
  }))));
  const plain = (document) => [...document.querySelectorAll('ul > li')].map((card) =>
    card.outerHTML.replaceAll(PERSONAL, DECISION).replaceAll('&amp;width=', '?width=').replace(/\s+/g, ' ').replace(/ (?=[<>])|(?<=>) /g, ''));
  assert.deepEqual(plain(page.document).map(sortAttributes), plain(rendered.document).map(sortAttributes));
});

/* Attributes come in the order they were set, which says nothing about what is seen. */
function sortAttributes(html) {
  return html.replace(/<(\w+)((?: [\w-]+="[^"]*")+)/g, (_, tag, list) => `<${tag} ${list.match(/[\w-]+="[^"]*"/g).sort().join(' ')}`);
}

for (const [format, price, shows] of [
  ['£{{amount}}', 1250, '£12.50'],
  ['£{{amount}}', 123456789, '£1,234,567.89'],
  ['£{{amount}}', 5, '£0.05'],
]) {
  test(`${price} in the format ${format} is written ${shows}`, async () => {
    const answers = { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9, { price })) };
    const page = await openPersonal({ answers, moneyFormat: format });
    await page.scrollTo();

    assert.equal(page.document.querySelector('[data-product="9"] .tailorbird__now').textContent, shows);
  });
}

for (const [sample, price, shows] of [
  ['1.234,11 €', 123456, '1.234,56 €'],
  ['1 234,11 kr', 99, '0,99 kr'],
  ["CHF 1'234.11", 1000000, "CHF 10'000.00"],
  ['¥1,234', 150000, '¥1,500'],
  ['Rs. 1,234.11', 1250, 'Rs. 12.50'],
  ['$1234.11 USD', 123456, '$1234.56 USD'],
]) {
  test(`a market that writes ${sample} reads ${shows}`, async () => {
    const html = (await pageOf([aProduct(2), aProduct(3)], { settings: { personalise: true } }))
      .replace(/data-money="[^"]*"/, `data-money="${sample}"`);
    const page = await open(html, { shopify: allowing(true), answers: { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9, { price })) } });
    await page.scrollTo();

    assert.equal(page.document.querySelector('[data-product="9"] .tailorbird__now').textContent, shows);
  });
}

const refused = () => ({ ok: false, status: 503, json: async () => ({}) });
for (const [why, answers] of [
  ['the proxy refuses', { [PROXY]: refused }],
  ['the proxy cannot be reached', { [PROXY]: () => Promise.reject(new TypeError('offline')) }],
  ['the answer is not JSON', { [PROXY]: () => ({ ok: true, json: () => Promise.reject(new SyntaxError('HTML')) }) }],
  ['the answer is empty', { [PROXY]: answerOf() }],
  ['the answer has no items', { [PROXY]: { decision: PERSONAL } }],
  ['the answer has no decision', { [PROXY]: { items: [{ handle: 'product-9' }] }, ...shopOf(aShopProduct(9)) }],
  ['the product is gone', { [PROXY]: answerOf(9) }],
  ['the product is sold out', { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9, { available: false })) }],
  ['the product is the one on the page', { [PROXY]: answerOf(1), ...shopOf(aShopProduct(1)) }],
  ['the product lies in the cart', { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9)), ...aCart({ products: [9] }).answers }],
]) {
  test(`the default stays when ${why}`, async () => {
    const page = await openPersonal({ answers });
    const before = page.carousel.list.innerHTML;
    await page.scrollTo();

    assert.equal(page.to(PROXY).length, 1);
    assert.equal(page.carousel.list.innerHTML, before);
  });
}

test('the default stays when the answer takes longer than 800 ms', async () => {
  const late = ({ signal }) => new Promise((_, reject) => { signal.addEventListener('abort', () => reject(signal.reason)); });
  const deadlines = [];
  const before = ({ AbortSignal }) => {
    const { timeout } = AbortSignal;
    AbortSignal.timeout = (ms) => (deadlines.push(ms), timeout.call(AbortSignal, 10));
  };
  const page = await openPersonal({ answers: { [PROXY]: late }, before });
  await page.scrollTo();

  assert.deepEqual([deadlines, page.to(PROXY)[0].signal.aborted], [[800], true]);
  assert.deepEqual(page.titles(), ['Product 2', 'Product 3']);
});

test('the cards under the hands of a shopper stay', async () => {
  const page = await openPersonal({ answers: { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9)) } });
  page.document.querySelector('.tailorbird__link').focus();
  await page.scrollTo();

  assert.deepEqual(page.titles(), ['Product 2', 'Product 3']);
});

test('the theme editor shows the default, which is what the merchant sets up', async () => {
  const page = await openPersonal({ shopify: { ...allowing(true), designMode: true }, answers: { [PROXY]: answerOf(9) } });
  await page.scrollTo();

  assert.deepEqual(page.acts(), []);
});

/* Consent */

test('with consent a visitor has an id and a memory of products seen', async () => {
  const page = await openPersonal({ shopify: allowing(true), stored: { 'tailorbird:recent': '5,1,x,4' } });
  await page.scrollTo();

  const [{ query }] = page.to(PROXY);
  assert.match(query.visitor, VISITOR);
  assert.deepEqual({ ...query, visitor: '' }, {
    surface: 'product', consent: 'analytics,preferences', format: 'json', limit: '2', product: '1', visitor: '', recent: '5,1,4', rollout: 'none',
  });
  assert.equal(page.window.localStorage.getItem('tailorbird:visitor'), query.visitor);
  assert.equal(page.window.localStorage.getItem('tailorbird:recent'), '1,5,4');
});

test('the same visitor keeps the same id', async () => {
  const visitor = '3f2b8c1e-3c1d-4b3a-9a53-0d9d3c1f5a10';
  const page = await openPersonal({ shopify: allowing(true), stored: { 'tailorbird:visitor': visitor } });
  await page.scrollTo();

  assert.equal(page.to(PROXY)[0].query.visitor, visitor);
});

test('twenty products are remembered', async () => {
  const many = Array.from({ length: 30 }, (_, index) => index + 100).join();
  const page = await openPersonal({ shopify: allowing(true), stored: { 'tailorbird:recent': many } });
  await page.scrollTo();

  const kept = page.window.localStorage.getItem('tailorbird:recent').split(',');
  assert.deepEqual([kept.length, kept[0], kept[1], kept[19]], [20, '1', '100', '118']);
});

for (const [why, shopify] of [
  ['the shopper refused', allowing(false)],
  ['the shopper allows analytics alone', allowing(['analytics'])],
  ['the shop has no privacy API', undefined],
  ['the privacy API does not load', { loadFeatures: (_, done) => done(new Error('blocked')) }],
]) {
  test(`nothing personal is asked, nobody is remembered, and a former memory goes, when ${why}`, async () => {
    const stored = {
      'tailorbird:visitor': '3f2b8c1e-3c1d-4b3a-9a53-0d9d3c1f5a10', 'tailorbird:recent': '5',
      'tailorbird:clicks': aClick(5), 'tailorbird:carted': '1',
    };
    const page = await openPersonal({ shopify, stored, answers: { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9)) } });
    await page.scrollTo();

    assert.deepEqual(page.to(PROXY), []);
    assert.equal(page.window.localStorage.length, 0);
    assert.deepEqual(page.titles(), ['Product 2', 'Product 3']);
  });
}

test('while the privacy API does not answer nothing is asked and nothing is touched', async () => {
  const stored = { 'tailorbird:recent': '5' };
  const page = await openPersonal({ shopify: { loadFeatures: () => {} }, stored, answers: { [PROXY]: answerOf(9) } });
  await page.scrollTo();

  assert.deepEqual(page.acts(), []);
  assert.equal(page.window.localStorage.length, 1);
});

test('a personal order comes when preferences are allowed, and goes when they are no longer', async () => {
  const objects = { app: { metafields: { home: { products: { value: [aProduct(2), aProduct(3)] }, decision: { value: DECISION } } } } };
  const block = await renderBlock('home-recommendations', { objects, settings: { personalise: true } });
  const answer = { ...answerOf(9), personal: true };
  const page = await open(await makePage(block), { url: '/', shopify: allowing([]), answers: { [PROXY]: answer, ...shopOf(aShopProduct(9)) } });
  const heading = () => page.document.querySelector('h2').textContent;
  await page.scrollTo();
  const before = [page.to(PROXY).length, heading(), page.titles()];

  await decide(page, ['preferences']);
  const given = [page.to(PROXY).length, heading(), page.titles()];
  const consent = page.to(PROXY)[0].query.consent;
  await decide(page, []);

  assert.deepEqual(before, [0, 'Popular right now', ['Product 2', 'Product 3']]);
  assert.deepEqual(given, [1, 'Picked for you', ['Product 9', 'Product 2']]);
  assert.equal(consent, 'preferences');
  assert.deepEqual([heading(), page.titles()], ['Popular right now', ['Product 2', 'Product 3']]);
  assert.equal(page.window.localStorage.length, 0);
});

test('an answer that is the same for everybody does not change the heading', async () => {
  const objects = { app: { metafields: { home: { products: { value: [aProduct(2)] }, decision: { value: DECISION } } } } };
  const block = await renderBlock('home-recommendations', { objects, settings: { personalise: true } });
  const answers = { [PROXY]: { ...answerOf(9), personal: false }, ...shopOf(aShopProduct(9)) };
  const page = await open(await makePage(block), { url: '/', shopify: allowing(true), answers });
  await page.scrollTo();

  assert.deepEqual(page.titles(), ['Product 9']);
  assert.equal(page.document.querySelector('h2').textContent, 'Popular right now');
});

test('a personal request names what lies in the cart and what is shown above', async () => {
  const page = await open(await twoBlocks(several(2, 3), several(4, 5), { personalise: true }), {
    shopify: allowing(true), answers: { ...aCart({ products: [70, 71] }).answers },
  });
  await page.scrollTo();

  assert.deepEqual(page.to(PROXY).map(({ query }) => [query.cart, query.exclude]), [['70,71', undefined], ['70,71', '2,3']]);
});

test('the privacy API is loaded when the theme has not done so', async () => {
  const asked = [];
  const shopify = {
    loadFeatures(features, done) {
      asked.push(...features);
      Object.assign(shopify, allowing(true));
      done();
    },
  };
  const page = await openPersonal({ shopify });
  await page.scrollTo();

  assert.deepEqual(structuredClone(asked), [{ name: 'consent-tracking-api', version: '0.1' }]);
  assert.match(page.to(PROXY)[0].query.visitor, VISITOR);
});

test('a browser without storage still gets a personal order', async () => {
  const before = (window) => Object.defineProperty(window, 'localStorage', {
    get() {
      throw new window.DOMException('denied', 'SecurityError');
    },
  });
  const page = await openPersonal({
    shopify: allowing(true), before, answers: { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9)) },
  });
  await page.scrollTo();

  assert.match(page.to(PROXY)[0].query.visitor, VISITOR);
  assert.deepEqual(page.titles(), ['Product 9', 'Product 2']);
});

test('the home block asks for the home surface and remembers no product', async () => {
  const objects = { app: { metafields: { home: { products: { value: [aProduct(2)] }, decision: { value: DECISION } } } } };
  const block = await renderBlock('home-recommendations', { objects, settings: { personalise: true } });
  const page = await open(await makePage(block), { url: '/', shopify: allowing(true) });
  await page.scrollTo();

  const { surface, product } = page.to(PROXY)[0].query;
  assert.deepEqual([surface, product], ['home', undefined]);
  assert.deepEqual(Object.keys(page.window.localStorage), ['tailorbird:visitor']);
});

test('a page draws its visitor as our servers do', async () => {
  const { cases } = JSON.parse(await readFile(new URL('../../tests/bucketing.json', import.meta.url), 'utf8'));
  const page = await openDefault();
  const { bucket } = page.window.customElements.get('tailorbird-carousel');

  assert.deepEqual(cases.map(({ salt, unit }) => bucket(salt, unit)), cases.map((one) => one.bucket));
});

const POPULAR = '0197a1b2-0000-7000-8000-0000000000bb';
// Of salt "ends" in tests/bucketing.json: the first bucket of all, and the last one.
const [FIRST, LAST] = ['6e6b8fe6-223c-4f57-935a-bdd97a562230', 'b8b8101c-ed75-4b80-941e-3a0e7fdfb3b4'];

/** A page of a shop that holds out one percent; `told` collects what is published to Shopify's analytics. */
async function openHoldout({ visitor = FIRST, consent = true, percent = 1, told = [], ...options } = {}) {
  const holdout = {
    policy: { value: { percent, salt: 'ends' } }, products: { value: [aProduct(8), aProduct(9)] }, decision: { value: POPULAR },
  };
  const objects = { product: aSubject([aProduct(2), aProduct(3)]), app: { metafields: { holdout } } };
  const html = await makePage(await renderBlock('product-recommendations', { objects, settings: { personalise: true } }));
  const shopify = { ...allowing(consent), analytics: { publish: (name, data) => told.push([name, structuredClone(data)]) } };
  const page = await open(html, { shopify, stored: { 'tailorbird:visitor': visitor }, answers: { [PROXY]: answerOf(7), ...shopOf(aShopProduct(7)) }, ...options });
  await page.scrollTo();
  return page;
}

test('who is held out sees what is popular, and nobody is asked for a personal order', async () => {
  const { answers, clicks } = aCart();
  const page = await openHoldout({ answers });
  click(page, page.document.querySelector('ul a'));
  await wait(30);

  assert.deepEqual(page.titles(), ['Product 8', 'Product 9']);
  assert.deepEqual(page.to(PROXY), []);
  assertClick(clicks()[0], 8, { decision: POPULAR });
});

test('who is not held out sees recommendations', async () => {
  const page = await openHoldout({ visitor: LAST });

  assert.deepEqual(page.titles(), ['Product 7', 'Product 2']);
});

test('a holdout that ended holds nobody out', async () => {
  const page = await openHoldout({ percent: 0 });

  assert.deepEqual(page.titles(), ['Product 7', 'Product 2']);
  assert.equal(page.document.querySelector('.tailorbird__popular'), null);
});

test('without consent to preferences nobody is drawn, told or remembered', async () => {
  const told = [];
  const page = await openHoldout({ consent: ['analytics'], told });

  assert.deepEqual(page.titles(), ['Product 2', 'Product 3']);
  assert.deepEqual(told.filter(([name]) => name === 'tailorbird:group'), []);
  assert.equal(page.window.localStorage.getItem('tailorbird:grouped'), null);
});

test('a browser that keeps nothing is not drawn, for it would be drawn anew on every page', async () => {
  const told = [];
  const keepsNothing = (window) => { window.Storage.prototype.setItem = () => { throw new window.DOMException('full', 'QuotaExceededError'); }; };
  const page = await openHoldout({ percent: 100, told, stored: {}, before: keepsNothing });

  assert.deepEqual(page.titles(), ['Product 7', 'Product 2']);
  assert.deepEqual(told.filter(([name]) => name === 'tailorbird:group'), []);
});

test("a browser's bucket is told once a day, whichever group it is in", async () => {
  const told = [];
  const first = await openHoldout({ told });
  const today = first.window.localStorage.getItem('tailorbird:grouped');
  await openHoldout({ visitor: LAST, told });
  await openHoldout({ told, stored: { 'tailorbird:visitor': FIRST, 'tailorbird:grouped': today } });

  const groups = told.filter(([name]) => name === 'tailorbird:group');
  assert.deepEqual(groups, [['tailorbird:group', { bucket: 0 }], ['tailorbird:group', { bucket: 9999 }]]);
});

test('who takes consent back is no longer held out', async () => {
  const page = await openHoldout();
  await decide(page, []);

  assert.deepEqual(page.titles(), ['Product 2', 'Product 3']);
  assert.deepEqual(Object.keys(page.window.localStorage), []);
});
