import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryHmac } from '../sign.mjs';
import { CLIENT_ID, SECRET, SHOP, askToken, callApi, eventually, exchange, idToken, post, refresh, startApp, startDevstore } from './helpers.mjs';

const SHOP_QUERY = '{ shop { name } }';
const ONLINE = 'urn:shopify:params:oauth:token-type:online-access-token';
const OFFLINE = 'urn:shopify:params:oauth:token-type:offline-access-token';

async function installed(t, options) {
  const devstore = await startDevstore(t, options);
  devstore.apps.install(devstore.store.defaultShop);
  return devstore;
}

async function statusOf(devstore, token) {
  return (await callApi(devstore, token, SHOP_QUERY)).status;
}

test('an ID token is exchanged for an expiring offline token', async (t) => {
  const devstore = await installed(t);

  const { status, body } = await exchange(devstore);

  assert.equal(status, 200);
  assert.match(body.access_token, /^shpat_[0-9a-f]{32}$/);
  assert.match(body.refresh_token, /^shprt_[0-9a-f]{32}$/);
  assert.equal(body.expires_in, 3600);
  assert.equal(body.refresh_token_expires_in, 7_776_000);
  assert.equal(body.scope, 'read_products,write_products,read_orders,read_customers,write_app_proxy,write_pixels,read_customer_events');
  assert.equal(await statusOf(devstore, body.access_token), 200);
});

for (const [name, token] of [
  ['of another app', () => idToken({ clientId: 'somebody-else' })],
  ['signed with another secret', () => idToken({ secret: 'guess' })],
  ['that has expired', () => idToken({ now: Date.now() - 61_000 })],
  ['from the future', () => idToken({ now: Date.now() + 61_000 })],
  ['of another shop', () => idToken({ shop: 'oak-lane.myshopify.com' })],
  ['with alg=none', () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${idToken().split('.')[1]}.`],
  ['that is no token', () => 'nonsense'],
]) {
  test(`an ID token ${name} is refused and mints nothing`, async (t) => {
    const devstore = await installed(t);

    const { status, body } = await exchange(devstore, { subject_token: token() });

    assert.equal(status, 400);
    assert.equal(body.error, 'invalid_subject_token');
    assert.equal(devstore.store.defaultShop.tokens.size, 0);
  });
}

test('a wrong secret is refused', async (t) => {
  const devstore = await installed(t);

  const { status, body } = await exchange(devstore, { client_secret: 'guess' });

  assert.deepEqual([status, body.error], [401, 'invalid_client']);
});

test('an app that is not installed gets no token', async (t) => {
  const devstore = await startDevstore(t);

  const { status, body } = await exchange(devstore);

  assert.deepEqual([status, body.error], [400, 'invalid_client']);
});

test('a second exchange revokes the first token', async (t) => {
  const devstore = await installed(t);
  const first = (await exchange(devstore)).body;

  const second = (await exchange(devstore)).body;

  assert.equal(await statusOf(devstore, first.access_token), 401);
  assert.equal(await statusOf(devstore, second.access_token), 200);
  assert.equal((await refresh(devstore, first.refresh_token)).body.error, 'invalid_grant');
});

test('a refresh rotates both tokens and revokes the former access token', async (t) => {
  const devstore = await installed(t);
  const first = (await exchange(devstore)).body;

  const { status, body } = await refresh(devstore, first.refresh_token);

  assert.equal(status, 200);
  assert.notEqual(body.access_token, first.access_token);
  assert.notEqual(body.refresh_token, first.refresh_token);
  assert.equal(await statusOf(devstore, first.access_token), 401);
  assert.equal(await statusOf(devstore, body.access_token), 200);
});

test('a refresh token gives the same pair again until the new token is used', async (t) => {
  const devstore = await installed(t);
  const first = (await exchange(devstore)).body;
  const second = (await refresh(devstore, first.refresh_token)).body;

  const again = (await refresh(devstore, first.refresh_token)).body;
  await statusOf(devstore, second.access_token);
  const late = await refresh(devstore, first.refresh_token);

  assert.equal(again.access_token, second.access_token);
  assert.equal(again.refresh_token, second.refresh_token);
  assert.deepEqual([late.status, late.body.error], [400, 'invalid_grant']);
});

test('an access token dies after an hour, its refresh token after 90 days', async (t) => {
  const devstore = await installed(t);
  const { body } = await exchange(devstore);

  devstore.clock.set({ advanceMs: 3_601_000 });
  const afterAnHour = await statusOf(devstore, body.access_token);
  devstore.clock.set({ advanceMs: 90 * 86_400_000 });
  const afterNinetyDays = await refresh(devstore, body.refresh_token);

  assert.equal(afterAnHour, 401);
  assert.deepEqual([afterNinetyDays.status, afterNinetyDays.body.error], [401, 'invalid_request']);
  assert.equal(afterNinetyDays.body.error_description, 'This request requires an active refresh_token');
});

test('a token that never expires is refused by the Admin API with 403', async (t) => {
  const devstore = await installed(t);

  const { body } = await exchange(devstore, { expiring: '0' });

  assert.equal(body.expires_in, undefined);
  assert.equal(await statusOf(devstore, body.access_token), 403);
});

test('a permanent token is exchanged for an expiring pair, the same again for 7 days', async (t) => {
  const devstore = await installed(t);
  const old = (await exchange(devstore, { expiring: '0' })).body.access_token;
  const migrate = () => exchange(devstore, { subject_token: old, subject_token_type: OFFLINE });

  const first = await migrate();
  const second = await migrate();
  devstore.clock.set({ advanceMs: 7 * 86_400_000 + 1_000 });
  const late = await migrate();

  assert.equal(first.status, 200);
  assert.equal(second.body.refresh_token, first.body.refresh_token);
  assert.equal(await statusOf(devstore, old), 401);
  assert.equal(late.status, 400);
});

test('an online token names the staff member', async (t) => {
  const devstore = await installed(t);

  const { body } = await exchange(devstore, { requested_token_type: ONLINE });

  assert.equal(body.expires_in, 86_399);
  assert.equal(body.associated_user.id, 1);
  assert.equal(body.associated_user_scope, body.scope);
  assert.equal(await statusOf(devstore, body.access_token), 200);
});

test('credentials may come as a form', async (t) => {
  const devstore = await installed(t);
  const { body: pair } = await exchange(devstore);

  const response = await fetch(`${devstore.base}/${SHOP}/admin/oauth/access_token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: CLIENT_ID, client_secret: SECRET, grant_type: 'refresh_token', refresh_token: pair.refresh_token }),
  });

  assert.equal(response.status, 200);
});

test('a rotation that fails before it happens leaves the old refresh token alive', async (t) => {
  const devstore = await installed(t);
  const { body } = await exchange(devstore);
  devstore.faults.set({ oauth: { fail: 1 } });

  const failed = await refresh(devstore, body.refresh_token);
  const retried = await refresh(devstore, body.refresh_token);

  assert.equal(failed.status, 520);
  assert.equal(retried.status, 200);
});

test('a rotation whose answer is lost can leave a dead pair; a new exchange heals it', async (t) => {
  const devstore = await installed(t);
  const { body } = await exchange(devstore);
  devstore.faults.set({ oauth: { fail: 1, after_rotation: true } });

  const lost = await refresh(devstore, body.refresh_token);
  const retried = await refresh(devstore, body.refresh_token);
  const healed = await exchange(devstore);

  assert.equal(lost.status, 520);
  assert.equal(retried.body.error, 'invalid_grant');
  assert.equal(await statusOf(devstore, body.access_token), 401);
  assert.equal(healed.status, 200);
});

test('the code grant asks the merchant, signs the callback and gives one token for one code', async (t) => {
  const devstore = await startDevstore(t, { env: { APP_URL: 'http://app.example' } });
  const asked = new URLSearchParams({ client_id: CLIENT_ID, scope: 'read_products,read_orders', redirect_uri: 'http://app.example/auth/callback', state: 'xyz' });
  const address = `${devstore.base}/${SHOP}/admin/oauth/authorize`;

  const page = await fetch(`${address}?${asked}`);
  const isInstalledByLooking = devstore.store.defaultShop.installs.size > 0;
  const accepted = await fetch(address, { method: 'POST', body: asked, redirect: 'manual' });
  const callback = new URL(accepted.headers.get('location'));
  const query = Object.fromEntries(callback.searchParams);
  const first = await askToken(devstore, { code: query.code, expiring: '1' });
  const second = await askToken(devstore, { code: query.code, expiring: '1' });

  assert.equal(page.status, 200);
  assert.match(await page.text(), /<li>read_orders<\/li>/);
  assert.equal(isInstalledByLooking, false);
  assert.equal(callback.origin + callback.pathname, 'http://app.example/auth/callback');
  assert.equal(query.state, 'xyz');
  assert.equal(query.shop, SHOP);
  assert.equal(query.hmac, queryHmac(callback.searchParams, SECRET));
  assert.equal(first.body.scope, 'read_products,read_orders');
  assert.equal(await statusOf(devstore, first.body.access_token), 200);
  assert.equal(second.status, 400);
});

test('the code grant sends nobody to an address that the app did not declare', async (t) => {
  const devstore = await startDevstore(t, { env: { APP_URL: 'http://app.example' } });
  const asked = new URLSearchParams({ client_id: CLIENT_ID, scope: 'read_products', redirect_uri: 'http://evil.example/', state: 'xyz' });

  const page = await fetch(`${devstore.base}/${SHOP}/admin/oauth/authorize?${asked}`, { redirect: 'manual' });

  assert.equal(page.status, 400);
});

test('a shop that installs again within 48 hours is not erased; one that comes later was', async (t) => {
  const app = await startApp(t);
  const devstore = await startDevstore(t, { env: { APP_BACKEND_URL: app.url } });
  const shop = devstore.store.defaultShop;
  const topics = () => app.received.map(({ headers }) => headers['x-shopify-topic']);
  devstore.apps.install(shop);

  devstore.apps.uninstall(shop);
  devstore.clock.set({ advanceMs: 47 * 3_600_000 });
  devstore.apps.install(shop);
  devstore.clock.set({ advanceMs: 2 * 3_600_000 });
  await devstore.webhooks.settled();
  const early = topics();
  devstore.apps.uninstall(shop);
  devstore.clock.set({ advanceMs: 49 * 3_600_000 });
  await eventually(() => topics().includes('shop/redact'));
  devstore.apps.install(shop);

  assert.deepEqual(early, ['app/uninstalled']);
  assert.deepEqual(topics().sort(), ['app/uninstalled', 'app/uninstalled', 'shop/redact']);
  assert.deepEqual(devstore.webhooks.pending(), { due: 0, retrying: 0, scheduled: 0 });
});

test('uninstalling kills every token, tells the app, and asks for redaction 48 hours later', async (t) => {
  const app = await startApp(t);
  const devstore = await installed(t, { env: { APP_BACKEND_URL: app.url } });
  const { body } = await exchange(devstore);

  await post(`${devstore.base}/control/uninstall`, { shop: SHOP });

  assert.equal(await statusOf(devstore, body.access_token), 401);
  assert.equal((await refresh(devstore, body.refresh_token)).body.error, 'invalid_client');
  await eventually(() => app.received.length === 1);
  assert.equal(app.received[0].headers['x-shopify-topic'], 'app/uninstalled');
  assert.equal(app.received[0].payload().myshopify_domain, SHOP);
  assert.deepEqual(devstore.webhooks.pending(), { due: 0, retrying: 0, scheduled: 1 });
  devstore.clock.set({ advanceMs: 48 * 3_600_000 });
  await eventually(() => app.received.length === 2);
  assert.equal(app.received[1].headers['x-shopify-topic'], 'shop/redact');
  assert.equal(app.received[1].path, '/webhooks/compliance');
});

test('optional scopes are granted and revoked with a webhook each, others never', async (t) => {
  const app = await startApp(t);
  const devstore = await installed(t, { env: { APP_BACKEND_URL: app.url } });

  const granted = await post(`${devstore.base}/control/scopes`, { grant: ['read_all_orders'] });
  await post(`${devstore.base}/control/settle`, {});
  const revoked = await post(`${devstore.base}/control/scopes`, { revoke: ['read_all_orders'] });
  const refused = await post(`${devstore.base}/control/scopes`, { grant: ['write_customers'] });

  assert.ok(granted.body.scopes.includes('read_all_orders'));
  assert.ok(!revoked.body.scopes.includes('read_all_orders'));
  assert.equal(refused.status, 422);
  await eventually(() => app.received.length === 2);
  assert.deepEqual(app.received.map(({ headers }) => headers['x-shopify-topic']), ['app/scopes_update', 'app/scopes_update']);
  assert.ok(app.received[0].payload().current.includes('read_all_orders'));
});
