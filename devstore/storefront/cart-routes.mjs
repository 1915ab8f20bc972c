/**
 * The cart's addresses: forms answer with a page, their `.js` twins with JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { redirect, sendJson } from '../server.mjs';
import { CartConflict, CartRefused, addItems, cartJson, changeLine, emptyCart, lineJson, updateCart } from './cart.mjs';
import { readFields } from './form-data.mjs';
import { localPath, localReturn } from './localization.mjs';
import { sendPage, shopOf, viewOf } from './page.mjs';
import { cartTokenOf, keepCart, readCart } from './session.mjs';

/** How long a change takes: Shopify's is no quicker, and what overlaps it must have a chance to. */
const CHANGE_MS = 25;

/** Carts that are being changed, by shop and token. */
const busy = new Set();

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
    const cart = await alone(shop, request.req, () => edit(shop, readCart(shop, request.req), fields));
    keepCart(request.store, shop, request.res, cart);
    if (isScript && describe) sendJson(request.res, 200, describe(shop, cart, fields));
    else if (isScript) answerCart(request, shop, cart);
    else redirect(request.res, nextPage(request, fields));
  } catch (error) {
    if (!(error instanceof CartRefused)) throw error;
    refuse(request, error, isScript);
  }
}

/**
 * Change a visitor's cart while nobody else does.
 *
 * Shopify takes a few overlapping changes one after the other and answers 409
 * when there are too many; how many is not documented, so here it is the second.
 *
 * @throws {CartConflict} and changes nothing
 */
async function alone(shop, req, change) {
  const key = `${shop.domain} ${cartTokenOf(req)}`;
  if (busy.has(key)) throw new CartConflict('Could not complete cart operation. The cart conflicted with another request.');
  if (cartTokenOf(req)) busy.add(key);
  try {
    await sleep(CHANGE_MS);
    return change();
  } finally {
    busy.delete(key);
  }
}

function answerCart(request, shop, cart) {
  sendJson(request.res, 200, cartJson(shop, cart ?? emptyCart(), viewOf(request, shop)), { 'Cache-Control': 'no-store' });
}

function refuse(request, error, isScript) {
  const { status, title } = error;
  if (isScript) sendJson(request.res, status, { status, message: title, description: error.message });
  else sendPage(request, { template: 'cart', title: 'Your cart', status, objects: { cart_error: error.message } });
}

/** A form may name where it leads next, within this site; the cart's own has a button that leads to the checkout. */
function nextPage(request, { checkout, return_to: returnTo }) {
  if (checkout !== undefined) return localPath(request, '/checkout');
  return localReturn(returnTo) ?? localPath(request, '/cart');
}
