/**
 * A small HTTP server: a router, body readers and reply helpers.
 */
import { createServer } from 'node:http';

/** Largest request body that is read, in bytes. Admin API requests are capped at about this size. */
const BODY_LIMIT = 12 * 1024 * 1024;

const KEEP_ALIVE_MS = 75_000;

/** A request that cannot be answered as asked; becomes the HTTP answer. */
export class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Router {
  #routes = [];

  /**
   * Answer `method pattern` with `handler`.
   *
   * @param {string} method `GET` also answers HEAD; `*` answers any method
   * @param {string} pattern `/products/:handle`; a last `*rest` takes the rest of the path, slashes included
   * @param {(request: object) => unknown} handler gets
   *   `{req, res, url, params, query, body(), json(), form(), ...context}`; see README
   */
  add(method, pattern, handler) {
    this.#routes.push({ method, match: compile(pattern), handler });
    return this;
  }

  /** Return `{handler, params}` of the first route that fits, or null. */
  find(method, pathname) {
    const wanted = method === 'HEAD' ? 'GET' : method;
    for (const route of this.#routes) {
      if (route.method !== '*' && route.method !== wanted) continue;
      const params = route.match(pathname);
      if (params) return { handler: route.handler, params };
    }
    return null;
  }

  /** Return whether any method answers this path. */
  knows(pathname) {
    return this.#routes.some((route) => route.match(pathname) !== null);
  }
}

/**
 * Return a server that answers by `router`; `context` is spread into each request.
 *
 * @param {Router} router
 * @param {object} context
 */
export function serve(router, context) {
  const server = createServer((req, res) => {
    answer(router, context, req, res).catch((error) => fail(res, error));
  });
  // Pooled clients reuse connections for a minute; Node's 5 seconds would cut one just as it is used.
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
}

export function sendJson(res, status, value, headers = {}) {
  send(res, status, JSON.stringify(value), { 'Content-Type': 'application/json; charset=utf-8', ...headers });
}

export function sendHtml(res, status, html, headers = {}) {
  send(res, status, html, { 'Content-Type': 'text/html; charset=utf-8', ...headers });
}

export function redirect(res, location, status = 302) {
  send(res, status, '', { Location: location });
}

/** Send a whole answer; the length is set and a HEAD request gets no body. */
export function send(res, status, body, headers = {}) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  res.writeHead(status, { 'Content-Length': bytes.length, ...headers });
  res.end(res.req.method === 'HEAD' ? undefined : bytes);
}

/** Read the whole request body. */
export async function readBody(req) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new HttpError(413, 'The request body is too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function answer(router, context, req, res) {
  const url = parseUrl(req);
  const found = router.find(req.method, url.pathname);
  if (!found) throw missing(router, url.pathname);
  let read = null;
  const body = () => (read ??= readBody(req));
  await found.handler({
    ...context,
    req,
    res,
    url,
    params: found.params,
    query: url.searchParams,
    body,
    json: async () => parseJson(await body()),
    form: async () => new URLSearchParams((await body()).toString('utf8')),
  });
}

function missing(router, pathname) {
  return router.knows(pathname)
    ? new HttpError(405, 'This path does not answer that method.')
    : new HttpError(404, 'Not Found');
}

function parseUrl(req) {
  try {
    return new URL(req.url, `http://${req.headers.host ?? 'localhost'}`);
  } catch {
    throw new HttpError(400, 'The request address is not a URL.');
  }
}

function parseJson(bytes) {
  let value;
  try {
    value = JSON.parse(bytes.toString('utf8') || '{}');
  } catch (error) {
    throw new HttpError(400, `The request body is not JSON: ${error.message}`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new HttpError(400, 'The request body is no JSON object.');
  return value;
}

function fail(res, error) {
  const status = error instanceof HttpError ? error.status : 500;
  if (status === 500) console.error(error);
  if (res.headersSent) {
    res.destroy();
    return;
  }
  sendJson(res, status, { errors: status === 500 ? 'Internal Server Error' : error.message });
}

function compile(pattern) {
  const parts = pattern.split('/').slice(1);
  const source = parts.map((part) => {
    if (part.startsWith('*')) return `(?<${part.slice(1)}>.*)`;
    return part.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/:([a-zA-Z]\w*)/g, '(?<$1>[^/]+)');
  });
  const expression = new RegExp(`^/${source.join('/')}$`);
  return (pathname) => {
    const match = expression.exec(pathname);
    return match && decodeParams(match.groups ?? {});
  };
}

function decodeParams(groups) {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    throw new HttpError(400, 'The path holds a broken percent escape.');
  }
}
