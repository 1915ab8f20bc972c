/**
 * Scopes that are neither too few nor too many.
 *
 * A need is a reason with the scopes of which any one is enough. Needs come from the operations, the webhook topics,
 * the metafields and the app proxy. Each need must be met, and each declared scope must be named by a need.
 */
import { getNamedType, isAbstractType } from 'graphql';
import { visitFields } from './graphql.mjs';
import { listTopics, readConfig, splitScopes } from './files.mjs';
import { readOperations, subscribedTopics } from './operations.mjs';
import { getSchema } from './schema.mjs';

export const title = 'access scopes: as many as needed, no more';

// Scopes that only widen another one, and so are needed by whatever needs that one.
const WIDENS = { read_all_orders: 'read_orders' };
const OWNER_SCOPES = { product: 'write_products', customer: 'write_customers', order: 'write_orders', collection: 'write_products' };

function operationNeeds({ schema, scopes }, operations) {
  const needs = new Map();
  const add = (reason, place) => scopes.has(place) && needs.set(`${reason} ${place}`, scopes.get(place));
  for (const { path, document } of operations) {
    visitFields(schema, document, (parent, node, type) => {
      add(path, `${parent}.${node.name.value}`);
      const named = type && getNamedType(type);
      if (!named || named.name.endsWith('Payload')) return;
      // What an interface or union really gives is named by the fragments, whose parent types are met as such.
      if (!isAbstractType(named)) add(path, named.name);
      if (parent !== 'QueryRoot' && parent !== 'Mutation') add(path, parent);
    });
  }
  return needs;
}

/** Reads "Requires the `x` scope" and "Requires at least one of the following scopes: x, y." of Shopify's schema. */
function topicNeeds({ schema }, topics) {
  const known = schema.getType('WebhookSubscriptionTopic');
  const needs = new Map();
  for (const topic of topics) {
    const text = known.getValue(topic.toUpperCase().replace('/', '_'))?.description?.split('Requires')[1] ?? '';
    const found = text.match(/\b(?:read|write)_\w+/g);
    if (found) needs.set(`webhook ${topic}`, found);
  }
  return needs;
}

function configNeeds(config) {
  // The schema names the first of the two in its table of scopes, and the other in words alone.
  const needs = new Map([['the web pixel', ['write_pixels']], ["the web pixel's events", ['read_customer_events']]]);
  if (config.app_proxy) needs.set('the app proxy', ['write_app_proxy']);
  for (const [owner, scope] of Object.entries(OWNER_SCOPES)) {
    for (const key of Object.keys(config[owner]?.metafields?.app ?? {})) needs.set(`metafield ${owner}.${key}`, [scope]);
  }
  return needs;
}

const meets = (granted, scope) => granted.has(scope) || granted.has(scope.replace(/^read_/, 'write_'));

export async function findProblems(root) {
  const [shopify, config, { operations }] = await Promise.all([getSchema(root), readConfig(root), readOperations(root)]);
  const needs = new Map([
    ...operationNeeds(shopify, operations),
    ...topicNeeds(shopify, listTopics(config).topics),
    ...configNeeds(config),
  ]);
  const extras = topicNeeds(shopify, subscribedTopics(operations));
  const granted = new Set(splitScopes(config));
  const optional = config.access_scopes?.optional_scopes ?? [];
  const wanted = new Set([...needs.values(), ...extras.values()].flat());
  const unmet = (all, held) => [...all].filter(([, anyOf]) => !anyOf.some((scope) => meets(held, scope)));
  const problems = [...unmet(needs, granted), ...unmet(extras, new Set([...granted, ...optional]))]
    .map(([reason, anyOf]) => `${reason} needs ${anyOf.join(' or ')}, which is not declared.`);
  for (const scope of [...granted, ...optional]) {
    if (!wanted.has(WIDENS[scope] ?? scope)) problems.push(`nothing needs the scope ${scope}.`);
  }
  return problems;
}
