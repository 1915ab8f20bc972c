/**
 * The Liquid objects of a storefront page, over the shop's records.
 *
 * They are made when a template asks for them, so a page that lists twelve of
 * four thousand products touches twelve.
 */
import { Drop } from 'liquidjs';
import { presentmentOf } from '../markets.mjs';
import { gid, isAvailable, isPublished, isTracked, parseGid } from '../store.mjs';

/** Side of a product picture, in pixels; they are square. */
const IMAGE_SIDE = 800;

/** Shopify's name for the only variant of a product without options. */
const DEFAULT_VARIANT = 'Default Title';

/** Most products that `all_products` hands to one page. */
const ALL_PRODUCTS_LIMIT = 20;

/**
 * What the drops of one page share.
 *
 * @typedef {object} View
 * @property {import('../store.mjs').ShopData} shop
 * @property {object} metafields
 * @property {(product: object) => string} imageUrl
 * @property {number | null} variantId the variant that `?variant=` asks for
 * @property {{prefix: string, presentment: {amount: (hundredths: number) => number}}} localization
 */

/** What a price of the shop is in the currency that the visitor pays in. */
function priceIn(view, hundredths) {
  return hundredths === null ? null : view.localization.presentment.amount(hundredths);
}

class ImageDrop extends Drop {
  constructor({ product, src }) {
    super();
    Object.assign(this, { id: product.id, product_id: product.id, position: 1, src, alt: product.title });
    Object.assign(this, { width: IMAGE_SIDE, height: IMAGE_SIDE, aspect_ratio: 1, media_type: 'image', attached_to_variant: false });
  }

  get image() {
    return this;
  }

  get preview_image() {
    return this;
  }

  toString() {
    return this.src;
  }
}

/** Metafields of one owner: `product.metafields['$app'].recs.value`. */
class MetafieldsDrop extends Drop {
  #view;
  #ownerId;

  constructor(view, ownerId) {
    super();
    this.#view = view;
    this.#ownerId = ownerId;
  }

  liquidMethodMissing(namespace) {
    return new NamespaceDrop(this.#view, this.#ownerId, String(namespace));
  }
}

class NamespaceDrop extends Drop {
  #find;

  constructor(view, ownerId, namespace) {
    super();
    this.#find = (key) => {
      const metafield = ownerId && view.metafields.read(view.shop, ownerId, namespace, key);
      return metafield ? new MetafieldDrop(view, metafield) : null;
    };
  }

  liquidMethodMissing(key) {
    return this.#find(String(key));
  }
}

class MetafieldDrop extends Drop {
  #view;
  #text;

  constructor(view, { type, value }) {
    super();
    this.#view = view;
    this.#text = value;
    this.type = type;
  }

  get 'list?'() {
    return this.type.startsWith('list.');
  }

  get value() {
    if (!this['list?']) return this.#valueOf(this.type, this.#text);
    const type = this.type.slice('list.'.length);
    return JSON.parse(this.#text).map((each) => this.#valueOf(type, each)).filter((each) => each !== null);
  }

  toString() {
    return this.#text;
  }

  /** A reference to a product that the Online Store does not show reads as nothing. */
  #valueOf(type, value) {
    if (type === 'product_reference') return productDropOf(this.#view, this.#view.shop.findProduct(parseGid(value)?.id));
    if (type === 'number_integer' || type === 'number_decimal') return Number(value);
    if (type === 'boolean') return String(value) === 'true';
    if (type === 'json') return typeof value === 'string' ? JSON.parse(value) : value;
    return value;
  }
}

export function metafieldsDrop(view, ownerId) {
  return new MetafieldsDrop(view, ownerId);
}

class VariantDrop extends Drop {
  #view;
  #variant;

  constructor(view, variant) {
    super();
    this.#view = view;
    this.#variant = variant;
    Object.assign(this, { id: variant.id, title: variant.title, sku: variant.sku, price: priceIn(view, variant.price), compare_at_price: priceIn(view, variant.compareAtPrice) });
    Object.assign(this, { option1: variant.title, option2: null, option3: null, options: [variant.title], weight: 0, requires_shipping: true, taxable: true });
    Object.assign(this, { available: isAvailable(variant), inventory_quantity: variant.inventoryQuantity });
    this.inventory_management = isTracked(variant) ? 'shopify' : null;
    this.inventory_policy = variant.inventoryPolicy.toLowerCase();
    this.selected = variant.id === view.variantId;
  }

  get product() {
    return productDropOf(this.#view, this.#view.shop.findProduct(this.#variant.productId));
  }

  get image() {
    return this.product?.featured_image ?? null;
  }

  get featured_image() {
    return this.image;
  }

  get url() {
    return `${this.product.url}?variant=${this.id}`;
  }
}

class ProductDrop extends Drop {
  #view;
  #product;

  constructor(view, product) {
    super();
    this.#view = view;
    this.#product = product;
    Object.assign(this, { id: product.id, handle: product.handle, title: product.title, vendor: product.vendor, type: product.productType });
    Object.assign(this, { tags: product.tags, description: product.descriptionHtml, content: product.descriptionHtml });
    Object.assign(this, { url: `${view.localization.prefix}/products/${product.handle}`, requires_selling_plan: false, selling_plan_groups: [], 'gift_card?': product.isGiftCard ?? false });
  }

  get created_at() {
    return new Date(this.#product.createdAt).toISOString();
  }

  get published_at() {
    return new Date(this.#product.publishedAt).toISOString();
  }

  get variants() {
    return this.#product.variants.map((variant) => new VariantDrop(this.#view, variant));
  }

  get variants_count() {
    return this.#product.variants.length;
  }

  get first_available_variant() {
    return this.variants.find((variant) => variant.available) ?? null;
  }

  get selected_variant() {
    return this.variants.find((variant) => variant.selected) ?? null;
  }

  get selected_or_first_available_variant() {
    return this.selected_variant ?? this.first_available_variant ?? this.variants[0];
  }

  get has_only_default_variant() {
    return this.variants_count === 1 && this.#product.variants[0].title === DEFAULT_VARIANT;
  }

  get options() {
    return ['Title'];
  }

  get options_with_values() {
    return [{ name: 'Title', position: 1, values: this.#product.variants.map(({ title }) => title), selected_value: this.selected_or_first_available_variant.title }];
  }

  get available() {
    return this.#product.variants.some(isAvailable);
  }

  get price() {
    return this.price_min;
  }

  get price_min() {
    return priceIn(this.#view, Math.min(...this.#product.variants.map(({ price }) => price)));
  }

  get price_max() {
    return priceIn(this.#view, Math.max(...this.#product.variants.map(({ price }) => price)));
  }

  get price_varies() {
    return this.price_min !== this.price_max;
  }

  get compare_at_price() {
    const prices = this.#product.variants.map(({ compareAtPrice }) => compareAtPrice).filter((price) => price != null);
    return priceIn(this.#view, prices.length ? Math.min(...prices) : null);
  }

  get compare_at_price_varies() {
    return false;
  }

  get featured_image() {
    const src = this.#view.imageUrl(this.#product);
    return src ? new ImageDrop({ product: this.#product, src }) : null;
  }

  get featured_media() {
    return this.featured_image;
  }

  get images() {
    return [this.featured_image].filter(Boolean);
  }

  get media() {
    return this.images;
  }

  get collections() {
    return this.#view.shop.collectionsOf(this.id).map((collection) => collectionDrop(this.#view, collection));
  }

  get metafields() {
    return new MetafieldsDrop(this.#view, gid('Product', this.id));
  }

  toString() {
    return this.title;
  }
}

/** Return the Liquid product of a record, or null when the Online Store does not show it. */
export function productDropOf(view, product) {
  return product && isPublished(product) ? new ProductDrop(view, product) : null;
}

const SORT_OPTIONS = [
  ['manual', 'Featured'],
  ['title-ascending', 'Alphabetically, A–Z'],
  ['title-descending', 'Alphabetically, Z–A'],
  ['price-ascending', 'Price, low to high'],
  ['price-descending', 'Price, high to low'],
  ['created-descending', 'Date, new to old'],
];
const lowestPrice = (product) => Math.min(...product.variants.map(({ price }) => price));
const SORTERS = {
  'title-ascending': (a, b) => a.title.localeCompare(b.title),
  'title-descending': (a, b) => b.title.localeCompare(a.title),
  'price-ascending': (a, b) => lowestPrice(a) - lowestPrice(b),
  'price-descending': (a, b) => lowestPrice(b) - lowestPrice(a),
  'created-descending': (a, b) => b.createdAt - a.createdAt,
};

/** Return records in the order that `?sort_by=` names; as they are when it names none that is known. */
export function sortProducts(products, sortBy) {
  const sorter = Object.hasOwn(SORTERS, sortBy ?? '') ? SORTERS[sortBy] : null;
  return sorter ? [...products].sort(sorter) : products;
}

/** Return the Liquid collection of a record. */
export function collectionDrop(view, collection, { sortBy = null } = {}) {
  return {
    id: collection.id,
    handle: collection.handle,
    title: collection.title,
    description: collection.descriptionHtml ?? '',
    url: `${view.localization.prefix}/collections/${collection.handle}`,
    sort_by: sortBy ?? '',
    default_sort_by: 'manual',
    sort_options: SORT_OPTIONS.map(([value, name]) => ({ value, name })),
    get products() {
      return lazyDrops(sortProducts(view.shop.productsOf(collection), sortBy), (product) => productDropOf(view, product));
    },
    get products_count() {
      return view.shop.productsOf(collection).length;
    },
    get all_products_count() {
      return this.products_count;
    },
    get featured_image() {
      return this.products[0]?.featured_image ?? null;
    },
    get image() {
      return this.featured_image;
    },
  };
}

/** Return the collection of everything, which each shop has at `/collections/all`. */
export function everythingCollection(view, options) {
  const everything = view.shop.findCollectionByHandle('all');
  if (everything) return collectionDrop(view, everything, options);
  const productIds = view.shop.publishedProducts().map(({ id }) => id);
  return collectionDrop(view, { id: 0, handle: 'all', title: 'All products', productIds }, options);
}

/** All collections of the shop: listed, counted, or taken by handle. */
export class CollectionsDrop extends Drop {
  #view;

  constructor(view) {
    super();
    this.#view = view;
  }

  get size() {
    return this.#view.shop.collections.size;
  }

  * [Symbol.iterator]() {
    for (const collection of this.#view.shop.collections.values()) yield collectionDrop(this.#view, collection);
  }

  liquidMethodMissing(handle) {
    if (handle === 'all') return everythingCollection(this.#view);
    const collection = this.#view.shop.findCollectionByHandle(String(handle));
    return collection && collectionDrop(this.#view, collection);
  }
}

/** `all_products['handle']`: at most twenty products a page, as on Shopify. */
export class AllProductsDrop extends Drop {
  #view;
  #seen = new Set();

  constructor(view) {
    super();
    this.#view = view;
  }

  liquidMethodMissing(handle) {
    this.#seen.add(String(handle));
    if (this.#seen.size > ALL_PRODUCTS_LIMIT) return null;
    return productDropOf(this.#view, this.#view.shop.findProductByHandle(String(handle)));
  }
}

/** Return the Liquid customer of a record; never a contact detail. */
export function customerDrop(view, customer) {
  if (!customer) return null;
  const orders = view.shop.ordersOf(customer.id);
  const name = [customer.firstName, customer.lastName].filter(Boolean).join(' ') || `Customer ${customer.id}`;
  return {
    id: customer.id,
    first_name: customer.firstName,
    last_name: customer.lastName,
    name,
    orders_count: orders.length,
    orders: orders.slice(-20).reverse().map((order) => orderDrop(view, order)),
  };
}

/** Return the Liquid order of a record, in what its customer paid. */
export function orderDrop(view, order) {
  const { currency, amount } = presentmentOf(order, view.shop);
  return {
    id: order.id,
    name: order.name,
    created_at: new Date(order.createdAt).toISOString(),
    cancelled: order.cancelledAt !== null,
    currency,
    item_count: order.lines.reduce((sum, line) => sum + line.quantity, 0),
    total_price: order.lines.reduce((sum, line) => sum + amount(line.price) * line.quantity, 0),
    line_items: order.lines.map((line) => ({
      title: view.shop.findProduct(line.productId)?.title ?? 'A product that is no longer sold',
      quantity: line.quantity,
      price: amount(line.price),
      line_price: amount(line.price) * line.quantity,
      product: productDropOf(view, view.shop.findProduct(line.productId)),
    })),
  };
}

/**
 * Return an array of the same length whose entries are made on first use: a
 * page of a long list then makes only what it shows.
 */
export function lazyDrops(records, make) {
  const made = new Map();
  const entry = (at) => {
    if (!made.has(at)) made.set(at, make(records[at]));
    return made.get(at);
  };
  return new Proxy(new Array(records.length), {
    get(target, name) {
      if (name === 'slice') return (start = 0, end = records.length) => records.slice(start, end).map(make);
      if (typeof name === 'string' && /^\d+$/.test(name)) return Number(name) < records.length ? entry(Number(name)) : undefined;
      return Reflect.get(target, name);
    },
    has: (target, name) => (typeof name === 'string' && /^\d+$/.test(name) ? Number(name) < records.length : Reflect.has(target, name)),
  });
}
