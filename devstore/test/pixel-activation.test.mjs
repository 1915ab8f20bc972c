/** Where and with which settings a pixel runs: only where it was created, and as its file allows. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { BadConfig } from '../config.mjs';
import { CLIENT_ID, makeFolder, openApi, post, startDevstore } from './helpers.mjs';

const SETTINGS = { accountID: '0197a1b2-0000-7000-8000-0000000000aa', endpoint: 'https://app.example.com' };
const CREATE = 'mutation($s: JSON!) { webPixelCreate(webPixel: { settings: $s }) { webPixel { id settings } userErrors { code field message } } }';
const UPDATE = 'mutation($id: ID!, $s: JSON!) { webPixelUpdate(id: $id, webPixel: { settings: $s }) { webPixel { id settings } userErrors { code } } }';
const DELETE = 'mutation($id: ID!) { webPixelDelete(id: $id) { deletedWebPixelId userErrors { code } } }';

async function open(t, env) {
  const devstore = await startDevstore(t, { env });
  const api = await openApi(devstore);
  return { devstore, api, shop: devstore.store.defaultShop };
}

/** What the product page tells the browser of a pixel. */
async function pixelOn({ base }) {
  const html = await (await fetch(`${base}/`)).text();
  return JSON.parse(html.match(/data-page="([^"]*)"/)[1].replaceAll('&quot;', '"').replaceAll('&#34;', '"').replaceAll('&amp;', '&')).pixel;
}

test('a pixel is created once, updated by its id, and runs with its settings', async (t) => {
  const { devstore, api } = await open(t);
  const before = await pixelOn(devstore);

  const { webPixelCreate: made } = (await api(CREATE, { s: SETTINGS })).data;
  const { webPixelCreate: again } = (await api(CREATE, { s: SETTINGS })).data;
  const { id } = made.webPixel;
  const moved = { ...SETTINGS, endpoint: 'https://new.example.com' };
  const { webPixelUpdate: updated } = (await api(UPDATE, { id, s: JSON.stringify(moved) })).data;
  const { webPixelUpdate: unknown } = (await api(UPDATE, { id: 'gid://shopify/WebPixel/9', s: moved })).data;

  assert.equal(before, null);
  assert.equal(made.webPixel.settings, JSON.stringify(SETTINGS));
  assert.deepEqual([again.webPixel, again.userErrors[0].code], [null, 'TAKEN']);
  assert.deepEqual([updated.userErrors, unknown.userErrors[0].code], [[], 'NOT_FOUND']);
  assert.deepEqual((await pixelOn(devstore)).settings, moved);
  assert.equal((await api('{ webPixel { id } }')).data.webPixel.id, id);
});

for (const [what, settings, code] of [
  ['a field that is missing', { accountID: SETTINGS.accountID }, 'INVALID_SETTINGS'],
  ['a field that is unknown', { ...SETTINGS, color: 'red' }, 'INVALID_SETTINGS'],
  ['a text that is too short', { ...SETTINGS, accountID: '1' }, 'INVALID_SETTINGS'],
  ['text that is not JSON', '{', 'INVALID_CONFIGURATION_JSON'],
]) {
  test(`settings with ${what} are declined, and no pixel is made`, async (t) => {
    const { api, shop } = await open(t);

    const { webPixelCreate: made } = (await api(CREATE, { s: settings })).data;

    assert.deepEqual([made.webPixel, made.userErrors[0].code, shop.pixels.size], [null, code, 0]);
  });
}

test('an app whose pixel was not deployed has none to create', async (t) => {
  const { api } = await open(t, { DEVSTORE_EXTENSIONS: makeFolder(t) });

  assert.equal((await api(CREATE, { s: SETTINGS })).data.webPixelCreate.userErrors[0].code, 'NO_EXTENSION');
});

test('a pixel in another sandbox than that of apps stops the start', async (t) => {
  const folder = makeFolder(t);
  mkdirSync(path.join(folder, 'pixel'));
  writeFileSync(path.join(folder, 'pixel/shopify.extension.toml'), 'type = "web_pixel_extension"\nruntime_context = "lax"\n');

  await assert.rejects(startDevstore(t, { env: { DEVSTORE_EXTENSIONS: folder } }), BadConfig);
});

for (const scope of ['write_pixels', 'read_customer_events']) {
  test(`without ${scope} no pixel is created, and one that was runs no more`, async (t) => {
    const { devstore, api, shop } = await open(t);
    const granted = shop.findInstall(CLIENT_ID).scopes;
    devstore.apps.setScopes(shop, granted.filter((each) => each !== scope));
    const denied = await api(CREATE, { s: SETTINGS });
    devstore.apps.setScopes(shop, granted);
    await api(CREATE, { s: SETTINGS });
    const running = await pixelOn(devstore);

    devstore.apps.setScopes(shop, granted.filter((each) => each !== scope));

    assert.equal(denied.errors[0].extensions.code, 'ACCESS_DENIED');
    assert.notEqual(running, null);
    assert.equal(await pixelOn(devstore), null);
    assert.equal((await fetch(devstore.base + running.url)).status, 404);
  });
}

test('an app that is uninstalled takes its pixel with it; deleted it is gone too', async (t) => {
  const { devstore, api, shop } = await open(t);
  const { id } = (await api(CREATE, { s: SETTINGS })).data.webPixelCreate.webPixel;
  const { webPixelDelete: deleted } = (await api(DELETE, { id })).data;
  const afterDelete = shop.pixels.size;
  await api(CREATE, { s: SETTINGS });

  devstore.apps.uninstall(shop);
  devstore.apps.install(shop);

  assert.deepEqual([deleted.deletedWebPixelId, afterDelete], [id, 0]);
  assert.equal(await pixelOn(devstore), null);
});

test('a blocked collector is a policy of the worker, and is seen in the state', async (t) => {
  const { devstore, api } = await open(t);
  await api(CREATE, { s: SETTINGS });
  const { url } = await pixelOn(devstore);
  const policy = async () => (await fetch(devstore.base + url)).headers.get('content-security-policy');
  const open_ = await policy();

  const { body } = await post(`${devstore.base}/control/pixel`, { collector: 'blocked' });
  const wrong = await post(`${devstore.base}/control/pixel`, { collector: 'shut' });

  const [shop] = (await (await fetch(`${devstore.base}/control/state`)).json()).shops;
  assert.deepEqual([open_, await policy(), wrong.status], [null, "connect-src 'self'", 422]);
  assert.deepEqual([body, shop.pixel], [{ collector: 'blocked' }, { settings: SETTINGS, collector: 'blocked' }]);
});
