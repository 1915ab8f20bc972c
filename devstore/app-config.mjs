/**
 * The app as Shopify knows it, read from shopify.app.toml.
 */
import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { API_VERSION, BadConfig } from './config.mjs';

/** Topics that only `compliance_topics` may name, and that come without any subscription scope. */
export const COMPLIANCE_TOPICS = Object.freeze(['customers/data_request', 'customers/redact', 'shop/redact']);

const NAME_PATTERN = /^[A-Za-z0-9_-]{1,50}$/;

/** What stands in for the file while there is none. */
const DEFAULTS = {
  name: 'Tailorbird',
  access_scopes: {
    scopes: 'read_products,write_products,read_orders,read_customers,write_app_proxy,write_pixels,read_customer_events',
    optional_scopes: ['read_all_orders'],
  },
  webhooks: {
    api_version: API_VERSION,
    subscriptions: [
      {
        topics: [
          'app/uninstalled', 'app/scopes_update', 'products/create', 'products/update', 'products/delete',
          'collections/create', 'collections/update', 'collections/delete', 'orders/create', 'orders/updated',
          'orders/cancelled', 'orders/delete', 'refunds/create', 'bulk_operations/finish',
        ],
        uri: '/webhooks',
      },
      { compliance_topics: [...COMPLIANCE_TOPICS], uri: '/webhooks/compliance' },
    ],
  },
  app_proxy: { url: '/proxy', prefix: 'apps', subpath: 'tailorbird' },
  auth: { redirect_urls: ['/auth/callback'] },
  product: {
    metafields: {
      app: {
        recs: { type: 'list.product_reference', access: { storefront: 'public_read' } },
        decision: { type: 'single_line_text_field', access: { storefront: 'public_read' } },
        recs_b: { type: 'list.product_reference', access: { storefront: 'public_read' } },
        decision_b: { type: 'single_line_text_field', access: { storefront: 'public_read' } },
      },
    },
  },
};

/**
 * Read the app's configuration.
 *
 * @param {import('./config.mjs').Config} config
 * @returns {AppConfig}
 * @throws {BadConfig} when the file is not one that Shopify would take
 *
 * @typedef {object} AppConfig
 * @property {string} name
 * @property {string[]} scopes granted at install
 * @property {string[]} optionalScopes may be granted later
 * @property {string} webhookApiVersion
 * @property {{topic: string, uri: string, name: string | null, includeFields: string[] | null}[]} subscriptions
 * @property {{url: string, prefix: string, subpath: string}} proxy
 * @property {string[]} redirectUrls
 * @property {{ownerKind: string, key: string, type: string, storefront: string}[]} definitions of `$app` metafields
 */
export function readAppConfig(config) {
  const found = existsSync(config.tomlPath) ? parseFile(config.tomlPath) : DEFAULTS;
  const origin = (found.application_url ?? '').replace(/\/+$/, '');
  const at = (base) => (uri) => absolute(uri, base, origin);
  const backend = at(config.backendUrl);
  return {
    name: found.name ?? DEFAULTS.name,
    scopes: splitScopes(found.access_scopes?.scopes),
    optionalScopes: found.access_scopes?.optional_scopes ?? [],
    webhookApiVersion: found.webhooks?.api_version ?? API_VERSION,
    subscriptions: (found.webhooks?.subscriptions ?? []).flatMap((entry) => readSubscription(entry, backend)),
    proxy: readProxy(found.app_proxy ?? DEFAULTS.app_proxy, backend),
    redirectUrls: (found.auth?.redirect_urls ?? []).flatMap((url) => [at(config.appUrl)(url), backend(url)]),
    definitions: readDefinitions(found),
  };
}

function parseFile(path) {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new BadConfig(`${path} is not TOML: ${error.message}`);
  }
}

function splitScopes(text = '') {
  return text.split(',').map((scope) => scope.trim()).filter(Boolean);
}

function readSubscription(entry, locate) {
  if (entry.filter || entry.payload_query) {
    throw new BadConfig('The devstore does not evaluate filter or payload_query of a webhook subscription.');
  }
  if (entry.name !== undefined && !NAME_PATTERN.test(entry.name)) {
    throw new BadConfig(`Webhook subscription name ${entry.name} is not 1-50 letters, digits, _ or -.`);
  }
  const common = { uri: locate(entry.uri), name: entry.name ?? null, includeFields: entry.include_fields ?? null };
  return [...checkTopics(entry.topics, false), ...checkTopics(entry.compliance_topics, true)].map((topic) => ({ topic, ...common }));
}

function checkTopics(topics = [], compliance) {
  const misplaced = topics.find((topic) => COMPLIANCE_TOPICS.includes(topic) !== compliance);
  if (misplaced) throw new BadConfig(`Webhook topic ${misplaced} is under the wrong key of shopify.app.toml.`);
  return topics;
}

function readProxy(proxy, locate) {
  return { url: locate(proxy.url), prefix: proxy.prefix, subpath: proxy.subpath };
}

function readDefinitions(found) {
  const owners = { product: 'Product', shop: 'Shop', customer: 'Customer', order: 'Order', collection: 'Collection' };
  return Object.entries(owners).flatMap(([owner, ownerKind]) =>
    Object.entries(found[owner]?.metafields?.app ?? {}).map(([key, about]) => ({
      ownerKind, key, type: about.type, storefront: about.access?.storefront ?? 'none',
    })));
}

/** Addresses that are relative, or stand under the file's application_url, move to where the app really runs. */
function absolute(uri, base, origin) {
  if (uri.startsWith('/')) return base + uri;
  return origin !== '' && uri.startsWith(`${origin}/`) ? base + uri.slice(origin.length) : uri;
}
