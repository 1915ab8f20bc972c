/**
 * The page around everything in the admin: top bar, navigation, content.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { HttpError, sendHtml } from '../server.mjs';
import { html } from './html.mjs';
import { icon } from './icons.mjs';

const ASSETS = path.join(import.meta.dirname, 'assets');
const versions = new Map(readdirSync(ASSETS).map((name) => [name, createHash('sha256').update(readFileSync(path.join(ASSETS, name))).digest('hex').slice(0, 12)]));

/** The name of the app in addresses of the admin. */
export const APP_HANDLE = 'tailorbird';

/** Nothing may frame the admin. */
const SECURITY_HEADERS = { 'Content-Security-Policy': "frame-ancestors 'none'", 'Cache-Control': 'no-store', 'Referrer-Policy': 'same-origin' };

const SECTIONS = [
  { id: 'orders', label: 'Orders', icon: 'orders', path: '/orders' },
  { id: 'products', label: 'Products', icon: 'products', path: '/products' },
  { id: 'customers', label: 'Customers', icon: 'customers', path: '/customers' },
];

/** Return the shop that the address names. */
export function shopOfPath({ store, params }) {
  const shop = store.findShop(params.shop);
  if (!shop) throw new HttpError(404, `There is no shop ${params.shop}.`);
  return shop;
}

/** Return the admin's address of a shop. */
export function adminPath(shop, rest = '') {
  return `/${shop.handle}/admin${rest}`;
}

export function assetUrl(name) {
  return `/admin-frame/${name}?v=${versions.get(name)}`;
}

/** Return the path of an asset of the admin, or null. */
export function findAsset(name) {
  return versions.has(name) ? path.join(ASSETS, name) : null;
}

/** Return where the shop's storefront is: under its own host, unless it is the default shop. */
export function storefrontUrl(shop, { store, config }, rest = '/') {
  if (shop === store.defaultShop) return `${config.publicUrl}${rest}`;
  const url = new URL(config.publicUrl);
  return `${url.protocol}//${shop.handle}.localhost:${url.port}${rest}`;
}

/**
 * Refuse a form that another site sent.
 *
 * @throws {HttpError}
 */
export function checkOrigin({ req, url }) {
  const { origin } = req.headers;
  if (origin && origin !== url.origin) throw new HttpError(403, 'This form came from another site.');
}

/**
 * Answer with a page of the admin.
 *
 * @param {object} request
 * @param {object} page
 * @param {string} page.title
 * @param {string} page.active section of the navigation
 * @param {object} page.content HTML
 * @param {boolean} [page.isFrame] the content fills the page edge to edge
 */
export function sendAdmin(request, shop, { title, active, content, isFrame = false, status = 200 }) {
  const page = html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} · ${shop.name} · Admin</title>
    <link rel="icon" type="image/svg+xml" href="${assetUrl('bag.svg')}">
    <link rel="stylesheet" href="${assetUrl('admin.css')}">
    ${isFrame && html`<script src="${assetUrl('frame.js')}" defer></script>`}
  </head>
  <body${isFrame && html` class="has-frame"`}>
    <a class="skip" href="#content">Skip to content</a>
    ${topBar(shop)}
    <div class="columns">
      ${navigation(request, shop, active)}
      <main id="content" tabindex="-1">${content}</main>
    </div>
  </body>
</html>`;
  sendHtml(request.res, status, String(page), SECURITY_HEADERS);
}

function topBar(shop) {
  return html`<header class="topbar">
    <label class="topbar__menu"><input type="checkbox" id="nav-toggle" class="hidden">${icon('menu')}<span class="hidden">Menu</span></label>
    <a class="topbar__brand" href="${adminPath(shop)}"><img src="${assetUrl('bag.svg')}" width="24" height="24" alt=""><span>devstore</span></a>
    <form class="topbar__search" action="${adminPath(shop, '/products')}" method="get" role="search">
      ${icon('search')}<input type="search" name="query" placeholder="Search products" aria-label="Search products">
    </form>
    <span class="topbar__shop"><span class="topbar__name">${shop.name}</span><span class="avatar" aria-hidden="true">${initials(shop.name)}</span></span>
  </header>`;
}

function initials(name) {
  return name.split(/\s+/).map((word) => word[0]).join('').slice(0, 2).toUpperCase();
}

function navigation(request, shop, active) {
  const install = shop.findInstall(request.config.clientId);
  const item = ({ id, label, icon: name, path: rest }) => html`<li><a href="${adminPath(shop, rest)}"${active === id && html` aria-current="page"`}>${icon(name)}${label}</a></li>`;
  return html`<nav class="nav" aria-label="Admin">
    <ul>${SECTIONS.map(item)}</ul>
    <h2>Sales channels</h2>
    <ul>
      <li class="nav__pair"><a href="${adminPath(shop, '/themes')}"${active === 'themes' && html` aria-current="page"`}>${icon('store')}Online Store</a>
        <a class="nav__view" href="${storefrontUrl(shop, request)}" target="_blank" rel="noopener" aria-label="View your online store" title="View your online store">${icon('view')}</a></li>
    </ul>
    <h2>Apps</h2>
    <ul>
      ${item({ id: 'apps', label: 'All apps', icon: 'apps', path: '' })}
      ${install && html`<li><a href="${adminPath(shop, `/apps/${APP_HANDLE}`)}"${active === 'app' && html` aria-current="page"`}><img src="${assetUrl('tailorbird.svg')}" width="20" height="20" alt="">${request.apps.about.name}</a><ul class="nav__app" data-app-nav></ul></li>`}
    </ul>
  </nav>`;
}
