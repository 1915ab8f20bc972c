/**
 * Take Shopify's own Admin API schema from its npm package and keep it in devstore/.schema.
 *
 * The package itself is no dependency: it would bring hundreds of others.
 * Running this again does nothing.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { API_VERSION } from '../config.mjs';

const PACKAGE = '@shopify/dev-mcp@1.16.0';
const FILE = `admin_${API_VERSION}.json.gz`;
const FOLDER = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), '.schema');
const NOTICE = `${FILE} was taken unchanged from the npm package ${PACKAGE},
published by Shopify Inc. under the ISC licence:

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY
SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER
RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT,
NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE
USE OR PERFORMANCE OF THIS SOFTWARE.
`;

/** Return the schema's path, having fetched it if it was missing. */
export function ensureSchema(folder = FOLDER) {
  const target = path.join(folder, FILE);
  if (isWhole(target)) return target;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(path.join(tmpdir(), 'tailorbird-schema-'));
  try {
    install(findFile(fetchPackage(work)), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  writeFileSync(path.join(folder, 'NOTICE.txt'), NOTICE);
  return target;
}

function fetchPackage(work) {
  const output = execFileSync('npm', ['pack', PACKAGE, '--silent', '--pack-destination', work], { encoding: 'utf8', cwd: work });
  execFileSync('tar', ['-xzf', path.join(work, output.trim().split('\n').at(-1)), '-C', work]);
  return path.join(work, 'package');
}

function findFile(folder) {
  const found = readdirSync(folder, { recursive: true }).find((name) => path.basename(name) === FILE);
  if (!found) throw new Error(`${PACKAGE} holds no ${FILE}.`);
  return path.join(folder, found);
}

/** A half-written file must never stand under the final name. */
function install(source, target) {
  if (!isWhole(source)) throw new Error(`${FILE} of ${PACKAGE} is not an introspection of the Admin API.`);
  const partial = `${target}.${process.pid}`;
  copyFileSync(source, partial);
  renameSync(partial, target);
}

function isWhole(file) {
  if (!existsSync(file)) return false;
  try {
    return JSON.parse(gunzipSync(readFileSync(file))).data.__schema.queryType.name === 'QueryRoot';
  } catch {
    return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = ensureSchema();
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
  console.log(`${path.relative(process.cwd(), file)} sha256 ${digest}`);
}
