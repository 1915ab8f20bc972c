/**
 * Shopify's Admin API schema, with what each field asks of the caller.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { buildClientSchema, getNamedType } from 'graphql';

/** Access that the schema mentions only in words. */
const ALSO_NEEDED = {
  'Mutation.webPixelCreate': ['read_customer_events'],
  'Mutation.webPixelUpdate': ['read_customer_events'],
};

/** Fields that give a customer or an order although the app is approved for no customer data at all. */
const CUSTOMER_TYPES = new Set(['Customer', 'Order']);

/** The schema has not been fetched. */
export class SchemaMissing extends Error {}

/**
 * Load the schema.
 *
 * @param {string} path of the gzipped introspection
 * @returns {{schema: import('graphql').GraphQLSchema, needs: (parent: string, field: string) => Need}}
 *
 * @typedef {object} Need
 * @property {string[][]} scopes one of each inner list must be granted
 * @property {string} words the documentation's wording
 * @property {0 | 1 | 2} level of protected customer data
 * @property {string} object type of what the field gives
 */
export function loadSchema(path) {
  if (!loaded.has(path)) loaded.set(path, readSchema(path));
  return loaded.get(path);
}

/** The schema takes half a second and never changes: one process reads it once. */
const loaded = new Map();

function readSchema(path) {
  const introspection = readIntrospection(path);
  const schema = buildClientSchema(introspection.data, { assumeValid: true });
  const table = accessTable(introspection);
  const kept = new Map();
  const needs = (parent, field) => {
    const key = `${parent}.${field}`;
    if (!kept.has(key)) kept.set(key, findNeed(schema, table, parent, field));
    return kept.get(key);
  };
  return { schema, needs };
}

function readIntrospection(path) {
  try {
    return JSON.parse(gunzipSync(readFileSync(path)));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    throw new SchemaMissing(`${path} is missing: run "node devstore/scripts/schema.mjs" once.`);
  }
}

function accessTable({ data, offline_scopes: access }) {
  const table = { types: new Map(), fields: new Map(), protectedFields: new Set() };
  for (const item of access.items) {
    if (item.offlineScopes.length === 0) continue;
    const need = { scopes: item.offlineScopes, words: firstSentence(item.requiredAccess) };
    if (item.type === 'type') table.types.set(item.typeName, need);
    else table.fields.set(`${item.typeName}.${item.fieldName}`, need);
  }
  for (const type of data.__schema.types) {
    for (const field of type.fields ?? []) if (field.isProtected) table.protectedFields.add(`${type.name}.${field.name}`);
  }
  return table;
}

function findNeed(schema, table, parent, field) {
  const key = `${parent}.${field}`;
  const named = getNamedType(schema.getType(parent).getFields()[field].type).name;
  const valueType = named.replace(/(Connection|Edge)$/, '');
  const found = [table.fields.get(key), table.types.get(named) ?? table.types.get(valueType)].filter(Boolean);
  const also = (ALSO_NEEDED[key] ?? []).map((scope) => [scope]);
  return {
    scopes: [...found.map(({ scopes }) => scopes), ...also],
    words: found.map(({ words }) => words).join(' '),
    level: table.protectedFields.has(key) ? 2 : Number(CUSTOMER_TYPES.has(valueType)),
    object: valueType,
  };
}

function firstSentence(text) {
  return text.split(/\. Also:/)[0].replace(/\.?$/, '.');
}
