/** Chromium for the browser tests, and what they ask of a page. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The packages of the browser tests are pinned and installed with those of the checks.
const require = createRequire(new URL('../../checks/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Git-ignored; every picture is named after what it shows. */
export const PICTURES = fileURLToPath(new URL('../../.data/screenshots/', import.meta.url));

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const ARGUMENTS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/** Returns the path of a Chromium on this machine, or null. CHROMIUM_PATH goes first. */
export function findChromium() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  for (const name of NAMES) {
    try {
      return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    } catch {
      continue;
    }
  }
  return null;
}

/** Why the browser tests are skipped here, or false. */
export const noBrowser = findChromium() ? false : 'no Chromium here: install one or set CHROMIUM_PATH';

export async function openBrowser() {
  return chromium.launch({ executablePath: findChromium(), args: ARGUMENTS });
}

/** Saves a picture of the page for a person to look at. */
export async function picture(page, name, options = {}) {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), ...options });
}

/** Returns what axe-core finds wrong in a page or frame, one line each; `within` narrows it to a selector. */
export async function findBarriers(page, within = 'html') {
  await page.addScriptTag({ content: AXE });
  const { violations } = await page.evaluate((selector) => window.axe.run(selector), within);
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)}`));
}
