/**
 * The admin's addresses: `/{shop}/admin/…`.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { HttpError, redirect, send } from '../server.mjs';
import { BlockLibrary } from '../storefront/app-blocks.mjs';
import {
  grantScopes, redirectFromHost, revokeScopes, sendExtensions, sendResources, sendScopes, sendSessionToken, sendUser, showApp,
} from './app-frame.mjs';
import { install, showApps, showGrant, uninstall } from './apps-page.mjs';
import { changeBlock, showEditor, showThemes } from './editor.mjs';
import { adminPath, findAsset, shopOfPath } from './layout.mjs';
import { showCustomers, showOrder, showOrders, showProducts } from './records.mjs';

const TYPES = { '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml' };

export function register(router, context) {
  const blocks = new BlockLibrary(context.config.extensionsDir);
  const on = (method, pattern, handler) => router.add(method, pattern, (request) => handler({ ...request, blocks }));
  on('GET', '/admin-frame/:name', sendAsset);
  on('GET', '/admin', (request) => redirect(request.res, adminPath(request.store.defaultShop)));
  on('GET', '/store/:shop', (request) => redirect(request.res, adminPath(shopOfPath(request))));
  on('GET', '/store/:shop/*rest', redirectFromHost);
  registerApps(on);
  registerBridge(on);
  registerThemes(on);
  on('GET', '/:shop/admin/orders', showOrders);
  on('GET', '/:shop/admin/orders/:id', showOrder);
  on('GET', '/:shop/admin/products', showProducts);
  on('GET', '/:shop/admin/customers', showCustomers);
}

function registerApps(on) {
  on('GET', '/:shop/admin', showApps);
  on('GET', '/:shop/admin/app_grant', showGrant);
  on('POST', '/:shop/admin/install', install);
  on('POST', '/:shop/admin/uninstall', uninstall);
  on('GET', '/:shop/admin/apps/:app', showApp);
  on('GET', '/:shop/admin/apps/:app/*rest', showApp);
}

/** What the frame asks for the app; `/app-bridge/` keeps it apart from the admin's pages. */
function registerBridge(on) {
  on('POST', '/:shop/admin/session-token', sendSessionToken);
  on('GET', '/:shop/admin/app-bridge/user', sendUser);
  on('GET', '/:shop/admin/app-bridge/scopes', sendScopes);
  on('POST', '/:shop/admin/app-bridge/scopes/grant', grantScopes);
  on('POST', '/:shop/admin/app-bridge/scopes/revoke', revokeScopes);
  on('GET', '/:shop/admin/app-bridge/extensions', sendExtensions);
  on('GET', '/:shop/admin/app-bridge/resources', sendResources);
}

function registerThemes(on) {
  on('GET', '/:shop/admin/themes', showThemes);
  on('GET', '/:shop/admin/themes/current/editor', showEditor);
  on('POST', '/:shop/admin/themes/current/editor/blocks/:id', changeBlock);
}

async function sendAsset({ res, params, query }) {
  const file = findAsset(params.name);
  if (!file) throw new HttpError(404, 'Not Found');
  const headers = { 'Content-Type': TYPES[path.extname(file)], 'Cache-Control': query.has('v') ? 'public, max-age=31536000, immutable' : 'no-cache' };
  send(res, 200, await readFile(file), headers);
}
