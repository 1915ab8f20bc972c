/**
 * The checkout: a form that places the order, and the page that says thanks.
 *
 * A checkout has a token of its own, which the order keeps. It begins with the
 * visitor's cart or, by "Buy it now", with one line that never was in it.
 */
import { randomBytes } from 'node:crypto';
import { HttpError, redirect, sendHtml } from '../server.mjs';
import { OrderRefused } from '../orders.mjs';
import { CartRefused, addItems, emptyCart, withoutUnsellable } from './cart.mjs';
import { orderDrop } from './drops.mjs';
import { readFields } from './form-data.mjs';
import { localPath, localizationOf } from './localization.mjs';
import { scopeOf, sendPage, shopOf, viewOf } from './page.mjs';
import { checkoutData, orderCheckoutData } from './pixel-events.mjs';
import { dropCart, findCustomer, keepCart, readCart } from './session.mjs';
import { renderLayout, renderSectionPage } from './theme.mjs';

const newToken = () => randomBytes(16).toString('hex');

/** Begin or go on with the checkout of the visitor's cart. */
export function startCheckout(request) {
  const shop = shopOf(request);
  const cart = readCart(shop, request.req);
  if (cart.lines.length === 0) return redirect(request.res, localPath(request, '/cart'));
  const checkoutToken = cart.checkoutToken ?? newToken();
  if (!cart.checkoutToken) keepCart(request.store, shop, request.res, { ...cart, checkoutToken });
  return redirect(request.res, localPath(request, `/checkouts/${checkoutToken}`));
}

/** Check one line out at once, past the visitor's cart and its attributes. */
export async function buyNow(request) {
  const shop = shopOf(request);
  const { id, quantity } = await readFields(request);
  try {
    const cart = { ...addItems(shop, emptyCart(), [{ id, quantity: quantity || 1 }]), checkoutToken: newToken() };
    request.store.change({ type: 'cart.put', shop: shop.domain, data: cart });
    return redirect(request.res, localPath(request, `/checkouts/${cart.checkoutToken}`), 303);
  } catch (error) {
    if (!(error instanceof CartRefused)) throw error;
    throw new HttpError(422, error.message);
  }
}

export function showCheckout(request) {
  const shop = shopOf(request);
  const cart = cartByCheckout(shop, request.params.token);
  if (!cart || cart.lines.length === 0) return redirect(request.res, localPath(request, '/cart'));
  const data = { checkout: checkoutData(viewOf(request, shop), cart) };
  return sendCheckout(request, shop, { cart, events: [{ name: 'checkout_started', data }] });
}

/** Place the order. What is typed into the form (name, address, card) is never kept: an order needs none of it here. */
export async function placeOrder(request) {
  const shop = shopOf(request);
  await readFields(request);
  const { token } = request.params;
  const cart = cartByCheckout(shop, token);
  if (!cart || cart.lines.length === 0) return redirect(request.res, localPath(request, '/cart'));
  try {
    const { locale, presentment } = localizationOf(request, shop);
    const customer = findCustomer(shop, request.req, request.config);
    request.orders.place(shop, { ...orderOf(cart, customer), currency: presentment.currency, locale });
  } catch (error) {
    if (!(error instanceof OrderRefused)) throw error;
    return sendCheckout(request, shop, { cart, error: error.message });
  }
  dropCart(request, shop, cart);
  return redirect(request.res, localPath(request, `/checkouts/${token}/thank-you`), 303);
}

function cartByCheckout(shop, token) {
  const found = [...shop.carts.values()].find((cart) => cart.checkoutToken === token);
  return found ? withoutUnsellable(shop, found) : null;
}

function orderOf(cart, customer) {
  return {
    lines: cart.lines.map(({ variantId, quantity, properties }) => ({ variantId, quantity, customAttributes: pairs(properties) })),
    customerId: customer?.id ?? null,
    customAttributes: pairs(cart.attributes),
    cartToken: cart.token,
    checkoutToken: cart.checkoutToken,
  };
}

function pairs(values) {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}

export function showThanks(request) {
  const shop = shopOf(request);
  const order = orderByCheckout(shop, request.params.token);
  if (!order) return sendPage(request, { template: '404', title: 'Page not found', status: 404 });
  const view = viewOf(request, shop);
  return sendInCheckoutLayout(request, shop, {
    section: 'thank-you', title: 'Thank you', objects: { order: orderDrop(view, order) },
    events: [{ name: 'checkout_completed', data: { checkout: orderCheckoutData(view, order) }, isOnce: true }],
  });
}

function orderByCheckout(shop, token) {
  const byToken = shop.derive('orders', 'byCheckoutToken', () =>
    new Map([...shop.orders.values()].filter((order) => order.checkoutToken).map((order) => [order.checkoutToken, order])));
  return byToken.get(token) ?? null;
}

function sendCheckout(request, shop, { error = null, ...page }) {
  const status = error ? 422 : 200;
  sendInCheckoutLayout(request, shop, { section: 'main-checkout', title: 'Checkout', status, objects: { checkout_error: error }, ...page });
}

/** Themes do not reach the checkout: it has a layout of its own, without app blocks; pixels do. */
function sendInCheckoutLayout(request, shop, { section, status = 200, ...page }) {
  const scope = scopeOf(request, shop, { template: 'checkout', ...page });
  const html = renderLayout(scope, 'checkout', renderSectionPage(scope, section));
  sendHtml(request.res, status, html, { 'Cache-Control': 'no-store' });
}
