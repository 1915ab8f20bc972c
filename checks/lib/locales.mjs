/** Each language says everything that English says, with the same placeholders. */
import { join } from 'node:path';
import { EXTENSION, listFiles, readJson } from './files.mjs';

export const title = 'translations complete, with the same placeholders';

function* leaves(node, path = []) {
  for (const [key, value] of Object.entries(node)) {
    if (typeof value === 'string') yield [[...path, key].join('.'), value];
    else yield* leaves(value, [...path, key]);
  }
}

const placeholders = (text) => (text.match(/{{\s*\w+\s*}}/g) ?? []).map((found) => found.replace(/\s/g, '')).sort().join();

function* differences(path, english, other) {
  for (const [key, text] of english) {
    if (!other.has(key)) yield `${path}: ${key} is missing.`;
    else if (!other.get(key).trim()) yield `${path}: ${key} is empty.`;
    else if (placeholders(text) !== placeholders(other.get(key))) yield `${path}: ${key} has other placeholders.`;
  }
  for (const key of other.keys()) if (!english.has(key)) yield `${path}: ${key} is not in English.`;
}

export async function findProblems(root) {
  const read = async (path) => new Map(leaves(await readJson(root, join(EXTENSION, path))));
  const paths = (await listFiles(root, EXTENSION)).map(({ path }) => path).filter((path) => path.startsWith('locales/'));
  const problems = [];
  for (const path of paths.filter((name) => !name.includes('en.default'))) {
    const kind = path.endsWith('.schema.json') ? '.schema.json' : '.json';
    problems.push(...differences(path, await read(`locales/en.default${kind}`), await read(path)));
  }
  return problems;
}
