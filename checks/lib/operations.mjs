/** The GraphQL operations of the backend, parsed. */
import { join } from 'node:path';
import { Kind, parse, visit } from 'graphql';
import { listFiles, OPERATIONS, readText } from './files.mjs';

/**
 * Whether a file is the query of a bulk operation, whose text goes to Shopify as the argument of bulkOperationRunQuery.
 *
 * These are the bulk_ files, but for those that start, watch or end a bulk operation.
 */
export function isBulk({ name, document }) {
  const [operation] = document.definitions;
  const [root] = operation.selectionSet.selections;
  return name.startsWith('bulk_') && operation.operation === 'query' && !root.name?.value.startsWith('bulkOperation');
}

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

/**
 * Returns the topics that operations subscribe to, as the schema names them: those of shops whose merchant granted
 * what they need, where shopify.app.toml would subscribe to them in all shops.
 */
export function subscribedTopics(operations) {
  const topics = [];
  for (const { document } of operations) {
    visit(document, {
      Field({ name, arguments: given }) {
        if (name.value !== 'webhookSubscriptionCreate') return;
        const topic = given.find((each) => each.name.value === 'topic')?.value;
        if (topic?.kind === Kind.ENUM) topics.push(topic.value);
      },
    });
  }
  return topics;
}

function namingProblems(path, name, document) {
  const found = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  if (found.length !== 1) return [`${path}: ${found.length} operations; a file holds one.`];
  const given = found[0].name?.value ?? 'nothing';
  const expected = name.replace(/(?:^|_)([a-z])/g, (_, letter) => letter.toUpperCase());
  return given === expected ? [] : [`${path}: its operation is called ${given}, not ${expected}.`];
}
