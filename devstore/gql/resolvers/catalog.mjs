/**
 * Products, variants, collections, inventory.
 */
import { gid, isAvailable, isPublished, isTracked, money, updatedAtOf } from '../../store.mjs';
import { connection } from '../connection.mjs';
import { as, count, dateTime, moneyV2, plain, readId } from '../values.mjs';
import { METAFIELD_OWNER_FIELDS } from './metafields.mjs';

const PRODUCT_SORTS = {
  ID: (each) => each.id,
  RELEVANCE: (each) => each.id,
  CREATED_AT: (each) => each.createdAt,
  UPDATED_AT: (each) => each.updatedAt,
  PUBLISHED_AT: (each) => each.publishedAt ?? 0,
  TITLE: (each) => each.title,
  VENDOR: (each) => each.vendor,
  PRODUCT_TYPE: (each) => each.productType,
  INVENTORY_TOTAL: totalInventory,
};

/** Sort keys of a collection's products; MANUAL and COLLECTION_DEFAULT keep its order. */
const IN_COLLECTION_SORTS = {
  ID: PRODUCT_SORTS.ID,
  TITLE: PRODUCT_SORTS.TITLE,
  CREATED: PRODUCT_SORTS.CREATED_AT,
  PRICE: (each) => each.variants[0].price,
};

const COLLECTION_SORTS = {
  ID: (each) => each.id,
  RELEVANCE: (each) => each.id,
  TITLE: (each) => each.title,
  UPDATED_AT: (each) => each.updatedAt,
};

export const PRODUCT_SEARCH = {
  default: (each) => `${each.title} ${each.productType} ${each.vendor} ${each.tags.join(' ')}`,
  id: (each) => each.id,
  title: (each) => each.title,
  handle: (each) => each.handle,
  vendor: (each) => each.vendor,
  product_type: (each) => each.productType,
  tag: (each) => each.tags,
  status: (each) => each.status,
  created_at: (each) => each.createdAt,
  updated_at: (each) => each.updatedAt,
  published_at: (each) => each.publishedAt,
  published_status: (each) => (isPublished(each) ? 'published' : 'unpublished'),
  inventory_total: totalInventory,
  sku: (each) => each.variants.map((variant) => variant.sku),
  price: (each) => each.variants[0].price / 100,
  gift_card: (each) => String(each.isGiftCard ?? false),
};

const COLLECTION_SEARCH = {
  default: (each) => each.title,
  id: (each) => each.id,
  title: (each) => each.title,
  handle: (each) => each.handle,
  updated_at: (each) => each.updatedAt,
  collection_type: () => 'custom',
};

/** Sort key of a list, or the plain refusal of a key that the devstore cannot sort by. */
export function sortKey(table, wanted, fallback) {
  const key = table[wanted ?? fallback];
  if (!key) throw new Error(`The devstore cannot sort by ${wanted ?? fallback}.`);
  return key;
}

function listProducts(args, context) {
  const key = sortKey(PRODUCT_SORTS, args.sortKey, 'ID');
  return connection([...context.shop.products.values()], args, context, { key, search: PRODUCT_SEARCH, name: 'products' });
}

function listCollections(records, args, context) {
  const key = sortKey(COLLECTION_SORTS, args.sortKey, 'ID');
  return connection(records, args, context, { key, search: COLLECTION_SEARCH, name: 'collections' });
}

function matching(records, args, context, search, name) {
  return connection(records, { query: args.query }, { ...context, isBulk: true }, { search, name }).nodes;
}

function image(product, { imageUrl }) {
  return { id: gid('ProductImage', product.id), url: imageUrl(product), width: 800, height: 800, altText: product.title };
}

/** A product has one picture; its media record is made when it is read. */
function media(product) {
  return as('MediaImage', { id: product.id, product });
}

function prices(product) {
  return product.variants.map((variant) => variant.price);
}

function priceRange(product, context) {
  return { minVariantPrice: moneyV2(Math.min(...prices(product)), context.shop), maxVariantPrice: moneyV2(Math.max(...prices(product)), context.shop) };
}

function totalInventory(product) {
  return product.variants.reduce((sum, variant) => sum + countedQuantity(variant), 0);
}

/** Stock that nobody counts reads as none. */
function countedQuantity(variant) {
  return isTracked(variant) ? variant.inventoryQuantity : 0;
}

function strip(html) {
  return html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim();
}

const Product = {
  ...plain('handle', 'title', 'vendor', 'productType', 'tags', 'status', 'descriptionHtml'),
  ...METAFIELD_OWNER_FIELDS,
  id: (each) => gid('Product', each.id),
  legacyResourceId: (each) => String(each.id),
  description: (each, { truncateAt }) => strip(each.descriptionHtml).slice(0, truncateAt ?? undefined),
  bodyHtml: (each) => each.descriptionHtml,
  createdAt: (each) => dateTime(each.createdAt),
  updatedAt: (each) => dateTime(each.updatedAt),
  publishedAt: (each) => dateTime(each.publishedAt),
  category: () => null,
  seo: () => ({ title: null, description: null }),
  templateSuffix: () => null,
  isGiftCard: (each) => each.isGiftCard ?? false,
  requiresSellingPlan: () => false,
  hasOnlyDefaultVariant: (each) => each.variants.length === 1 && each.variants[0].title === 'Default Title',
  hasOutOfStockVariants: (each) => each.variants.some((variant) => isTracked(variant) && variant.inventoryQuantity <= 0),
  tracksInventory: (each) => each.variants.some(isTracked),
  totalInventory,
  totalVariants: (each) => each.variants.length,
  variantsCount: (each) => count(each.variants),
  onlineStoreUrl: (each, _, { config }) => (isPublished(each) ? `${config.publicUrl}/products/${each.handle}` : null),
  onlineStorePreviewUrl: (each, _, { config }) => `${config.publicUrl}/products/${each.handle}`,
  priceRangeV2: (each, _, context) => priceRange(each, context),
  priceRange: (each, _, context) => priceRange(each, context),
  featuredMedia: (each) => media(each),
  featuredImage: (each, _, context) => image(each, context),
  media: (each, args, context) => connection([media(each)], args, context),
  mediaCount: (each) => count([each]),
  images: (each, args, context) => connection([image(each, context)], args, context),
  options: (each) => [{ product: each }],
  collections: (each, args, context) => listCollections(context.shop.collectionsOf(each.id), args, context),
  inCollection: (each, { id }, { shop }) => shop.collectionsOf(each.id).some((collection) => collection.id === readId(id, 'Collection')),
  variants: (each, args, context) => connection(each.variants, args, context, { key: (variant) => variant.position }),
};

const ProductVariant = {
  ...plain('title', 'sku', 'inventoryPolicy', 'position'),
  inventoryQuantity: countedQuantity,
  id: (each) => gid('ProductVariant', each.id),
  legacyResourceId: (each) => String(each.id),
  displayName: (each, _, { shop }) => `${shop.findProduct(each.productId).title} - ${each.title}`,
  price: (each) => money(each.price),
  compareAtPrice: (each) => (each.compareAtPrice === null ? null : money(each.compareAtPrice)),
  availableForSale: isAvailable,
  sellableOnlineQuantity: (each) => Math.max(0, countedQuantity(each)),
  barcode: () => null,
  taxable: () => true,
  createdAt: (each, _, { shop }) => dateTime(shop.findProduct(each.productId).createdAt),
  updatedAt: (each, _, { shop }) => dateTime(updatedAtOf(each, shop.findProduct(each.productId))),
  selectedOptions: (each) => [{ name: 'Title', value: each.title }],
  product: (each, _, { shop }) => shop.findProduct(each.productId),
  inventoryItem: (each) => each,
  image: () => null,
};

const Collection = {
  ...plain('handle', 'title'),
  ...METAFIELD_OWNER_FIELDS,
  id: (each) => gid('Collection', each.id),
  legacyResourceId: (each) => String(each.id),
  updatedAt: (each) => dateTime(each.updatedAt),
  description: () => '',
  descriptionHtml: () => '',
  templateSuffix: () => null,
  image: () => null,
  ruleSet: () => null,
  seo: () => ({ title: null, description: null }),
  sortOrder: () => 'MANUAL',
  hasProduct: (each, { id }) => each.productIds.includes(readId(id, 'Product')),
  productsCount: (each) => count(each.productIds),
  products: (each, args, context) => {
    const records = each.productIds.map((id) => context.shop.findProduct(id)).filter(Boolean);
    return connection(records, args, context, { key: IN_COLLECTION_SORTS[args.sortKey] ?? null });
  },
};

/** A variant's inventory item is read from the variant: the shop has one location. */
const InventoryItem = {
  ...plain('sku'),
  id: (variant) => gid('InventoryItem', variant.inventoryItemId),
  legacyResourceId: (variant) => String(variant.inventoryItemId),
  tracked: isTracked,
  requiresShipping: () => true,
  variant: (variant) => variant,
  createdAt: ProductVariant.createdAt,
  updatedAt: ProductVariant.updatedAt,
  inventoryLevels: (variant, args, context) => connection([variant], args, context),
};

const InventoryLevel = {
  id: (variant, _, { shop }) => `${gid('InventoryLevel', shop.id)}?inventory_item_id=${variant.inventoryItemId}`,
  isActive: () => true,
  item: (variant) => variant,
  location: (_, __, { shop }) => shop,
  createdAt: ProductVariant.createdAt,
  updatedAt: ProductVariant.updatedAt,
  quantities: (variant, { names }) => names.map((name) => ({ name, variant })),
};

const InventoryQuantity = {
  ...plain('name'),
  id: ({ name, variant }) => gid('InventoryQuantity', `${variant.inventoryItemId}?name=${name}`),
  quantity: ({ name, variant }) => (['available', 'on_hand'].includes(name) ? countedQuantity(variant) : 0),
  updatedAt: () => null,
};

export const catalogResolvers = {
  QueryRoot: {
    products: (_, args, context) => listProducts(args, context),
    product: (_, { id }, { shop }) => shop.findProduct(readId(id, 'Product')),
    productsCount: (_, args, context) => count(matching([...context.shop.products.values()], args, context, PRODUCT_SEARCH, 'productsCount'), args.limit),
    productVariant: (_, { id }, { shop }) => shop.findVariant(readId(id, 'ProductVariant')),
    collections: (_, args, context) => listCollections([...context.shop.collections.values()], args, context),
    collection: (_, { id }, { shop }) => shop.collections.get(readId(id, 'Collection')) ?? null,
    collectionsCount: (_, args, context) => count(matching([...context.shop.collections.values()], args, context, COLLECTION_SEARCH, 'collectionsCount'), args.limit),
    inventoryItem: (_, { id }, { shop }) => variantOfItem(shop, readId(id, 'InventoryItem')),
  },
  Product,
  ProductVariant,
  Collection,
  InventoryItem,
  InventoryLevel,
  InventoryQuantity,
  Location: {
    id: (shop) => gid('Location', shop.id),
    name: () => 'Shop location',
    isActive: () => true,
  },
  ProductOption: {
    id: ({ product }) => gid('ProductOption', product.id),
    name: () => 'Title',
    position: () => 1,
    values: ({ product }) => product.variants.map((variant) => variant.title),
  },
  SelectedOption: plain('name', 'value'),
  ProductPriceRangeV2: plain('minVariantPrice', 'maxVariantPrice'),
  ProductPriceRange: plain('minVariantPrice', 'maxVariantPrice'),
  MediaImage: {
    id: (each) => gid('MediaImage', each.id),
    alt: ({ product }) => product.title,
    mediaContentType: () => 'IMAGE',
    status: () => 'READY',
    mimeType: () => 'image/svg+xml',
    image: ({ product }, _, context) => image(product, context),
    preview: ({ product }) => ({ product }),
    createdAt: ({ product }) => dateTime(product.createdAt),
    updatedAt: ({ product }) => dateTime(product.updatedAt),
  },
  MediaPreviewImage: {
    status: () => 'READY',
    image: ({ product }, _, context) => image(product, context),
  },
  Image: {
    ...plain('id', 'width', 'height', 'altText', 'url'),
    src: (each) => each.url,
    originalSrc: (each) => each.url,
  },
  SEO: plain('title', 'description'),
  Count: plain('count', 'precision'),
  MoneyV2: plain('amount', 'currencyCode'),
  MoneyBag: plain('shopMoney', 'presentmentMoney'),
};

function variantOfItem(shop, inventoryItemId) {
  for (const variant of shop.variants.values()) if (variant.inventoryItemId === inventoryItemId) return variant;
  return null;
}
