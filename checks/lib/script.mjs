/** The blocks' script as it is sent: made of its source, whose comments and names are for people. */
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { transform } from 'esbuild';
import { EXTENSION, readText } from './files.mjs';

export const title = "the blocks' script";

const SOURCE = 'extensions/recommendations.js';
const ASSET = `${EXTENSION}/assets/recommendations.js`;

async function makeAsset(root) {
  const { code } = await transform(await readText(root, SOURCE), { minify: true, target: 'es2022' });
  return `/* Made of ${SOURCE} by \`node checks/write.mjs\`. */\n${code}`;
}

export const writeAsset = async (root) => writeFile(join(root, ASSET), await makeAsset(root));

export async function findProblems(root) {
  if ((await readText(root, ASSET)) === (await makeAsset(root))) return [];
  return [`${ASSET} is not what ${SOURCE} makes: run node checks/write.mjs.`];
}
