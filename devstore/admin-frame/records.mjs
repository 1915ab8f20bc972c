/**
 * Orders, products and customers, to look at: what the app should have heard of.
 */
import { HttpError } from '../server.mjs';
import { isPublished, isTracked } from '../store.mjs';
import { formatMoney } from '../storefront/liquid/filters.mjs';
import { html } from './html.mjs';
import { adminPath, sendAdmin, shopOfPath, storefrontUrl } from './layout.mjs';

/** Rows of a page. */
const PAGE = 50;

export function showOrders(request) {
  const shop = shopOfPath(request);
  const orders = shop.derive('orders', 'newestFirst', () => [...shop.orders.values()].sort((a, b) => b.createdAt - a.createdAt || b.id - a.id));
  const rows = pageOf(request, orders).map((order) => html`<tr>
    <th scope="row"><a href="${adminPath(shop, `/orders/${order.id}`)}">${order.name}</a></th>
    <td>${momentText(order.createdAt)}</td><td>${customerName(shop, order.customerId)}</td>
    <td class="end">${money(shop, totalOf(order))}</td><td>${stateOf(order)}</td><td class="end">${order.lines.reduce((sum, { quantity }) => sum + quantity, 0)}</td></tr>`);
  sendList(request, shop, { title: 'Orders', active: 'orders', count: orders.length, heads: ['Order', 'Date', 'Customer', 'Total|end', 'Status', 'Items|end'], rows });
}

export function showOrder(request) {
  const shop = shopOfPath(request);
  const order = shop.findOrder(request.params.id);
  if (!order) throw new HttpError(404, `There is no order ${request.params.id}.`);
  const content = html`<div class="page">
    <header class="page__head"><a class="back" href="${adminPath(shop, '/orders')}" aria-label="Back to orders">←</a><h1>${order.name}</h1>${stateOf(order)}<span class="muted">${momentText(order.createdAt)}</span></header>
    <div class="halves">
      <section class="panel panel--flush" aria-label="Items"><ul class="lines">${order.lines.map((line) => orderLine(request, shop, line))}</ul>
        <p class="lines__total"><span>Total</span><strong>${money(shop, totalOf(order))}</strong></p></section>
      <div class="stack">
        <section class="panel"><h2>Customer</h2><p>${customerName(shop, order.customerId)}</p></section>
        <section class="panel"><h2>Additional details</h2>${attributeList(order.customAttributes)}</section>
        <section class="panel"><h2>Tokens</h2>${attributeList([{ key: 'cart_token', value: order.cartToken ?? '–' }, { key: 'checkout_token', value: order.checkoutToken ?? '–' }])}</section>
      </div>
    </div>
  </div>`;
  sendAdmin(request, shop, { title: `Order ${order.name}`, active: 'orders', content });
}

function orderLine({ imageUrl }, shop, line) {
  const product = shop.findProduct(line.productId);
  return html`<li>${product && html`<img src="${new URL(imageUrl(product)).pathname}?width=80" width="40" height="40" alt="">`}
    <div><strong>${product?.title ?? 'Deleted product'}</strong>${line.customAttributes?.length > 0 && attributeList(line.customAttributes)}
    ${line.currentQuantity < line.quantity && html`<p class="muted">${line.quantity - line.currentQuantity} refunded</p>`}</div>
    <span>${money(shop, line.price)} × ${line.quantity}</span><span class="end">${money(shop, line.price * line.quantity)}</span></li>`;
}

function attributeList(attributes) {
  if (attributes.length === 0) return html`<p class="muted">None</p>`;
  return html`<dl class="attributes">${attributes.map(({ key, value }) => html`<dt>${key}</dt><dd>${value}</dd>`)}</dl>`;
}

export function showProducts(request) {
  const shop = shopOfPath(request);
  const words = (request.query.get('query') ?? '').trim().toLowerCase();
  const all = shop.derive('products', 'byTitle', () => [...shop.products.values()].sort((a, b) => a.title.localeCompare(b.title)));
  const found = words ? all.filter(({ title }) => title.toLowerCase().includes(words)) : all;
  const rows = pageOf(request, found).map((product) => html`<tr>
    <td class="thumb"><img src="${new URL(request.imageUrl(product)).pathname}?width=80" width="40" height="40" alt="" loading="lazy"></td>
    <th scope="row">${isPublished(product) ? html`<a href="${storefrontUrl(shop, request, `/products/${product.handle}`)}" target="_blank" rel="noopener">${product.title}</a>` : product.title}</th>
    <td>${badge(product.status === 'ACTIVE' ? 'success' : 'neutral', product.status.toLowerCase())}</td>
    <td class="end">${stockText(product)}</td><td>${product.productType}</td><td class="end">${money(shop, product.variants[0].price)}</td></tr>`);
  sendList(request, shop, { title: 'Products', active: 'products', count: found.length, heads: ['|thumb', 'Product', 'Status', 'Inventory|end', 'Type', 'Price|end'], rows });
}

export function showCustomers(request) {
  const shop = shopOfPath(request);
  const customers = shop.derive('orders', 'customersByOrders', () => [...shop.customers.values()]
    .map((customer) => ({ customer, orders: shop.ordersOf(customer.id) })).sort((a, b) => b.orders.length - a.orders.length));
  const rows = pageOf(request, customers).map(({ customer, orders }) => html`<tr>
    <th scope="row">${customerName(shop, customer.id)}</th><td>${customer.country}</td><td class="end">${orders.length}</td>
    <td class="end">${money(shop, orders.reduce((sum, order) => sum + totalOf(order), 0))}</td></tr>`);
  sendList(request, shop, { title: 'Customers', active: 'customers', count: customers.length, heads: ['Customer', 'Country', 'Orders|end', 'Amount spent|end'], rows });
}

function sendList(request, shop, { title, active, count, heads, rows }) {
  const cells = heads.map((head) => head.split('|')).map(([text, name]) => html`<th scope="col"${name && html` class="${name}"`}>${text || html`<span class="hidden">Picture</span>`}</th>`);
  const content = html`<div class="page">
    <header class="page__head"><h1>${title}</h1><span class="muted">${count.toLocaleString('en')}</span></header>
    <section class="panel panel--flush" aria-label="${title}">
      ${rows.length === 0 ? html`<p class="nothing">Nothing here yet.</p>` : html`<div class="scroll" tabindex="0" role="region" aria-label="${title}"><table class="table"><thead><tr>${cells}</tr></thead><tbody>${rows}</tbody></table></div>`}
      ${pager(request, count)}
    </section>
  </div>`;
  sendAdmin(request, shop, { title, active, content });
}

function pageNumber({ query }, count) {
  const wanted = Math.floor(Number(query.get('page'))) || 1;
  return Math.min(Math.max(1, wanted), Math.max(1, Math.ceil(count / PAGE)));
}

function pageOf(request, records) {
  const start = (pageNumber(request, records.length) - 1) * PAGE;
  return records.slice(start, start + PAGE);
}

function pager(request, count) {
  const page = pageNumber(request, count);
  const link = (to) => {
    const url = new URL(request.url);
    url.searchParams.set('page', to);
    return url.pathname + url.search;
  };
  if (count <= PAGE) return null;
  return html`<nav class="pager" aria-label="Pages">
    ${page > 1 && html`<a class="button" rel="prev" href="${link(page - 1)}">Previous</a>`}
    <span class="muted">${(page - 1) * PAGE + 1}–${Math.min(page * PAGE, count)} of ${count.toLocaleString('en')}</span>
    ${page * PAGE < count && html`<a class="button" rel="next" href="${link(page + 1)}">Next</a>`}</nav>`;
}

function customerName(shop, id) {
  const customer = id === null ? null : shop.findCustomer(id);
  if (!customer) return 'Guest';
  return [customer.firstName, customer.lastName].filter(Boolean).join(' ') || `Customer ${customer.id}`;
}

function stateOf({ cancelledAt, refunds }) {
  if (cancelledAt !== null) return badge('critical', 'Cancelled');
  return refunds.length > 0 ? badge('warning', 'Refunded in part') : badge('success', 'Paid');
}

function badge(tone, text) {
  return html`<span class="badge badge--${tone}">${text}</span>`;
}

function totalOf(order) {
  return order.lines.reduce((sum, line) => sum + line.price * line.quantity, 0);
}

function money(shop, hundredths) {
  return formatMoney(hundredths, shop.currency);
}

function stockText({ variants }) {
  const counted = variants.filter(isTracked);
  return counted.length === 0 ? 'Not tracked' : String(counted.reduce((sum, { inventoryQuantity }) => sum + inventoryQuantity, 0));
}

function momentText(moment) {
  return new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' }).format(moment);
}
