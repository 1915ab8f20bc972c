/** A rendered page in a DOM whose shop and app proxy answer as told, and what tests do there. */
import assert from 'node:assert/strict';
import { JSDOM, VirtualConsole } from 'jsdom';
import { aProduct, aSubject, makePage, renderBlock } from './storefront.mjs';
import { wait } from './turns.mjs';

export const PERSONAL = '0197a1b2-0000-7000-8000-00000000000a';
export const PROXY = '/apps/tailorbird/recommendations';

/** A product as the shop's /products/{handle}.js gives it. */
export function aShopProduct(id, overrides = {}) {
  return { ...aProduct(id), featured_image: `/images/${id}.png?v=1`, media: [{ alt: `Photo ${id}` }], ...overrides };
}

/** Answers by path; a function answers by itself, null is a 404, anything else is JSON. */
function makeFetch(answers, requests) {
  return async (address, options = {}) => {
    const url = new URL(address, 'https://willow-gifts.example');
    requests.push({ path: url.pathname, query: Object.fromEntries(url.searchParams), ...options });
    const answer = answers[url.pathname] ?? null;
    if (typeof answer === 'function') return answer(options);
    return answering(answer);
  };
}

export const answering = (body, { status = body === null ? 404 : 200, date = new Date() } = {}) =>
  new Response(JSON.stringify(body), { status, headers: { Date: date.toUTCString() } });

/** The cart as the shop gives it, changed by what is sent to it. */
export function aCart({ attributes = {}, products = [], date } = {}) {
  const cart = { attributes, items: products.map((id) => ({ product_id: id })) };
  const answers = {
    '/cart.js': () => answering(cart, { date }),
    '/cart/update.js': ({ body }) => {
      Object.assign(cart.attributes, JSON.parse(body).attributes);
      return answering(cart);
    },
    '/cart/add.js': ({ body }) => answering({ ...JSON.parse(body), key: `${JSON.parse(body).id}:1` }),
  };
  return { cart, answers, clicks: () => (cart.attributes._tailorbird ?? '').split(' ').filter(Boolean) };
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

    show(element, share) {
      this.callback([{ target: element, isIntersecting: share > 0, intersectionRatio: share }], this);
    }
  };
}

export async function open(html, { url = '/products/product-1', answers = {}, shopify, stored = {}, before = () => {} } = {}) {
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
      window.TextEncoder = TextEncoder; // jsdom has none
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
  await wait(5);
  assert.deepEqual(errors, []);
  return {
    window,
    requests,
    document: window.document,
    carousel: window.document.querySelector('tailorbird-carousel'),
    to: (path) => requests.filter((request) => request.path === path),
    /** What the page did beyond reading the cart, as every page does. */
    acts: () => requests.filter((request) => request.path !== '/cart.js'),
    titles: () => [...window.document.querySelectorAll('ul .tailorbird__link')].map((link) => link.textContent),
    async scrollTo() {
      for (const { element, observer } of watched) if (!observer.isDone) observer.show(element, 1);
      await wait(30);
    },
    /** Brings a share of some products' cards into view, 0 takes them out of it. */
    see(ids, share = 1) {
      const cards = ids.map((id) => window.document.querySelector(`ul [data-product="${id}"]`));
      for (const { element, observer } of watched) if (cards.includes(element)) observer.show(element, share);
    },
  };
}

export async function pageOf(recommended, { settings, moneyFormat } = {}) {
  const objects = { product: aSubject(recommended) };
  return makePage(await renderBlock('product-recommendations', { objects, settings, moneyFormat }));
}

export const openDefault = async (options) => open(await pageOf([aProduct(2), aProduct(3)]), options);

export const openPersonal = async ({ moneyFormat, ...options } = {}) =>
  open(await pageOf([aProduct(2), aProduct(3)], { settings: { personalise: true }, moneyFormat }), { shopify: allowing(true), ...options });

/** Shopify's answers on what this visitor allows; `page.window.Shopify.consent` can be changed later. */
export function allowing(purposes) {
  const shopify = { consent: purposes === true ? ['analytics', 'preferences'] : purposes || [] };
  shopify.customerPrivacy = Object.fromEntries(['analytics', 'preferences', 'marketing', 'saleOfData'].map((purpose) => [
    purpose === 'marketing' ? 'marketingAllowed' : `${purpose}ProcessingAllowed`, () => shopify.consent.includes(purpose),
  ]));
  return shopify;
}

/** The visitor decides on the page, as Shopify's banner tells it. */
export async function decide(page, purposes) {
  page.window.Shopify.consent = purposes;
  const detail = Object.fromEntries(['analytics', 'preferences', 'marketing'].map((each) => [`${each}Allowed`, purposes.includes(each)]));
  page.document.dispatchEvent(new page.window.CustomEvent('visitorConsentCollected', { detail }));
  await wait(30);
}

export const answerOf = (...ids) => ({
  decision: PERSONAL,
  items: ids.map((id) => ({ id, handle: `product-${id}` })),
});

export function shopOf(...products) {
  return Object.fromEntries(products.map((product) => [`/products/${product.handle}.js`, product]));
}

export function click(page, element, type = 'click') {
  page.window.addEventListener(type, (event) => event.preventDefault(), { once: true });
  element.dispatchEvent(new page.window.MouseEvent(type, { bubbles: true, cancelable: true }));
}
