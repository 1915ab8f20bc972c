/** The built pages in the admin of a local Shopify, before a Django that runs already. */
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { aShop, startShop } from '../../../devstore/test/support/shop.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const APP = path.join(ROOT, 'shopify-app');
const BUILD = path.join(APP, '.react-router', `walk-build-${process.pid}`);

/**
 * Start a local Shopify on a port, with the app in its admin.
 *
 * @param {{django: string, port: number}} at
 * @returns {Promise<{store: object, admin: string, call: Function, stop: Function}>} `call` asks the app's API as the merchant does
 */
export async function startAdmin({ django, port }) {
  const devstore = `http://127.0.0.1:${port}`;
  Object.assign(process.env, {
    NODE_ENV: 'production', BACKEND_URL: django, APP_BRIDGE_URL: `${devstore}/stand-ins/app-bridge.js`, POLARIS_URL: `${devstore}/stand-ins/polaris.js`,
    SHOPIFY_ADMIN_URL: devstore, SHOPIFY_SHOP_URL: `${devstore}/{shop}`,
  });
  execFileSync(path.join(ROOT, 'node_modules/.bin/react-router'), ['build'], { cwd: APP, env: { ...process.env, BUILD_DIRECTORY: path.relative(APP, BUILD) }, stdio: 'pipe' });
  const { createAppServer } = await import(path.join(APP, 'server/http.js'));
  const build = await import(path.join(BUILD, 'server/index.js'));
  const server = createAppServer({ build, clientFolder: path.join(BUILD, 'client'), backendUrl: django, write() {} });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const app = `http://127.0.0.1:${server.address().port}`;
  const { SHOPIFY_API_KEY, SHOPIFY_API_SECRET } = process.env;
  const store = await startShop({ shop: aShop(), env: { PORT: String(port), APP_URL: app, SHOPIFY_API_KEY, SHOPIFY_API_SECRET } });
  return {
    store,
    admin: `${devstore}/${store.shop.handle}/admin/apps/tailorbird`,
    call: (method, address, body) => callApp({ devstore, app, shop: store.shop.handle }, method, address, body),
    async stop() {
      await store.close();
      server.closeAllConnections();
      server.close();
      await rm(BUILD, { recursive: true, force: true });
    },
  };
}

async function callApp({ devstore, app, shop }, method, address, body) {
  const { token } = await (await fetch(`${devstore}/${shop}/admin/session-token`, { method: 'POST' })).json();
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const answer = await fetch(app + address, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return { status: answer.status, body: await answer.json() };
}
