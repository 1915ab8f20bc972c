/**
 * Static files: theme assets, extension assets, the stand-ins of Shopify's scripts.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { HttpError, send } from '../server.mjs';
import { SCRIPTS, bundle } from '../stand-ins/bundle.mjs';
import { shopOf } from './page.mjs';
import { drawProduct } from './picture.mjs';
import { findAsset } from './theme.mjs';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.wasm': 'application/wasm',
};

/** An address with a version never changes its content. */
const FOR_EVER = 'public, max-age=31536000, immutable';

export async function sendThemeAsset({ res, params, query }) {
  await sendFile(res, findAsset(params.name), { isVersioned: query.has('v') });
}

export async function sendExtensionAsset({ res, params, query, blocks }) {
  await sendFile(res, blocks.findAsset(params.extension, params.name), { isVersioned: query.has('v') });
}

export async function sendFavicon({ res }) {
  await sendFile(res, findAsset('favicon.svg'), { isVersioned: false });
}

/** A picture is found by the shop of the host first: two shops may number their products alike. */
export function sendProductPicture(request) {
  const id = /^(\d+)\.svg$/.exec(request.params.name)?.[1];
  const product = id && (shopOf(request).findProduct(id) ?? findAnywhere(request.store, id));
  if (!product) throw new HttpError(404, 'Not Found');
  send(request.res, 200, drawProduct(product), { 'Content-Type': TYPES['.svg'], 'Cache-Control': 'public, max-age=3600', 'Access-Control-Allow-Origin': '*' });
}

/** The address in webhooks and the Admin API names no shop. */
function findAnywhere(store, id) {
  return [...store.shops.values()].map((shop) => shop.findProduct(id)).find(Boolean);
}

/** Any site may load the stand-ins, as it may the scripts on Shopify's CDN. */
export async function sendStandIn({ res, params }) {
  if (!Object.hasOwn(SCRIPTS, params.name)) throw new HttpError(404, 'Not Found');
  const source = await bundle(params.name);
  send(res, 200, source, { 'Content-Type': TYPES['.js'], 'Cache-Control': 'no-cache', 'Access-Control-Allow-Origin': '*' });
}

async function sendFile(res, file, { isVersioned }) {
  if (!file) throw new HttpError(404, 'Not Found');
  const headers = { 'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream', 'X-Content-Type-Options': 'nosniff' };
  send(res, 200, await readFile(file), { ...headers, 'Cache-Control': isVersioned ? FOR_EVER : 'no-cache' });
}
