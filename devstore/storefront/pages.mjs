/**
 * The pages that show the catalogue: home, collection, product, search.
 */
import { redirect, sendJson } from '../server.mjs';
import { isPublished } from '../store.mjs';
import { CollectionsDrop, collectionDrop, everythingCollection, lazyDrops, productDropOf } from './drops.mjs';
import { localPath } from './localization.mjs';
import { sendPage, shopOf, viewOf } from './page.mjs';

/** Most products that a predictive search names. */
const SUGGESTIONS = 6;

export function showHome(request) {
  sendPage(request, { template: 'index' });
}

export function showCollections(request) {
  const shop = shopOf(request);
  sendPage(request, { template: 'list-collections', title: 'Collections', objects: { collections: new CollectionsDrop(viewOf(request, shop)) } });
}

export function showCollection(request) {
  const shop = shopOf(request);
  const view = viewOf(request, shop);
  const sortBy = request.query.get('sort_by');
  const record = shop.findCollectionByHandle(request.params.handle);
  if (!record && request.params.handle !== 'all') return showNotFound(request);
  const collection = record ? collectionDrop(view, record, { sortBy }) : everythingCollection(view, { sortBy });
  return sendPage(request, { template: 'collection', title: collection.title, objects: { collection } });
}

/** `/products/mug` is a page, `/products/mug.js` and `.json` are for scripts. */
export function showProduct(request) {
  const shop = shopOf(request);
  const [, handle, kind] = /^(.*?)(?:\.(js|json))?$/.exec(request.params.handle);
  const record = shop.findProductByHandle(handle);
  const isShown = record && isPublished(record);
  if (kind) return isShown ? sendProductJson(request, shop, record, kind) : sendJson(request.res, 404, { status: 404, message: 'Not Found' });
  if (!isShown) return showNotFound(request);
  const product = productDropOf(viewOf(request, shop), record);
  return sendPage(request, { template: 'product', title: product.title, objects: { product } });
}

/** A product below a collection's address is the product's own page. */
export function redirectToProduct(request) {
  const { res, params, url } = request;
  redirect(res, localPath(request, `/products/${encodeURIComponent(params.handle)}${url.search}`), 301);
}

export function showSearch(request) {
  const shop = shopOf(request);
  const view = viewOf(request, shop);
  const terms = (request.query.get('q') ?? '').trim();
  const results = lazyDrops(findProducts(shop, terms), (product) => productDropOf(view, product));
  sendPage(request, { template: 'search', title: 'Search', objects: { search: { terms, performed: terms !== '', results, results_count: results.length } } });
}

/** `/search/suggest.json`, as the Predictive Search API answers. */
export function suggest(request) {
  const shop = shopOf(request);
  const view = viewOf(request, shop);
  const found = findProducts(shop, (request.query.get('q') ?? '').trim()).slice(0, SUGGESTIONS);
  const products = found.map((product) => ({
    id: product.id,
    title: product.title,
    handle: product.handle,
    url: localPath(request, `/products/${product.handle}`),
    image: view.imageUrl(product),
    price: (view.localization.presentment.amount(product.variants[0].price) / 100).toFixed(2),
  }));
  sendJson(request.res, 200, { resources: { results: { products } } });
}

export function showNotFound(request) {
  sendPage(request, { template: '404', title: 'Page not found', status: 404 });
}

/** Return the published products whose title, vendor, type or tags hold all the words; those of the title come first. */
export function findProducts(shop, terms) {
  const words = terms.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const holdsAll = (text) => words.every((word) => text.toLowerCase().includes(word));
  const found = shop.publishedProducts().filter(({ title, vendor, productType, tags }) => holdsAll([title, vendor, productType, ...tags].join(' ')));
  return [...found.filter(({ title }) => holdsAll(title)), ...found.filter(({ title }) => !holdsAll(title))];
}

function sendProductJson(request, shop, record, kind) {
  const product = productDropOf(viewOf(request, shop), record);
  const json = ajaxProduct(product);
  sendJson(request.res, 200, kind === 'js' ? json : { product: json });
}

/** Return a product as the Ajax API shows it: prices in hundredths, pictures as addresses. */
function ajaxProduct(product) {
  const image = product.featured_image;
  return {
    id: product.id,
    title: product.title,
    handle: product.handle,
    description: product.description,
    published_at: product.published_at,
    created_at: product.created_at,
    vendor: product.vendor,
    type: product.type,
    tags: product.tags,
    price: product.price,
    price_min: product.price_min,
    price_max: product.price_max,
    available: product.available,
    price_varies: product.price_varies,
    compare_at_price: product.compare_at_price,
    compare_at_price_min: product.compare_at_price ?? 0,
    compare_at_price_max: product.compare_at_price ?? 0,
    compare_at_price_varies: false,
    variants: product.variants.map((variant) => ({
      id: variant.id,
      title: variant.title,
      option1: variant.option1,
      option2: null,
      option3: null,
      sku: variant.sku,
      requires_shipping: true,
      taxable: true,
      featured_image: null,
      available: variant.available,
      name: product.has_only_default_variant ? product.title : `${product.title} - ${variant.title}`,
      public_title: product.has_only_default_variant ? null : variant.title,
      options: variant.options,
      price: variant.price,
      weight: 0,
      compare_at_price: variant.compare_at_price,
      inventory_management: variant.inventory_management,
    })),
    images: [image.src],
    featured_image: image.src,
    options: product.options_with_values.map(({ name, position, values }) => ({ name, position, values })),
    url: product.url,
    media: [{ alt: image.alt, id: image.id, position: 1, preview_image: mediaImage(image), aspect_ratio: 1, media_type: 'image', ...mediaImage(image) }],
    requires_selling_plan: false,
    selling_plan_groups: [],
  };
}

function mediaImage({ src, width, height, aspect_ratio }) {
  return { aspect_ratio, height, width, src };
}
