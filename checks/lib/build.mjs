/**
 * `shopify app build`, without login or network: Shopify's own reading of the TOML files and the extension.
 *
 * It works on a copy, so that it leaves nothing in the tree, and without the UI's build command: `make` builds the UI.
 */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readConfig } from './files.mjs';

export const title = "Shopify's own build of the app";

const DEADLINE_MS = 120_000;
const CLI = join(dirname(createRequire(import.meta.url).resolve('@shopify/cli/package.json')), 'bin/run.js');

async function copyApp(root, place) {
  await cp(join(root, 'shopify.app.toml'), join(place, 'shopify.app.toml'));
  await cp(join(root, 'extensions'), join(place, 'extensions'), {
    recursive: true,
    filter: (path) => !/\/(node_modules|dist)$/.test(path),
  });
  // The pixel is bundled with its package; the others are not looked at.
  await symlink(join(root, 'node_modules'), join(place, 'node_modules'));
  await writeFile(join(place, 'package.json'), JSON.stringify({ name: 'tailorbird', private: true }));
  for (const folder of (await readConfig(root)).web_directories ?? []) {
    await mkdir(join(place, folder), { recursive: true });
    const web = await readFile(join(root, folder, 'shopify.web.toml'), 'utf8');
    await writeFile(join(place, folder, 'shopify.web.toml'), web.replace(/^build\s*=.*$/m, ''));
  }
}

function runBuild(place) {
  const child = spawn(process.execPath, [CLI, 'app', 'build', '--skip-dependencies-installation', '--path', place], {
    cwd: place,
    env: { ...process.env, CI: '1', NO_COLOR: '1', FORCE_COLOR: '0', SHOPIFY_CLI_NO_ANALYTICS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEADLINE_MS,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}

/* The frames that the command line draws around its messages say nothing. */
const strip = (output) => output.split('\n').map((line) => line.replace(/[│╭╮╰╯─]/g, '').trim()).filter(Boolean);

export async function findProblems(root) {
  const place = await mkdtemp(join(tmpdir(), 'tailorbird-build-'));
  try {
    await copyApp(root, place);
    const { code, signal, output } = await runBuild(place);
    if (code === 0) return [];
    const reason = signal ? `stopped by ${signal}` : `exit ${code}`;
    return [`shopify app build failed (${reason}): ${strip(output).slice(-12).join(' ')}`];
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
