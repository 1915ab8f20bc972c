/**
 * The OAuth endpoints: access_token (three grants) and authorize (grant page).
 */
import { randomBytes } from 'node:crypto';
import { jwtVerify } from 'jose';
import { ACCESS_SECONDS, ONLINE_SECONDS, REFRESH_SECONDS } from './apps.mjs';
import { HttpError, redirect, sendHtml, sendJson } from './server.mjs';
import { queryHmac, sameSignature } from './sign.mjs';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const OFFLINE = 'urn:shopify:params:oauth:token-type:offline-access-token';
const ONLINE = 'urn:shopify:params:oauth:token-type:online-access-token';

/** Life of an authorization code, in milliseconds. */
const CODE_MS = 60_000;

/** Claims without which an ID token is none of Shopify's. */
const REQUIRED_CLAIMS = ['iss', 'dest', 'aud', 'sub', 'exp', 'nbf', 'iat', 'jti', 'sid'];

/** An answer of the OAuth endpoint that is an error. */
class OAuthError extends Error {
  constructor(status, code, description) {
    super(description);
    Object.assign(this, { status, code });
  }
}

/** Answer OAuth under `router`. */
export function register(router, context) {
  const codes = new Map();
  router.add('POST', '/:shop/admin/oauth/access_token', (request) => answerToken(request, codes));
  router.add('GET', '/:shop/admin/oauth/authorize', (request) => showGrant(request));
  router.add('POST', '/:shop/admin/oauth/authorize', (request) => acceptGrant(request, codes));
  return context;
}

async function answerToken(request, codes) {
  try {
    const input = await readInput(request);
    const shop = findShop(request);
    checkFault(request, false);
    checkClient(request, input);
    const answer = await grant(request, shop, input, codes);
    checkFault(request, true);
    sendJson(request.res, 200, answer, { 'Cache-Control': 'no-store' });
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    sendJson(request.res, error.status, { error: error.code, error_description: error.message });
  }
}

async function readInput(request) {
  const type = request.req.headers['content-type'] ?? '';
  return type.includes('json') ? request.json() : Object.fromEntries(await request.form());
}

function findShop({ store, params }) {
  const shop = store.findShop(params.shop);
  if (!shop) throw new HttpError(404, 'Not Found');
  return shop;
}

/** A fault before the rotation leaves the old pair alive; one after it loses the new pair, as in June 2026. */
function checkFault({ faults }, afterRotation) {
  if (faults.oauth.after_rotation !== afterRotation || !faults.take('oauth', 'fail')) return;
  throw new OAuthError(faults.oauth.status, 'server_error', 'A fault was asked for.');
}

function checkClient({ config }, input) {
  const known = input.client_id === config.clientId && sameSignature(input.client_secret ?? '', config.clientSecret);
  if (!known) throw new OAuthError(401, 'invalid_client', 'The client id or secret is wrong.');
}

function grant(request, shop, input, codes) {
  if (input.grant_type === EXCHANGE) return exchange(request, shop, input);
  if (input.grant_type === 'refresh_token') return refresh(request, shop, input);
  if (input.code !== undefined) return redeem(request, shop, input, codes);
  throw new OAuthError(400, 'unsupported_grant_type', 'The grant type is not one that this endpoint knows.');
}

async function exchange({ apps, config, clock }, shop, input) {
  const install = shop.findInstall(config.clientId);
  if (!install) throw new OAuthError(400, 'invalid_client', 'The app is not installed in this shop.');
  if (input.subject_token_type === OFFLINE) return migrate(apps, shop, install, input);
  if (input.subject_token_type !== ID_TOKEN) throw new OAuthError(400, 'invalid_request', 'The subject token type is not one that this endpoint knows.');
  const claims = await verifyIdToken(input.subject_token, { config, clock, shop });
  if (input.requested_token_type === ONLINE) return onlineAnswer(apps.mintOnline(shop, claims.sub), install, shop);
  if (input.requested_token_type !== OFFLINE) throw new OAuthError(400, 'invalid_request', 'The requested token type is not one that this endpoint knows.');
  return offline(apps, shop, install, input);
}

function migrate(apps, shop, install, input) {
  if (String(input.expiring) !== '1') throw new OAuthError(400, 'invalid_request', 'An offline token is exchanged for an expiring one only.');
  const { token, fault } = apps.migrate(shop, input.subject_token);
  if (fault) throw new OAuthError(400, 'invalid_subject_token', 'The offline token is not one that can be exchanged.');
  return expiringAnswer(token, install);
}

function offline(apps, shop, install, input) {
  if (String(input.expiring) === '1') return expiringAnswer(apps.mintExpiring(shop), install);
  return { access_token: apps.mintPermanent(shop).accessToken, scope: install.scopes.join(',') };
}

async function verifyIdToken(token, { config, clock, shop }) {
  try {
    const { payload } = await jwtVerify(String(token), Buffer.from(config.clientSecret), {
      algorithms: ['HS256'],
      audience: config.clientId,
      issuer: `https://${shop.domain}/admin`,
      requiredClaims: REQUIRED_CLAIMS,
      currentDate: new Date(clock.wall()),
    });
    if (payload.dest !== `https://${shop.domain}`) throw new Error('dest names another shop');
    return payload;
  } catch (error) {
    throw new OAuthError(400, 'invalid_subject_token', `The subject token is not valid: ${error.message}.`);
  }
}

function refresh({ apps, config, faults }, shop, input) {
  const install = shop.findInstall(config.clientId);
  if (!install) throw new OAuthError(400, 'invalid_client', 'The app is not installed in this shop.');
  const { token, fault } = apps.refresh(shop, input.refresh_token);
  if (fault === 'INACTIVE') throw new OAuthError(401, 'invalid_request', 'This request requires an active refresh_token');
  if (fault) throw new OAuthError(400, 'invalid_grant', 'The refresh token is not one of this shop.');
  // Minting once more loses the pair for good: neither the answer nor the old refresh token can be had again.
  if (faults.oauth.after_rotation && faults.oauth.fail > 0) apps.mintExpiring(shop);
  return expiringAnswer(token, install);
}

function redeem({ apps, config, clock }, shop, input, codes) {
  const code = codes.get(input.code);
  codes.delete(input.code);
  const isGood = code && code.shop === shop.domain && code.expiresAt > clock.wall();
  if (!isGood) throw new OAuthError(400, 'invalid_request', 'The authorization code was not found or was already used');
  const install = shop.findInstall(config.clientId);
  return code.perUser ? onlineAnswer(apps.mintOnline(shop, '1'), install, shop) : offline(apps, shop, install, input);
}

function expiringAnswer(token, install) {
  return {
    access_token: token.accessToken,
    scope: install.scopes.join(','),
    expires_in: ACCESS_SECONDS,
    refresh_token: token.refreshToken,
    refresh_token_expires_in: REFRESH_SECONDS,
  };
}

function onlineAnswer(token, install, shop) {
  return {
    access_token: token.accessToken,
    scope: install.scopes.join(','),
    expires_in: ONLINE_SECONDS,
    associated_user_scope: install.scopes.join(','),
    associated_user: {
      id: Number(token.userId), first_name: 'Robin', last_name: 'Finch', email: shop.email, email_verified: true,
      account_owner: true, locale: 'en', collaborator: false,
    },
  };
}

function showGrant(request) {
  const asked = readGrant(request, request.query);
  sendHtml(request.res, 200, grantPage(asked, request.about.name));
}

async function acceptGrant(request, codes) {
  const form = await request.form();
  const { shop, scopes, redirectUri, state, perUser } = readGrant(request, form);
  const { apps, clock, config } = request;
  const install = apps.install(shop, { scopes });
  if (scopes.some((scope) => !install.scopes.includes(scope))) apps.setScopes(shop, [...new Set([...install.scopes, ...scopes])]);
  const code = randomBytes(16).toString('hex');
  codes.set(code, { shop: shop.domain, perUser, expiresAt: clock.wall() + CODE_MS });
  redirect(request.res, callbackUrl(redirectUri, { code, shop, state, clock, config }));
}

function readGrant({ store, params, config, about, approvals }, input) {
  const shop = store.findShop(params.shop);
  if (!shop) throw new HttpError(404, 'Not Found');
  if (input.get('client_id') !== config.clientId) throw new HttpError(400, 'Oauth error invalid_request: Could not find Shopify API application with api_key.');
  const redirectUri = input.get('redirect_uri') ?? '';
  if (!about.redirectUrls.includes(redirectUri)) throw new HttpError(400, 'Oauth error invalid_request: The redirect_uri is not whitelisted.');
  const scopes = (input.get('scope') ?? about.scopes.join(',')).split(',').filter(Boolean);
  const undeclared = scopes.find((scope) => !about.scopes.includes(scope) && !about.optionalScopes.includes(scope));
  if (undeclared) throw new HttpError(400, `Oauth error invalid_scope: ${undeclared} is not declared by the app.`);
  const fault = scopes.map((scope) => approvals.faultOfScope(scope)).find(Boolean);
  if (fault) throw new HttpError(400, `Oauth error invalid_scope: ${fault}`);
  return { shop, scopes, redirectUri, state: input.get('state') ?? '', perUser: input.getAll('grant_options[]').includes('per-user'), input };
}

/** The callback's parameters are signed; `host` lets the app find its place in the admin. */
function callbackUrl(redirectUri, { code, shop, state, clock, config }) {
  const pairs = [
    ['code', code],
    ['host', Buffer.from(`${config.publicUrl.replace(/^https?:\/\//, '')}/store/${shop.handle}`).toString('base64url')],
    ['shop', shop.domain],
    ['state', state],
    ['timestamp', String(Math.floor(clock.wall() / 1000))],
  ];
  const query = new URLSearchParams([...pairs, ['hmac', queryHmac(pairs, config.clientSecret)]]);
  return `${redirectUri}?${query}`;
}

function grantPage({ shop, scopes, input }, appName) {
  const fields = [...input].map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`).join('');
  const items = scopes.map((scope) => `<li>${escape(scope)}</li>`).join('');
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Install ${escape(appName)}</title><style>
body{font:16px/1.5 system-ui,sans-serif;background:#f1f1f1;margin:0;display:grid;place-items:center;min-height:100vh;color:#303030}
main{background:#fff;border-radius:12px;padding:32px;max-width:28rem;box-shadow:0 1px 3px #0003}
h1{font-size:1.25rem;margin:0 0 8px}ul{padding-left:20px}button{background:#303030;color:#fff;border:0;border-radius:8px;padding:10px 20px;font:inherit;cursor:pointer}
</style></head><body><main><h1>Install ${escape(appName)} in ${escape(shop.name)}?</h1>
<p>The app asks for these permissions:</p><ul>${items}</ul>
<form method="post">${fields}<button>Install</button></form></main></body></html>`;
}

function escape(text) {
  return String(text).replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}
