/**
 * The Admin API over HTTP: versions, tokens, the GraphQL endpoint, bulk results.
 */
import { API_VERSION } from './config.mjs';
import { HttpError, redirect, sendJson } from './server.mjs';

const DEAD_TOKEN = '[API] Invalid API key or access token (unrecognized login or wrong password)';
const NON_EXPIRING = '[API] Non-expiring access tokens are no longer accepted for the Admin API. Exchange an expiring offline token instead.';

/** Answer the Admin API under `router`. */
export function register(router, context) {
  router.add('POST', '/:shop/admin/api/:version/graphql.json', answerGraphql);
  router.add('GET', '/bulk/:file', (request) => context.bulk.serve(request));
  router.add('GET', '/store/:shop', ({ res, params }) => redirect(res, `/${params.shop}/admin`));
  router.add('GET', '/store/:shop/*rest', (request) => redirect(request.res, adminPath(request)));
}

async function answerGraphql(request) {
  const { res, params, store, faults } = request;
  const shop = store.findShop(params.shop);
  if (!shop || !isServed(params.version)) throw new HttpError(404, 'Not Found');
  const headers = { 'X-Shopify-API-Version': API_VERSION, 'X-Request-Id': crypto.randomUUID() };
  const { install, refused } = authenticate(request, shop);
  if (refused) return sendJson(res, refused.status, { errors: refused.message }, headers);
  if (await isHit(request, faults)) return undefined;
  const input = await readInput(request);
  if (typeof input.query !== 'string') return sendJson(res, 400, { errors: { query: 'Required parameter missing or invalid' } }, headers);
  const answer = await request.graphql.run(shop, install, input);
  // The operation runs although the client never hears of it.
  if (answer.data?.bulkOperationRunQuery?.bulkOperation && faults.take('bulk', 'start_timeout')) return hangUp(res, faults);
  return sendJson(res, 200, answer, headers);
}

/** Versions before the one held fall forward to it; later ones are not there yet. */
function isServed(version) {
  return /^20\d\d-(01|04|07|10)$/.test(version) && version <= API_VERSION;
}

function authenticate({ req, apps }, shop) {
  const { install, fault } = apps.authenticate(shop, req.headers['x-shopify-access-token'] ?? '');
  if (fault === 'NON_EXPIRING') return { refused: { status: 403, message: NON_EXPIRING } };
  return fault ? { refused: { status: 401, message: DEAD_TOKEN } } : { install };
}

/** Make the fault that was asked for; say whether it answered the request. */
async function isHit({ res }, faults) {
  const { delay_ms: delay, status } = faults.graphql;
  if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
  if (faults.take('graphql', 'timeout')) {
    hangUp(res, faults);
    return true;
  }
  if (!faults.take('graphql', 'fail')) return false;
  sendJson(res, status, { errors: 'A fault was asked for.' });
  return true;
}

/** Say nothing for a while, then close the connection. */
function hangUp(res, { graphql }) {
  setTimeout(() => res.destroy(), graphql.timeout_ms).unref();
}

async function readInput({ req, body, json }) {
  if ((req.headers['content-type'] ?? '').startsWith('application/graphql')) return { query: (await body()).toString('utf8') };
  return json();
}

/** Shopify's deep links name the app by handle or client id. */
function adminPath({ params, config, about, url }) {
  const handle = about.name.toLowerCase();
  const rest = params.rest.replace(`apps/${config.clientId}`, `apps/${handle}`);
  return `/${params.shop}/admin/${rest}${url.search}`;
}
