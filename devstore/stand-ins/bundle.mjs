/**
 * The scripts that Shopify serves from its CDN, put together from their sources.
 *
 * The real ones are classic scripts, so ours must be too: a module would run
 * late, after the page has painted without its elements.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));

/** Sources of each script, each after those it imports from. */
export const SCRIPTS = {
  'polaris.js': ['tokens', 'element', 'icons', 'layout', 'content', 'actions', 'fields', 'tables'].map((name) => `polaris/${name}.js`),
  'app-bridge.js': ['channel', 'session', 'surfaces', 'global'].map((name) => `app-bridge/${name}.js`),
  'storefront.js': ['storefront/consent.js', 'storefront/analytics.js'],
  'pixel-worker.js': ['storefront/pixel-worker.js'],
  'actions.js': ['storefront/actions.js'],
};

/**
 * Return one of the scripts as a single classic script.
 *
 * @param {keyof SCRIPTS} name
 */
export async function bundle(name) {
  const sources = await Promise.all(SCRIPTS[name].map((file) => readFile(path.join(HERE, file), 'utf8')));
  return `(() => {\n'use strict';\n${sources.map(withoutModuleSyntax).join('\n')}\n})();\n`;
}

function withoutModuleSyntax(source) {
  return source.replace(/^import [^;]*;\n/gm, '').replace(/^export (?=const|let|class|function|async)/gm, '');
}
