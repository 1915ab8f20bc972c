/**
 * A devstore on a free port with data of its own, and the app's side of it.
 */
import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createDevstore } from '../app.mjs';
import { Clock } from '../clock.mjs';
import { readConfig } from '../config.mjs';
import { readBody } from '../server.mjs';
import { mintSessionToken } from '../sign.mjs';

export const SHOP = 'willow-gifts.myshopify.com';
export const CLIENT_ID = 'test-client';
export const SECRET = 'hush';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const OFFLINE = 'urn:shopify:params:oauth:token-type:offline-access-token';

/** Start a devstore for one test; it ends with the test. */
export async function startDevstore(t, { env = {}, dataDir = makeFolder(t), clock = new Clock() } = {}) {
  const settings = readConfig({
    PORT: '0', APP_URL: 'http://127.0.0.1:9', SHOPIFY_API_KEY: CLIENT_ID, SHOPIFY_API_SECRET: SECRET, DEVSTORE_CONTROL: '1',
    DEVSTORE_DATA: dataDir, SHOPIFY_APP_TOML: '/nonexistent/shopify.app.toml', ...env,
  });
  const devstore = await createDevstore({ ...settings, publicUrl: 'http://127.0.0.1:0' }, { clock });
  const port = await devstore.listen();
  let isOpen = true;
  const close = async () => {
    if (isOpen) await devstore.close();
    isOpen = false;
  };
  t.after(close);
  return { ...devstore, close, dataDir, clock, base: `http://127.0.0.1:${port}` };
}

/** A folder that goes with the test. */
export function makeFolder(t) {
  const folder = mkdtempSync(path.join(tmpdir(), 'devstore-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An app backend that keeps every request and answers by `answer`. */
export async function startApp(t, answer = () => 200) {
  const received = [];
  const server = createServer(async (req, res) => {
    const body = await readBody(req);
    received.push({ path: req.url, headers: req.headers, body, payload: () => JSON.parse(body) });
    const status = await answer(received.length, req);
    if (status === null) return;
    res.writeHead(status).end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, url: `http://127.0.0.1:${server.address().port}` };
}

/** Post JSON and return `{status, body, headers}`. */
export async function post(url, body, headers = {}) {
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

export function idToken(changes = {}) {
  return mintSessionToken({ shop: SHOP, clientId: CLIENT_ID, secret: SECRET, now: Date.now(), ...changes });
}

/** Ask the token endpoint; `input` is added to the app's credentials. */
export function askToken(devstore, input, shop = SHOP) {
  return post(`${devstore.base}/${shop}/admin/oauth/access_token`, { client_id: CLIENT_ID, client_secret: SECRET, ...input });
}

/** Exchange an ID token for an offline token. */
export function exchange(devstore, changes = {}) {
  return askToken(devstore, {
    grant_type: EXCHANGE, subject_token: idToken(), subject_token_type: ID_TOKEN, requested_token_type: OFFLINE, expiring: '1', ...changes,
  });
}

export function refresh(devstore, refreshToken) {
  return askToken(devstore, { grant_type: 'refresh_token', refresh_token: refreshToken });
}

export function callApi(devstore, token, query, variables = {}, version = '2026-07') {
  return post(`${devstore.base}/${SHOP}/admin/api/${version}/graphql.json`, { query, variables }, { 'X-Shopify-Access-Token': token });
}

/**
 * Install the app and return how to call the Admin API.
 *
 * @returns {Promise<(query: string, variables?: object) => Promise<object>>} gives the response body
 */
export async function openApi(devstore, { optionalScopes = ['read_all_orders'], scopes } = {}) {
  const shop = devstore.store.defaultShop;
  devstore.apps.install(shop, { optionalScopes, ...(scopes ? { scopes } : {}) });
  const { body } = await exchange(devstore);
  return async (query, variables) => (await callApi(devstore, body.access_token, query, variables)).body;
}

/** So long may a slow machine take. */
const LIMIT_MS = 60_000;

/** Wait until `find` gives something. */
export async function eventually(find) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const found = await find();
    if (found) return found;
    if (Date.now() > end) throw new Error('It did not happen in time.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
