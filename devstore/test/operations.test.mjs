import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { TypeInfo, getNamedType, isAbstractType, parse, visit, visitWithTypeInfo } from 'graphql';
import { RESOLVERS } from '../gql/execute.mjs';
import { loadSchema } from '../gql/schema.mjs';
import { readConfig } from '../config.mjs';

const OPERATIONS = path.join(import.meta.dirname, '..', '..', 'backend', 'shopify', 'operations');
const PAGE = /(Connection|Edge)$|^PageInfo$/;

function fieldsOf(schema, document) {
  const typeInfo = new TypeInfo(schema);
  const found = new Set();
  visit(document, visitWithTypeInfo(typeInfo, {
    Field(node) {
      const parent = getNamedType(typeInfo.getParentType());
      if (node.name.value !== '__typename' && !isAbstractType(parent) && !PAGE.test(parent.name)) found.add(`${parent.name}.${node.name.value}`);
    },
  }));
  return [...found];
}

test('every field of every operation of the app is answered', () => {
  const config = readConfig({ APP_URL: 'http://x', SHOPIFY_API_KEY: 'x', SHOPIFY_API_SECRET: 'x' });
  const { schema } = loadSchema(config.schemaPath);
  const files = readdirSync(OPERATIONS).filter((name) => name.endsWith('.graphql'));

  const unanswered = files.flatMap((name) =>
    fieldsOf(schema, parse(readFileSync(path.join(OPERATIONS, name), 'utf8')))
      .filter((field) => !RESOLVERS[field.split('.')[0]]?.[field.split('.')[1]])
      .map((field) => `${name}: ${field}`));

  assert.ok(files.length > 0);
  assert.deepEqual(unanswered, []);
});
