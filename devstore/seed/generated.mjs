/**
 * The built-in shop: the same for the same moment, with habits that a model can learn.
 *
 * Each customer has favourite collections and a pace. What is used up is bought
 * again when it is gone; what goes well together follows soon after; the rest
 * is taste and fashion.
 */
import { slug } from '../catalog.mjs';
import { FIRST_IDS } from '../store.mjs';
import { CATALOGUE, FIRST_NAMES, GIFT_CARD, LAST_NAMES, PAIRS, VARIETIES } from './generated-catalogue.mjs';
import { collectionOf } from './collections.mjs';
import { hashText, randomFrom } from './words.mjs';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

const CUSTOMERS = 600;
const HISTORY_DAYS = 75;
const MEAN_ORDERS = 3.7;
const GUEST_SHARE = 0.13;

/** Every so many products the stock of one is not counted, as that of goods made to order. */
const UNTRACKED_EVERY = 9;

/** Where the ids of a product's further variants start, one product after the other. */
const VARIETY_IDS = FIRST_IDS.variants + 10_000;

/** Chances of why a thing is bought, tried in this order; taste takes the rest. */
const REPEAT_CHANCE = 0.6;
const PAIR_CHANCE = 0.5;
const FASHION_CHANCE = 0.15;

/** What becomes of the built-in shop where another is asked for: shops that an app meets, too, and can learn little from. */
const KINDS = {
  generated: (shop) => shop,
  empty: (shop) => ({ ...shop, customers: [], orders: [] }),
  test_orders: (shop) => ({ ...shop, orders: shop.orders.map((order) => ({ ...order, test: true })) }),
  unpublished: (shop) => ({ ...shop, products: shop.products.map((product) => ({ ...product, status: 'DRAFT', publishedAt: null })) }),
};

export const SHOP_KINDS = Object.keys(KINDS);

/**
 * Make the shop as of `now`.
 *
 * @param {{now: number, vendor: string, kind?: string, seed?: number}} how `kind` is one of `SHOP_KINDS`
 */
export function generateShop({ now, vendor, kind = 'generated', seed = 7 }) {
  return KINDS[kind](generate({ now, vendor, seed }));
}

function generate({ now, vendor, seed }) {
  const random = randomFrom(seed);
  const products = makeProducts({ now, vendor, random });
  const collections = Object.keys(CATALOGUE).map((title) => collectionOf(title, products.filter((each) => each.productType === title)));
  const base = { products: [...products, makeGiftCard({ vendor, number: products.length + 1, now })], collections };
  const market = makeMarket(products, random);
  const customers = [];
  const baskets = [];
  for (let index = 0; index < CUSTOMERS; index += 1) {
    const customer = makeCustomer(index, now, random);
    customers.push(customer);
    baskets.push(...shopping(customer, market, { now, random }));
  }
  const orders = makeOrders(baskets, products, random);
  settleCustomers(customers, orders);
  return { ...base, customers, orders };
}

function makeProducts({ now, vendor, random }) {
  const products = [];
  for (const [collection, { noun, text, products: rows }] of Object.entries(CATALOGUE)) {
    for (const [title, price, days] of rows) {
      products.push(makeProduct({ collection, noun, text, title, price, days, vendor }, products.length + 1, now, random));
    }
  }
  return products;
}

function makeProduct({ collection, noun, text, title, price, days, vendor }, number, now, random) {
  const id = FIRST_IDS.products + 1_000 + number;
  const createdAt = now - Math.round((HISTORY_DAYS + 30 + random() * 300) * DAY);
  const variant = {
    id: FIRST_IDS.variants + 1_000 + number, productId: id, title: 'Default Title', sku: `WG-${String(number).padStart(3, '0')}`, price,
    compareAtPrice: random() < 0.08 ? Math.round(price * 1.2) : null, inventoryQuantity: random() < 0.03 ? 0 : 40 + Math.floor(random() * 200),
    inventoryPolicy: 'DENY', inventoryItemId: FIRST_IDS.variants + 1_000_000_000 + number, position: 1,
  };
  return {
    id, handle: slug(title), title, descriptionHtml: `<p>${title}. ${text}</p>`, vendor, productType: collection,
    tags: days > 0 ? [noun, 'refill'] : [noun], status: 'ACTIVE', createdAt, updatedAt: createdAt, publishedAt: createdAt,
    variants: varietiesOf(number % UNTRACKED_EVERY === 0 ? { ...variant, inventoryQuantity: 0, tracked: false } : variant, title),
  };
}

/** A product that comes in many kinds has more variants than a webhook holds in full. */
function varietiesOf(variant, title) {
  const titles = VARIETIES[title] ?? [variant.title];
  return titles.map((each, index) => (index === 0 ? { ...variant, title: each } : {
    ...variant, id: VARIETY_IDS + index, title: each, sku: `${variant.sku}-${index + 1}`, inventoryItemId: VARIETY_IDS + 1_000_000_000 + index, position: index + 1,
  }));
}

/** Nobody buys it in the history: it is there because every shop may have one. */
function makeGiftCard({ vendor, number, now }) {
  const id = FIRST_IDS.products + 1_000 + number;
  const createdAt = now - HISTORY_DAYS * DAY;
  return {
    id, handle: slug(GIFT_CARD.title), title: GIFT_CARD.title, descriptionHtml: `<p>${GIFT_CARD.text}</p>`, vendor, productType: GIFT_CARD.title, tags: [],
    status: 'ACTIVE', createdAt, updatedAt: createdAt, publishedAt: createdAt, isGiftCard: true,
    variants: GIFT_CARD.prices.map((price, index) => ({
      id: VARIETY_IDS + 1_000 + index, productId: id, title: `£${price / 100}`, sku: `WG-GIFT-${index + 1}`, price, compareAtPrice: null, inventoryQuantity: 0,
      inventoryPolicy: 'DENY', inventoryItemId: VARIETY_IDS + 1_000_001_000 + index, position: index + 1, tracked: false,
    })),
  };
}

/** What shoppers see: products by title, by collection, with how popular and how lasting each is. */
function makeMarket(products, random) {
  const rows = Object.values(CATALOGUE).flatMap((each) => each.products);
  const goods = products.map((product, index) => ({ product, days: rows[index][2], appeal: Math.exp(random() * 2.2) }));
  const byTitle = new Map(goods.map((good) => [good.product.title, good]));
  const byCollection = new Map(Object.keys(CATALOGUE).map((title) => [title, goods.filter(({ product }) => product.productType === title)]));
  return { goods, byTitle, byCollection };
}

function makeCustomer(index, now, random) {
  const firstName = FIRST_NAMES[Math.floor(random() * FIRST_NAMES.length)];
  const lastName = LAST_NAMES[Math.floor(random() * LAST_NAMES.length)];
  return {
    id: FIRST_IDS.customers + 1_000 + index, firstName, lastName, email: `${firstName}.${lastName}.${index}@example.com`.toLowerCase(),
    createdAt: now - HISTORY_DAYS * DAY, updatedAt: now, country: random() < 0.85 ? 'United Kingdom' : 'Ireland',
  };
}

/** Return one customer's baskets, oldest first. */
function shopping(customer, market, { now, random }) {
  const favourites = pickFavourites([...market.byCollection.keys()], random);
  const bought = new Map();
  const baskets = [];
  for (const at of visits(now, random)) {
    const basket = new Map();
    const size = 1 + Math.floor(-Math.log(1 - random()) * 1.6);
    while (basket.size < Math.min(size, 6)) {
      const good = choose({ market, favourites, bought, basket, at, random });
      basket.set(good.product.id, good);
    }
    for (const good of basket.values()) bought.set(good.product.title, at);
    baskets.push({ customer: random() < GUEST_SHARE && baskets.length === 0 ? null : customer, at, goods: [...basket.values()] });
  }
  return baskets;
}

function pickFavourites(titles, random) {
  const rest = [...titles];
  const count = 2 + Math.floor(random() * 2);
  return Array.from({ length: count }, () => rest.splice(Math.floor(random() * rest.length), 1)[0]);
}

/** Most come once or twice, some every week. */
function visits(now, random) {
  const count = 1 + Math.min(14, Math.floor(-Math.log(1 - random()) * MEAN_ORDERS));
  const moments = Array.from({ length: count }, () => {
    const day = Math.floor(HISTORY_DAYS * random() ** 0.9);
    const hour = 7 + Math.floor((random() + random()) * 8);
    return now - (day + 1) * DAY + hour * HOUR + Math.floor(random() * HOUR);
  });
  return moments.map((at) => Math.min(at, now - HOUR)).sort((a, b) => a - b);
}

function choose({ market, favourites, bought, basket, at, random }) {
  const isNew = (good) => !basket.has(good.product.id);
  const gone = [...bought].map(([title, when]) => ({ good: market.byTitle.get(title), when }))
    .filter(({ good, when }) => good.days > 0 && at - when >= good.days * 0.7 * DAY && isNew(good));
  if (gone.length > 0 && random() < REPEAT_CHANCE) return gone[Math.floor(random() * gone.length)].good;
  const pairs = [...bought.keys()].slice(-4).concat([...basket.values()].map(({ product }) => product.title))
    .flatMap((title) => PAIRS[title] ?? []).map((title) => market.byTitle.get(title)).filter((good) => isNew(good) && !bought.has(good.product.title));
  if (pairs.length > 0 && random() < PAIR_CHANCE) return pairs[Math.floor(random() * pairs.length)];
  const shelf = random() < FASHION_CHANCE ? market.goods : market.byCollection.get(favourites[Math.floor(random() * favourites.length)]);
  return weighted(shelf.filter((good) => isNew(good) && (good.days > 0 || !bought.has(good.product.title))), random) ?? weighted(market.goods.filter(isNew), random);
}

function weighted(goods, random) {
  let left = random() * goods.reduce((sum, { appeal }) => sum + appeal, 0);
  return goods.find(({ appeal }) => (left -= appeal) < 0) ?? goods.at(-1);
}

function makeOrders(baskets, products, random) {
  let lineId = FIRST_IDS.lines;
  return [...baskets].sort((a, b) => a.at - b.at).map(({ customer, at, goods }, index) => ({
    id: FIRST_IDS.orders + index + 1, name: `#${1_001 + index}`, customerId: customer?.id ?? null, createdAt: at, updatedAt: at, cancelledAt: null,
    test: false, sourceName: 'web', country: customer?.country ?? 'United Kingdom', cartToken: tokenOf(index), checkoutToken: null, customAttributes: [], refunds: [],
    lines: goods.map(({ product }) => {
      const quantity = random() < 0.2 ? 2 : 1;
      return { id: (lineId += 1), productId: product.id, variantId: product.variants[0].id, quantity, currentQuantity: quantity, price: product.variants[0].price };
    }),
  }));
}

function tokenOf(index) {
  return hashText(`cart ${index}`).toString(16).padStart(8, '0').repeat(4);
}

function settleCustomers(customers, orders) {
  const byId = new Map(customers.map((each) => [each.id, each]));
  const first = new Set();
  for (const { customerId, createdAt } of orders) {
    const customer = byId.get(customerId);
    if (!customer) continue;
    if (!first.has(customerId)) customer.createdAt = createdAt;
    first.add(customerId);
    customer.updatedAt = createdAt;
  }
}
