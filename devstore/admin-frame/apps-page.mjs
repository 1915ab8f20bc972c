/**
 * The list of apps, the grant screen, installing and uninstalling.
 */
import { redirect } from '../server.mjs';
import { readFields } from '../storefront/form-data.mjs';
import { html } from './html.mjs';
import { icon } from './icons.mjs';
import { APP_HANDLE, adminPath, assetUrl, checkOrigin, sendAdmin, shopOfPath } from './layout.mjs';

/** What a scope lets the app do, as Shopify words it on the grant screen. */
const SCOPE_TEXTS = {
  read_products: ['View products', 'Products, variants, collections'],
  write_products: ['Edit products', 'Products, variants, collections and their metafields'],
  read_orders: ['View orders', 'Orders of the last 60 days, refunds, transactions'],
  read_all_orders: ['View all orders', 'Orders older than 60 days'],
  read_customers: ['View customers', 'Customers and their order history'],
  write_app_proxy: ['Edit the app proxy', 'An address on your online store that the app answers'],
  write_pixels: ['Edit pixels', 'Code that hears what visitors do who allow it'],
  read_customer_events: ['View customer events', 'What visitors look at, put into the cart and buy'],
};

export function showApps(request) {
  const shop = shopOfPath(request);
  const install = shop.findInstall(request.config.clientId);
  const content = html`<div class="page">
    <header class="page__head"><h1>Apps</h1></header>
    <section class="panel panel--flush" aria-label="${install ? 'Installed apps' : 'Available apps'}">
      ${appRow(request, shop, install)}
    </section>
  </div>`;
  sendAdmin(request, shop, { title: 'Apps', active: 'apps', content });
}

function appRow({ apps }, shop, install) {
  return html`<div class="app-row">
    <img src="${assetUrl('tailorbird.svg')}" width="48" height="48" alt="">
    <div class="app-row__text">
      <h2>${install ? html`<a href="${adminPath(shop, `/apps/${APP_HANDLE}`)}">${apps.about.name}</a>` : apps.about.name}</h2>
      <p class="muted">${install ? `Installed ${dateText(install.installedAt)} · ${install.scopes.length} permissions` : 'Recommendations that learn from your own orders.'}</p>
    </div>
    ${install ? installedActions(shop) : html`<a class="button button--primary" href="${adminPath(shop, '/app_grant')}">Install</a>`}
  </div>`;
}

function installedActions(shop) {
  return html`<a class="button button--primary" href="${adminPath(shop, `/apps/${APP_HANDLE}`)}">Open</a>
    <form method="post" action="${adminPath(shop, '/uninstall')}"><button class="button button--critical" type="submit">Uninstall</button></form>`;
}

function dateText(moment) {
  return new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' }).format(moment);
}

/** The screen on which the merchant grants what shopify.app.toml asks for. */
export function showGrant(request) {
  const shop = shopOfPath(request);
  if (shop.findInstall(request.config.clientId)) return redirect(request.res, adminPath(shop, `/apps/${APP_HANDLE}`));
  const { name, scopes, optionalScopes } = request.apps.about;
  const content = html`<div class="page page--narrow">
    <form class="panel grant" method="post" action="${adminPath(shop, '/install')}">
      <div class="grant__marks"><img src="${assetUrl('tailorbird.svg')}" width="56" height="56" alt=""><span aria-hidden="true">→</span><img src="${assetUrl('bag.svg')}" width="56" height="56" alt=""></div>
      <h1>Install ${name}?</h1>
      <p class="muted">This app will be able to do the following in <strong>${shop.name}</strong> (${shop.domain}):</p>
      <ul class="grant__list">${scopes.map((scope) => html`<li>${icon('check')}${scopeText(scope)}</li>`)}</ul>
      ${optionalScopes.length > 0 && html`<fieldset><legend>Optional</legend>${optionalScopes.map(optionalBox)}</fieldset>`}
      <div class="grant__actions"><a class="button" href="${adminPath(shop)}">Cancel</a><button class="button button--primary" type="submit">Install</button></div>
    </form>
  </div>`;
  return sendAdmin(request, shop, { title: `Install ${name}`, active: 'apps', content });
}

export function scopeText(scope) {
  const [title, detail] = SCOPE_TEXTS[scope] ?? [scope, ''];
  return html`<span><strong>${title}</strong> <code>${scope}</code><br><span class="muted">${detail}</span></span>`;
}

function optionalBox(scope) {
  return html`<label class="check"><input type="checkbox" name="optional_scopes[]" value="${scope}">${scopeText(scope)}</label>`;
}

/** Managed installation: Shopify grants and installs; the app hears of it when it is opened. */
export async function install(request) {
  checkOrigin(request);
  const shop = shopOfPath(request);
  const { optional_scopes: optionalScopes = [] } = await readFields(request);
  request.apps.install(shop, { optionalScopes });
  redirect(request.res, adminPath(shop, `/apps/${APP_HANDLE}`), 303);
}

export function uninstall(request) {
  checkOrigin(request);
  const shop = shopOfPath(request);
  if (shop.findInstall(request.config.clientId)) request.apps.uninstall(shop);
  redirect(request.res, adminPath(shop), 303);
}
