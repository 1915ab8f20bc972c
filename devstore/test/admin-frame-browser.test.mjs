import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { decodeJwt } from 'jose';
import { launch } from './browser.mjs';
import { startEmbeddedApp } from './support/embedded-app.mjs';
import { API_KEY, startShop } from './support/shop.mjs';

const FRAME = '/willow-gifts/admin/apps/tailorbird';
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let browser;
let app;
let store;
let page;
let frame;
let faults;

before(async () => {
  app = await startEmbeddedApp({ apiKey: API_KEY });
  store = await startShop({ env: { APP_URL: app.url } });
  app.standIns = store.url;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await store?.close();
  await app?.close();
});
beforeEach(async () => {
  app.seen.length = 0;
  faults = [];
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && !message.text().includes('401') && faults.push(message.text()));
  await page.goto(store.url + FRAME);
  frame = page.frame('app-iframe');
  await frame.waitForFunction(() => window.shopify?.ready && document.querySelector('s-page')?.shadowRoot);
});
afterEach(async () => {
  await page.close();
  assert.deepEqual(faults, []);
});

test('requests of the app carry a session token, kept while it lives', async () => {
  const [first, second] = await frame.evaluate(async () => [await (await fetch('/api/echo')).text(), await (await fetch('/api/echo')).text()]);

  assert.equal(decodeJwt(first.replace('Bearer ', '')).dest, 'https://willow-gifts.myshopify.com');
  assert.equal(first, second);
  assert.equal(`Bearer ${await frame.evaluate(() => shopify.idToken())}`, first);
});

test('requests to other sites carry none', async () => {
  const headers = await frame.evaluate(async (url) => {
    const { origin } = new URL(url);
    let seen = null;
    const plain = Request;
    window.Request = class extends plain { constructor(...parts) { super(...parts); seen = this; } };
    await fetch(`${origin}/cart.js`, { mode: 'no-cors' });
    return [...seen.headers];
  }, store.url);

  assert.deepEqual(headers.filter(([name]) => name === 'authorization'), []);
});

test('a token that the app finds stale is renewed once', async () => {
  const answer = await frame.evaluate(async () => (await fetch('/api/stale-once', { method: 'POST', body: 'x' })).text());

  const tokens = app.seen.filter(({ path }) => path === '/api/stale-once').map(({ authorization }) => authorization);
  assert.equal(tokens.length, 2);
  assert.notEqual(tokens[0], tokens[1]);
  assert.equal(answer, tokens[1]);
});

test('the bounce page loads the wanted address again, with a fresh token', async () => {
  await frame.evaluate(() => location.assign('/bounce?shop=willow-gifts.myshopify.com&shopify-reload=%2Fmodel%3Ftab%3D1'));
  await page.waitForFunction((base) => location.pathname === `${base}/model`, FRAME);

  const { query } = app.seen.findLast(({ path }) => path === '/model');
  assert.equal(query.get('tab'), '1');
  assert.equal(decodeJwt(query.get('id_token')).aud, API_KEY);
  assert.equal(query.get('shop'), 'willow-gifts.myshopify.com');
});

test('the admin mirrors the navigation and keeps the address in step', async () => {
  const nav = page.getByRole('navigation', { name: 'Admin' });
  await nav.getByRole('link', { name: 'Model' }).click();
  await page.waitForURL(`**${FRAME}/model`);
  await frame.waitForURL('**/model');

  assert.equal(await nav.getByRole('link', { name: 'Home', exact: true }).count(), 0);
  assert.equal(await nav.getByRole('link', { name: 'Model' }).getAttribute('aria-current'), 'page');
  await page.locator('[data-page-title]', { hasText: 'Model' }).waitFor();
  await frame.locator('#inner-link').click();
  await page.waitForURL(`**${FRAME}/settings`);
  assert.equal(app.seen.filter(({ path }) => path === '/settings').length, 0, 'the app itself moved, no page was loaded');
});

test('toasts are shown and their action comes back', async () => {
  await frame.evaluate(() => shopify.toast.show('Training started', { action: 'Undo', onAction: () => window.clicks.push('undo') }));
  await page.getByRole('button', { name: 'Undo' }).click();

  await frame.waitForFunction(() => window.clicks.includes('undo'));
  assert.equal(await page.locator('.toast').count(), 0);
});

test('a marked form opens the save bar, posts all its fields, and guards against leaving', async () => {
  await frame.getByLabel('Heading').fill('More for you');
  await frame.getByLabel('Personal').check();
  await frame.getByRole('radio', { name: 'Daily' }).check();
  await frame.getByLabel('Shape').selectOption('square');
  const bar = page.getByRole('region', { name: 'Unsaved changes' });
  await bar.waitFor();

  await page.getByRole('navigation', { name: 'Admin' }).getByRole('link', { name: 'Settings' }).click();
  assert.ok(!page.url().endsWith('/settings'));
  await bar.getByRole('button', { name: 'Save' }).click();
  await bar.waitFor({ state: 'hidden' });

  assert.deepEqual(await frame.evaluate(() => window.posted), [
    { heading: 'More for you', items: '8', shape: 'square', prices: 'yes', personal: 'on', when: 'daily', note: 'Hello' },
  ]);
});

test('discarding resets the fields', async () => {
  await frame.getByLabel('Heading').fill('Other');
  await page.getByRole('button', { name: 'Discard' }).click();

  await frame.waitForFunction(() => document.querySelector('[name=heading]').value === 'You may also like');
  assert.deepEqual(await frame.evaluate(() => window.posted), []);
});

test('a save bar told again keeps its buttons, so that no click is lost', async () => {
  await frame.getByLabel('Heading').fill('Other');
  const discard = await page.getByRole('button', { name: 'Discard' }).elementHandle();

  await frame.getByLabel('Heading').fill('Another');
  await frame.getByLabel('Heading').blur();
  await frame.evaluate(() => shopify.user());

  assert.ok(await discard.evaluate((element) => element.isConnected));
});

test('an invalid field keeps the form from being sent', async () => {
  await frame.getByLabel('Items').fill('99');
  await frame.locator('#submit').click();
  assert.deepEqual(await frame.evaluate(() => window.posted), []);

  await frame.getByLabel('Items').fill('9');
  await frame.getByLabel('Items').press('Enter');

  assert.equal((await frame.evaluate(() => window.posted))[0].items, '9');
});

test('the save bar of an element sends its clicks back', async () => {
  await frame.evaluate(() => shopify.saveBar.show('bar'));
  await page.getByRole('button', { name: 'Save' }).click();
  await frame.waitForFunction(() => window.clicks.includes('bar-save'));

  await frame.evaluate(() => shopify.saveBar.hide('bar'));
  await page.getByRole('region', { name: 'Unsaved changes' }).waitFor({ state: 'hidden' });
});

test('modals open and close, by command and by App Bridge', async () => {
  await frame.locator('#open').click();
  await frame.getByRole('dialog', { name: 'Train?' }).waitFor();
  await frame.locator('#close').click();
  await frame.getByRole('dialog').waitFor({ state: 'hidden' });

  await frame.evaluate(() => shopify.modal.show('classic'));
  await frame.getByRole('dialog', { name: 'Classic' }).getByRole('button', { name: 'OK' }).click();
  assert.deepEqual(await frame.evaluate(() => window.clicks), ['classic-ok']);
});

test('scopes are asked of the merchant, who may decline', async () => {
  const ask = () => frame.evaluate(() => shopify.scopes.request(['read_all_orders']));
  let answer = ask();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  assert.equal((await answer).result, 'declined-all');

  answer = ask();
  await page.getByRole('dialog').getByRole('button', { name: 'Update' }).click();

  assert.equal((await answer).result, 'granted-all');
  assert.ok((await frame.evaluate(() => shopify.scopes.query())).granted.includes('read_all_orders'));
});

test('the picker gives what was picked', async () => {
  const picked = frame.evaluate(() => shopify.resourcePicker({ type: 'product', multiple: 2 }));
  await page.getByLabel('Wool Throw').check();
  await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();

  assert.deepEqual((await picked).map(({ title }) => title), ['Wool Throw']);
});

test('elements have the roles and the looks that their attributes ask for', async () => {
  assert.equal(await frame.getByRole('heading', { name: 'Set up', level: 1 }).count(), 1);
  assert.equal(await frame.getByRole('heading', { name: 'Steps', level: 2 }).count(), 1);
  assert.equal(await frame.getByRole('heading', { name: 'Details', level: 3 }).count(), 1);
  assert.equal(await frame.getByRole('cell', { name: '0.31' }).count(), 1);
  const styleOf = (selector, name) => frame.locator(selector).evaluate((element, property) => getComputedStyle(element)[property], name);
  assert.equal(await styleOf('#badge', 'backgroundColor'), 'rgb(205, 254, 225)');
  assert.equal(await styleOf('#number .cell', 'textAlign'), 'end');
  await frame.locator('#disabled').click({ force: true });
  assert.deepEqual(await frame.evaluate(() => window.clicks), []);
  await frame.locator('#banner').getByRole('button', { name: 'Dismiss' }).click();
  assert.equal(await frame.locator('#banner').isVisible(), false);
});

test('neither the admin nor the app in it has an accessibility fault that axe finds', async () => {
  for (const place of [page.mainFrame(), frame]) {
    await place.addScriptTag({ content: AXE });
    const { violations } = await place.evaluate(() => axe.run({ exclude: ['iframe'] }, { resultTypes: ['violations'], iframes: false }));
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`), []);
  }
});

test('outside the admin the app goes there', async () => {
  const alone = await browser.newPage();
  await alone.goto(`${app.url}/model?host=${Buffer.from(`${new URL(store.url).host}/store/willow-gifts`).toString('base64url')}&shop=willow-gifts.myshopify.com`);

  await alone.waitForURL(`${store.url}/willow-gifts/admin/apps/**`);
  await alone.close();
});
