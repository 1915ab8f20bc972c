/**
 * Runs every check of what Shopify will read from this project: theme blocks, shopify.app.toml, GraphQL operations.
 *
 *   node checks/run.mjs            all of them
 *   node checks/run.mjs toml build those two
 *
 * A check is a module with a `title` and `findProblems(root)`, which gives one sentence per problem and none when all
 * is well. Exit 1 when any has a problem, 2 when a name is unknown.
 */
import { fileURLToPath } from 'node:url';
import * as arms from './lib/arms.mjs';
import * as blocks from './lib/blocks.mjs';
import * as build from './lib/build.mjs';
import * as graphql from './lib/graphql.mjs';
import * as limits from './lib/limits.mjs';
import * as locales from './lib/locales.mjs';
import * as scopes from './lib/scopes.mjs';
import * as script from './lib/script.mjs';
import * as theme from './lib/theme.mjs';
import * as toml from './lib/toml.mjs';

export const CHECKS = { theme, blocks, script, arms, locales, limits, toml, graphql, scopes, build };
const ROOT = fileURLToPath(new URL('../', import.meta.url));

async function runOne(name, root) {
  const startedAt = performance.now();
  const problems = await CHECKS[name].findProblems(root);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${problems.length ? 'FAILED' : 'ok    '} ${name.padEnd(8)} ${CHECKS[name].title} (${seconds} s)`);
  for (const problem of problems) console.log(`         - ${problem}`);
  return problems.length;
}

export async function run(names, root = ROOT) {
  const unknown = names.filter((name) => !Object.hasOwn(CHECKS, name));
  if (unknown.length) {
    console.error(`No check is called ${unknown.join(', ')}. There are ${Object.keys(CHECKS).join(', ')}.`);
    return 2;
  }
  let found = 0;
  for (const name of names.length ? names : Object.keys(CHECKS)) found += await runOne(name, root);
  return found ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await run(process.argv.slice(2));
