/** The UI's settings: the only reader of process.env. */

/**
 * @typedef {object} Settings
 * @property {string} apiKey the app's client id
 * @property {string[]} secrets client secrets that may have signed a session token, newest first
 * @property {string} backendUrl where Django is reached, without a trailing slash
 * @property {string | undefined} appUrl where browsers reach the UI; the request's own address when unset
 * @property {string} adminUrl the Shopify admin that frames us
 * @property {string} shopUrl a shop's own address, with `{shop}` for its domain
 * @property {string} appBridgeUrl
 * @property {string} polarisUrl
 */

const CDN = "https://cdn.shopify.com/shopifycloud";

/** The process was started without something it cannot work without. */
export class MissingSetting extends Error {
  /** @param {string} name */
  constructor(name) {
    super(`The environment variable ${name} is not set. See .env.example.`);
  }
}

/** @param {string} url */
const withoutSlash = (url) => url.replace(/\/+$/, "");

/**
 * Return the settings that the environment holds.
 *
 * @param {Record<string, string | undefined>} env
 * @returns {Settings}
 * @throws {MissingSetting} when a required variable is missing
 */
export function readSettings(env = process.env) {
  /** @param {string} name */
  const required = (name) => {
    const value = env[name];
    if (!value) throw new MissingSetting(name);
    return value;
  };
  // `shopify app dev` hands its tunnel over as HOST.
  const appUrl = env.APP_URL || (env.HOST?.startsWith("http") ? env.HOST : undefined);
  return {
    apiKey: required("SHOPIFY_API_KEY"),
    secrets: [required("SHOPIFY_API_SECRET"), env.SHOPIFY_API_SECRET_OLD].filter((secret) => !!secret).map(String),
    backendUrl: withoutSlash(required("BACKEND_URL")),
    appUrl: appUrl && withoutSlash(appUrl),
    adminUrl: withoutSlash(env.SHOPIFY_ADMIN_URL || "https://admin.shopify.com"),
    shopUrl: withoutSlash(env.SHOPIFY_SHOP_URL || "https://{shop}"),
    appBridgeUrl: env.APP_BRIDGE_URL || `${CDN}/app-bridge.js`,
    polarisUrl: env.POLARIS_URL || `${CDN}/polaris-1.js`,
  };
}
