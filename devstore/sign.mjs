/**
 * Every signature that Shopify makes: proxy, query, webhook, session token.
 *
 * Vectors for each are in test/sign.test.mjs.
 */
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';

/** Seconds that a session token lives. */
export const SESSION_TOKEN_SECONDS = 60;

/**
 * Return the hex signature of an app-proxy request.
 *
 * Repeated keys are joined by a comma, `key=value` strings are sorted and
 * concatenated with nothing between.
 *
 * @param {Iterable<[string, string]>} pairs decoded query pairs; `signature` is left out
 * @param {string} secret
 */
export function proxySignature(pairs, secret) {
  const grouped = new Map();
  for (const [key, value] of pairs) {
    if (key !== 'signature') grouped.set(key, [...(grouped.get(key) ?? []), value]);
  }
  const message = [...grouped].map(([key, values]) => `${key}=${values.join(',')}`).sort().join('');
  return hmac(message, secret, 'hex');
}

/**
 * Return the hex hmac of an OAuth or embedded-app query.
 *
 * @param {Iterable<[string, string]>} pairs decoded query pairs; `hmac` is left out
 * @param {string} secret
 */
export function queryHmac(pairs, secret) {
  const message = [...pairs]
    .filter(([key]) => key !== 'hmac')
    .sort(([left], [right]) => (left < right ? -1 : Number(left > right)))
    .map(([key, value]) => `${key}=${value}`)
    .join('&');
  return hmac(message, secret, 'hex');
}

/** Return the base64 hmac of a webhook's raw body. */
export function webhookHmac(body, secret) {
  return hmac(body, secret, 'base64');
}

/**
 * Mint the HS256 session token (ID token) of one user in one shop.
 *
 * @param {object} claims
 * @param {string} claims.shop domain, `willow-gifts.myshopify.com`
 * @param {string} claims.clientId
 * @param {string} claims.secret
 * @param {number} claims.now moment in milliseconds; wall time, since the app checks it against its own clock
 * @param {string} [claims.userId]
 * @param {string} [claims.sessionId]
 * @returns {string}
 */
export function mintSessionToken({ shop, clientId, secret, now, userId = '1', sessionId = randomUUID() }) {
  const seconds = Math.floor(now / 1000);
  const payload = {
    iss: `https://${shop}/admin`,
    dest: `https://${shop}`,
    aud: clientId,
    sub: userId,
    exp: seconds + SESSION_TOKEN_SECONDS,
    nbf: seconds,
    iat: seconds,
    jti: randomUUID(),
    sid: sessionId,
    sig: randomBytes(32).toString('hex'),
  };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`;
  return `${signed}.${hmac(signed, secret, 'base64url')}`;
}

/** Compare two signatures in constant time; any two strings may be given. */
export function sameSignature(left, right) {
  const [a, b] = [Buffer.from(String(left)), Buffer.from(String(right))];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Return the `host` parameter of the embedded app: base64 of the admin's address without scheme. */
export function hostParameter(adminUrl, shopHandle) {
  return Buffer.from(`${adminUrl.replace(/^https?:\/\//, '')}/store/${shopHandle}`).toString('base64url');
}

function hmac(message, secret, encoding) {
  return createHmac('sha256', secret).update(message).digest(encoding);
}

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
