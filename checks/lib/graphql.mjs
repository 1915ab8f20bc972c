/** The backend's operations against Shopify's own schema: valid, not deprecated, free of personal data. */
import {
  getNamedType,
  Kind,
  NoDeprecatedCustomRule,
  specifiedRules,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { isBulk, readOperations } from './operations.mjs';
import { getSchema } from './schema.mjs';

export const title = "GraphQL operations against Shopify's Admin API schema";

const BULK_CONNECTIONS_MOST = 5;
const BULK_DEPTH_MOST = 2;

/** Calls `enter(parent type name, field node, named type of the field)` for each field of a document. */
export function visitFields(schema, document, enter, leave = () => {}) {
  const types = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(types, {
      Field: {
        enter: (node) => enter(types.getParentType()?.name, node, getNamedType(types.getType())),
        leave: (node) => leave(types.getParentType()?.name, node, getNamedType(types.getType())),
      },
    }),
  );
}

/** The names, addresses, phones and e-mails that the product promises never to read. */
function guardedFields({ schema, guarded }, document) {
  const found = [];
  visitFields(schema, document, (parent, node) => {
    const field = `${parent}.${node.name.value}`;
    if (guarded.has(field)) found.push(`${field} is protected customer data beyond level 1.`);
  });
  return found;
}

/** Shopify's rules for the query of a bulk operation. */
function bulkProblems(schema, document) {
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  const problems = [];
  let connections = 0;
  let depth = 0;
  let deepest = 0;
  const isConnection = (type) => type?.name.endsWith('Connection');
  visitFields(
    schema,
    document,
    (parent, node, type) => {
      if (parent === 'QueryRoot' && /^nodes?$/.test(node.name.value)) problems.push('a bulk query may not start at node or nodes.');
      if (!isConnection(type)) return;
      connections += 1;
      depth += 1;
      deepest = Math.max(deepest, depth);
    },
    (parent, node, type) => {
      if (isConnection(type)) depth -= 1;
    },
  );
  if (operation.variableDefinitions?.length) problems.push('a bulk query takes no variables.');
  if (connections < 1 || connections > BULK_CONNECTIONS_MOST) {
    problems.push(`a bulk query has 1 to ${BULK_CONNECTIONS_MOST} connections, this one ${connections}.`);
  }
  // Depth counts connections inside connections: products, then variants, is one level of nesting.
  if (deepest - 1 > BULK_DEPTH_MOST) problems.push(`connections nest ${deepest - 1} deep, ${BULK_DEPTH_MOST} at most.`);
  return problems;
}

function oneOperation(shopify, operation) {
  const { schema } = shopify;
  const rules = [...specifiedRules, NoDeprecatedCustomRule];
  const invalid = validate(schema, operation.document, rules).map((error) => error.message);
  if (invalid.length) return invalid;
  const bulk = isBulk(operation) ? bulkProblems(schema, operation.document) : [];
  return [...guardedFields(shopify, operation.document), ...bulk];
}

export async function findProblems(root) {
  const shopify = await getSchema(root);
  const { operations, problems } = await readOperations(root);
  if (!operations.length) problems.push('there are no operations.');
  for (const operation of operations) {
    problems.push(...oneOperation(shopify, operation).map((problem) => `${operation.path}: ${problem}`));
  }
  return problems;
}
