/**
 * A small shop behind a real server, for tests of the storefront and the admin frame.
 *
 * Everything is the devstore's own; only the sending of webhooks is caught.
 */
import { readAppConfig } from '../../app-config.mjs';
import { Approvals } from '../../approvals.mjs';
import { Apps } from '../../apps.mjs';
import { Clock } from '../../clock.mjs';
import { readConfig } from '../../config.mjs';
import { Faults } from '../../faults.mjs';
import { Metafields } from '../../metafields.mjs';
import { Pixel } from '../../pixels.mjs';
import { Orders } from '../../orders.mjs';
import { Router, serve } from '../../server.mjs';
import { ShopData, Store } from '../../store.mjs';
import { Webhooks } from '../../webhooks.mjs';
import * as adminFrame from '../../admin-frame/routes.mjs';
import { PageCache } from '../../storefront/page-cache.mjs';
import * as storefront from '../../storefront/routes.mjs';

export const API_KEY = 'key-of-the-test-app';
export const API_SECRET = 'hush';
const DAY_MS = 24 * 3600 * 1000;

const TITLES = [
  'Beeswax Candle', 'Linen Notebook', 'Glass Bud Vase', 'Oak Spoon', 'Herb Scissors', 'Wool Throw', 'Seed Tin', 'Paper Garland',
  'Enamel Mug', 'Brass Bell', 'Tea Caddy', 'Garden Twine', 'Honey Dipper', 'Jam Funnel', 'Plant Mister', 'Letter Opener',
  'Wicker Basket', 'Rope Doormat', 'Slate Coaster', 'Copper Lantern', 'Cotton Apron', 'Wooden Top', 'Felt Robin', 'Pine Crate', 'Lavender Bag', 'Wax Seal',
];

/** Return a product record; the `at`-th is one day older than the one before. */
export function aProduct(at, changes = {}) {
  const id = 8_000_000_000_001 + at;
  const title = changes.title ?? TITLES[at] ?? `Product ${at + 1}`;
  const made = Date.now() - at * DAY_MS;
  return {
    id, title, handle: title.toLowerCase().replaceAll(' ', '-'), descriptionHtml: `<p>${title}, made to last.</p>`,
    vendor: 'Willow Gifts', productType: 'Home', tags: ['home'], status: 'ACTIVE', createdAt: made, updatedAt: made, publishedAt: made,
    variants: [aVariant(id, 1)], ...changes,
  };
}

export function aVariant(productId, position, changes = {}) {
  return {
    id: 44_000_000_000_000 + (productId % 1000) * 10 + position, productId, title: 'Default Title', sku: `SKU-${productId % 1000}-${position}`,
    price: 450 + (productId % 1000) * 25, compareAtPrice: null, inventoryQuantity: 20, inventoryPolicy: 'DENY',
    inventoryItemId: 45_000_000_000_000 + (productId % 1000) * 10 + position, position, ...changes,
  };
}

export function aCustomer(id, changes = {}) {
  return { id, firstName: 'Customer', lastName: String(id % 100_000), email: null, createdAt: 0, updatedAt: 0, country: 'United Kingdom', ...changes };
}

/** Return the shop `willow-gifts` with 26 products, two collections and two customers. */
export function aShop() {
  const shop = new ShopData({ handle: 'willow-gifts', id: 60_000_000_001, name: 'Willow Gifts', createdAt: 0 });
  const products = TITLES.map((_, at) => aProduct(at));
  products[2] = { ...products[2], variants: [aVariant(products[2].id, 1, { title: 'Small', price: 900 }), aVariant(products[2].id, 2, { title: 'Large', price: 1400 })] };
  products[3] = { ...products[3], variants: [aVariant(products[3].id, 1, { inventoryQuantity: 0 })] };
  products[4] = { ...products[4], variants: [aVariant(products[4].id, 1, { compareAtPrice: 2000 })] };
  shop.load({
    products,
    collections: [aCollection(1, 'Candles & Light', products.slice(0, 8)), aCollection(2, 'Kitchen', products.slice(8, 18))],
    customers: [aCustomer(6_000_000_017_850), aCustomer(6_000_000_013_047)],
    orders: [],
  });
  return shop;
}

function aCollection(number, title, products) {
  const handle = title.toLowerCase().replace(/[^a-z]+/g, '-');
  return { id: 300_000_000_000 + number, handle, title, updatedAt: 0, productIds: products.map(({ id }) => id) };
}

/**
 * Start a server with the storefront and the admin frame.
 *
 * @param {{env?: object, shop?: ShopData, installed?: boolean, context?: object}} [wanted]
 */
export async function startShop({ env = {}, shop = aShop(), installed = true, context: extra = {} } = {}) {
  const config = {
    ...readConfig({ PORT: '0', APP_URL: 'http://127.0.0.1:9', SHOPIFY_API_KEY: API_KEY, SHOPIFY_API_SECRET: API_SECRET, ...env }),
  };
  const clock = new Clock();
  const store = new Store({ now: () => clock.now() });
  store.addShop(shop);
  const sent = [];
  const about = readAppConfig(config);
  const imageUrl = (product) => `${config.publicUrl}/cdn/products/${product.id}.svg`;
  const context = { config, store, clock, about, approvals: new Approvals(config), faults: new Faults(), imageUrl, pixel: Pixel.find(config.extensionsDir) };
  context.pages = new PageCache({ seconds: config.pageSeconds, now: () => clock.now() });
  context.webhooks = new Webhooks({ ...context, sender: { post: async () => ({ status: 200 }), close: async () => {} } });
  const emit = context.webhooks.emit.bind(context.webhooks);
  context.webhooks.emit = (of, topic, payload, options) => {
    sent.push({ topic, payload });
    return emit(of, topic, payload, options);
  };
  Object.assign(context, { apps: new Apps(context), metafields: new Metafields(context), orders: new Orders(context) }, extra);
  if (installed) context.apps.install(shop);
  const router = new Router();
  adminFrame.register(router, context);
  storefront.register(router, context);
  const server = serve(router, context);
  await new Promise((resolve) => server.listen(config.port, '127.0.0.1', resolve));
  config.port = server.address().port;
  config.publicUrl = `http://127.0.0.1:${config.port}`;
  return { ...context, context, shop, sent, url: config.publicUrl, close: () => stop(server, context) };
}

async function stop(server, { webhooks, clock }) {
  await webhooks.stop();
  clock.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** A browser's memory for cookies over `fetch`. */
export class Visitor {
  #cookies = new Map();

  constructor(url) {
    this.url = url;
  }

  /** Fetch a path without following redirects, with and for this visitor's cookies. */
  async go(path, { headers = {}, ...options } = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(this.url + path, { redirect: 'manual', ...options, headers: { ...headers, ...(cookie ? { cookie } : {}) } });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  post(path, fields, headers = {}) {
    return this.go(path, { method: 'POST', body: new URLSearchParams(fields), headers });
  }

  postJson(path, value) {
    return this.go(path, { method: 'POST', body: JSON.stringify(value), headers: { 'Content-Type': 'application/json' } });
  }

  /** Check out whatever lies in the cart; returns the answer to the button that pays. */
  async checkOut(prefix = '', fields = {}) {
    const checkout = (await this.go(`${prefix}/checkout`)).headers.get('location');
    return this.post(checkout, fields);
  }

  cookie(name) {
    return this.#cookies.get(name);
  }

  #keep(line) {
    const [pair, ...attributes] = line.split('; ');
    const [name, value] = pair.split('=');
    if (attributes.includes('Max-Age=0')) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}
