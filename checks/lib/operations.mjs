/** The GraphQL operations of the backend, parsed. */
import { join } from 'node:path';
import { Kind, parse } from 'graphql';
import { listFiles, OPERATIONS, readText } from './files.mjs';

/** Bulk queries are files as well: Shopify gets their text as the argument of bulkOperationRunQuery. */
export const isBulk = (operation) => operation.name.startsWith('Bulk');

/** Returns {operations, problems}: each operation is {path, name, document}. */
export async function readOperations(root) {
  const files = (await listFiles(root, OPERATIONS)).filter(({ path }) => path.endsWith('.graphql'));
  const operations = [];
  const problems = [];
  for (const { path } of files) {
    const name = path.split('/').pop().replace(/\.graphql$/, '');
    try {
      const document = parse(await readText(root, join(OPERATIONS, path)));
      problems.push(...namingProblems(path, name, document));
      operations.push({ path, name, document });
    } catch (error) {
      problems.push(`${path}: ${error.message}`);
    }
  }
  return { operations, problems };
}

function namingProblems(path, name, document) {
  const found = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  if (found.length !== 1) return [`${path}: ${found.length} operations; a file holds one.`];
  const [{ name: given }] = found;
  return given?.value === name ? [] : [`${path}: its operation is called ${given?.value ?? 'nothing'}, not ${name}.`];
}
