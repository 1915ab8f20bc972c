/**
 * Bulk operations, webhook subscriptions, web pixels and Flow triggers.
 */
import { COMPLIANCE_TOPICS } from '../../app-config.mjs';
import { gid, parseGid } from '../../store.mjs';
import { holds } from '../access.mjs';
import { connection } from '../connection.mjs';
import { dateTime, plain, readId } from '../values.mjs';

const BULK_SORTS = { CREATED_AT: (each) => each.createdAt, COMPLETED_AT: (each) => each.completedAt ?? 0 };
const BULK_SEARCH = {
  id: (each) => each.id,
  status: (each) => each.status,
  operation_type: () => 'QUERY',
  type: () => 'QUERY',
  created_at: (each) => each.createdAt,
};

const FLOW_PAYLOAD_BYTES = 50 * 1024;

function runBulk(_, { query, groupObjects }, context) {
  const { operation, errors } = context.bulk.start(context.shop, query, { context, groupObjects });
  return { bulkOperation: operation, userErrors: errors };
}

function cancelBulk(_, { id }, context) {
  const operation = findBulk(id, context);
  if (!operation) return { bulkOperation: null, userErrors: [{ field: ['id'], message: 'Bulk operation does not exist' }] };
  const cancelled = context.bulk.cancel(context.shop, operation.id);
  const errors = cancelled ? [] : [{ field: null, message: 'A bulk operation cannot be canceled when it is completed' }];
  return { bulkOperation: findBulk(id, context), userErrors: errors };
}

function findBulk(id, { shop, bulk }) {
  const found = shop.bulkOperations.get(readId(id, 'BulkOperation'));
  return found ? bulk.view(found) : null;
}

/** Newest first, unless asked for in reverse. */
function listBulk(_, args, context) {
  const all = [...context.shop.bulkOperations.values()].map((each) => context.bulk.view(each));
  const turned = { ...args, reverse: !args.reverse };
  return connection(all, turned, context, { key: BULK_SORTS[args.sortKey ?? 'CREATED_AT'], search: BULK_SEARCH, name: 'bulkOperations' });
}

function findCurrentBulk(_, { type }, { shop, bulk }) {
  const newest = type === 'QUERY' ? [...shop.bulkOperations.values()].at(-1) : null;
  return newest ? bulk.view(newest) : null;
}

/** The schema's descriptions name each topic as webhooks carry it, and the scopes of which it needs one. */
function describeTopic(enumValue, schema) {
  const { description } = schema.getType('WebhookSubscriptionTopic').getValue(enumValue);
  const [, topic] = /`([a-z_]+\/[a-z_]+)`/.exec(description);
  return { topic, scopes: description.split(/Requires/)[1]?.match(/read_[a-z_]+/g) ?? [] };
}

function createSubscription(_, { topic, webhookSubscription: input }, context) {
  const { shop, store, install, clock } = context;
  const fault = (field, message) => ({ webhookSubscription: null, userErrors: [{ field, message }] });
  const { topic: name, scopes } = describeTopic(topic, context.schema);
  const uri = input.uri ?? input.callbackUrl;
  if (COMPLIANCE_TOPICS.includes(name)) return fault(['topic'], 'Compliance topics are subscribed to in the app configuration only');
  const denied = context.approvals.faultOfTopic(name);
  if (denied) return fault(['topic'], denied);
  if (input.filter) return fault(['webhookSubscription', 'filter'], 'The devstore does not evaluate filters');
  if (!uri || !/^https?:$/.test(protocolOf(uri))) return fault(['webhookSubscription', 'uri'], 'Address is invalid');
  if (scopes.length > 0 && !scopes.some((scope) => holds(context.scopes, scope))) return fault(['topic'], `Access to ${name} needs one of ${scopes.join(', ')}`);
  const isTaken = [...shop.subscriptions.values()].some((each) => each.topic === name && each.uri === uri);
  if (isTaken) return fault(['webhookSubscription', 'callbackUrl'], 'Address for this topic has already been taken');
  const data = {
    id: shop.nextId('subscriptions'), topic: name, topicEnum: topic, uri, name: input.name ?? null,
    includeFields: input.includeFields?.length ? input.includeFields : null, createdAt: clock.now(), clientId: install.clientId,
  };
  store.change({ type: 'subscription.put', shop: shop.domain, data });
  return { webhookSubscription: data, userErrors: [] };
}

function deleteSubscription(_, { id }, { shop, store }) {
  const found = shop.subscriptions.get(readId(id, 'WebhookSubscription'));
  if (!found) return { deletedWebhookSubscriptionId: null, userErrors: [{ field: ['id'], message: 'Webhook subscription does not exist' }] };
  store.change({ type: 'subscription.delete', shop: shop.domain, data: { id: found.id } });
  return { deletedWebhookSubscriptionId: id, userErrors: [] };
}

function listSubscriptions(_, args, context) {
  const wanted = [...context.shop.subscriptions.values()]
    .filter((each) => !args.topics || args.topics.includes(each.topicEnum))
    .filter((each) => !(args.uri ?? args.callbackUrl) || each.uri === (args.uri ?? args.callbackUrl));
  return connection(wanted, args, context, { key: (each) => each.id });
}

function protocolOf(uri) {
  return URL.canParse(uri) ? new URL(uri).protocol : '';
}

function createPixel(_, { webPixel }, { shop, store, install, pixel }) {
  if (shop.pixels.has(install.clientId)) return pixelFault('TAKEN', 'Web pixel is taken.');
  const { settings, fault } = checkSettings(pixel, webPixel.settings);
  if (fault) return fault;
  const data = { id: shop.nextId('pixels'), clientId: install.clientId, settings };
  store.change({ type: 'pixel.put', shop: shop.domain, data });
  return { webPixel: data, userErrors: [] };
}

function updatePixel(_, { id, webPixel }, { shop, store, install, pixel }) {
  const found = shop.pixels.get(install.clientId);
  if (!found || parseGid(id)?.id !== found.id) return pixelFault('NOT_FOUND', 'Web pixel was not found.');
  const { settings, fault } = checkSettings(pixel, webPixel.settings);
  if (fault) return fault;
  const data = { ...found, settings };
  store.change({ type: 'pixel.put', shop: shop.domain, data });
  return { webPixel: data, userErrors: [] };
}

function deletePixel(_, { id }, { shop, store, install }) {
  const found = shop.pixels.get(install.clientId);
  if (!found || parseGid(id)?.id !== found.id) return { deletedWebPixelId: null, userErrors: [{ field: ['id'], message: 'Web pixel was not found.', code: 'NOT_FOUND' }] };
  store.change({ type: 'pixel.delete', shop: shop.domain, data: { clientId: install.clientId } });
  return { deletedWebPixelId: id, userErrors: [] };
}

/** Return settings that the extension's file allows, or the fault as Shopify tells it. */
function checkSettings(pixel, given) {
  if (!pixel) return { fault: pixelFault('NO_EXTENSION', 'No extension found.') };
  const settings = readSettings(given);
  if (!settings) return { fault: pixelFault('INVALID_CONFIGURATION_JSON', 'Settings must be a JSON object.') };
  const problem = pixel.faultOf(settings);
  return problem ? { fault: pixelFault('INVALID_SETTINGS', problem) } : { settings };
}

function pixelFault(code, message) {
  return { webPixel: null, userErrors: [{ field: ['webPixel'], message, code }] };
}

/** Settings come as an object or, from most clients, as JSON text. */
function readSettings(settings) {
  try {
    const value = typeof settings === 'string' ? JSON.parse(settings) : settings;
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function receiveFlow(_, { handle, payload }, { shop, store, clock }) {
  const fault = (field, message) => ({ userErrors: [{ field: [field], message }] });
  if (!handle) return fault('handle', "Handle can't be blank");
  if (payload === null || typeof payload !== 'object') return fault('payload', 'Payload must be a JSON object');
  if (Buffer.byteLength(JSON.stringify(payload)) > FLOW_PAYLOAD_BYTES) return fault('payload', 'Payload is larger than 50 KB');
  store.change({ type: 'flow.received', shop: shop.domain, data: { handle, payload, at: clock.now() } });
  return { userErrors: [] };
}

export const operationResolvers = {
  QueryRoot: {
    bulkOperation: (_, { id }, context) => findBulk(id, context),
    bulkOperations: listBulk,
    currentBulkOperation: findCurrentBulk,
    webhookSubscriptions: listSubscriptions,
    webhookSubscription: (_, { id }, { shop }) => shop.subscriptions.get(readId(id, 'WebhookSubscription')) ?? null,
    webPixel: (_, { id }, { shop, install }) => {
      const pixel = shop.pixels.get(install.clientId) ?? null;
      return pixel && (!id || parseGid(id)?.id === pixel.id) ? pixel : null;
    },
  },
  Mutation: {
    bulkOperationRunQuery: runBulk,
    bulkOperationCancel: cancelBulk,
    webhookSubscriptionCreate: createSubscription,
    webhookSubscriptionDelete: deleteSubscription,
    webPixelCreate: createPixel,
    webPixelUpdate: updatePixel,
    webPixelDelete: deletePixel,
    flowTriggerReceive: receiveFlow,
  },
  BulkOperation: {
    ...plain('status', 'errorCode', 'query', 'url', 'partialDataUrl'),
    id: (each) => gid('BulkOperation', each.id),
    type: () => 'QUERY',
    createdAt: (each) => dateTime(each.createdAt),
    completedAt: (each) => dateTime(each.completedAt),
    objectCount: (each) => String(each.objectCount),
    rootObjectCount: (each) => String(each.rootObjectCount),
    fileSize: (each) => (each.fileSize === null ? null : String(each.fileSize)),
  },
  BulkOperationRunQueryPayload: plain('bulkOperation', 'userErrors'),
  BulkOperationCancelPayload: plain('bulkOperation', 'userErrors'),
  BulkOperationUserError: plain('field', 'message', 'code'),
  WebhookSubscription: {
    ...plain('name', 'uri'),
    id: (each) => gid('WebhookSubscription', each.id),
    legacyResourceId: (each) => String(each.id),
    topic: (each) => each.topicEnum,
    callbackUrl: (each) => each.uri,
    format: () => 'JSON',
    filter: () => null,
    includeFields: (each) => each.includeFields ?? [],
    metafieldNamespaces: () => [],
    createdAt: (each) => dateTime(each.createdAt),
    updatedAt: (each) => dateTime(each.createdAt),
  },
  WebhookSubscriptionCreatePayload: plain('webhookSubscription', 'userErrors'),
  WebhookSubscriptionDeletePayload: plain('deletedWebhookSubscriptionId', 'userErrors'),
  WebPixel: { id: (each) => gid('WebPixel', each.id), settings: (each) => JSON.stringify(each.settings) },
  WebPixelCreatePayload: plain('webPixel', 'userErrors'),
  WebPixelUpdatePayload: plain('webPixel', 'userErrors'),
  WebPixelDeletePayload: plain('deletedWebPixelId', 'userErrors'),
  ErrorsWebPixelUserError: plain('field', 'message', 'code'),
  FlowTriggerReceivePayload: plain('userErrors'),
};
