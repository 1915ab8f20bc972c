import { EMBEDDING_PARAMETERS, askAdmin } from './channel.js';

/** The session token: kept while it lives, added to the app's own requests, renewed when the app says so. */

/** Seconds before its end at which a token is no longer handed out. */
const RENEW_BEFORE_SECONDS = 5;
const RETRY_HEADER = 'X-Shopify-Retry-Invalid-Session-Request';
const REAUTHORIZE_HEADER = 'X-Shopify-API-Request-Failure-Reauthorize-Url';

let kept = null;

function expiryOf(token) {
  const payload = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
  return JSON.parse(atob(payload)).exp;
}

/** Give a session token that lives for some seconds more. */
export async function idToken({ fresh = false } = {}) {
  const now = Date.now() / 1000;
  if (!fresh && kept && kept.expiry - RENEW_BEFORE_SECONDS > now) return kept.token;
  const token = await askAdmin('idToken');
  kept = { token, expiry: expiryOf(token) };
  return token;
}

function withToken(request, token) {
  const headers = new Headers(request.headers);
  headers.set('Authorization', `Bearer ${token}`);
  return new Request(request, { headers });
}

/** Let requests to the app's own server carry the token; a token that server finds stale is renewed once. */
export function patchFetch() {
  const plainFetch = window.fetch.bind(window);
  window.fetch = async (input, init) => {
    const request = new Request(input, init);
    const isOwn = new URL(request.url).origin === location.origin;
    if (!isOwn || request.headers.has('Authorization')) return plainFetch(request);
    const spare = request.clone();
    const response = await plainFetch(withToken(request, await idToken()));
    const elsewhere = response.headers.get(REAUTHORIZE_HEADER);
    if (elsewhere) window.open(elsewhere, '_top');
    if (response.status !== 401 || !response.headers.has(RETRY_HEADER)) return response;
    return plainFetch(withToken(spare, await idToken({ fresh: true })));
  };
}

/** On the bounce page: load the wanted address again, with a fresh token. */
export async function reloadIfBounced(config) {
  const wanted = new URLSearchParams(location.search).get('shopify-reload');
  if (!wanted) return;
  const url = new URL(wanted, location.href);
  if (url.origin !== location.origin) throw new Error('App Bridge: shopify-reload leads to another site.');
  url.searchParams.set('id_token', await idToken({ fresh: true }));
  for (const name of ['shop', 'host']) if (config[name]) url.searchParams.set(name, config[name]);
  location.replace(url);
}

/** An app opened outside the admin goes there; the admin then opens it again in its frame. */
export function enterAdmin(config, scheme) {
  if (!config.host) return;
  const admin = atob(config.host.replaceAll('-', '+').replaceAll('_', '/'));
  location.replace(`${scheme}//${admin}/apps/${config.apiKey}${appPath()}`);
}

/** Where the app is, without what the admin added to its address. */
export function appPath() {
  const url = new URL(location.href);
  EMBEDDING_PARAMETERS.forEach((name) => url.searchParams.delete(name));
  return url.pathname + url.search + url.hash;
}
