/**
 * What an operation costs: object 1, scalar 0, connection its page times its node, mutation 10.
 *
 * Of an interface or a union the dearest possible selection counts.
 */
import { GraphQLList, GraphQLNonNull, Kind, getArgumentValues, getNamedType, isAbstractType, isCompositeType, isLeafType } from 'graphql';

export const QUERY_LIMIT = 1_000;
const MUTATION_COST = 10;

/** Points restored a second and size of the bucket, by plan. */
const PLANS = {
  standard: { restoreRate: 100, maximumAvailable: 2_000 },
  advanced: { restoreRate: 200, maximumAvailable: 4_000 },
  plus: { restoreRate: 1_000, maximumAvailable: 20_000 },
};

/**
 * Return the points that an operation asks for before it runs.
 *
 * @param {import('graphql').GraphQLSchema} schema
 * @param {import('graphql').OperationDefinitionNode} operation
 * @param {Record<string, import('graphql').FragmentDefinitionNode>} fragments
 * @param {object} variables coerced
 */
export function requestedCost(schema, operation, fragments, variables) {
  const walk = { schema, fragments, variables };
  if (operation.operation === 'mutation') return MUTATION_COST * operation.selectionSet.selections.length;
  return selectionCost(walk, schema.getQueryType(), operation.selectionSet);
}

/** Return the points that an answer was worth. */
export function actualCost(operation, data) {
  if (operation.operation === 'mutation') return MUTATION_COST * operation.selectionSet.selections.length;
  return data ? objectsIn(data) - 1 : 0;
}

function selectionCost(walk, type, selectionSet) {
  if (isAbstractType(type)) {
    const possible = walk.schema.getPossibleTypes(type);
    return Math.max(...possible.map((each) => selectionCost(walk, each, selectionSet)));
  }
  return selectionSet.selections.reduce((sum, node) => sum + nodeCost(walk, type, node), 0);
}

function nodeCost(walk, type, node) {
  if (node.kind === Kind.FIELD) return fieldCost(walk, type, node);
  const fragment = node.kind === Kind.FRAGMENT_SPREAD ? walk.fragments[node.name.value] : node;
  const condition = fragment.typeCondition ? walk.schema.getType(fragment.typeCondition.name.value) : type;
  const applies = condition === type || (isAbstractType(condition) && walk.schema.isSubType(condition, type));
  return applies ? selectionCost(walk, type, fragment.selectionSet) : 0;
}

function fieldCost(walk, type, node) {
  const field = type.getFields()[node.name.value];
  if (!field || isLeafType(getNamedType(field.type))) return 0;
  const named = getNamedType(field.type);
  if (!isConnection(named)) return listSize(walk, field, node) * (1 + selectionCost(walk, named, node.selectionSet));
  const { first, last } = getArgumentValues(field, node, walk.variables);
  return (first ?? last ?? 0) * pageCost(walk, named, node.selectionSet);
}

/** Objects of plain lists count once: their length is not known before. `nodes(ids:)` tells it. */
function listSize(walk, field, node) {
  const type = field.type instanceof GraphQLNonNull ? field.type.ofType : field.type;
  if (!(type instanceof GraphQLList)) return 1;
  const { ids, first } = getArgumentValues(field, node, walk.variables);
  return ids?.length ?? first ?? 1;
}

/** `edges`, `nodes` and `pageInfo` are free; only what stands below a node is paid. */
function pageCost(walk, connectionType, selectionSet) {
  let cost = 0;
  for (const node of selectionSet.selections) {
    if (node.kind !== Kind.FIELD) {
      const fragment = node.kind === Kind.FRAGMENT_SPREAD ? walk.fragments[node.name.value] : node;
      cost += pageCost(walk, connectionType, fragment.selectionSet);
      continue;
    }
    const field = connectionType.getFields()[node.name.value];
    const named = field && getNamedType(field.type);
    if (node.name.value === 'nodes') cost += 1 + selectionCost(walk, named, node.selectionSet);
    if (node.name.value === 'edges') cost += edgeCost(walk, named, node.selectionSet);
  }
  return cost;
}

function edgeCost(walk, edgeType, selectionSet) {
  const inner = selectionSet.selections.find((node) => node.kind === Kind.FIELD && node.name.value === 'node');
  return inner ? 1 + selectionCost(walk, getNamedType(edgeType.getFields().node.type), inner.selectionSet) : 0;
}

function isConnection(type) {
  return isCompositeType(type) && type.name.endsWith('Connection');
}

/** Count answered objects; edges, pages and connections themselves are free, told by their fields' names. */
function objectsIn(value) {
  if (value === null || typeof value !== 'object') return 0;
  if (Array.isArray(value)) return value.reduce((sum, each) => sum + objectsIn(each), 0);
  let [sum, isPage] = [0, false];
  for (const [name, child] of Object.entries(value)) {
    if (name === 'pageInfo') {
      isPage = true;
      continue;
    }
    if (Array.isArray(child) && (name === 'edges' || name === 'nodes')) isPage = true;
    sum += name === 'edges' ? edgesIn(child) : objectsIn(child);
  }
  return sum + Number(!isPage);
}

function edgesIn(edges) {
  return Array.isArray(edges) ? edges.reduce((sum, edge) => sum + objectsIn(edge?.node ?? null), 0) : objectsIn(edges);
}

/** The points that an app has left in a shop. */
export class Bucket {
  /** @param {'standard' | 'advanced' | 'plus'} plan */
  constructor(plan, wall) {
    Object.assign(this, PLANS[plan]);
    this.available = this.maximumAvailable;
    this.wall = wall;
    this.at = wall();
  }

  /** Take `points` if they are there; say whether they were. */
  take(points) {
    this.#restore();
    if (points > this.available) return false;
    this.available -= points;
    return true;
  }

  /** Give back what was asked for and not used. */
  giveBack(points) {
    this.#restore();
    this.available = Math.min(this.maximumAvailable, this.available + points);
  }

  status() {
    this.#restore();
    return { maximumAvailable: this.maximumAvailable, currentlyAvailable: Math.floor(this.available), restoreRate: this.restoreRate };
  }

  #restore() {
    const now = this.wall();
    this.available = Math.min(this.maximumAvailable, this.available + ((now - this.at) / 1000) * this.restoreRate);
    this.at = now;
  }
}
