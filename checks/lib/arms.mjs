/** The script that chooses which list of a rollout a page shows: made of its source, small, and run here as a page runs it. */
import { join } from 'node:path';
import { Script } from 'node:vm';
import { writeFile } from 'node:fs/promises';
import { transform } from 'esbuild';
import { EXTENSION, readText } from './files.mjs';

export const title = 'the script that chooses the list of a rollout';

const SOURCE = 'extensions/choose-arm.js';
const SNIPPET = `${EXTENSION}/snippets/recommendation-arm.liquid`;
/** It stands in the page once a block, before anything is painted. */
const BYTES_MOST = 1024;

/** Returns the snippet that the source makes. */
async function makeSnippet(root) {
  const { code } = await transform(await readText(root, SOURCE), { minify: true, target: 'es2020' });
  return `{%- comment -%} Made of ${SOURCE} by \`node checks/write.mjs\`. {%- endcomment -%}
<script>${code.trim()}</script>
`;
}

export const writeSnippet = async (root) => writeFile(join(root, SNIPPET), await makeSnippet(root));

/** Returns the script element that a page holds. */
async function readElement(root) {
  return (await readText(root, SNIPPET)).match(/<script>[\s\S]*<\/script>/)?.[0] ?? '';
}

export async function findProblems(root) {
  const problems = [];
  if ((await readText(root, SNIPPET)) !== (await makeSnippet(root))) {
    problems.push(`${SNIPPET} is not what ${SOURCE} makes: run node checks/write.mjs.`);
  }
  const size = Buffer.byteLength(await readElement(root));
  if (/<script>[^<]*{[{%]/.test(await readText(root, SNIPPET))) problems.push(`${SNIPPET}: the script holds what Liquid reads as its own.`);
  if (size > BYTES_MOST) problems.push(`${SNIPPET}: the script is ${size} bytes, ${BYTES_MOST} at most.`);
  return problems;
}

/**
 * Returns what a page's own script draws for some visitors.
 *
 * @param {string} root of the project
 * @param {object} carousel the data of the block's element: `draw` (salt), `share` in percent, and `holdout` (percent) with
 *   `salt` where visitors are held out; `rendered` and `until` (unix seconds) hold now unless they are given
 * @param {string[]} visitors their browsers' ids
 * @returns {Promise<{arm: string | null, bucket: number | null}[]>} `arm` is null outside of the rollout, `bucket` outside of the
 *   two arms that are compared
 */
export async function drawArms(root, carousel, visitors) {
  const script = new Script((await readElement(root)).replace(/^<script>|<\/script>$/g, ''));
  return visitors.map((visitor) => drawOne(script, { rendered: 0, until: Infinity, ...carousel }, visitor));
}

function drawOne(script, carousel, visitor) {
  const dataset = Object.fromEntries(Object.entries(carousel).map(([name, value]) => [name, String(value)]));
  const template = { content: { querySelectorAll: () => [], append() {} } };
  const list = { closest: () => ({ dataset }), previousElementSibling: template, cloneNode: () => ({ append() {} }), replaceWith() {} };
  const document = { currentScript: { parentNode: list, remove() {} } };
  script.runInNewContext({ document, localStorage: { getItem: () => visitor } });
  return { arm: dataset.arm ?? null, bucket: dataset.bucket === undefined ? null : Number(dataset.bucket) };
}
