/**
 * What happens to products and collections, each with its webhooks.
 */
import { collectionPayload, deletedPayload, productPayload } from './payloads.mjs';

/** A product or collection that the shop cannot take. */
export class CatalogRefused extends Error {}

const STATUSES = ['ACTIVE', 'DRAFT', 'ARCHIVED', 'UNLISTED'];

export class Catalog {
  /** @param {{store: object, clock: object, webhooks: object, imageUrl: Function}} parts */
  constructor({ store, clock, webhooks, imageUrl }) {
    Object.assign(this, { store, clock, webhooks, imageUrl });
  }

  /**
   * Create a product with one variant.
   *
   * @param {{title: string, price: number, productType?: string, vendor?: string, tags?: string[],
   *   status?: string, inventoryQuantity?: number, collectionIds?: number[]}} wanted `price` in hundredths
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
      variants: [buildVariant(shop, id, wanted)],
    };
    this.#save(shop, product, 'products/create');
    for (const collectionId of wanted.collectionIds ?? []) this.addToCollection(shop, collectionId, id);
    return product;
  }

  /**
   * Change fields of a product; `price` and `inventoryQuantity` change each variant.
   */
  update(shop, id, changes) {
    checkProduct(changes);
    const product = this.#get(shop, id);
    const { price, inventoryQuantity, ...fields } = changes;
    const known = ['title', 'vendor', 'productType', 'tags', 'status', 'publishedAt', 'descriptionHtml'];
    const chosen = Object.fromEntries(known.filter((name) => name in fields).map((name) => [name, fields[name]]));
    const variants = product.variants.map((variant) => ({
      ...variant, price: price ?? variant.price, inventoryQuantity: inventoryQuantity ?? variant.inventoryQuantity,
    }));
    return this.#save(shop, { ...product, ...chosen, variants, updatedAt: this.clock.now() }, 'products/update');
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
    this.webhooks.emit(shop, 'collections/delete', deletedPayload(Number(id)));
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

function checkProduct({ status, price, inventoryQuantity }) {
  if (status !== undefined && !STATUSES.includes(status)) throw new CatalogRefused(`${status} is no product status.`);
  if (price !== undefined && !(Number.isInteger(price) && price >= 0)) throw new CatalogRefused(`Price ${price} is not a whole number of hundredths.`);
  if (inventoryQuantity !== undefined && !Number.isInteger(inventoryQuantity)) throw new CatalogRefused(`Stock ${inventoryQuantity} is not an integer.`);
}

function buildVariant(shop, productId, { price = 1000, inventoryQuantity = 100 }) {
  const id = shop.nextId('variants');
  return {
    id, productId, title: 'Default Title', sku: `SKU-${id % 1_000_000}`, price, compareAtPrice: null,
    inventoryQuantity, inventoryPolicy: 'DENY', inventoryItemId: id + 1_000_000_000_000, position: 1,
  };
}

function freeHandle(shop, title) {
  const base = slug(title);
  for (let number = 0; ; number += 1) {
    const handle = number === 0 ? base : `${base}-${number}`;
    if (!shop.findProductByHandle(handle)) return handle;
  }
}
