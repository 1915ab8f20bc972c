/**
 * Whole pages, kept for a while as Shopify keeps them: a shopper may see a page from before the last change.
 *
 * Pages of a product are made anew once it, its price, stock or metafields change; other pages once any product or
 * collection does; all of them with the theme, its blocks and settings. What an app writes into its own installation
 * makes no page anew: nothing is documented of that, and an app has to stand the worst. A visitor with a cart or an
 * account, and the editor, get a page of their own.
 */
import { gid } from '../store.mjs';
import { localizationOf } from './localization.mjs';
import { findCustomer, readCart } from './session.mjs';

/** Pages that one shop keeps; the oldest goes first. */
const PAGES_MOST = 500;
const TEMPLATES = new Set(['index', 'product', 'collection', 'list-collections']);

export class PageCache {
  #pages = new Map();

  /** @param {{seconds: number, now: () => number}} parts `seconds` by the shop's clock; 0 keeps nothing */
  constructor({ seconds, now }) {
    Object.assign(this, { seconds, now, isHeld: false });
  }

  /**
   * Return a page, made now or kept from before.
   *
   * @param {{key: string, stamp: unknown[]}} about what the page is, and what it was made of
   * @param {() => string} make
   */
  get({ key, stamp }, make) {
    const kept = this.#pages.get(key);
    if (kept && (this.isHeld || (this.now() - kept.madeAt < this.seconds * 1000 && isSame(kept.stamp, stamp)))) return kept.html;
    const html = make();
    this.#pages.delete(key);
    if (this.seconds > 0 || this.isHeld) this.#pages.set(key, { html, stamp, madeAt: this.now() });
    if (this.#pages.size > PAGES_MOST) this.#pages.delete(this.#pages.keys().next().value);
    return html;
  }

  flush() {
    this.#pages.clear();
  }
}

const isSame = (one, other) => one.length === other.length && one.every((each, place) => each === other[place]);

/** Return what a page is and what it was made of; null where it is the visitor's own, or of a kind that is not kept. */
export function describePage(request, shop, { template, objects = {} }) {
  if (!TEMPLATES.has(template) || isVisitorsOwn(request, shop)) return null;
  const { locale, country } = localizationOf(request, shop);
  const { host, pathname, search } = request.url;
  return { key: [shop.domain, locale, country, host, pathname, search].join(' '), stamp: stampOf(request, shop, objects.product) };
}

function isVisitorsOwn({ req, query, config }, shop) {
  return query.get('design_mode') === '1' || findCustomer(shop, req, config) !== null || readCart(shop, req).lines.length > 0;
}

/** Records are never altered in place, so each change makes another object of them. */
function stampOf({ config, blocks }, shop, product) {
  const app = [shop.installs.get(config.clientId), shop.pixels.get(config.clientId), blocks.extensions()];
  const made = product ? [shop.findProduct(product.id), ...shop.metafieldsOf(gid('Product', product.id))] : [shop.versions.products, shop.versions.collections];
  return [...app, ...shop.settings.values(), ...made];
}
