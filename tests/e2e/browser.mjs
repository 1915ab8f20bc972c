/** What the browser tests ask of a page. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export { launch } from '../../devstore/test/browser.mjs';

// The packages of browser tests are those of the local Shopify, whose pages they are about.
const require = createRequire(new URL('../../devstore/package.json', import.meta.url));
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Git-ignored; every picture is named after what it shows. */
export const PICTURES = fileURLToPath(new URL('../../.data/screenshots/', import.meta.url));

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

/** Runs in every page, before anything of it: keeps the names of what a storefront's page tells Shopify's analytics in `told`. */
export function listen() {
  window.told = [];
  addEventListener('DOMContentLoaded', () => {
    const analytics = window.Shopify?.analytics;
    if (!analytics) return;
    const { publish } = analytics;
    analytics.publish = (name, data) => {
      window.told.push(name);
      return publish?.(name, data);
    };
  });
}
