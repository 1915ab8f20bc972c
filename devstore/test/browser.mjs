/**
 * A Chromium for the browser tests, also on a machine that has none.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

const SYSTEM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** No sandbox: tests may run as root. The rest keeps the browser from asking the internet. */
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Where the packaged browser is unpacked, once for all checkouts of this user. */
const CACHE = path.join(os.homedir(), '.cache', 'tailorbird-chromium');

/**
 * Start a browser: the one of `CHROMIUM_PATH`, one on the `PATH`, else the one that the package `@sparticuz/chromium` holds.
 *
 * @param {import('playwright-core').LaunchOptions} [options]
 * @returns {Promise<import('playwright-core').Browser>}
 */
export async function launch(options = {}) {
  const system = process.env.CHROMIUM_PATH || findOnPath(SYSTEM_NAMES);
  if (system) return chromium.launch({ executablePath: system, args: ARGUMENTS, ...options });
  const { executablePath, env } = unpackBrowser();
  return chromium.launch({ executablePath, args: ARGUMENTS, env: { ...process.env, ...env }, ...options });
}

function findOnPath(names) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.flatMap((folder) => names.map((name) => path.join(folder, name))).find(isExecutable) ?? null;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Unpack the packaged browser with the libraries that a bare system lacks (NSS, NSPR, expat).
 *
 * The package takes its folder from TMPDIR and adds the libraries only where it
 * believes itself on a cloud function, so a child process is told both.
 */
function unpackBrowser() {
  mkdirSync(CACHE, { recursive: true });
  const script = "import('@sparticuz/chromium').then(async ({default: chromium}) => console.log(await chromium.executablePath()))";
  const env = { ...process.env, TMPDIR: CACHE, VERCEL: '1' };
  const executablePath = execFileSync(process.execPath, ['-e', script], { cwd: import.meta.dirname, env, encoding: 'utf8' }).trim();
  return { executablePath, env: { LD_LIBRARY_PATH: path.join(CACHE, 'al2023', 'lib'), FONTCONFIG_PATH: path.join(CACHE, 'fonts') } };
}
