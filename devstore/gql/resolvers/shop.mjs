/**
 * The shop itself, the app's installation in it, and records by global id.
 */
import { GraphQLError } from 'graphql';
import { presentmentCurrencies } from '../../markets.mjs';
import { gid, parseGid } from '../../store.mjs';
import { checkAccess } from '../access.mjs';
import { as, dateTime, plain } from '../values.mjs';
import { METAFIELD_OWNER_FIELDS } from './metafields.mjs';
import { findVisibleOrder } from './orders.mjs';

const PLAN_NAMES = { standard: 'Basic', advanced: 'Advanced', plus: 'Plus' };

/** How `node` finds a record of each kind; `as` names its type for the interface. */
const FINDERS = {
  Product: (id, { shop }) => shop.findProduct(id),
  ProductVariant: (id, { shop }) => shop.findVariant(id),
  Collection: (id, { shop }) => shop.collections.get(id),
  Customer: (id, { shop }) => shop.findCustomer(id),
  Order: (id, context) => findVisibleOrder(id, context),
  BulkOperation: (id, { shop, bulk }) => findViewed(shop.bulkOperations.get(id), bulk),
  WebhookSubscription: (id, { shop }) => shop.subscriptions.get(id),
  AppInstallation: (id, { install }) => (install.installationId === id ? install : null),
  Shop: (id, { shop }) => (shop.id === id ? shop : null),
};

function findNode(text, context) {
  const found = parseGid(text);
  if (!found) throw new GraphQLError(`Invalid global id '${text}'`, { extensions: { code: 'INVALID_GLOBAL_ID' } });
  const find = FINDERS[found.kind];
  if (!find) throw new GraphQLError(`The devstore does not look up ${found.kind} by node.`);
  checkAccess(context.typeNeed(found.kind), context, 'node');
  return as(found.kind, find(found.id, context) ?? null);
}

function findViewed(operation, bulk) {
  return operation && bulk.view(operation);
}

const Shop = {
  ...plain('name', 'email'),
  ...METAFIELD_OWNER_FIELDS,
  id: (shop) => gid('Shop', shop.id),
  contactEmail: (shop) => shop.email,
  myshopifyDomain: (shop) => shop.domain,
  ianaTimezone: (shop) => shop.timezone,
  currencyCode: (shop) => shop.currency,
  enabledPresentmentCurrencies: (shop) => presentmentCurrencies(shop),
  createdAt: (shop) => dateTime(shop.createdAt),
  url: (shop, _, { config }) => shopUrl(shop, config),
  primaryDomain: (shop) => shop,
  plan: (_, __, { config }) => ({
    displayName: PLAN_NAMES[config.plan], publicDisplayName: PLAN_NAMES[config.plan], partnerDevelopment: true, shopifyPlus: config.plan === 'plus',
  }),
  shopOwnerName: () => 'Robin Finch',
  weightUnit: () => 'KILOGRAMS',
  taxesIncluded: () => true,
  setupRequired: () => false,
};

const AppInstallation = {
  ...METAFIELD_OWNER_FIELDS,
  id: (install) => gid('AppInstallation', install.installationId),
  launchUrl: (_, __, { config }) => config.appUrl,
  uninstallUrl: () => null,
  accessScopes: (install) => install.scopes.map(describeScope),
  activeSubscriptions: () => [],
  app: () => ({}),
};

const App = {
  id: (_, __, { config }) => gid('App', config.appId),
  apiKey: (_, __, { config }) => config.clientId,
  title: (_, __, { about }) => about.name,
  handle: (_, __, { about }) => about.name.toLowerCase(),
  embedded: () => true,
  requestedAccessScopes: (_, __, { about }) => about.scopes.map(describeScope),
  optionalAccessScopes: (_, __, { about }) => about.optionalScopes.map(describeScope),
  webhookApiVersion: (_, __, { about }) => about.webhookApiVersion,
};

function revokeScopes(_, { scopes }, { apps, shop, about, install }) {
  const fault = (message, code) => ({ revoked: null, userErrors: [{ field: ['scopes'], message, code }] });
  if (scopes.some((scope) => about.scopes.includes(scope))) return fault('Required scopes cannot be revoked.', 'CANNOT_REVOKE_REQUIRED_SCOPES');
  if (scopes.some((scope) => !install.scopes.includes(scope))) return fault('The requested list of scopes to revoke includes invalid handles.', 'UNKNOWN_SCOPES');
  apps.revokeScopes(shop, scopes);
  return { revoked: scopes.map(describeScope), userErrors: [] };
}

function describeScope(handle) {
  return { handle, description: handle.replaceAll('_', ' ') };
}

/** A shop other than the default one is reached by its own host name. */
function shopUrl(shop, { publicUrl }) {
  const url = new URL(publicUrl);
  return `${url.protocol}//${shop.handle}.localhost${url.port ? `:${url.port}` : ''}`;
}

export const shopResolvers = {
  QueryRoot: {
    shop: (_, __, { shop }) => shop,
    currentAppInstallation: (_, __, { install }) => install,
    appInstallation: (_, { id }, { install }) => (!id || id === gid('AppInstallation', install.installationId) ? install : null),
    app: () => ({}),
    node: (_, { id }, context) => findNode(id, context),
    nodes: (_, { ids }, context) => ids.map((id) => findNode(id, context)),
  },
  Mutation: { appRevokeAccessScopes: revokeScopes },
  Shop,
  AppInstallation,
  App,
  AccessScope: plain('handle', 'description'),
  ShopPlan: plain('displayName', 'publicDisplayName', 'partnerDevelopment', 'shopifyPlus'),
  Domain: {
    id: (shop) => gid('Domain', shop.id),
    host: (shop) => shop.domain,
    sslEnabled: () => true,
    url: (shop, _, { config }) => shopUrl(shop, config),
  },
  AppRevokeAccessScopesPayload: plain('revoked', 'userErrors'),
  AppRevokeAccessScopesAppRevokeScopeError: plain('field', 'message', 'code'),
};
