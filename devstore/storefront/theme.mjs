/**
 * The theme: its templates, sections and assets, put together to a page.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeEngine } from './liquid/engine.mjs';

const FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), 'theme');

/** Where the theme's assets are served. */
export const ASSETS_PATH = '/cdn/theme/assets';

const assetVersions = new Map(readdirSync(path.join(FOLDER, 'assets')).map((name) => [name, digestOf(name)]));

function digestOf(name) {
  return createHash('sha256').update(readFileSync(path.join(FOLDER, 'assets', name))).digest('hex').slice(0, 12);
}

function readJson(...parts) {
  return JSON.parse(readFileSync(path.join(FOLDER, ...parts), 'utf8'));
}

const engine = makeEngine({
  folder: FOLDER,
  translations: readJson('locales', 'en.default.json'),
  locales: { fr: readJson('locales', 'fr.json') },
  assetUrl: (name) => `${ASSETS_PATH}/${name}?v=${assetVersions.get(name) ?? ''}`,
});
const templates = new Map();

/** The theme's own settings. */
export const settings = Object.freeze(readJson('config', 'settings.json'));

/** Return the path of an asset of the theme, or null. */
export function findAsset(name) {
  return assetVersions.has(name) ? path.join(FOLDER, 'assets', name) : null;
}

/** Return `{sections: {id: {type, settings}}, order: [id]}` of a template, or null. */
export function findTemplate(name) {
  if (!templates.has(name)) {
    const isThere = existsSync(path.join(FOLDER, 'templates', `${name}.json`));
    templates.set(name, isThere ? readJson('templates', `${name}.json`) : null);
  }
  return templates.get(name);
}

/**
 * Return the HTML of a page.
 *
 * @param {object} scope Liquid objects of the page
 * @param {object} page
 * @param {string} page.template name of a JSON template
 * @param {string} page.head what the apps add to the head
 * @param {string} page.appBlocks HTML of the app blocks on this template
 */
export function renderTemplate(scope, { template, head = '', appBlocks = '' }) {
  const { sections, order } = findTemplate(template);
  const withSections = { ...scope, render_section: (name) => renderSection(withSections, name, { type: name }) };
  const content = order.map((id) => renderSection(withSections, `template--${template}__${id}`, sections[id]));
  if (appBlocks) content.push(appsSection(template, appBlocks));
  return renderLayout(withSections, 'theme', content.join('\n'), head);
}

/** Return the HTML of a page whose body is already made, in a layout. */
export function renderLayout(scope, layout, content, head = '') {
  const withSections = { ...scope, render_section: (name) => renderSection(withSections, name, { type: name }) };
  return engine.renderFileSync(`layout/${layout}`, { ...withSections, content_for_layout: content, content_for_header: `${scope.platform_head}\n${head}` }, { globals: withSections });
}

/**
 * Return the HTML of Liquid that an app's proxy sent, with the layout it asks for.
 *
 * @param {object} scope
 * @param {string} source
 */
export function renderProxyLiquid(scope, source, head) {
  const choice = { layout: 'theme' };
  const content = engine.parseAndRenderSync(source, { ...scope, page_choice: choice }, { globals: scope });
  return choice.layout === null ? content : renderLayout(scope, choice.layout, content, head);
}

/** Return one section of the theme alone. */
export function renderSectionPage(scope, type) {
  return renderSection(scope, type, { type });
}

/** Snippets see none of a section's variables, but every object of the page: those are the globals. */
function renderSection(scope, id, { type, settings: chosen = {} }) {
  const section = { id, type, settings: chosen, blocks: [] };
  const html = engine.renderFileSync(`sections/${type}`, { ...scope, section }, { globals: scope });
  return `<div id="shopify-section-${id}" class="shopify-section">${html}</div>`;
}

/** New app blocks go to an Apps section below the others, as `target=newAppsSection` asks. */
function appsSection(template, html) {
  return `<section id="shopify-section-template--${template}__apps" class="shopify-section shopify-section--apps"><div class="page-width">${html}</div></section>`;
}
