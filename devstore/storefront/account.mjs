/**
 * Accounts: a shopper signs in by picking a customer, since this shop keeps no passwords.
 */
import { redirect } from '../server.mjs';
import { readFields } from './form-data.mjs';
import { customerDrop } from './drops.mjs';
import { localPath } from './localization.mjs';
import { sendPage, shopOf, viewOf } from './page.mjs';
import { findCustomer, signIn, signOut } from './session.mjs';

/** Customers that the sign-in page lists; the others are found by their number. */
const LISTED = 12;

export function showAccount(request) {
  if (!findCustomer(shopOf(request), request.req, request.config)) return redirect(request.res, localPath(request, '/account/login'));
  return sendPage(request, { template: 'account', title: 'Account' });
}

export function showLogin(request) {
  sendLogin(request, { status: 200, error: null });
}

export async function login(request) {
  const shop = shopOf(request);
  const { customer_id: wanted } = await readFields(request);
  const customer = findByText(shop, wanted);
  if (!customer) return sendLogin(request, { status: 422, error: `There is no customer ${wanted ?? ''}.` });
  signIn(shop, request.res, customer, request.config);
  return redirect(request.res, localPath(request, '/account'), 303);
}

export function logout(request) {
  signOut(request.res);
  redirect(request.res, localPath(request, '/'));
}

/** An imported customer is known by the number of the source file ("Customer 17850"), any by its id. */
function findByText(shop, text) {
  const wanted = String(text ?? '').trim().toLowerCase();
  if (!wanted) return null;
  if (shop.findCustomer(wanted)) return shop.findCustomer(wanted);
  const nameOf = ({ firstName, lastName }) => [firstName, lastName].filter(Boolean).join(' ').toLowerCase();
  return [...shop.customers.values()].find((customer) => nameOf(customer) === wanted || nameOf(customer) === `customer ${wanted}`) ?? null;
}

function sendLogin(request, { status, error }) {
  const shop = shopOf(request);
  const view = viewOf(request, shop);
  const frequent = shop.derive('orders', 'frequentCustomers', () =>
    [...shop.customers.values()].sort((a, b) => shop.ordersOf(b.id).length - shop.ordersOf(a.id).length).slice(0, LISTED));
  sendPage(request, { template: 'login', title: 'Sign in', status, objects: { login_error: error, customers: frequent.map((each) => customerDrop(view, each)) } });
}
