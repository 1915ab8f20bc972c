/**
 * Settings of the devstore, read from the environment in this one place.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { STANCES } from './consent.mjs';
import { SHOP_KINDS } from './seed/generated.mjs';

/** The only Admin API version whose schema the devstore holds. */
export const API_VERSION = '2026-07';

/** The handle of the shop that opens when no other is named. */
export const DEFAULT_SHOP = 'willow-gifts';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.dirname(HERE);
const DEFAULT_PORT = 9400;

/** Settings that are missing or contradict each other. Fix the environment. */
export class BadConfig extends Error {}

/**
 * Read the settings from `env`.
 *
 * @param {Record<string, string | undefined>} env
 * @returns {Readonly<Config>}
 * @throws {BadConfig} when a required setting is missing or unusable
 *
 * @typedef {object} Config
 * @property {number} port 0 takes a free port
 * @property {string} host address to listen on
 * @property {string} publicUrl how browsers and the app reach the devstore; set once it listens
 * @property {string} dataDir where the journal and bulk results live
 * @property {string | null} ordersPath order-lines file that fills the default shop
 * @property {string} shopKind what fills the default shop when there is no file
 * @property {number} holdBackDays the newest days of the default shop's orders that wait until /control/release lets them happen
 * @property {number} holdBackLeast none wait where fewer orders than these would, or where the days before them are few
 * @property {number} pageSeconds how long a page of the storefront may be kept; 0 keeps none
 * @property {boolean} control whether /control answers
 * @property {string} clientId
 * @property {string} clientSecret
 * @property {string} appId numeric id of the app, derived from the client id
 * @property {string} appUrl where the embedded UI lives
 * @property {string} backendUrl where webhooks and the app proxy go
 * @property {string} tomlPath shopify.app.toml
 * @property {string} extensionsDir folder of the app's extensions
 * @property {string} schemaPath introspection of the Admin API
 * @property {'standard' | 'advanced' | 'plus'} plan rate limits of the shops
 * @property {0 | 1 | 2} protectedDataLevel approved level of protected customer data
 * @property {string[]} approvedScopes scopes on request that Shopify has approved
 * @property {keyof typeof import('./consent.mjs').STANCES} consent how visitors stand to tracking until /control/consent says otherwise
 */
export function readConfig(env) {
  const port = readPort(env.PORT);
  const dataRoot = path.resolve(ROOT, env.DATA_DIR || '.data');
  const appUrl = trimSlash(required(env, 'APP_URL'));
  const clientId = required(env, 'SHOPIFY_API_KEY');
  return {
    port,
    host: env.DEVSTORE_HOST || '127.0.0.1',
    publicUrl: trimSlash(env.DEVSTORE_URL || `http://127.0.0.1:${port}`),
    dataDir: path.resolve(ROOT, env.DEVSTORE_DATA || path.join(dataRoot, 'devstore')),
    ordersPath: env.DEVSTORE_ORDERS ? path.resolve(env.DEVSTORE_ORDERS) : null,
    shopKind: readChoice(env, 'DEVSTORE_SHOP', SHOP_KINDS),
    holdBackDays: readNumber(env, 'DEVSTORE_HOLD_BACK_DAYS', 0),
    holdBackLeast: readNumber(env, 'DEVSTORE_HOLD_BACK_LEAST', 0),
    pageSeconds: readNumber(env, 'DEVSTORE_PAGE_SECONDS', 60),
    control: env.DEVSTORE_CONTROL === '1',
    clientId,
    clientSecret: required(env, 'SHOPIFY_API_SECRET'),
    appId: appIdOf(clientId),
    appUrl,
    backendUrl: trimSlash(env.APP_BACKEND_URL || appUrl),
    tomlPath: path.resolve(ROOT, env.SHOPIFY_APP_TOML || 'shopify.app.toml'),
    extensionsDir: path.resolve(ROOT, env.DEVSTORE_EXTENSIONS || 'extensions'),
    schemaPath: path.join(HERE, '.schema', `admin_${API_VERSION}.json.gz`),
    plan: readChoice(env, 'DEVSTORE_PLAN', ['standard', 'advanced', 'plus']),
    consent: readChoice(env, 'DEVSTORE_CONSENT', Object.keys(STANCES)),
    approvedScopes: (env.DEVSTORE_APPROVED_SCOPES ?? 'read_all_orders').split(',').map((scope) => scope.trim()).filter(Boolean),
    protectedDataLevel: Number(readChoice(env, 'DEVSTORE_PROTECTED_DATA_LEVEL', ['1', '0', '2'])),
  };
}

/** Return the numeric app id that stands for `clientId`: stable, 12 digits. */
export function appIdOf(clientId) {
  const digest = createHash('sha256').update(clientId).digest();
  return String(100_000_000_000 + (digest.readUIntBE(0, 6) % 900_000_000_000));
}

function readPort(text) {
  if (text === undefined || text === '') return DEFAULT_PORT;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new BadConfig(`PORT is ${text}, which is no port.`);
  return port;
}

function readNumber(env, name, fallback) {
  const number = Number(env[name] || fallback);
  if (!Number.isFinite(number) || number < 0) throw new BadConfig(`${name} is ${env[name]}, which is no number from 0 on.`);
  return number;
}

function readChoice(env, name, choices) {
  const value = env[name] || choices[0];
  if (!choices.includes(value)) throw new BadConfig(`${name} is ${value}; it may be ${choices.join(', ')}.`);
  return value;
}

function required(env, name) {
  if (!env[name]) throw new BadConfig(`${name} is not set.`);
  return env[name];
}

function trimSlash(url) {
  return url.replace(/\/+$/, '');
}
