/**
 * The cart's addresses: forms answer with a page, their `.js` twins with JSON.
 */
import { redirect, sendJson } from '../server.mjs';
import { CartRefused, addItems, cartJson, changeLine, emptyCart, lineJson, updateCart } from './cart.mjs';
import { readFields } from './form-data.mjs';
import { sendPage, shopOf, viewOf } from './page.mjs';
import { keepCart, readCart } from './session.mjs';

export function showCart(request) {
  sendPage(request, { template: 'cart', title: 'Your cart' });
}

export function sendCart(request) {
  const shop = shopOf(request);
  answerCart(request, shop, readCart(shop, request.req));
}

export async function addToCart(request) {
  await change(request, addTo, (shop, cart, fields) => {
    const variants = itemsOf(fields).map(({ id }) => Number(id));
    const lines = cart.lines.filter((line) => variants.includes(line.variantId)).map((line) => lineJson(shop, line, viewOf(request, shop)));
    return fields.items ? { items: lines } : lines[0];
  });
}

export async function changeCart(request) {
  await change(request, changeLine);
}

export async function updateCartRoute(request) {
  await change(request, updateCart);
}

export async function clearCart(request) {
  await change(request, (shop, cart) => ({ ...cart, lines: [] }));
}

function addTo(shop, cart, fields) {
  return updateCart(shop, addItems(shop, cart, itemsOf(fields)), { note: fields.note, attributes: fields.attributes });
}

function itemsOf({ items, id, quantity, properties }) {
  if (Array.isArray(items)) return items;
  return id === undefined ? [] : [{ id, quantity: quantity || 1, properties }];
}

/**
 * Change the cart as `edit` does and answer: JSON for `.js`, else a page.
 *
 * @param {object} request
 * @param {(shop: object, cart: object, fields: object) => object} edit
 * @param {(shop: object, cart: object, fields: object) => object} [describe] JSON answer, when it is not the cart
 */
async function change(request, edit, describe = null) {
  const shop = shopOf(request);
  const fields = await readFields(request);
  const isScript = request.url.pathname.endsWith('.js');
  try {
    const cart = edit(shop, readCart(shop, request.req), fields);
    keepCart(request.store, shop, request.res, cart);
    if (isScript && describe) sendJson(request.res, 200, describe(shop, cart, fields));
    else if (isScript) answerCart(request, shop, cart);
    else redirect(request.res, nextPage(fields));
  } catch (error) {
    if (!(error instanceof CartRefused)) throw error;
    refuse(request, error, isScript);
  }
}

function answerCart(request, shop, cart) {
  sendJson(request.res, 200, cartJson(shop, cart ?? emptyCart(), viewOf(request, shop)), { 'Cache-Control': 'no-store' });
}

function refuse(request, error, isScript) {
  if (isScript) sendJson(request.res, 422, { status: 422, message: 'Cart Error', description: error.message });
  else sendPage(request, { template: 'cart', title: 'Your cart', status: 422, objects: { cart_error: error.message } });
}

/** A form may name where it leads next, within this site; the cart's own has a button that leads to the checkout. */
function nextPage({ checkout, return_to: returnTo }) {
  if (checkout !== undefined) return '/checkout';
  return typeof returnTo === 'string' && /^\/(?![/\\])/.test(returnTo) ? returnTo : '/cart';
}
