/** The sizes and kinds of file that Shopify accepts in a theme app extension. */
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { EXTENSION, listFiles } from './files.mjs';

export const title = "sizes and kinds of the extension's files";

const KB = 1000;
const ALL_MOST = 10_000 * KB;
// Shopify's page says 100 KB, its command line 500 KB. The smaller of the two is safe under both.
const LIQUID_MOST = 100 * KB;
// Of a script and a style sheet Shopify counts what is sent, compressed.
const SCRIPT_MOST = 10 * KB;
const STYLE_MOST = 100 * KB;
const LOCALE_MOST = 15 * KB;
const LOCALES_MOST = 100;
const BLOCKS_MOST = 30;
const ASSETS = new Set(['.jpg', '.jpeg', '.json', '.js', '.css', '.png', '.svg', '.wasm']);
const FOLDERS = { assets: ASSETS, blocks: new Set(['.liquid']), snippets: new Set(['.liquid']), locales: new Set(['.json']) };

const sum = (files) => files.reduce((total, file) => total + file.size, 0);

function* kindProblems({ path }) {
  if (path === 'shopify.extension.toml') return;
  const [folder, ...rest] = path.split('/');
  if (!FOLDERS[folder] || rest.length !== 1) yield `${path}: no such place in a theme app extension.`;
  else if (!FOLDERS[folder].has(extname(path))) yield `${path}: ${folder}/ takes ${[...FOLDERS[folder]].join(', ')} only.`;
}

function* sizeProblems(name, size, most) {
  if (size > most) yield `${name}: ${size} bytes, ${most} at most.`;
}

async function* sentProblems(root, files, most) {
  for (const { path } of files) {
    const sent = gzipSync(await readFile(join(root, EXTENSION, path))).length;
    yield* sizeProblems(`${path}, compressed`, sent, most);
  }
}

export async function findProblems(root) {
  const files = await listFiles(root, EXTENSION);
  const of = (start, end) => files.filter(({ path }) => path.startsWith(start) && path.endsWith(end));
  const problems = files.flatMap((file) => [...kindProblems(file)]);
  const each = (found, most) => found.forEach(({ path, size }) => problems.push(...sizeProblems(path, size, most)));
  for await (const problem of sentProblems(root, of('assets/', '.js'), SCRIPT_MOST)) problems.push(problem);
  for await (const problem of sentProblems(root, of('assets/', '.css'), STYLE_MOST)) problems.push(problem);
  each(of('locales/', '.json'), LOCALE_MOST);
  problems.push(...sizeProblems('all files', sum(files), ALL_MOST));
  problems.push(...sizeProblems('all Liquid', sum(of('', '.liquid')), LIQUID_MOST));
  if (of('locales/', '.json').length > LOCALES_MOST) problems.push(`locales/: ${LOCALES_MOST} files at most.`);
  if (of('blocks/', '.liquid').length > BLOCKS_MOST) problems.push(`blocks/: ${BLOCKS_MOST} blocks at most.`);
  return problems;
}
