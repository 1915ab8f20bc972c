/** What the script adds to the rendered blocks, in a DOM whose shop and app proxy answer as told. */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'node:test';
import { JSDOM, VirtualConsole } from 'jsdom';
import { aProduct, aSubject, DECISION, makePage, renderBlock } from './storefront.mjs';

const PERSONAL = '0197a1b2-0000-7000-8000-00000000000a';
const VISITOR = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const PROXY = '/apps/tailorbird/recommendations';

/** A product as the shop's /products/{handle}.js gives it. */
function aShopProduct(id, overrides = {}) {
  return { ...aProduct(id), featured_image: `/images/${id}.png?v=1`, media: [{ alt: `Photo ${id}` }], ...overrides };
}

/** Answers by path; a function answers by itself, null is a 404, anything else is JSON. */
function makeFetch(answers, requests) {
  return async (address, options = {}) => {
    const url = new URL(address, 'https://willow-gifts.example');
    requests.push({ path: url.pathname, query: Object.fromEntries(url.searchParams), ...options });
    const answer = answers[url.pathname] ?? null;
    if (typeof answer === 'function') return answer(options);
    return { ok: answer !== null, status: answer === null ? 404 : 200, json: async () => answer };
  };
}

/** Stands for the observer of what is in view; `page.scrollTo()` brings every watched element there. */
function makeObserver(watched) {
  return class {
    constructor(callback) {
      this.callback = callback;
    }

    observe(element) {
      watched.push({ element, observer: this });
    }

    disconnect() {
      this.isDone = true;
    }
  };
}

async function open(html, { url = '/products/product-1', answers = {}, shopify, stored = {}, before = () => {} } = {}) {
  const requests = [];
  const errors = [];
  const watched = [];
  const virtualConsole = new VirtualConsole().on('jsdomError', (error) => errors.push(error));
  const dom = new JSDOM(html, {
    url: new URL(url, 'https://willow-gifts.example').href,
    runScripts: 'dangerously',
    pretendToBeVisual: true,
    virtualConsole,
    beforeParse(window) {
      window.fetch = makeFetch(answers, requests);
      window.ResizeObserver = makeObserver([]);
      window.IntersectionObserver = makeObserver(watched);
      window.requestIdleCallback = (task) => window.setTimeout(task, 0);
      window.crypto.randomUUID ??= () => globalThis.crypto.randomUUID();
      window.HTMLElement.prototype.scrollTo = () => {}; // jsdom has no layout to scroll
      window.Shopify = shopify;
      for (const [key, value] of Object.entries(stored)) window.localStorage.setItem(key, value);
      before(window);
    },
  });
  const { window } = dom;
  await new Promise((resolve) => window.addEventListener('load', resolve));
  assert.deepEqual(errors, []);
  return {
    window,
    requests,
    document: window.document,
    carousel: window.document.querySelector('tailorbird-carousel'),
    to: (path) => requests.filter((request) => request.path === path),
    titles: () => [...window.document.querySelectorAll('ul .tailorbird__link')].map((link) => link.textContent),
    async scrollTo() {
      for (const { observer } of watched) {
        if (!observer.isDone) observer.callback([{ isIntersecting: true }], observer);
      }
      await wait(30);
    },
  };
}

async function pageOf(recommended, { settings, moneyFormat } = {}) {
  const objects = { product: aSubject(recommended) };
  return makePage(await renderBlock('product-recommendations', { objects, settings, moneyFormat }));
}

const openDefault = async (options) => open(await pageOf([aProduct(2), aProduct(3)]), options);

const openPersonal = async ({ moneyFormat, ...options } = {}) =>
  open(await pageOf([aProduct(2), aProduct(3)], { settings: { personalise: true }, moneyFormat }), options);

const allowing = (isAllowed) => ({ customerPrivacy: { analyticsProcessingAllowed: () => isAllowed } });

const answerOf = (...ids) => ({
  decision: PERSONAL,
  items: ids.map((id) => ({ id, handle: `product-${id}` })),
});

function shopOf(...products) {
  return Object.fromEntries(products.map((product) => [`/products/${product.handle}.js`, product]));
}

function click(page, element, type = 'click') {
  page.window.addEventListener(type, (event) => event.preventDefault(), { once: true });
  element.dispatchEvent(new page.window.MouseEvent(type, { bubbles: true, cancelable: true }));
}

/* The decision on its way to the order */

for (const type of ['click', 'auxclick']) {
  test(`${type} on a card leaves its decision with the cart, and outlives the page`, async () => {
    const page = await openDefault();

    click(page, page.document.querySelector('[data-product="3"] .tailorbird__link'), type);

    const [{ method, keepalive, body }] = page.to('/cart/update.js');
    assert.deepEqual([method, keepalive], ['POST', true]);
    assert.deepEqual(JSON.parse(body), { attributes: { _tailorbird_3: DECISION } });
  });
}

test('a click beside a link, or on a card that no model chose, leaves nothing', async () => {
  const objects = { product: aSubject(undefined, { mates: [aProduct(2)] }) };
  const page = await open(await makePage(await renderBlock('product-recommendations', { objects })));

  click(page, page.document.querySelector('.tailorbird__link'));
  click(page, page.document.querySelector('h2'));

  assert.deepEqual(page.requests, []);
});

test('landing from a card leaves the decision with the cart and clears the address', async () => {
  const page = await openDefault({ url: `/products/product-1?variant=10&tb=${DECISION}#reviews` });

  const [{ body }] = page.to('/cart/update.js');
  assert.deepEqual(JSON.parse(body), { attributes: { _tailorbird_1: DECISION } });
  assert.equal(page.window.location.href, 'https://willow-gifts.example/products/product-1?variant=10#reviews');
});

test('a made-up decision in the address is dropped', async () => {
  const page = await openDefault({ url: '/products/product-1?tb=<script>' });

  assert.deepEqual(page.requests, []);
  assert.equal(page.window.location.search, '');
});

test("a shop under a language's path is asked under that path", async () => {
  const page = await openDefault({ shopify: { routes: { root: '/de/' } } });

  click(page, page.document.querySelector('.tailorbird__link'));

  assert.equal(page.to('/de/cart/update.js').length, 1);
});

test('a cart that does not answer troubles nobody', async () => {
  const page = await openDefault({ answers: { '/cart/update.js': () => Promise.reject(new Error('offline')) } });

  click(page, page.document.querySelector('.tailorbird__link'));
  await wait(10);

  assert.equal(page.to('/cart/update.js').length, 1);
});

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

  assert.deepEqual(page.requests, []);
  assert.equal(page.window.localStorage.length, 0);
});

test('nothing is asked before the carousel is near', async () => {
  const page = await openPersonal({ answers: { [PROXY]: answerOf(9) } });
  await wait(30);

  assert.deepEqual(page.requests, []);
});

test('a personal order takes the place of the default, which fills what is left', async () => {
  const page = await openPersonal({ answers: { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9)) } });
  await page.scrollTo();

  assert.deepEqual(page.titles(), ['Product 9', 'Product 2']);
});

test('a personal card carries its own decision to the cart', async () => {
  const page = await openPersonal({ answers: { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9)) } });
  await page.scrollTo();
  const card = page.document.querySelector('[data-product="9"]');

  click(page, card.querySelector('.tailorbird__link'));

  assert.equal(card.querySelector('.tailorbird__link').getAttribute('href'), `/products/product-9?tb=${PERSONAL}`);
  assert.deepEqual(
    [card.querySelector('[name="id"]').value, card.querySelector('[name="properties[_tailorbird]"]').value],
    ['90', PERSONAL],
  );
  assert.deepEqual(JSON.parse(page.to('/cart/update.js')[0].body), { attributes: { _tailorbird_9: PERSONAL } });
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
    const page = await open(html, { answers: { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9, { price })) } });
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
  const late = ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const page = await openPersonal({ answers: { [PROXY]: late } });
  const startedAt = performance.now();
  const { signal } = await page.scrollTo().then(() => page.to(PROXY)[0]);
  await new Promise((resolve) => signal.addEventListener('abort', resolve));

  assert.ok(performance.now() - startedAt < 1200);
  assert.deepEqual(page.titles(), ['Product 2', 'Product 3']);
});

test('the cards under the hands of a shopper stay', async () => {
  const page = await openPersonal({ answers: { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9)) } });
  page.document.querySelector('.tailorbird__link').focus();
  await page.scrollTo();

  assert.deepEqual(page.titles(), ['Product 2', 'Product 3']);
});

test('the theme editor shows the default, which is what the merchant sets up', async () => {
  const page = await openPersonal({ shopify: { designMode: true }, answers: { [PROXY]: answerOf(9) } });
  await page.scrollTo();

  assert.deepEqual(page.requests, []);
});

/* Consent */

test('with consent a visitor has an id and a memory of products seen', async () => {
  const page = await openPersonal({ shopify: allowing(true), stored: { 'tailorbird:recent': '5,1,x,4' } });
  await page.scrollTo();

  const [{ query }] = page.to(PROXY);
  assert.match(query.visitor, VISITOR);
  assert.deepEqual({ ...query, visitor: '' }, {
    surface: 'product', format: 'json', limit: '2', product: '1', visitor: '', recent: '5,1,4',
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
  ['the shop has no privacy API', undefined],
  ['the privacy API does not load', { loadFeatures: (_, done) => done(new Error('blocked')) }],
]) {
  test(`nobody is remembered, and a former memory goes, when ${why}`, async () => {
    const stored = { 'tailorbird:visitor': '3f2b8c1e-3c1d-4b3a-9a53-0d9d3c1f5a10', 'tailorbird:recent': '5' };
    const page = await openPersonal({ shopify, stored });
    await page.scrollTo();

    assert.deepEqual(page.to(PROXY)[0].query, { surface: 'product', format: 'json', limit: '2', product: '1' });
    assert.equal(page.window.localStorage.length, 0);
  });
}

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

for (const [detail, left] of [[{ analyticsAllowed: false }, 0], [{ analyticsAllowed: true }, 2]]) {
  test(`consent given anew as ${JSON.stringify(detail)} leaves ${left} memories`, async () => {
    const page = await openPersonal({ shopify: allowing(true) });
    await page.scrollTo();
    page.document.dispatchEvent(new page.window.CustomEvent('visitorConsentCollected', { detail }));

    assert.equal(page.window.localStorage.length, left);
  });
}

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
