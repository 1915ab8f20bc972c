/**
 * `Shopify.analytics.publish` and the manager of pixels, as Shopify puts them on each page, the checkout's too.
 *
 * A pixel starts once the visitor allows all that it asks for. What happened on the page before is kept and told
 * then; what is taken back later is told to the pixel, which has to obey by itself.
 */
import { isAllowed } from './consent.js';

const VISITOR_COOKIE = '_shopify_y';
const VISITOR_SECONDS = 365 * 24 * 3600;
const CART_ADD = /\/cart\/add(?:\.js)?$/;

const { pixel, events: firstEvents, data: initData } = JSON.parse(document.currentScript?.dataset.page ?? '{"pixel":null,"events":[],"data":{}}');

const untold = [];
let sequence = 0;
let worker = null;

function publishEvent(type, name, fields) {
  if (!pixel) return;
  const event = { id: `sh-${crypto.randomUUID().toUpperCase()}`, name, seq: sequence, timestamp: new Date().toISOString(), type, context: describeContext(), ...fields };
  sequence += 1;
  untold.push(event);
  deliver();
}

function deliver() {
  if (!pixel || (!worker && !pixel.purposes.every(isAllowed))) return;
  worker ??= startPixel();
  const clientId = getClientId();
  for (const event of untold.splice(0)) worker.postMessage({ kind: 'event', event: { clientId, ...event } });
}

function startPixel() {
  const started = new Worker(pixel.url);
  started.onmessage = ({ data }) => answerPixel(started, data);
  const init = { context: describeContext(), data: initData, customerPrivacy: privacyNow() };
  started.postMessage({ kind: 'start', init, settings: pixel.settings });
  return started;
}

/** Shopify's number of a browser: kept once analytics are allowed. */
function getClientId() {
  const kept = /(?:^|; )_shopify_y=([^;]*)/.exec(document.cookie)?.[1];
  const clientId = kept ?? crypto.randomUUID();
  if (!kept && isAllowed('analytics')) document.cookie = `${VISITOR_COOKIE}=${clientId}; Path=/; Max-Age=${VISITOR_SECONDS}; SameSite=Lax`;
  return clientId;
}

function privacyNow() {
  return {
    analyticsProcessingAllowed: isAllowed('analytics'),
    marketingAllowed: isAllowed('marketing'),
    preferencesProcessingAllowed: isAllowed('preferences'),
    saleOfDataAllowed: isAllowed('sale_of_data'),
  };
}

const pick = (source, names) => Object.fromEntries(names.map((name) => [name, source[name]]));

function describeContext() {
  const place = pick(window.location, ['hash', 'host', 'hostname', 'href', 'origin', 'pathname', 'port', 'protocol', 'search']);
  const sizes = ['innerHeight', 'innerWidth', 'outerHeight', 'outerWidth', 'pageXOffset', 'pageYOffset', 'screenX', 'screenY', 'scrollX', 'scrollY'];
  return {
    document: { characterSet: document.characterSet, location: place, referrer: document.referrer, title: document.title },
    navigator: { ...pick(navigator, ['cookieEnabled', 'language', 'userAgent']), languages: [...navigator.languages] },
    window: { ...pick(window, sizes), location: place, origin: window.location.origin, screen: pick(window.screen, ['height', 'width']) },
  };
}

/* What a pixel may ask of the page. */

const storageOf = (storage) => ({
  getItem: (key) => storage().getItem(key),
  setItem: (key, value) => storage().setItem(key, value),
  removeItem: (key) => storage().removeItem(key),
  clear: () => storage().clear(),
  key: (index) => storage().key(index),
  length: () => storage().length,
});

const DOORS = {
  cookie: {
    get: (name) => (name === undefined ? document.cookie : (document.cookie.split('; ').find((pair) => pair.startsWith(`${name}=`)) ?? '').slice(name.length + 1)),
    set: (name, value) => { document.cookie = value === undefined ? name : `${name}=${value}`; return ''; },
  },
  localStorage: storageOf(() => localStorage),
  sessionStorage: storageOf(() => sessionStorage),
};

function answerPixel(started, { id, method, args }) {
  const [owner, name] = method.split('.');
  try {
    const value = owner === 'sendBeacon' ? navigator.sendBeacon(...args) : DOORS[owner][name](...args);
    started.postMessage({ kind: 'answer', id, value });
  } catch (error) {
    started.postMessage({ kind: 'answer', id, error: error.message });
  }
}

/* Standard events that happen on the page: Shopify sees them in the requests of theme and apps. */

const send = window.fetch;
window.fetch = async (...args) => {
  const answer = await send(...args);
  const { pathname } = new URL(args[0]?.url ?? args[0], window.location.href);
  if (answer.ok && CART_ADD.test(pathname)) noteAdded(args[1]?.body, answer.clone()).catch(console.warn);
  return answer;
};

async function noteAdded(body, answer) {
  const added = await answer.json();
  const quantities = quantitiesIn(body);
  for (const line of added.items ?? [added]) {
    const quantity = quantities.get(String(line.variant_id)) ?? 1;
    publishEvent('standard', 'product_added_to_cart', { data: { cartLine: toCartLine(line, quantity) } });
  }
}

/** How many of each variant were asked for: the answer names what lies in the cart by now. */
function quantitiesIn(body) {
  const fields = typeof body === 'string' ? JSON.parse(body) : Object.fromEntries(body ?? []);
  return new Map((fields.items ?? [fields]).map(({ id, quantity }) => [String(id), Number(quantity ?? 1)]));
}

function toCartLine(line, quantity) {
  const currencyCode = window.Shopify.currency.active;
  const title = line.variant_title;
  return {
    cost: { totalAmount: { amount: (line.final_price * quantity) / 100, currencyCode } },
    merchandise: {
      id: String(line.variant_id), image: { src: line.image }, price: { amount: line.final_price / 100, currencyCode },
      product: {
        id: String(line.product_id), title: line.product_title, untranslatedTitle: line.product_title, type: line.product_type,
        url: line.url.split('?')[0], vendor: line.vendor,
      },
      sku: line.sku || null, title, untranslatedTitle: title,
    },
    quantity,
  };
}

document.addEventListener('visitorConsentCollected', () => {
  worker?.postMessage({ kind: 'privacy', customerPrivacy: privacyNow() });
  deliver();
});

document.addEventListener('DOMContentLoaded', () => {
  // Looked at again, the page of an order is no further order.
  const isAgain = ['reload', 'back_forward'].includes(performance.getEntriesByType('navigation')[0]?.type);
  for (const { name, data, isOnce } of firstEvents) if (!(isOnce && isAgain)) publishEvent('standard', name, { data });
});

window.Shopify.analytics = { publish: (name, customData = null) => { publishEvent('custom', name, { customData: structuredClone(customData) }); return Boolean(pixel); } };
