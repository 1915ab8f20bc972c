/**
 * Which arm of a rollout visitors are in, as the storefront's own script draws it.
 *
 *   node checks/arms.mjs < questions
 *
 * reads JSON lines {"draw", "share", "holdout", "salt", "visitors": [...]} and answers each with one line:
 * [{"arm", "bucket"}, ...]; see lib/arms.mjs
 */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { drawArms } from './lib/arms.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

for await (const line of createInterface({ input: process.stdin })) {
  const { visitors, ...carousel } = JSON.parse(line);
  console.log(JSON.stringify(await drawArms(ROOT, carousel, visitors)));
}
