/**
 * The embedded app: its frame in the admin, and what App Bridge asks of the admin.
 */
import { randomUUID } from 'node:crypto';
import { redirect, sendJson } from '../server.mjs';
import { hostParameter, mintSessionToken, queryHmac } from '../sign.mjs';
import { isPublished } from '../store.mjs';
import { allPlacements } from '../storefront/placements.mjs';
import { findProducts } from '../storefront/pages.mjs';
import { InstallRefused } from '../apps.mjs';
import { html, jsonForScript } from './html.mjs';
import { APP_HANDLE, adminPath, assetUrl, checkOrigin, sendAdmin, shopOfPath } from './layout.mjs';
import { scopeText } from './apps-page.mjs';

/** The staff member that every session of the admin belongs to. */
const USER = Object.freeze({ id: 1, name: 'Shop Owner', email: '', accountAccess: 'Full access' });

/** The only theme of a shop, as App Bridge names it. */
const THEME_ID = 'gid://shopify/OnlineStoreTheme/1';

/** Records that the resource picker lists at once. */
const PICKER_LENGTH = 50;

/** Show the app in its frame; an app that is not installed is offered for installing. */
export function showApp(request) {
  const shop = shopOfPath(request);
  const { config, apps, params, url } = request;
  if (![APP_HANDLE, config.clientId].includes(params.app)) return redirect(request.res, adminPath(shop));
  if (!shop.findInstall(config.clientId)) return redirect(request.res, adminPath(shop, '/app_grant'));
  const src = embeddedUrl(request, shop, `/${params.rest ?? ''}`, url.searchParams);
  const settings = {
    appOrigin: new URL(config.appUrl).origin,
    base: adminPath(shop, `/apps/${APP_HANDLE}`),
    admin: adminPath(shop),
    scopeTexts: Object.fromEntries([...apps.about.scopes, ...apps.about.optionalScopes].map((scope) => [scope, String(scopeText(scope))])),
  };
  const content = html`<div class="frame" data-frame>
    <div class="frame__loading" role="progressbar" aria-label="Loading the app" data-loading></div>
    <header class="frame__title"><img src="${assetUrl('tailorbird.svg')}" width="20" height="20" alt=""><h1>${apps.about.name}</h1><span class="frame__page" data-page-title></span><div class="frame__actions" data-title-actions></div></header>
    <iframe title="${apps.about.name}" src="${src}" name="app-iframe" allow="clipboard-write; fullscreen" data-app></iframe>
    <div class="savebar" role="region" aria-label="Unsaved changes" data-savebar hidden></div>
    <div class="toasts" role="status" aria-live="polite" data-toasts></div>
    <dialog class="dialog" aria-labelledby="dialog-title" data-dialog></dialog>
    <script type="application/json" id="frame-settings">${jsonForScript(settings)}</script>
  </div>`;
  return sendAdmin(request, shop, { title: apps.about.name, active: 'app', content, isFrame: true });
}

/** Return the address that the admin opens the app with, signed and with a fresh session token. */
export function embeddedUrl({ config, clock }, shop, path, given = new URLSearchParams()) {
  const url = new URL(config.appUrl + path);
  const parameters = {
    embedded: '1',
    host: hostParameter(config.publicUrl, shop.handle),
    id_token: mint({ config, clock }, shop),
    locale: 'en',
    session: randomUUID().replaceAll('-', ''),
    shop: shop.domain,
    timestamp: String(Math.floor(clock.wall() / 1000)),
  };
  const own = [...given].filter(([name]) => !(name in parameters) && name !== 'hmac');
  const pairs = [...own, ...Object.entries(parameters)];
  url.search = new URLSearchParams([...pairs, ['hmac', queryHmac(pairs, config.clientSecret)]]);
  return url.href;
}

function mint({ config, clock }, shop) {
  return mintSessionToken({ shop: shop.domain, clientId: config.clientId, secret: config.clientSecret, now: clock.wall(), userId: String(USER.id) });
}

/** `host` says `admin…/store/{shop}`: what lies there leads to the same page here. */
export function redirectFromHost(request) {
  const shop = shopOfPath(request);
  redirect(request.res, adminPath(shop, `/${request.params.rest}${request.url.search}`));
}

export function sendSessionToken(request) {
  const shop = shopOfPath(request);
  checkOrigin(request);
  if (!shop.findInstall(request.config.clientId)) return sendJson(request.res, 403, { error: 'The app is not installed.' });
  return sendJson(request.res, 200, { token: mint(request, shop) }, { 'Cache-Control': 'no-store' });
}

export function sendUser({ res }) {
  sendJson(res, 200, USER);
}

/** Return what `shopify.scopes.query()` gives. */
function scopesDetail({ apps, config }, shop) {
  const granted = shop.findInstall(config.clientId)?.scopes ?? [];
  return { granted, required: apps.about.scopes, optional: apps.about.optionalScopes };
}

export function sendScopes(request) {
  sendJson(request.res, 200, scopesDetail(request, shopOfPath(request)));
}

export async function grantScopes(request) {
  await changeScopes(request, (shop, scopes) => request.apps.grantScopes(shop, scopes));
}

export async function revokeScopes(request) {
  await changeScopes(request, (shop, scopes) => request.apps.revokeScopes(shop, scopes));
}

async function changeScopes(request, change) {
  checkOrigin(request);
  const shop = shopOfPath(request);
  const { scopes } = await request.json();
  try {
    change(shop, Array.isArray(scopes) ? scopes.map(String) : []);
    sendJson(request.res, 200, scopesDetail(request, shop));
  } catch (error) {
    if (!(error instanceof InstallRefused)) throw error;
    sendJson(request.res, 422, { error: error.message });
  }
}

/** Answer `shopify.app.extensions()`: which blocks there are, and where they stand. */
export function sendExtensions(request) {
  const shop = shopOfPath(request);
  const placed = allPlacements(shop).filter(({ isDisabled }) => !isDisabled);
  const extensions = request.blocks.extensions().map(({ handle, blocks }) => ({
    handle,
    type: 'theme_app_extension',
    activations: blocks.map((block) => describeBlock(block, placed.filter(({ block: name }) => name === block.handle))),
  }));
  sendJson(request.res, 200, extensions);
}

function describeBlock({ handle, schema }, placements) {
  const activations = placements.map(({ template, id }) => ({ target: `template--${template}/apps/${id}`, themeId: THEME_ID }));
  return { target: schema.target, handle, name: schema.name, status: activations.length > 0 ? 'active' : 'available', activations };
}

/** Answer the resource picker: products or collections whose title holds the words. */
export function sendResources(request) {
  const shop = shopOfPath(request);
  const words = (request.query.get('query') ?? '').trim();
  const resources = request.query.get('type') === 'collection' ? collectionResources(shop, words) : productResources(request, shop, words);
  sendJson(request.res, 200, resources.slice(0, PICKER_LENGTH));
}

function productResources(request, shop, words) {
  const products = words ? findProducts(shop, words) : shop.publishedProducts();
  return products.filter(isPublished).slice(0, PICKER_LENGTH).map((product) => ({
    id: `gid://shopify/Product/${product.id}`,
    title: product.title,
    handle: product.handle,
    status: product.status,
    vendor: product.vendor,
    productType: product.productType,
    tags: product.tags,
    totalVariants: product.variants.length,
    images: [{ id: `gid://shopify/ProductImage/${product.id}`, originalSrc: request.imageUrl(product), altText: product.title }],
    variants: product.variants.map((variant) => ({ id: `gid://shopify/ProductVariant/${variant.id}`, title: variant.title, price: (variant.price / 100).toFixed(2), sku: variant.sku })),
  }));
}

function collectionResources(shop, words) {
  return [...shop.collections.values()].filter(({ title }) => title.toLowerCase().includes(words.toLowerCase()))
    .map(({ id, title, handle, productIds }) => ({ id: `gid://shopify/Collection/${id}`, title, handle, productsCount: productIds.length, images: [] }));
}
