/**
 * A Liquid engine as Shopify's: its filters, its tags, and nothing passed over in silence.
 */
import path from 'node:path';
import { Liquid } from 'liquidjs';
import { makeFilters } from './filters.mjs';
import { registerTags } from './tags.mjs';
import { makeTranslator } from './translate.mjs';

/**
 * Return an engine for the templates under one folder.
 *
 * @param {object} origin
 * @param {string} origin.folder holds `snippets/` and whatever folder templates are named by
 * @param {object} origin.translations content of the default locale's file
 * @param {Record<string, object>} [origin.locales] contents of further locale files by language
 * @param {(name: string) => string} origin.assetUrl
 */
export function makeEngine({ folder, translations, locales = {}, assetUrl }) {
  const engine = new Liquid({
    root: folder,
    partials: path.join(folder, 'snippets'),
    extname: '.liquid',
    cache: true,
    strictFilters: true,
    ownPropertyOnly: true,
    relativeReference: false,
  });
  const filters = makeFilters({ assetUrl, translate: makeTranslator(translations, locales) });
  for (const [name, filter] of Object.entries(filters)) engine.registerFilter(name, filter);
  registerTags(engine);
  return engine;
}
