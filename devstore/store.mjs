/**
 * What the shops hold, in memory.
 *
 * A shop starts from its seed (the same on each start); everything later goes
 * through `store.change(event)`, which journals the event and applies it, so
 * that replaying the journal over the seed gives the same shop again. Records
 * are plain objects and must not be altered in place outside a reducer: build
 * the new record and send it as a `*.put` event.
 *
 * Shapes (moments in milliseconds, money in hundredths, ids as numbers):
 *
 * @typedef {object} Variant
 * @property {number} id
 * @property {number} productId
 * @property {string} title
 * @property {string} sku
 * @property {number} price
 * @property {number | null} compareAtPrice
 * @property {number} inventoryQuantity
 * @property {'DENY' | 'CONTINUE'} inventoryPolicy
 * @property {number} inventoryItemId
 * @property {number} position
 * @property {boolean} [tracked] whether its stock is counted; left out means yes
 * @property {number} [updatedAt] left out means that the product's creation was the last change
 *
 * @typedef {object} Product
 * @property {number} id
 * @property {string} handle
 * @property {string} title
 * @property {string} descriptionHtml
 * @property {string} vendor
 * @property {string} productType
 * @property {string[]} tags
 * @property {'ACTIVE' | 'DRAFT' | 'ARCHIVED' | 'UNLISTED'} status
 * @property {number} createdAt
 * @property {number} updatedAt
 * @property {number | null} publishedAt
 * @property {Variant[]} variants by position
 * @property {boolean} [isGiftCard] left out means no
 *
 * @typedef {object} Collection
 * @property {number} id
 * @property {string} handle
 * @property {string} title
 * @property {number} updatedAt
 * @property {number[]} productIds in display order
 *
 * @typedef {object} Customer
 * @property {number} id
 * @property {string} firstName
 * @property {string} lastName
 * @property {string | null} email
 * @property {number} createdAt
 * @property {number} updatedAt
 * @property {string} country
 *
 * @typedef {object} OrderLine
 * @property {number} id
 * @property {number} productId
 * @property {number} variantId
 * @property {number} quantity
 * @property {number} currentQuantity quantity less what was refunded
 * @property {number} price of one, at the time of the order
 * @property {{key: string, value: string}[]} [customAttributes]
 *
 * @typedef {object} Refund
 * @property {number} id
 * @property {number} createdAt
 * @property {{lineId: number, quantity: number}[]} lines
 *
 * @typedef {object} Order
 * @property {number} id
 * @property {string} name `#1001`
 * @property {number | null} customerId null for a guest
 * @property {number} createdAt
 * @property {number} updatedAt
 * @property {number | null} cancelledAt
 * @property {boolean} test
 * @property {string} sourceName
 * @property {string} country
 * @property {string | null} cartToken
 * @property {string | null} checkoutToken
 * @property {{key: string, value: string}[]} customAttributes
 * @property {OrderLine[]} lines
 * @property {Refund[]} refunds
 * @property {{currency: string, rate: number}} [presentment] what the customer paid in; left out means the shop's currency
 * @property {string} [locale] language of the checkout; left out means English
 */
import { NoJournal } from './journal.mjs';

/** No shop, product or other record has that name. */
export class NotFound extends Error {}

const DOMAIN_ENDING = '.myshopify.com';

/** Everything of one shop. */
export class ShopData {
  /**
   * @param {object} about
   * @param {string} about.handle `willow-gifts`
   * @param {number} about.id
   * @param {string} about.name
   * @param {string} [about.currency]
   * @param {string} [about.timezone]
   */
  constructor({ handle, id, name, currency = 'GBP', timezone = 'Europe/London', createdAt = 0 }) {
    Object.assign(this, { handle, id, name, currency, timezone, createdAt });
    this.domain = handle + DOMAIN_ENDING;
    this.email = `owner@${handle}.example`;
    this.products = new Map();
    this.variants = new Map();
    this.collections = new Map();
    this.customers = new Map();
    this.orders = new Map();
    this.carts = new Map();
    this.settings = new Map();
    this.metafields = new Map();
    this.installs = new Map();
    this.tokens = new Map();
    this.subscriptions = new Map();
    this.bulkOperations = new Map();
    this.pixels = new Map();
    this.flowEvents = [];
    /** What the shop began with; the rows of an order file are its order lines, its refunded lines and its rejected rows. */
    this.seeded = { orders: 0, held_back: 0, order_lines: 0, refunded_lines: 0, rejected_rows: {} };
    /** Orders of the newest days that did not happen yet, see seed/held-back.mjs. */
    this.heldBack = [];
    this.versions = {};
    this.#derived = new Map();
    this.#lastIds = new Map();
    this.#ordersByCustomer = new Map();
  }

  #derived;
  #lastIds;
  #ordersByCustomer;

  /** Fill the shop from a seed: see seed/ for the two makers. */
  load({ products, collections, customers, orders, refundedLines = 0, rejectedRows = {} }, held = []) {
    for (const product of products) this.putProduct(product);
    for (const collection of collections) this.putCollection(collection);
    for (const customer of customers) this.putCustomer(customer);
    for (const order of orders) this.putOrder(order);
    this.heldBack = held;
    for (const order of held) this.#reserveIds(order);
    const known = new Set(orders.map(({ id }) => id));
    const all = [...orders, ...held.filter(({ id }) => !known.has(id))];
    const lines = all.reduce((sum, order) => sum + order.lines.length, 0);
    this.seeded = { orders: all.length, held_back: held.length, order_lines: lines, refunded_lines: refundedLines, rejected_rows: rejectedRows };
  }

  /** Nothing that happens before them may take the ids of orders that are held back. */
  #reserveIds({ id, lines, refunds }) {
    this.#saw('orders', id);
    for (const line of lines) this.#saw('lines', line.id);
    for (const refund of refunds) this.#saw('refunds', refund.id);
  }

  putProduct(product) {
    for (const variant of this.products.get(product.id)?.variants ?? []) this.variants.delete(variant.id);
    this.products.set(product.id, product);
    for (const variant of product.variants) {
      this.variants.set(variant.id, variant);
      this.#saw('variants', variant.id);
    }
    this.#touch('products', product.id);
  }

  deleteProduct(id) {
    for (const variant of this.products.get(id)?.variants ?? []) this.variants.delete(variant.id);
    this.products.delete(id);
    for (const collection of this.collections.values()) {
      if (!collection.productIds.includes(id)) continue;
      this.putCollection({ ...collection, productIds: collection.productIds.filter((each) => each !== id) });
    }
    this.#touch('products', id);
  }

  putCollection(collection) {
    this.collections.set(collection.id, collection);
    this.#touch('collections', collection.id);
  }

  putCustomer(customer) {
    this.customers.set(customer.id, customer);
    this.#touch('customers', customer.id);
  }

  putOrder(order) {
    if (order.customerId !== null && !this.orders.has(order.id)) {
      const ids = this.#ordersByCustomer.get(order.customerId) ?? [];
      this.#ordersByCustomer.set(order.customerId, ids);
      ids.push(order.id);
    }
    this.orders.set(order.id, order);
    for (const line of order.lines) this.#saw('lines', line.id);
    for (const refund of order.refunds) this.#saw('refunds', refund.id);
    this.#touch('orders', order.id);
  }

  deleteOrder(id) {
    const customerId = this.orders.get(id)?.customerId;
    const ids = this.#ordersByCustomer.get(customerId);
    if (ids) this.#ordersByCustomer.set(customerId, ids.filter((each) => each !== id));
    this.orders.delete(id);
    this.#touch('orders', id);
  }

  /** Return a product, or null. */
  findProduct(id) {
    return this.products.get(Number(id)) ?? null;
  }

  findProductByHandle(handle) {
    return this.derive('products', 'byHandle', () => byHandle(this.products)).get(handle) ?? null;
  }

  /** Return a variant, or null. */
  findVariant(id) {
    return this.variants.get(Number(id)) ?? null;
  }

  findCollectionByHandle(handle) {
    return this.derive('collections', 'byHandle', () => byHandle(this.collections)).get(handle) ?? null;
  }

  findCustomer(id) {
    return this.customers.get(Number(id)) ?? null;
  }

  findOrder(id) {
    return this.orders.get(Number(id)) ?? null;
  }

  /** Return the products that the Online Store shows, newest first. */
  publishedProducts() {
    return this.derive('products', 'published', () =>
      [...this.products.values()].filter(isPublished).sort((a, b) => b.createdAt - a.createdAt || a.id - b.id));
  }

  /** Return the published products of a collection, in its order. */
  productsOf(collection) {
    return collection.productIds.map((id) => this.products.get(id)).filter((product) => product && isPublished(product));
  }

  /** Return the collections that hold a product. */
  collectionsOf(productId) {
    const index = this.derive('collections', 'byProduct', () => collectionsByProduct(this.collections));
    return index.get(productId) ?? [];
  }

  /** Return a customer's orders, oldest first. */
  ordersOf(customerId) {
    return (this.#ordersByCustomer.get(Number(customerId)) ?? []).map((id) => this.orders.get(id));
  }

  /**
   * Return a metafield `{id, ownerId, namespace, key, type, value, createdAt, updatedAt}`, or null.
   *
   * @param {string} ownerId gid
   * @param {string} namespace as stored: `$app` is resolved by metafields.mjs
   */
  findMetafield(ownerId, namespace, key) {
    return this.metafields.get(ownerId)?.get(`${namespace}.${key}`) ?? null;
  }

  /** Return all metafields of an owner. */
  metafieldsOf(ownerId) {
    return [...(this.metafields.get(ownerId)?.values() ?? [])];
  }

  /** Return the install `{clientId, installedAt, scopes, installationId, …}` of an app, or null when it is not installed. */
  findInstall(clientId) {
    return this.installs.get(clientId) ?? null;
  }

  /**
   * Return the next free id for a kind of record.
   *
   * @param {'products'|'variants'|'collections'|'customers'|'orders'|'lines'|'refunds'|'metafields'|'installs'|'subscriptions'|'bulkOperations'|'pixels'} kind
   */
  nextId(kind) {
    const id = (this.#lastIds.get(kind) ?? FIRST_IDS[kind]) + 1;
    this.#lastIds.set(kind, id);
    return id;
  }

  /** Return `make()`, kept until records of `kind` change. */
  derive(kind, name, make) {
    const key = `${kind}.${name}`;
    const version = this.versions[kind] ?? 0;
    const kept = this.#derived.get(key);
    if (kept && kept.version === version) return kept.value;
    const value = make();
    this.#derived.set(key, { version, value });
    return value;
  }

  #touch(kind, id) {
    this.versions[kind] = (this.versions[kind] ?? 0) + 1;
    this.#saw(kind, id);
  }

  #saw(kind, id) {
    if (id > (this.#lastIds.get(kind) ?? FIRST_IDS[kind])) this.#lastIds.set(kind, id);
  }

  /** Let `nextId` know of an id that was used. */
  sawId(kind, id) {
    this.#saw(kind, id);
  }
}

/** Where ids of each kind start, of the size that Shopify's have. */
export const FIRST_IDS = Object.freeze({
  shops: 60_000_000_000,
  products: 8_000_000_000_000,
  variants: 44_000_000_000_000,
  collections: 300_000_000_000,
  customers: 6_000_000_000_000,
  orders: 5_000_000_000_000,
  lines: 13_000_000_000_000,
  refunds: 900_000_000_000,
  metafields: 30_000_000_000_000,
  installs: 500_000_000_000,
  subscriptions: 1_000_000_000_000,
  bulkOperations: 4_000_000_000_000,
  pixels: 1_000_000_000,
});

/** What each event does to its shop: `(shop, data, event)`. */
const REDUCERS = {
  'product.put': (shop, data) => shop.putProduct(data),
  'product.delete': (shop, data) => shop.deleteProduct(data.id),
  'collection.put': (shop, data) => shop.putCollection(data),
  'collection.delete': (shop, data) => {
    const collection = shop.collections.get(data.id);
    if (collection) shop.putCollection({ ...collection, productIds: [] });
    shop.collections.delete(data.id);
  },
  'customer.put': (shop, data) => shop.putCustomer(data),
  'order.put': (shop, data) => shop.putOrder(data),
  'order.delete': (shop, data) => shop.deleteOrder(data.id),
  'cart.put': (shop, data) => shop.carts.set(data.token, data),
  'cart.delete': (shop, data) => shop.carts.delete(data.token),
  'setting.put': (shop, data) => shop.settings.set(data.key, data.value),
  'metafields.put': (shop, data) => data.forEach((each) => putMetafield(shop, each)),
  'metafields.delete': (shop, data) => data.forEach((each) => deleteMetafield(shop, each)),
  'install.put': (shop, data) => putRecord(shop, 'installs', data.clientId, data, data.installationId),
  'install.delete': (shop, data) => shop.installs.delete(data.clientId),
  'token.put': (shop, data) => shop.tokens.set(data.key, data),
  'token.delete': (shop, data) => shop.tokens.delete(data.key),
  'tokens.clear': (shop, data) => clearTokens(shop, data.clientId),
  'subscription.put': (shop, data) => putRecord(shop, 'subscriptions', data.id, data, data.id),
  'subscription.delete': (shop, data) => shop.subscriptions.delete(data.id),
  'bulk.put': (shop, data) => putRecord(shop, 'bulkOperations', data.id, data, data.id),
  'pixel.put': (shop, data) => putRecord(shop, 'pixels', data.clientId, data, data.id),
  'pixel.delete': (shop, data) => shop.pixels.delete(data.clientId),
  'flow.received': (shop, data) => shop.flowEvents.push(data),
};

/** All shops, and the one way to change them. */
export class Store {
  #journal;
  #listeners = new Map();

  /** @param {{journal?: object, now?: () => number}} [parts] */
  constructor({ journal = new NoJournal(), now = Date.now } = {}) {
    this.#journal = journal;
    this.now = now;
    this.shops = new Map();
    this.defaultShop = null;
  }

  /** Add a shop; the first is the default one. */
  addShop(shop) {
    this.shops.set(shop.domain, shop);
    this.defaultShop ??= shop;
    return shop;
  }

  /** Return the shop of a handle or a domain, or null. */
  findShop(name) {
    if (typeof name !== 'string') return null;
    const domain = name.endsWith(DOMAIN_ENDING) ? name : name + DOMAIN_ENDING;
    return this.shops.get(domain.toLowerCase()) ?? null;
  }

  /**
   * Return the shop of a handle or a domain.
   *
   * @throws {NotFound}
   */
  getShop(name) {
    const shop = this.findShop(name);
    if (!shop) throw new NotFound(`There is no shop ${name}.`);
    return shop;
  }

  /**
   * Journal an event and apply it.
   *
   * @param {{type: string, shop?: string, data: object}} event `shop` is a domain; `type` one of the reducers above,
   *   or one that another part follows with `on`
   */
  change(event) {
    const stamped = { at: this.now(), ...event };
    this.#journal.append(stamped);
    this.apply(stamped);
  }

  /** Apply an event that is journalled already. */
  apply(event) {
    const reduce = REDUCERS[event.type];
    const listener = this.#listeners.get(event.type);
    if (!reduce && !listener) throw new NotFound(`No part of the devstore knows the event ${event.type}.`);
    if (reduce) reduce(this.getShop(event.shop), event.data, event);
    if (listener) listener(event);
  }

  /** Let a part keep state of its own from events of `type`, also when they are replayed. */
  on(type, listener) {
    this.#listeners.set(type, listener);
  }

  /** Apply everything that the journal holds. */
  replay() {
    return this.#journal.replay((event) => this.apply(event));
  }

  /** Forget every shop. */
  clear() {
    this.shops.clear();
    this.defaultShop = null;
  }

  close() {
    this.#journal.close();
  }
}

/** Return whether the Online Store shows a product. */
export function isPublished(product) {
  return product.status === 'ACTIVE' && product.publishedAt !== null;
}

/** Return whether a variant can be bought now. */
export function isAvailable(variant) {
  return stockOf(variant) > 0;
}

/** Return whether a variant's stock is counted. */
export function isTracked(variant) {
  return variant.tracked !== false;
}

/** Return how many of a variant can be sold: without an end when nobody counts, or when it sells beyond its stock. */
export function stockOf(variant) {
  return !isTracked(variant) || variant.inventoryPolicy === 'CONTINUE' ? Infinity : Math.max(0, variant.inventoryQuantity);
}

/** Return when a variant changed last. */
export function updatedAtOf(variant, product) {
  return variant.updatedAt ?? product.createdAt;
}

/** Return `gid://shopify/Kind/id`. */
export function gid(kind, id) {
  return `gid://shopify/${kind}/${id}`;
}

/** Return `{kind, id}` of a gid, or null when it is none. */
export function parseGid(text) {
  const match = /^gid:\/\/shopify\/([A-Za-z]+)\/(\d+)$/.exec(text ?? '');
  return match && { kind: match[1], id: Number(match[2]) };
}

/** Return a moment as webhooks carry it, in whole seconds. */
export function moment(milliseconds) {
  return milliseconds === null ? null : new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, '+00:00');
}

/** Return hundredths as Shopify writes money: `"12.50"`. */
export function money(hundredths) {
  return (hundredths / 100).toFixed(2);
}

function putRecord(shop, kind, key, data, id) {
  shop[kind].set(key, data);
  shop.sawId(kind, id);
}

function putMetafield(shop, data) {
  const owned = shop.metafields.get(data.ownerId) ?? new Map();
  shop.metafields.set(data.ownerId, owned);
  owned.set(`${data.namespace}.${data.key}`, data);
  shop.sawId('metafields', data.id);
}

function clearTokens(shop, clientId) {
  for (const [key, token] of shop.tokens) if (token.clientId === clientId) shop.tokens.delete(key);
}

function deleteMetafield(shop, { ownerId, namespace, key }) {
  shop.metafields.get(ownerId)?.delete(`${namespace}.${key}`);
}

function byHandle(records) {
  return new Map([...records.values()].map((record) => [record.handle, record]));
}

function collectionsByProduct(collections) {
  const index = new Map();
  for (const collection of collections.values()) {
    for (const id of collection.productIds) index.set(id, [...(index.get(id) ?? []), collection]);
  }
  return index;
}
