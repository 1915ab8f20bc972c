/**
 * The app's theme extensions: their blocks, rendered and wrapped as Shopify does.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'smol-toml';
import { LOCALES } from '../markets.mjs';
import { makeEngine } from './liquid/engine.mjs';
import { makeTranslator } from './liquid/translate.mjs';
import { collectionDrop, metafieldsDrop, productDropOf } from './drops.mjs';

const SCHEMA_PATTERN = /\{%-?\s*schema\s*-?%\}([\s\S]*?)\{%-?\s*endschema\s*-?%\}/;

/** How long a look at the extension's files stays good, in milliseconds. */
const FRESH_MS = 1000;

/** A block or extension that Shopify would not have taken at deploy. */
export class BadExtension extends Error {}

/** The blocks of all theme extensions under a folder; files that change are read again. */
export class BlockLibrary {
  #folder;
  #loaded = { stamp: null, extensions: [] };
  #lookedAt = -Infinity;

  /** @param {string} folder holds one folder per extension */
  constructor(folder) {
    this.#folder = folder;
  }

  /** Return all theme extensions. */
  extensions() {
    const now = performance.now();
    if (now - this.#lookedAt < FRESH_MS) return this.#loaded.extensions;
    this.#lookedAt = now;
    const folders = themeFolders(this.#folder);
    const stamp = folders.flatMap(filesOf).map((file) => `${file}@${statSync(file).mtimeMs}`).join('\n');
    if (stamp !== this.#loaded.stamp) this.#loaded = { stamp, extensions: folders.map(readExtension) };
    return this.#loaded.extensions;
  }

  /** Return a block by its handle, the name of its file, or null. */
  find(handle) {
    return this.extensions().flatMap(({ blocks }) => blocks).find((block) => block.handle === handle) ?? null;
  }

  /** Return the path of an asset of an extension, or null. */
  findAsset(extensionHandle, name) {
    const extension = this.extensions().find(({ handle }) => handle === extensionHandle);
    return extension?.assets.has(name) ? path.join(extension.folder, 'assets', name) : null;
  }
}

function themeFolders(folder) {
  if (!existsSync(folder)) return [];
  const folders = readdirSync(folder).map((name) => path.join(folder, name));
  return folders.filter((each) => tomlOf(each)?.type === 'theme');
}

function tomlOf(folder) {
  const file = path.join(folder, 'shopify.extension.toml');
  if (!existsSync(file)) return null;
  const content = parse(readFileSync(file, 'utf8'));
  return content.extensions?.[0] ?? content;
}

function filesOf(folder) {
  return ['blocks', 'snippets', 'assets', 'locales'].flatMap((kind) => listFiles(path.join(folder, kind)));
}

function listFiles(folder) {
  return existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : [];
}

function readExtension(folder) {
  const handle = tomlOf(folder).handle ?? path.basename(folder);
  const assets = new Map(listFiles(path.join(folder, 'assets')).map((file) => [path.basename(file), digestOf(file)]));
  const assetUrl = (name) => `/cdn/extensions/${handle}/assets/${name}?v=${assets.get(name) ?? ''}`;
  const locales = Object.fromEntries(Object.keys(LOCALES).map((locale) => [locale, readLocale(folder, `${locale}.json`)]));
  const engine = makeEngine({ folder, translations: readLocale(folder, 'en.default.json'), locales, assetUrl });
  const extension = { handle, folder, assets, assetUrl, engine };
  const words = makeTranslator(readLocale(folder, 'en.default.schema.json'));
  return { ...extension, blocks: listFiles(path.join(folder, 'blocks')).map((file) => readBlock(extension, file, words)) };
}

function readLocale(folder, name) {
  const file = path.join(folder, 'locales', name);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

function digestOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
}

function readBlock(extension, file, words) {
  const handle = path.basename(file, '.liquid');
  const source = SCHEMA_PATTERN.exec(readFileSync(file, 'utf8'))?.[1];
  if (!source) throw new BadExtension(`Block ${handle} of ${extension.handle} has no schema.`);
  const schema = translateSchema(parseSchema(source, handle), words);
  for (const asset of [schema.stylesheet, schema.javascript]) {
    if (asset && !extension.assets.has(asset)) throw new BadExtension(`Block ${handle} names the asset ${asset}, which does not exist.`);
  }
  return { handle, schema, extension };
}

function parseSchema(source, handle) {
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new BadExtension(`The schema of block ${handle} is not JSON: ${error.message}`);
  }
}

function translateSchema(node, words) {
  if (typeof node === 'string') return node.startsWith('t:') ? words(node.slice(2)) : node;
  if (Array.isArray(node)) return node.map((each) => translateSchema(each, words));
  if (!node || typeof node !== 'object') return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, translateSchema(value, words)]));
}

/**
 * Return whether a block may stand on a template, by `enabled_on` and `disabled_on`.
 *
 * @param {object} schema
 * @param {string} template `product`, `index`
 */
export function isAllowedOn(schema, template) {
  const names = (rule) => rule?.templates ?? [];
  const matches = (rule) => names(rule).includes(template) || names(rule).includes('*');
  if (schema.enabled_on?.templates) return matches(schema.enabled_on);
  return !matches(schema.disabled_on);
}

/**
 * Return the settings of a block as its template reads them: what the merchant chose, else the schema's defaults.
 *
 * @param {object} schema
 * @param {Record<string, unknown>} chosen
 * @param {import('./drops.mjs').View} view
 * @param {{product?: object, collection?: object}} page objects that an `autofill` setting takes
 */
export function resolveSettings(schema, chosen, view, page) {
  const settings = (schema.settings ?? []).filter(({ id }) => id);
  return Object.fromEntries(settings.map((setting) => [setting.id, resolveSetting(setting, chosen[setting.id] ?? setting.default, view, page)]));
}

function resolveSetting(setting, value, view, page) {
  if (setting.type === 'product') return productSetting(setting, value, view, page);
  if (setting.type === 'collection') return collectionSetting(setting, value, view, page);
  if (setting.type === 'checkbox') return value === true || value === 'true';
  if (setting.type === 'range' || setting.type === 'number') return value === undefined ? null : Number(value);
  return value ?? '';
}

function productSetting(setting, handle, view, page) {
  if (!handle) return setting.autofill ? page.product ?? null : null;
  return productDropOf(view, view.shop.findProductByHandle(handle));
}

function collectionSetting(setting, handle, view, page) {
  if (!handle) return setting.autofill ? page.collection ?? null : null;
  const collection = view.shop.findCollectionByHandle(handle);
  return collection && collectionDrop(view, collection);
}

/**
 * Return a block's HTML in the element that Shopify puts around it.
 *
 * @param {object} block from the library
 * @param {{id: string, settings: object}} placed how it stands on the template
 * @param {object} scope Liquid objects of the page
 * @param {{view: object, installationGid: string}} parts
 */
export function renderBlock(block, placed, scope, { view, installationGid }) {
  const { schema, extension, handle } = block;
  const isDesign = scope.request.design_mode;
  const attributes = JSON.stringify({ id: placed.id, type: `shopify://apps/tailorbird/blocks/${handle}` });
  const objects = {
    ...scope,
    app: { metafields: metafieldsDrop(view, installationGid) },
    block: {
      id: placed.id,
      type: handle,
      settings: resolveSettings(schema, placed.settings, view, scope),
      shopify_attributes: isDesign ? `data-shopify-editor-block='${attributes.replaceAll("'", '&#39;')}'` : '',
    },
  };
  // A snippet sees none of the block's variables, but every object of the page: those are the globals.
  const html = extension.engine.renderFileSync(`blocks/${handle}`, objects, { globals: scope });
  const tag = schema.tag ?? 'div';
  const classes = ['shopify-block', 'shopify-app-block', schema.class].filter(Boolean).join(' ');
  return `<${tag} id="shopify-block-${placed.id}" class="${classes}">${html}</${tag}>`;
}

/** Return the head elements for the blocks of a page: each stylesheet and script once. */
export function headOf(blocks) {
  const urls = (key) => [...new Set(blocks.filter(({ schema }) => schema[key]).map(({ schema, extension }) => extension.assetUrl(schema[key])))];
  const styles = urls('stylesheet').map((url) => `<link href="${url}" rel="stylesheet" type="text/css" media="all">`);
  const scripts = urls('javascript').map((url) => `<script src="${url}" type="text/javascript" defer="defer"></script>`);
  return [...styles, ...scripts].join('\n');
}
