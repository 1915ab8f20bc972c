/**
 * The app's pixel on the pages of a shop: where it runs, what it begins with, and its worker.
 */
import { PIXEL_SCOPES } from '../pixels.mjs';
import { HttpError, send } from '../server.mjs';
import { bundle } from '../stand-ins/bundle.mjs';
import { shopOf, viewOf } from './page.mjs';
import { cartData } from './pixel-events.mjs';
import { findCustomer } from './session.mjs';

const SETTING = 'collector';

/** Whether browsers let pixels reach the app's collector: `blocked` stands for a blocker that knows its address. */
export const COLLECTORS = Object.freeze(['open', 'blocked']);

/** Return a shop's pixel as it was created, or null where none may run. */
function findRunning({ config, pixel }, shop) {
  const install = shop.findInstall(config.clientId);
  const created = shop.pixels.get(config.clientId);
  const isGranted = install && PIXEL_SCOPES.every((scope) => install.scopes.includes(scope));
  return pixel && created && isGranted ? created : null;
}

/** Return what the page tells the pixel manager in the browser. */
export function pixelPage(request, shop, { cart, events }) {
  const running = findRunning(request, shop);
  return {
    pixel: running && { url: `/web-pixels/${running.id}/worker.js`, settings: running.settings, purposes: request.pixel.purposes },
    events,
    data: {
      cart: cartData(viewOf(request, shop), cart),
      customer: customerData(shop, request),
      purchasingCompany: null,
      shop: {
        countryCode: 'GB', myshopifyDomain: shop.domain, name: shop.name,
        paymentSettings: { currencyCode: shop.currency }, storefrontUrl: request.url.origin,
      },
    },
  };
}

/** Names and addresses are left out: the app is approved for none. */
function customerData(shop, { req, config }) {
  const customer = findCustomer(shop, req, config);
  return customer && { id: String(customer.id), email: null, firstName: null, lastName: null, phone: null, ordersCount: null };
}

/** The worker: Shopify's side of the sandbox, then the app's bundle. */
export async function sendPixel(request) {
  const shop = shopOf(request);
  const running = findRunning(request, shop);
  if (!running || String(running.id) !== request.params.id) throw new HttpError(404, 'Not Found');
  const code = [await bundle('pixel-worker.js'), await request.pixel.bundle()].join('\n');
  const isBlocked = collectorOf(shop) === 'blocked';
  // A worker obeys the policy that it came with: what leaves it for another origin fails as behind a blocker.
  const policy = isBlocked ? { 'Content-Security-Policy': "connect-src 'self'" } : {};
  send(request.res, 200, code, { 'Content-Type': 'text/javascript; charset=utf-8', 'Cache-Control': 'no-store', ...policy });
}

export function collectorOf(shop) {
  return shop.settings.get(SETTING) ?? COLLECTORS[0];
}

export function setCollector(store, shop, value) {
  store.change({ type: 'setting.put', shop: shop.domain, data: { key: SETTING, value } });
}
