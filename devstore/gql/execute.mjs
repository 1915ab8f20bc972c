/**
 * Executes Admin API operations on Shopify's schema.
 *
 * A field that the devstore has no resolver for is a clear error, never a silent null.
 */
import { GraphQLError, Kind, execute, getOperationAST, parse, validate } from 'graphql';
import { getVariableValues } from 'graphql/execution/values.js';
import { checkAccess, orderWindowStart } from './access.mjs';
import { Bucket, QUERY_LIMIT, actualCost, requestedCost } from './cost.mjs';
import { loadSchema } from './schema.mjs';
import { PAGE_FIELDS, kindOf } from './values.mjs';
import { catalogResolvers } from './resolvers/catalog.mjs';
import { metafieldResolvers } from './resolvers/metafields.mjs';
import { operationResolvers } from './resolvers/operations.mjs';
import { orderResolvers } from './resolvers/orders.mjs';
import { shopResolvers } from './resolvers/shop.mjs';

/** Documents that are kept parsed and validated. */
const CACHE_SIZE = 500;

const ARRAY_LIMIT = 250;

const TABLES = [catalogResolvers, orderResolvers, metafieldResolvers, shopResolvers, operationResolvers];

/** All resolvers: type → field → `(source, args, context, meta) => value`. */
export const RESOLVERS = mergeTables(TABLES);

export class AdminGraphql {
  #documents = new Map();
  #buckets = new Map();

  /**
   * @param {object} context what resolvers need beside the shop and the install
   */
  constructor(context) {
    this.context = context;
    const { schema, needs } = loadSchema(context.config.schemaPath);
    Object.assign(this, { schema, needs });
  }

  /** Return what resolvers get for a caller. */
  contextFor(shop, install, { isBulk = false } = {}) {
    const { clock, approvals } = this.context;
    return {
      ...this.context,
      schema: this.schema,
      shop,
      install,
      isBulk,
      scopes: new Set(install.scopes),
      protectedDataLevel: approvals.protectedDataLevel,
      windowStart: orderWindowStart(install.scopes, clock.now()),
      searchWarnings: [],
      typeNeed: (kind) => this.typeNeed(kind),
    };
  }

  /** Return what reading a record of a type needs, wherever it is found. */
  typeNeed(kind) {
    const field = { Product: 'product', Order: 'order', Customer: 'customer', Collection: 'collection', ProductVariant: 'productVariant' }[kind];
    return field ? this.needs('QueryRoot', field) : { scopes: [], words: '', level: 0, object: kind };
  }

  /** Return a field's value, or throw why there is none. */
  resolve(parentName, fieldName, source, args, context) {
    return this.resolver(parentName, fieldName, args, context)(source);
  }

  /**
   * Return the function from a record to the value of one of its fields.
   *
   * @throws {GraphQLError} when the caller may not read the field or the devstore does not have it
   */
  resolver(parentName, fieldName, args, context) {
    const table = RESOLVERS[parentName];
    const resolver = table?.[fieldName] ?? pageField(parentName, fieldName);
    if (!resolver) throw new GraphQLError(`The devstore does not implement ${parentName}.${fieldName}.`, { extensions: { code: 'NOT_IMPLEMENTED' } });
    checkAccess(this.needs(parentName, fieldName), context, fieldName);
    const meta = { ownerId: (owner) => table.id(owner, {}, context) };
    return (source) => resolver(source, args, context, meta);
  }

  /**
   * Parse and validate; the same text is done once.
   *
   * @returns {{document?: import('graphql').DocumentNode, errors?: readonly GraphQLError[]}}
   */
  prepare(text) {
    const kept = this.#documents.get(text);
    if (kept) return kept;
    const prepared = this.#validate(text);
    if (this.#documents.size >= CACHE_SIZE) this.#documents.delete(this.#documents.keys().next().value);
    this.#documents.set(text, prepared);
    return prepared;
  }

  /**
   * Run one request and return the response body.
   *
   * @param {import('../store.mjs').ShopData} shop
   * @param {object} install
   * @param {{query: string, variables?: object, operationName?: string}} request
   */
  async run(shop, install, { query, variables = {}, operationName }) {
    const { document, errors } = this.prepare(query);
    if (errors) return { errors: errors.map((error) => error.toJSON()) };
    const operation = getOperationAST(document, operationName);
    if (!operation) return { errors: [{ message: operationName ? `No operation named "${operationName}"` : 'An operation name is required' }] };
    const fragments = fragmentsOf(document);
    const values = getVariableValues(this.schema, operation.variableDefinitions ?? [], variables ?? {});
    if (values.errors) return { errors: values.errors.map((error) => error.toJSON()) };
    const tooLong = findLongArray(variables) ?? findLongLiteral(operation);
    if (tooLong) return { errors: [longArrayError(tooLong)] };
    const asked = requestedCost(this.schema, operation, fragments, values.coerced);
    return this.#runPaid({ shop, install, document, operation, variables, operationName, asked });
  }

  async #runPaid({ shop, install, document, operation, variables, operationName, asked }) {
    const bucket = this.bucketOf(shop, install);
    if (asked > QUERY_LIMIT) return { errors: [costError(asked)], extensions: costOf(asked, null, bucket) };
    const isThrottled = this.context.faults.take('graphql', 'throttle') || !bucket.take(asked);
    if (isThrottled) return { errors: [throttledError()], extensions: costOf(asked, null, bucket) };
    const context = this.contextFor(shop, install);
    const result = await execute({
      schema: this.schema, document, operationName, variableValues: variables, contextValue: context, rootValue: {},
      fieldResolver: (source, args, _, info) => this.resolve(info.parentType.name, info.fieldName, source, args, context),
      typeResolver: kindOf,
    });
    const actual = actualCost(operation, result.data);
    bucket.giveBack(Math.max(0, asked - actual));
    return answer(result, { cost: costOf(asked, actual, bucket), warnings: context.searchWarnings });
  }

  /** Return the points that an app has in a shop. */
  bucketOf(shop, install) {
    const key = `${shop.domain} ${install.clientId}`;
    if (!this.#buckets.has(key)) this.#buckets.set(key, new Bucket(this.context.config.plan, () => this.context.clock.wall()));
    return this.#buckets.get(key);
  }

  #validate(text) {
    try {
      const document = parse(text);
      const errors = validate(this.schema, document);
      return errors.length > 0 ? { errors } : { document };
    } catch (error) {
      if (error instanceof GraphQLError) return { errors: [error] };
      throw error;
    }
  }
}

export function fragmentsOf(document) {
  const found = document.definitions.filter((each) => each.kind === Kind.FRAGMENT_DEFINITION);
  return Object.fromEntries(found.map((each) => [each.name.value, each]));
}

function pageField(parentName, fieldName) {
  return /(Connection|Edge)$|^PageInfo$/.test(parentName) ? PAGE_FIELDS[fieldName] : undefined;
}

function mergeTables(tables) {
  const merged = {};
  for (const table of tables) {
    for (const [type, fields] of Object.entries(table)) merged[type] = { ...merged[type], ...fields };
  }
  return merged;
}

function answer({ data, errors }, { cost, warnings }) {
  const extensions = warnings.length > 0 ? { ...cost, search: warnings } : cost;
  return { data: data ?? null, ...(errors ? { errors: errors.map(publicError) } : {}), extensions };
}

/** A fault of the devstore itself is logged and named; Shopify's own errors pass as they are. */
function publicError(error) {
  if (error.originalError && !(error.originalError instanceof GraphQLError)) {
    console.error(error.originalError);
    return { message: `Internal error in the devstore: ${error.message}`, path: error.path, extensions: { code: 'INTERNAL_SERVER_ERROR' } };
  }
  return error.toJSON();
}

function costOf(requestedQueryCost, actualQueryCost, bucket) {
  return { cost: { requestedQueryCost, actualQueryCost, throttleStatus: bucket.status() } };
}

function throttledError() {
  return { message: 'Throttled', extensions: { code: 'THROTTLED', documentation: 'https://shopify.dev/api/usage/rate-limits' } };
}

function costError(cost) {
  return {
    message: `Query cost is ${cost}, which exceeds the single query max cost limit (${QUERY_LIMIT}).`,
    extensions: { code: 'MAX_COST_EXCEEDED', cost, maxCost: QUERY_LIMIT, documentation: 'https://shopify.dev/api/usage/rate-limits' },
  };
}

function longArrayError(length) {
  return {
    message: `The input array size of ${length} is greater than the maximum allowed of ${ARRAY_LIMIT}.`,
    extensions: { code: 'MAX_INPUT_SIZE_EXCEEDED' },
  };
}

function findLongArray(value) {
  if (value === null || typeof value !== 'object') return null;
  if (Array.isArray(value) && value.length > ARRAY_LIMIT) return value.length;
  for (const child of Object.values(value)) {
    const found = findLongArray(child);
    if (found) return found;
  }
  return null;
}

function findLongLiteral(node) {
  if (node === null || typeof node !== 'object') return null;
  if (node.kind === Kind.LIST && node.values.length > ARRAY_LIMIT) return node.values.length;
  for (const [name, child] of Object.entries(node)) {
    const found = name === 'loc' ? null : findLongLiteral(child);
    if (found) return found;
  }
  return null;
}
