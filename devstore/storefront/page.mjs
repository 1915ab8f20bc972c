/**
 * A storefront page: the Liquid objects that every page has, and the answer.
 */
import { HttpError, sendHtml } from '../server.mjs';
import { cartJson } from './cart.mjs';
import { AllProductsDrop, CollectionsDrop, customerDrop, productDropOf } from './drops.mjs';
import { Drop } from 'liquidjs';
import { headOf, renderBlock } from './app-blocks.mjs';
import { languageObject, localizationObject, localizationOf } from './localization.mjs';
import { describePage } from './page-cache.mjs';
import { pageEvents } from './pixel-events.mjs';
import { placementsOn } from './placements.mjs';
import { platformHead } from './platform.mjs';
import { findCustomer, readCart } from './session.mjs';
import { renderTemplate, settings } from './theme.mjs';

/** The Liquid `routes` below the language's root. */
const ROUTES = Object.freeze({
  all_products_collection_url: '/collections/all',
  collections_url: '/collections',
  cart_url: '/cart',
  cart_add_url: '/cart/add',
  cart_change_url: '/cart/change',
  cart_update_url: '/cart/update',
  cart_clear_url: '/cart/clear',
  search_url: '/search',
  predictive_search_url: '/search/suggest',
  account_url: '/account',
  account_login_url: '/account/login',
  account_logout_url: '/account/logout',
  product_recommendations_url: '/recommendations/products',
});

function routesObject(prefix) {
  const routes = Object.entries(ROUTES).map(([name, path]) => [name, prefix + path]);
  return { root_url: prefix || '/', ...Object.fromEntries(routes) };
}

/** `template` compares as its name and also has parts. */
class TemplateDrop extends Drop {
  constructor(name) {
    super();
    Object.assign(this, { name, directory: null, suffix: null });
  }

  valueOf() {
    return this.name;
  }

  toString() {
    return this.name;
  }
}

/**
 * Return the shop that a request's host names: `willow-gifts.localhost`, else the default one.
 *
 * @throws {HttpError} when the host names a shop that does not exist
 */
export function shopOf({ req, store }) {
  const handle = /^([a-z0-9-]+)\.localhost(?::\d+)?$/i.exec(req.headers.host ?? '')?.[1];
  const shop = handle ? store.findShop(handle) : store.defaultShop;
  if (!shop) throw new HttpError(404, 'There is no shop at this address.');
  return shop;
}

/** Return what the drops of this request's page share. */
export function viewOf(request, shop) {
  return {
    shop,
    metafields: request.metafields,
    // A page refers to its pictures by path: it may be reached under several hosts.
    imageUrl: (product) => new URL(request.imageUrl(product), request.url).pathname,
    variantId: Number(request.query.get('variant')) || null,
    localization: localizationOf(request, shop),
  };
}

/**
 * Return the Liquid objects of a page.
 *
 * @param {object} request
 * @param {object} page
 * @param {string} page.template
 * @param {string} [page.title]
 * @param {object} [page.objects] those of this kind of page: `product`, `collection`, …
 * @param {object} [page.cart] the visitor's, unless they check out another one
 * @param {{name: string, data: object}[]} [page.events] standard events that the page begins with, after those of its kind
 */
export function scopeOf(request, shop, { template, title = '', objects = {}, cart = readCart(shop, request.req), events = [] }) {
  const view = viewOf(request, shop);
  return {
    shop: shopObject(shop, request),
    cart: cartObject(view, cart),
    customer: customerDrop(view, findCustomer(shop, request.req, request.config)),
    routes: routesObject(view.localization.prefix),
    request: requestObject(request, template, view.localization),
    template: new TemplateDrop(template),
    collections: new CollectionsDrop(view),
    all_products: new AllProductsDrop(view),
    settings,
    localization: localizationObject(view.localization, shop),
    platform_head: platformHead(request, shop, { cart, events: [...pageEvents(view, objects), ...events] }),
    page_title: title || shop.name,
    canonical_url: new URL(request.url.pathname, request.url).href,
    ...objects,
  };
}

function shopObject(shop, request) {
  return {
    id: shop.id,
    name: shop.name,
    currency: shop.currency,
    domain: request.url.host,
    permanent_domain: shop.domain,
    url: request.url.origin,
    secure_url: request.url.origin,
    locale: 'en',
    products_count: shop.publishedProducts().length,
    collections_count: shop.collections.size,
  };
}

function requestObject({ url, query }, template, { locale }) {
  return {
    design_mode: query.get('design_mode') === '1',
    page_type: template,
    path: url.pathname,
    host: url.host,
    origin: url.origin,
    locale: languageObject(locale),
    page: Number(query.get('page')) || 1,
    page_url: (page) => {
      const target = new URL(url);
      target.searchParams.set('page', page);
      return target.pathname + target.search;
    },
  };
}

/** Return the Liquid cart. */
export function cartObject(view, cart) {
  const json = cartJson(view.shop, cart, view);
  const items = json.items.map((item) => {
    const product = productDropOf(view, view.shop.findProduct(item.product_id));
    const variant = product.variants.find(({ id }) => id === item.variant_id);
    return { ...item, product, variant, image: product.featured_image, unit_price: item.price };
  });
  const { currency } = view.localization.presentment;
  return { ...json, items, currency: { iso_code: currency }, 'empty?': items.length === 0 };
}

/**
 * Answer with a page of the theme.
 *
 * @param {object} request
 * @param {object} page see `scopeOf`; `status` defaults to 200
 */
export function sendPage(request, { status = 200, ...page }) {
  const shop = page.shop ?? shopOf(request);
  const make = () => renderPage(request, shop, page);
  const described = status === 200 && describePage(request, shop, page);
  sendHtml(request.res, status, described ? request.pages.get(described, make) : make(), { 'Cache-Control': 'no-store' });
}

function renderPage(request, shop, page) {
  const scope = scopeOf(request, shop, page);
  return renderTemplate(scope, { template: page.template, ...renderApps(request, shop, scope, page.template) });
}

/** Return HTML and head of the app blocks on a template; nothing while the app is not installed. */
function renderApps(request, shop, scope, template) {
  const installationGid = request.metafields.installationGid(shop);
  if (!installationGid) return { head: '', appBlocks: '' };
  const view = viewOf(request, shop);
  const placed = placementsOn(shop, template).filter(({ isDisabled }) => !isDisabled)
    .map((placement) => ({ placement, block: request.blocks.find(placement.block) })).filter(({ block }) => block);
  const html = placed.map(({ placement, block }) => safely(block, () => renderBlock(block, placement, scope, { view, installationGid })));
  return { head: headOf(placed.map(({ block }) => block)), appBlocks: html.join('\n') };
}

/** A block that fails shows its error in its own place, as on Shopify; the page around it stands. */
function safely(block, render) {
  try {
    return render();
  } catch (error) {
    console.error(`Block ${block.handle}: ${error.message}`);
    return `<p class="liquid-error">Liquid error (blocks/${block.handle}): ${error.message.replace(/[<>&]/g, '')}</p>`;
  }
}
