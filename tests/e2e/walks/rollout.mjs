/**
 * An admin who steps a rollout and undoes it: the built pages before a real Django, in a real browser.
 *
 * Called with the address of Django and the rollout's id, by tests/backend/onboarding/test_rollout_in_browser.py. App Bridge is Shopify's:
 * here it only adds the session token to what the page asks, and keeps what toasts say.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../../devstore/stand-ins/bundle.mjs';
import { findBarriers, launch, picture } from '../browser.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const APP = path.join(ROOT, 'shopify-app');
const BUILD = path.join(APP, '.react-router', `walk-build-${process.pid}`);
const { SignJWT } = createRequire(path.join(APP, 'package.json'))('jose');

const [django, rollout, shop] = process.argv.slice(2);
const { SHOPIFY_API_KEY: key, SHOPIFY_API_SECRET: secret } = process.env;
const token = await mint();

function mint() {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: `https://${shop}/admin`, dest: `https://${shop}`, aud: key, sub: '7', exp: now + 600, nbf: now - 5, iat: now - 5, jti: '1', sid: '2' };
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(secret));
}

const BRIDGE = `
window.toasts = [];
window.shopify = { toast: { show: (words) => window.toasts.push(words), hide() {} }, loading() {}, app: { extensions: async () => [] }, saveBar: { show() {}, hide() {} } };
const plain = window.fetch;
window.fetch = (input, options) => {
  const request = new Request(input, options);
  request.headers.set('Authorization', 'Bearer ${token}');
  return plain(request);
};`;

const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)));

const polaris = await bundle('polaris.js');
const cdn = http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/javascript' });
  response.end(request.url === '/polaris.js' ? polaris : BRIDGE);
});
const scripts = await listen(cdn);

Object.assign(process.env, { NODE_ENV: 'production', BACKEND_URL: django, APP_BRIDGE_URL: `${scripts}/app-bridge.js`, POLARIS_URL: `${scripts}/polaris.js` });
execFileSync(path.join(ROOT, 'node_modules/.bin/react-router'), ['build'], { cwd: APP, env: { ...process.env, BUILD_DIRECTORY: path.relative(APP, BUILD) }, stdio: 'pipe' });
const { createAppServer } = await import(path.join(APP, 'server/http.js'));
const build = await import(path.join(BUILD, 'server/index.js'));
const app = createAppServer({ build, clientFolder: path.join(BUILD, 'client'), backendUrl: django, write() {} });
const at = await listen(app);
const browser = await launch();

try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.on('pageerror', (error) => assert.fail(error));
  await page.goto(`${at}/rollouts/${rollout}?shop=${shop}&id_token=${token}`, { waitUntil: 'networkidle' });
  await page.getByText(/Shown to 5% of visitors since/).waitFor();
  assert.deepEqual(await findBarriers(page), []);
  await picture(page, 'app-rollout', { fullPage: true });

  // By the keyboard alone.
  await page.locator('.page-stack s-button', { hasText: /^Next step: 25%/ }).first().focus();
  await page.keyboard.press('Enter');
  await page.locator('#rollout-move').getByRole('dialog', { name: /Show version \d+ to 25% of visitors now/ }).waitFor();
  assert.deepEqual(await findBarriers(page), []);
  await page.locator('#rollout-move s-button[slot="primary-action"]').focus();
  await page.keyboard.press('Enter');
  await page.getByText(/Shown to 25% of visitors since/).waitFor();
  assert.deepEqual(await page.evaluate(() => window.toasts), ['Shown to 25% of visitors']);

  await page.setViewportSize({ width: 390, height: 844 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, 'the page is too wide for a phone');
  await page.locator('.page-stack s-button', { hasText: /^Undo/ }).first().click();
  await page.getByText(/up to 12 hours more/).last().waitFor();
  await picture(page, 'app-rollout-undo-phone');
  await page.locator('#rollout-move s-button[slot="primary-action"]').click();
  await page.getByText(/Rolled back at .*, to version 1/).waitFor();
  assert.equal(await page.locator('.page-stack s-button', { hasText: /^(Undo|Next step|Pause|Promote)/ }).count(), 0);
  assert.deepEqual(await findBarriers(page), []);
  await picture(page, 'app-rollout-undone-phone', { fullPage: true });
} finally {
  await browser.close();
  for (const server of [app, cdn]) {
    server.closeAllConnections();
    server.close();
  }
  await rm(BUILD, { recursive: true, force: true });
}
