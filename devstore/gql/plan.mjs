/**
 * Compiles a bulk query into plain function calls.
 *
 * graphql-js spends about five microseconds a field; half a million order lines
 * have ten million. The plan uses the same resolvers, resolves arguments and
 * access once, and then only calls functions.
 */
import {
  GraphQLIncludeDirective, GraphQLSkipDirective, Kind, getArgumentValues, getDirectiveValues, getNamedType,
  getOperationAST, isAbstractType, isLeafType,
} from 'graphql';
import { fragmentsOf } from './execute.mjs';
import { kindOf } from './values.mjs';

const CONNECTION_LIMIT = 5;
const DEPTH_LIMIT = 2;

/** A query that bulk operations do not take. */
export class BadBulkQuery extends Error {}

/**
 * Check what Shopify asks of a bulk query.
 *
 * @param {import('./execute.mjs').AdminGraphql} graphql
 * @param {string} text
 * @returns {{operation: object, fragments: object}}
 * @throws {BadBulkQuery}
 */
export function checkBulkQuery(graphql, text) {
  const { document, errors } = graphql.prepare(text);
  if (errors) throw new BadBulkQuery(`Invalid bulk query: ${errors.map((error) => error.message).join('; ')}`);
  const operation = getOperationAST(document);
  if (!operation || operation.operation !== 'query') throw new BadBulkQuery('Bulk queries must be a single query operation.');
  if (operation.variableDefinitions?.length) throw new BadBulkQuery('Bulk queries cannot have variables.');
  const walk = { schema: graphql.schema, fragments: fragmentsOf(document), connections: 0 };
  const root = graphql.schema.getQueryType();
  for (const { node } of fieldsOf(walk, root, [operation.selectionSet])) {
    if (['node', 'nodes'].includes(node.name.value)) throw new BadBulkQuery('Bulk queries cannot contain a top level `node` field.');
  }
  measure(walk, root, [operation.selectionSet], 0);
  if (walk.connections === 0) throw new BadBulkQuery('Bulk queries must contain at least one connection.');
  if (walk.connections > CONNECTION_LIMIT) throw new BadBulkQuery(`Bulk queries cannot contain more than ${CONNECTION_LIMIT} connections.`);
  return { operation, fragments: walk.fragments };
}

/**
 * Return the plan of a checked query for one caller.
 *
 * @returns {Generator<{json: object, isRoot: boolean}>} when called: every line, parents before their children
 * @throws {GraphQLError} when a field may not be read or has no resolver
 */
export function compileBulk(graphql, { operation, fragments }, context) {
  const compiler = { graphql, schema: graphql.schema, fragments, context, plans: new Map() };
  const root = planOf(compiler, graphql.schema.getQueryType(), [operation.selectionSet]);
  return function* lines() {
    const top = build(root, {}, context);
    if (Object.values(top.json).some((value) => value !== null)) yield { json: top.json, isRoot: true };
    for (const group of top.groups) for (const record of group.records) yield* nodeLines(group.plan, record, context, null);
  };
}

function* nodeLines(planFor, record, context, parentId) {
  const { json, groups, id } = build(planFor(record), record, context);
  if (parentId !== null) json.__parentId = parentId;
  yield { json, isRoot: parentId === null };
  for (const group of groups) for (const child of group.records) yield* nodeLines(group.plan, child, context, id);
}

/** Return an object's own fields as JSON and the connections below it. */
function build(plan, source, context) {
  const [json, groups] = [{}, []];
  for (const field of plan.fields) {
    const value = field.resolve(source);
    if (field.isConnection) {
      if (value) groups.push({ plan: field.planFor, records: value.nodes });
      continue;
    }
    json[field.key] = field.planFor ? buildValue(field, value, context, groups) : value;
  }
  return { json, groups, id: plan.idOf?.(source) ?? null };
}

function buildValue(field, value, context, groups) {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map((each) => buildValue(field, each, context, groups));
  const inner = build(field.planFor(value), value, context);
  groups.push(...inner.groups);
  return inner.json;
}

function planOf(compiler, type, selectionSets) {
  const fields = fieldsOf(compiler, type, selectionSets).map((field) => planField(compiler, type, field));
  const hasId = type.getFields().id !== undefined;
  const idOf = hasId ? (source) => compiler.graphql.resolve(type.name, 'id', source, {}, compiler.context) : null;
  return { fields, idOf };
}

function planField(compiler, parent, { node, key, selectionSets }) {
  const name = node.name.value;
  if (name === '__typename') return { key, resolve: () => parent.name };
  const field = parent.getFields()[name];
  const named = getNamedType(field.type);
  const args = getArgumentValues(field, node, {});
  const resolve = compiler.graphql.resolver(parent.name, name, args, compiler.context);
  if (isLeafType(named)) return { key, resolve };
  if (!isConnection(named)) return { key, resolve, planFor: planner(compiler, named, selectionSets) };
  const { type, sets } = nodeOf(compiler, named, selectionSets);
  return { key, resolve, isConnection: true, planFor: planner(compiler, type, sets) };
}

/** Return a function from a record to its plan; where the type is abstract, one plan for each concrete type met. */
function planner(compiler, type, selectionSets) {
  if (!isAbstractType(type)) {
    const plan = planOf(compiler, type, selectionSets);
    return () => plan;
  }
  const plans = new Map();
  return (record) => {
    const name = kindOf(record);
    if (!plans.has(name)) plans.set(name, planOf(compiler, compiler.schema.getType(name), selectionSets));
    return plans.get(name);
  };
}

/** Return what is selected below the nodes of a connection, by `edges { node }` or `nodes`. */
function nodeOf(walk, connectionType, selectionSets) {
  const sets = [];
  let type = null;
  for (const { node, selectionSets: inner } of fieldsOf(walk, connectionType, selectionSets)) {
    if (node.name.value === 'pageInfo') continue;
    const found = node.name.value === 'nodes' ? { type: fieldType(connectionType, 'nodes'), sets: inner } : nodeOfEdges(walk, connectionType, inner);
    type = found.type;
    sets.push(...found.sets);
  }
  if (!type) throw new BadBulkQuery('Connection fields of a bulk query must select edges and node, or nodes.');
  return { type, sets };
}

function nodeOfEdges(walk, connectionType, selectionSets) {
  const edgeType = fieldType(connectionType, 'edges');
  const nodes = fieldsOf(walk, edgeType, selectionSets).filter(({ node }) => node.name.value === 'node');
  return { type: nodes.length > 0 ? fieldType(edgeType, 'node') : null, sets: nodes.flatMap((each) => each.selectionSets) };
}

/** Count connections and refuse what cannot be joined again: too deep, or a parent without its id. */
function measure(walk, type, selectionSets, depth) {
  for (const concrete of isAbstractType(type) ? walk.schema.getPossibleTypes(type) : [type]) {
    const fields = fieldsOf(walk, concrete, selectionSets);
    const hasConnection = fields.some(({ node }) => isConnection(namedFieldType(concrete, node)));
    const hasId = fields.some(({ node, key }) => key === 'id' && node.name.value === 'id');
    if (depth > 0 && hasConnection && !hasId) throw new BadBulkQuery("The parent 'node' field for a nested connection must select the 'id' field without an alias.");
    for (const { node, selectionSets: inner } of fields) measureField(walk, namedFieldType(concrete, node), inner, depth);
  }
}

function measureField(walk, named, inner, depth) {
  if (!named || isLeafType(named)) return;
  if (!isConnection(named)) {
    if (!isAbstractType(named)) measure(walk, named, inner, depth);
    return;
  }
  walk.connections += 1;
  if (depth === DEPTH_LIMIT) throw new BadBulkQuery(`Bulk queries cannot contain connections with a nesting depth greater than ${DEPTH_LIMIT}.`);
  const { type, sets } = nodeOf(walk, named, inner);
  measure(walk, type, sets, depth + 1);
}

function namedFieldType(parent, node) {
  const field = parent.getFields()[node.name.value];
  return field ? getNamedType(field.type) : null;
}

function fieldType(parent, name) {
  return getNamedType(parent.getFields()[name].type);
}

function isConnection(type) {
  return Boolean(type?.name.endsWith('Connection'));
}

/** Return the fields selected on a concrete type, fragments unfolded, equal keys merged. */
function fieldsOf(walk, type, selectionSets) {
  const found = new Map();
  for (const selectionSet of selectionSets) collect(walk, type, selectionSet, found);
  return [...found.values()];
}

function collect(walk, type, selectionSet, found) {
  for (const node of selectionSet.selections) {
    if (!isIncluded(node)) continue;
    if (node.kind === Kind.FIELD) {
      const key = node.alias?.value ?? node.name.value;
      const entry = found.get(key) ?? { node, key, selectionSets: [] };
      if (node.selectionSet) entry.selectionSets.push(node.selectionSet);
      found.set(key, entry);
      continue;
    }
    const fragment = node.kind === Kind.FRAGMENT_SPREAD ? walk.fragments[node.name.value] : node;
    const condition = fragment.typeCondition ? walk.schema.getType(fragment.typeCondition.name.value) : type;
    const applies = condition === type || (isAbstractType(condition) && walk.schema.isSubType(condition, type));
    if (applies) collect(walk, type, fragment.selectionSet, found);
  }
}

function isIncluded(node) {
  if (getDirectiveValues(GraphQLSkipDirective, node)?.if === true) return false;
  return getDirectiveValues(GraphQLIncludeDirective, node)?.if !== false;
}
