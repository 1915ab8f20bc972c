/**
 * What happens to products and collections, each with its webhooks.
 */
import { collectionPayload, deletedCollectionPayload, deletedPayload, productPayload } from './payloads.mjs';

/** A product or collection that the shop cannot take. */
export class CatalogRefused extends Error {}

const STATUSES = ['ACTIVE', 'DRAFT', 'ARCHIVED', 'UNLISTED'];
const POLICIES = ['DENY', 'CONTINUE'];

/** Most variants of a product, as on Shopify. */
const VARIANT_LIMIT = 2048;

const VARIANT_FIELDS = ['title', 'price', 'inventoryQuantity', 'inventoryPolicy', 'tracked'];
const PRODUCT_FIELDS = ['title', 'vendor', 'productType', 'tags', 'status', 'publishedAt', 'descriptionHtml', 'isGiftCard'];

export class Catalog {
  /** @param {{store: object, clock: object, webhooks: object, imageUrl: Function}} parts */
  constructor({ store, clock, webhooks, imageUrl }) {
    Object.assign(this, { store, clock, webhooks, imageUrl });
  }

  /**
   * Create a product, with one variant unless several are named.
   *
   * @param {{title: string, productType?: string, vendor?: string, tags?: string[], status?: string, isGiftCard?: boolean,
   *   collectionIds?: number[], variants?: VariantFields[]} & VariantFields} wanted variant fields of the product hold for
   *   each variant that does not say otherwise
   *
   * @typedef {{title?: string, price?: number, inventoryQuantity?: number, inventoryPolicy?: 'DENY' | 'CONTINUE', tracked?: boolean}} VariantFields
   *   `price` in hundredths
   */
  create(shop, wanted) {
    checkProduct(wanted);
    if (!wanted.title) throw new CatalogRefused('A product needs a title.');
    const now = this.clock.now();
    const id = shop.nextId('products');
    const product = {
      id,
      handle: freeHandle(shop, wanted.title),
      title: wanted.title,
      descriptionHtml: `<p>${wanted.title}</p>`,
      vendor: wanted.vendor ?? shop.name,
      productType: wanted.productType ?? '',
      tags: wanted.tags ?? [],
      status: wanted.status ?? 'ACTIVE',
      createdAt: now,
      updatedAt: now,
      publishedAt: now,
      isGiftCard: wanted.isGiftCard ?? false,
      variants: buildVariants(shop, id, wanted, now),
    };
    this.#save(shop, product, 'products/create');
    for (const collectionId of wanted.collectionIds ?? []) this.addToCollection(shop, collectionId, id);
    return product;
  }

  /**
   * Change fields of a product.
   *
   * A variant field changes each variant; `variants` changes those named by `id`
   * and adds those without one.
   */
  update(shop, id, changes) {
    checkProduct(changes);
    const product = this.#get(shop, id);
    const now = this.clock.now();
    const patches = new Map((changes.variants ?? []).filter((each) => each.id !== undefined).map((each) => [Number(each.id), each]));
    const unknown = [...patches.keys()].find((each) => !product.variants.some((variant) => variant.id === each));
    if (unknown !== undefined) throw new CatalogRefused(`Product ${id} has no variant ${unknown}.`);
    const shared = { ...pick(changes, VARIANT_FIELDS), title: undefined };
    const changed = product.variants.map((variant) => changeVariant(variant, { ...shared, ...patches.get(variant.id) }, now));
    const added = (changes.variants ?? []).filter((each) => each.id === undefined)
      .map((each, index) => buildVariant(shop, product.id, { ...shared, ...each }, changed.length + index + 1, now));
    checkVariants([...changed, ...added]);
    return this.#save(shop, { ...product, ...pick(changes, PRODUCT_FIELDS), variants: [...changed, ...added], updatedAt: now }, 'products/update');
  }

  delete(shop, id) {
    this.#get(shop, id);
    this.store.change({ type: 'product.delete', shop: shop.domain, data: { id: Number(id) } });
    this.webhooks.emit(shop, 'products/delete', deletedPayload(Number(id)));
  }

  /** Say that a product changed although nothing did, as Shopify does after a metafield write. */
  touch(shop, id) {
    const product = this.#get(shop, id);
    return this.#save(shop, { ...product, updatedAt: this.clock.now() }, 'products/update');
  }

  createCollection(shop, { title, productIds = [] }) {
    if (!title) throw new CatalogRefused('A collection needs a title.');
    const id = shop.nextId('collections');
    const collection = { id, handle: slug(title), title, updatedAt: this.clock.now(), productIds: productIds.map(Number) };
    return this.#saveCollection(shop, collection, 'collections/create');
  }

  /** Set a collection's title or products. */
  updateCollection(shop, id, changes) {
    const collection = this.#getCollection(shop, id);
    const { title = collection.title, productIds = collection.productIds } = changes;
    return this.#saveCollection(shop, { ...collection, title, productIds, updatedAt: this.clock.now() }, 'collections/update');
  }

  addToCollection(shop, collectionId, productId) {
    const collection = this.#getCollection(shop, collectionId);
    return this.updateCollection(shop, collectionId, { productIds: [...collection.productIds, productId] });
  }

  deleteCollection(shop, id) {
    this.#getCollection(shop, id);
    this.store.change({ type: 'collection.delete', shop: shop.domain, data: { id: Number(id) } });
    this.webhooks.emit(shop, 'collections/delete', deletedCollectionPayload(Number(id)));
  }

  #get(shop, id) {
    const product = shop.findProduct(id);
    if (!product) throw new CatalogRefused(`There is no product ${id}.`);
    return product;
  }

  #getCollection(shop, id) {
    const collection = shop.collections.get(Number(id));
    if (!collection) throw new CatalogRefused(`There is no collection ${id}.`);
    return collection;
  }

  #save(shop, product, topic) {
    this.store.change({ type: 'product.put', shop: shop.domain, data: product });
    this.webhooks.emit(shop, topic, productPayload(shop, product, this));
    return product;
  }

  #saveCollection(shop, collection, topic) {
    this.store.change({ type: 'collection.put', shop: shop.domain, data: collection });
    this.webhooks.emit(shop, topic, collectionPayload(shop, collection));
    return collection;
  }
}

/** Return a title as the address part that Shopify makes of it. */
export function slug(title) {
  const plain = title.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase();
  return plain.replace(/['’]/g, '').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '') || 'item';
}

function checkProduct({ status, variants = [], ...fields }) {
  if (status !== undefined && !STATUSES.includes(status)) throw new CatalogRefused(`${status} is no product status.`);
  if (!Array.isArray(variants)) throw new CatalogRefused('The variants of a product are a list.');
  for (const each of [fields, ...variants]) checkVariant(each);
}

function checkVariant({ price, inventoryQuantity, inventoryPolicy, tracked }) {
  if (price !== undefined && !(Number.isInteger(price) && price >= 0)) throw new CatalogRefused(`Price ${price} is not a whole number of hundredths.`);
  if (inventoryQuantity !== undefined && !Number.isInteger(inventoryQuantity)) throw new CatalogRefused(`Stock ${inventoryQuantity} is not an integer.`);
  if (inventoryPolicy !== undefined && !POLICIES.includes(inventoryPolicy)) throw new CatalogRefused(`${inventoryPolicy} is no inventory policy.`);
  if (tracked !== undefined && typeof tracked !== 'boolean') throw new CatalogRefused(`Stock is tracked or not; ${tracked} is neither.`);
}

function checkVariants(variants) {
  if (variants.length > VARIANT_LIMIT) throw new CatalogRefused(`A product has at most ${VARIANT_LIMIT} variants.`);
  if (new Set(variants.map(({ title }) => title)).size < variants.length) throw new CatalogRefused('The variants of a product differ in their titles.');
}

function buildVariants(shop, productId, { variants = [], ...wanted }, now) {
  const shared = { ...wanted, title: undefined };
  const made = variants.length === 0
    ? [buildVariant(shop, productId, shared, 1, now)]
    : variants.map((each, index) => buildVariant(shop, productId, { ...shared, title: `Variant ${index + 1}`, ...each }, index + 1, now));
  checkVariants(made);
  return made;
}

function buildVariant(shop, productId, fields, position, now) {
  const { title = 'Default Title', price = 1000, inventoryQuantity = 100, inventoryPolicy = 'DENY', tracked = true } = fields;
  const id = shop.nextId('variants');
  return {
    id, productId, title, sku: `SKU-${id % 1_000_000}`, price, compareAtPrice: null, inventoryQuantity, inventoryPolicy, tracked,
    inventoryItemId: id + 1_000_000_000_000, position, updatedAt: now,
  };
}

/** A variant in which nothing changes keeps the moment of its last change. */
function changeVariant(variant, changes, now) {
  const given = pick(changes, VARIANT_FIELDS);
  const isChanged = Object.entries(given).some(([name, value]) => (variant[name] ?? (name === 'tracked')) !== value);
  return isChanged ? { ...variant, ...given, updatedAt: now } : variant;
}

function pick(fields, names) {
  return Object.fromEntries(names.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]));
}

function freeHandle(shop, title) {
  const base = slug(title);
  for (let number = 0; ; number += 1) {
    const handle = number === 0 ? base : `${base}-${number}`;
    if (!shop.findProductByHandle(handle)) return handle;
  }
}
