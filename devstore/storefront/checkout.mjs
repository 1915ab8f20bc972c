/**
 * The checkout: a form that places the order, and the page that says thanks.
 */
import { randomBytes } from 'node:crypto';
import { redirect, sendHtml } from '../server.mjs';
import { OrderRefused } from '../orders.mjs';
import { orderDrop } from './drops.mjs';
import { readFields } from './form-data.mjs';
import { localPath, localizationOf } from './localization.mjs';
import { scopeOf, sendPage, shopOf, viewOf } from './page.mjs';
import { dropCart, findCustomer, readCart } from './session.mjs';
import { renderLayout, renderSectionPage } from './theme.mjs';

export function showCheckout(request) {
  const shop = shopOf(request);
  if (readCart(shop, request.req).lines.length === 0) return redirect(request.res, localPath(request, '/cart'));
  return sendCheckout(request, shop);
}

/** Place the order. What is typed into the form (name, address, card) is never kept: an order needs none of it here. */
export async function placeOrder(request) {
  const shop = shopOf(request);
  await readFields(request);
  const cart = readCart(shop, request.req);
  if (cart.lines.length === 0) return redirect(request.res, localPath(request, '/cart'));
  const checkoutToken = randomBytes(16).toString('hex');
  try {
    const { locale, presentment } = localizationOf(request, shop);
    const customer = findCustomer(shop, request.req, request.config);
    request.orders.place(shop, { ...orderOf(cart, { checkoutToken, customer }), currency: presentment.currency, locale });
  } catch (error) {
    if (!(error instanceof OrderRefused)) throw error;
    return sendCheckout(request, shop, error.message);
  }
  dropCart(request.store, shop, request.res, cart);
  return redirect(request.res, localPath(request, `/checkouts/${checkoutToken}/thank-you`), 303);
}

function orderOf(cart, { checkoutToken, customer }) {
  return {
    lines: cart.lines.map(({ variantId, quantity, properties }) => ({ variantId, quantity, customAttributes: pairs(properties) })),
    customerId: customer?.id ?? null,
    customAttributes: pairs(cart.attributes),
    cartToken: cart.token,
    checkoutToken,
  };
}

function pairs(values) {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}

export function showThanks(request) {
  const shop = shopOf(request);
  const order = orderByCheckout(shop, request.params.token);
  if (!order) return sendPage(request, { template: '404', title: 'Page not found', status: 404 });
  return sendInCheckoutLayout(request, shop, { section: 'thank-you', title: 'Thank you', status: 200, objects: { order: orderDrop(viewOf(request, shop), order) } });
}

function orderByCheckout(shop, token) {
  const byToken = shop.derive('orders', 'byCheckoutToken', () =>
    new Map([...shop.orders.values()].filter((order) => order.checkoutToken).map((order) => [order.checkoutToken, order])));
  return byToken.get(token) ?? null;
}

function sendCheckout(request, shop, error = null) {
  const status = error ? 422 : 200;
  sendInCheckoutLayout(request, shop, { section: 'main-checkout', title: 'Checkout', status, objects: { checkout_error: error } });
}

/** Themes do not reach the checkout: it has a layout of its own, without app blocks. */
function sendInCheckoutLayout(request, shop, { section, title, status, objects }) {
  const scope = scopeOf(request, shop, { template: 'checkout', title, objects });
  const html = renderLayout(scope, 'checkout', renderSectionPage(scope, section));
  sendHtml(request.res, status, html, { 'Cache-Control': 'no-store' });
}
