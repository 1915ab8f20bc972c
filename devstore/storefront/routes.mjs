/**
 * The storefront's addresses.
 */
import { login, logout, showAccount, showLogin } from './account.mjs';
import { BlockLibrary } from './app-blocks.mjs';
import { addToCart, changeCart, clearCart, sendCart, showCart, updateCartRoute } from './cart-routes.mjs';
import { buyNow, placeOrder, showCheckout, showThanks, startCheckout } from './checkout.mjs';
import { sendExtensionAsset, sendFavicon, sendProductPicture, sendStandIn, sendThemeAsset } from './files.mjs';
import { redirectToProduct, showCollection, showCollections, showHome, showNotFound, showProduct, showSearch, suggest } from './pages.mjs';
import { changeLocalization, PREFIXES } from './localization.mjs';
import { shopOf } from './page.mjs';
import { sendPixel } from './pixel.mjs';
import { proxy } from './proxy.mjs';
import { redirect } from '../server.mjs';

/**
 * Add the storefront to the server. Its last route answers every other address
 * with the shop's own "not found" page, so register it after all others.
 */
export function register(router, context) {
  const blocks = new BlockLibrary(context.config.extensionsDir);
  const on = (method, pattern, handler) => router.add(method, pattern, (request) => handler({ ...request, blocks }));
  registerFiles(on);
  const { prefix: group, subpath } = context.apps.about.proxy;
  // The language without a prefix comes last: its "not found" takes every address that is left.
  for (const { locale, prefix } of [...PREFIXES].reverse()) {
    const inLanguage = (method, pattern, handler) => on(method, prefix + pattern, (request) => handler({ ...request, locale }));
    registerCatalog(inLanguage);
    registerCart(inLanguage);
    registerAccount(inLanguage);
    inLanguage('*', `/${group}/${subpath}`, proxy);
    inLanguage('*', `/${group}/${subpath}/*rest`, proxy);
    if (prefix) on('GET', prefix, ({ res }) => redirect(res, `${prefix}/`, 301));
    inLanguage('GET', '/*rest', prefix ? showNotFound : leadToShop);
  }
}

/** A shop's own address, `https://{domain}/…`, is `/{domain}/…` here. */
function leadToShop(request) {
  const [, domain, rest] = /^\/([^/]+)\/*(\/.*)$/.exec(request.url.pathname) ?? [];
  if (domain !== shopOf(request).domain) return showNotFound(request);
  return redirect(request.res, rest + request.url.search);
}

function registerFiles(on) {
  on('GET', '/stand-ins/:name', sendStandIn);
  on('GET', '/web-pixels/:id/worker.js', sendPixel);
  on('GET', '/cdn/theme/assets/:name', sendThemeAsset);
  on('GET', '/cdn/extensions/:extension/assets/:name', sendExtensionAsset);
  on('GET', '/cdn/products/:name', sendProductPicture);
  on('GET', '/favicon.ico', sendFavicon);
}

function registerCatalog(on) {
  on('GET', '/', showHome);
  on('GET', '/collections', showCollections);
  on('GET', '/collections/:handle', showCollection);
  on('GET', '/collections/:collection/products/:handle', redirectToProduct);
  on('GET', '/products/:handle', showProduct);
  on('POST', '/localization', changeLocalization);
  on('GET', '/search', showSearch);
  on('GET', '/search/suggest.json', suggest);
}

function registerCart(on) {
  on('GET', '/cart', showCart);
  on('POST', '/cart', updateCartRoute);
  for (const address of ['/cart.js', '/cart.json']) on('GET', address, sendCart);
  const changes = { add: addToCart, change: changeCart, update: updateCartRoute, clear: clearCart };
  for (const [name, handler] of Object.entries(changes)) {
    for (const ending of ['', '.js']) on('POST', `/cart/${name}${ending}`, handler);
  }
  on('GET', '/cart/change', changeCart);
  on('GET', '/checkout', startCheckout);
  on('POST', '/checkouts/buy-now', buyNow);
  on('GET', '/checkouts/:token', showCheckout);
  on('POST', '/checkouts/:token', placeOrder);
  on('GET', '/checkouts/:token/thank-you', showThanks);
}

function registerAccount(on) {
  on('GET', '/account', showAccount);
  on('GET', '/account/login', showLogin);
  on('POST', '/account/login', login);
  on('GET', '/account/logout', logout);
}
