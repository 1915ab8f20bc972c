/** Shopify's own Admin API schema and what its answers say about access. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { buildClientSchema } from 'graphql';

export const API_VERSION = '2026-07';
const PATH = `devstore/.schema/admin_${API_VERSION}.json.gz`;
const known = new Map();

/** The schema is not on this machine yet. */
export class NoSchema extends Error {}

async function load(path) {
  const raw = await readFile(path).catch(() => {
    throw new NoSchema(`There is no ${PATH}: run \`make schema\`.`);
  });
  const { data, offline_scopes: access } = JSON.parse(gunzipSync(raw));
  const scopes = new Map();
  for (const { typeName, fieldName = '', offlineScopes } of access.items) {
    if (offlineScopes.length) scopes.set(fieldName ? `${typeName}.${fieldName}` : typeName, offlineScopes);
  }
  const guarded = new Set();
  for (const type of data.__schema.types) {
    for (const field of type.fields ?? []) if (field.isProtected) guarded.add(`${type.name}.${field.name}`);
  }
  return { schema: buildClientSchema(data, { assumeValid: true }), scopes, guarded };
}

/**
 * Returns {schema, scopes, guarded} of `root`, read once per path.
 *
 * `scopes` maps "Type" or "Type.field" to scopes of which any one is enough; `guarded` holds the fields, as
 * "Type.field", that give a customer's name, address, phone or e-mail.
 */
export function getSchema(root) {
  const path = join(root, PATH);
  if (!known.has(path)) known.set(path, load(path));
  return known.get(path);
}
