/**
 * The app proxy: storefront requests under the app's path, signed and sent on to the app.
 *
 * A visitor's own `shop`, `timestamp` and the like are sent on beside ours and
 * signed together, so the app sees them repeated and can refuse; only a
 * visitor's `signature` is dropped.
 */
import http from 'node:http';
import https from 'node:https';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { HttpError, sendHtml } from '../server.mjs';
import { proxySignature } from '../sign.mjs';
import { scopeOf, sendPage, shopOf } from './page.mjs';
import { findCustomer } from './session.mjs';
import { renderProxyLiquid } from './theme.mjs';

/** How long the app may take for its whole answer, in milliseconds. */
export const TIMEOUT_MS = 10_000;

/** Redirects of the app that are followed before the proxy gives up. */
const REDIRECT_LIMIT = 5;

/** Answers that are rendered are held in memory; more than this is no page, in bytes. */
const LIQUID_LIMIT = 2 * 1024 * 1024;

/** Headers of the app's answer that Shopify documents as removed, and those that belong to one connection only. */
const REMOVED_HEADERS = new Set([
  'accept-patch', 'accept-ranges', 'connection', 'cookie', 'date', 'delta-base', 'im', 'p3p', 'pragma', 'preference-applied', 'proxy-authenticate',
  'public-key-pins', 'server', 'service-worker-allowed', 'set-cookie', 'trailer', 'tk', 'warning', 'x-powered-by', 'keep-alive', 'transfer-encoding',
]);
const UNSENT_HEADERS = new Set(['connection', 'content-length', 'cookie', 'expect', 'host', 'keep-alive', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

const AGENTS = {
  'http:': new http.Agent({ keepAlive: true, maxSockets: 256, noDelay: true }),
  'https:': new https.Agent({ keepAlive: true, maxSockets: 256, noDelay: true }),
};

/** The app did not answer in time, or not at all. */
export class AppUnreachable extends Error {
  constructor(message, { status }) {
    super(message);
    this.status = status;
  }
}

/** Answer a storefront request from the app. */
export async function proxy(request) {
  const shop = shopOf(request);
  if (!hasProxy(request, shop)) return sendPage(request, { template: '404', title: 'Page not found', status: 404 });
  const signal = AbortSignal.timeout(request.proxyTimeoutMs ?? TIMEOUT_MS);
  try {
    const answer = await askApp(request, shop, signal);
    return isLiquid(answer) ? await sendLiquid(request, shop, answer, signal) : passOn(request, answer);
  } catch (error) {
    if (!(error instanceof AppUnreachable)) throw error;
    return sendPage(request, { template: 'app-error', title: 'Something went wrong', status: error.status });
  }
}

/** The address exists while the app is installed and may have one. */
function hasProxy({ config }, shop) {
  return Boolean(shop.findInstall(config.clientId)?.scopes.includes('write_app_proxy'));
}

/** Return the address to ask, with the query signed as Shopify signs it. */
export function signedUrl({ url, params, apps, config, clock, customerId, shop }) {
  const { proxy: { url: target, prefix, subpath } } = apps.about;
  const given = url.search.slice(1).split('&').filter((pair) => pair && !isSignature(pair)).join('&');
  const added = new URLSearchParams({
    shop: shop.domain,
    logged_in_customer_id: customerId ?? '',
    path_prefix: `/${prefix}/${subpath}`,
    timestamp: String(Math.floor(clock.wall() / 1000)),
  });
  const query = [given, added].filter(String).join('&');
  const signature = proxySignature(new URLSearchParams(query), config.clientSecret);
  const rest = params.rest === undefined ? '' : `/${params.rest.split('/').map(encodeURIComponent).join('/')}`;
  return new URL(`${target}${rest}?${query}&signature=${signature}`);
}

function isSignature(pair) {
  return new URLSearchParams(pair).has('signature');
}

async function askApp(request, shop, signal) {
  const customer = findCustomer(shop, request.req, request.config);
  const url = signedUrl({ ...request, customerId: customer && String(customer.id), shop });
  const hasBody = !['GET', 'HEAD'].includes(request.req.method);
  const body = hasBody ? await request.body() : null;
  const first = { url, method: request.req.method, headers: headersFor(request, shop), body };
  return follow(first, signal, REDIRECT_LIMIT);
}

async function follow(ask, signal, left) {
  const answer = await send(ask, signal);
  const { location } = answer.headers;
  if (![301, 302, 303, 307, 308].includes(answer.statusCode) || !location) return answer;
  answer.resume();
  if (left === 0) throw new AppUnreachable(`${ask.url.pathname} redirects without end.`, { status: 502 });
  const url = new URL(location, ask.url);
  if (!(url.protocol in AGENTS)) throw new AppUnreachable(`${ask.url.pathname} redirects to ${url.protocol}.`, { status: 502 });
  const keepsMethod = answer.statusCode >= 307;
  return follow(keepsMethod ? { ...ask, url } : { ...ask, url, method: ask.method === 'HEAD' ? 'HEAD' : 'GET', body: null }, signal, left - 1);
}

function headersFor({ req }, shop) {
  const headers = Object.fromEntries(Object.entries(req.headers).filter(([name]) => !UNSENT_HEADERS.has(name)));
  const client = (req.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  headers['x-forwarded-for'] = [req.headers['x-forwarded-for'], client].filter(Boolean).join(', ');
  headers['x-forwarded-host'] = shop.domain;
  return headers;
}

/** A kept connection that the app closed meanwhile fails at once; a request without a body is then sent anew. */
async function send(ask, signal) {
  try {
    return await sendOnce(ask, signal);
  } catch (error) {
    if (error.code !== 'ECONNRESET' || !error.reusedSocket || ask.body) throw failure(error, signal);
  }
  try {
    return await sendOnce(ask, signal);
  } catch (error) {
    throw failure(error, signal);
  }
}

function sendOnce({ url, method, headers, body }, signal) {
  return new Promise((resolve, reject) => {
    const client = url.protocol === 'https:' ? https : http;
    const sent = body ? { ...headers, 'content-length': body.length } : headers;
    const outgoing = client.request(url, { method, headers: sent, agent: AGENTS[url.protocol], signal }, resolve);
    outgoing.on('error', (error) => reject(Object.assign(error, { reusedSocket: outgoing.reusedSocket })));
    outgoing.end(body ?? undefined);
  });
}

function failure(error, signal) {
  return new AppUnreachable(error.message, { status: signal.aborted ? 504 : 502 });
}

function isLiquid({ headers }) {
  return /^application\/liquid\b/i.test(headers['content-type'] ?? '');
}

function keptHeaders(answer) {
  return Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !REMOVED_HEADERS.has(name)));
}

/** An answer that breaks off is cut off here too: its status is sent already. */
function passOn({ res }, answer) {
  res.writeHead(answer.statusCode, keptHeaders(answer));
  answer.on('error', () => res.destroy());
  res.on('close', () => answer.destroy());
  answer.pipe(res);
}

async function sendLiquid(request, shop, answer, signal) {
  const source = decode(await readAll(answer, signal), answer.headers['content-encoding']).toString('utf8');
  const scope = scopeOf(request, shop, { template: 'app_proxy' });
  const { 'content-type': _type, 'content-length': _length, 'content-encoding': _encoding, etag: _etag, ...headers } = keptHeaders(answer);
  sendHtml(request.res, answer.statusCode, render(scope, source), headers);
}

function render(scope, source) {
  try {
    return renderProxyLiquid(scope, source);
  } catch (error) {
    console.error(`Liquid of the app proxy: ${error.message}`);
    throw new AppUnreachable(error.message, { status: 502 });
  }
}

async function readAll(answer, signal) {
  const chunks = [];
  let size = 0;
  try {
    for await (const chunk of answer) {
      size += chunk.length;
      if (size > LIQUID_LIMIT) throw new HttpError(502, 'The answer of the app is too large to render.');
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof HttpError ? error : failure(error, signal);
  }
  return Buffer.concat(chunks);
}

function decode(bytes, encoding) {
  const decoders = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync };
  return decoders[encoding]?.(bytes) ?? bytes;
}
