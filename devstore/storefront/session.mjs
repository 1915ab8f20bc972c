/**
 * The visitor's cookies: which cart, and which customer is signed in.
 */
import { createHmac } from 'node:crypto';
import { sameSignature } from '../sign.mjs';
import { emptyCart, withoutUnsellable } from './cart.mjs';

const CART_COOKIE = 'cart';
const CUSTOMER_COOKIE = 'storefront_customer';

/** How long a cart is remembered, in seconds: two weeks, as on Shopify. */
const CART_SECONDS = 14 * 24 * 3600;

export function readCookies(req) {
  const pairs = (req.headers.cookie ?? '').split(';').map((part) => part.trim().split(/=(.*)/s));
  return Object.fromEntries(pairs.filter(([name]) => name));
}

/** Return the token of the visitor's cart, or undefined for a visitor without. */
export function cartTokenOf(req) {
  return readCookies(req)[CART_COOKIE];
}

/** Return the visitor's cart; a new one, not yet kept, for a visitor without. */
export function readCart(shop, req) {
  const kept = shop.carts.get(cartTokenOf(req));
  return kept ? withoutUnsellable(shop, kept) : emptyCart();
}

/** Keep a cart and let the browser remember it. */
export function keepCart(store, shop, res, cart) {
  store.change({ type: 'cart.put', shop: shop.domain, data: cart });
  addCookie(res, `${CART_COOKIE}=${cart.token}; Path=/; Max-Age=${CART_SECONDS}; SameSite=Lax`);
}

/** Forget a cart that became an order; the browser forgets its own only. */
export function dropCart({ store, req, res }, shop, cart) {
  store.change({ type: 'cart.delete', shop: shop.domain, data: { token: cart.token } });
  if (cartTokenOf(req) === cart.token) addCookie(res, `${CART_COOKIE}=; Path=/; Max-Age=0; SameSite=Lax`);
}

/** Return the signed-in customer of this shop, or null. */
export function findCustomer(shop, req, config) {
  const [id, signature] = (readCookies(req)[CUSTOMER_COOKIE] ?? '').split('.');
  if (!id || !signature || !sameSignature(signature, sign(shop, id, config))) return null;
  return shop.findCustomer(id);
}

export function signIn(shop, res, customer, config) {
  addCookie(res, `${CUSTOMER_COOKIE}=${customer.id}.${sign(shop, String(customer.id), config)}; Path=/; HttpOnly; SameSite=Lax`);
}

export function signOut(res) {
  addCookie(res, `${CUSTOMER_COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`);
}

function sign(shop, id, config) {
  return createHmac('sha256', config.clientSecret).update(`storefront customer ${shop.domain} ${id}`).digest('hex');
}

function addCookie(res, cookie) {
  res.appendHeader('Set-Cookie', cookie);
}
