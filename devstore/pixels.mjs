/**
 * The app's web pixel: what its shopify.extension.toml says, which settings it takes, and its bundle.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { parse } from 'smol-toml';
import { BadConfig } from './config.mjs';

const TYPE = 'web_pixel_extension';
const BUNDLE_BYTES = 128 * 1024;

/** Shopify starts a pixel only where the app has both. */
export const PIXEL_SCOPES = Object.freeze(['write_pixels', 'read_customer_events']);

/** What a visitor has to allow, by the key of `[customer_privacy]`. */
const PURPOSES = Object.freeze(['analytics', 'marketing', 'preferences']);

/** The first file of an extension that is there, as Shopify's CLI looks for it. */
const ENTRIES = ['js', 'jsx', 'ts', 'tsx'].flatMap((ending) => [`src/index.${ending}`, `index.${ending}`]);

export class Pixel {
  /**
   * Return the app's pixel, or null for an app without one.
   *
   * @throws {BadConfig} when Shopify would not take it
   */
  static find(extensionsDir) {
    const folders = existsSync(extensionsDir) ? readdirSync(extensionsDir).map((name) => path.join(extensionsDir, name)) : [];
    for (const folder of folders) {
      const file = path.join(folder, 'shopify.extension.toml');
      const about = existsSync(file) ? parse(readFileSync(file, 'utf8')) : {};
      if (about.type === TYPE) return new Pixel(folder, about);
    }
    return null;
  }

  constructor(folder, about) {
    if (about.runtime_context !== 'strict') throw new BadConfig(`A pixel of an app runs in the strict sandbox, not in ${about.runtime_context}.`);
    this.folder = folder;
    this.fields = about.settings?.fields ?? {};
    this.purposes = PURPOSES.filter((purpose) => about.customer_privacy?.[purpose] === true);
  }

  /** Return why the pixel cannot have these settings, or null: every field is needed, and no other is known. */
  faultOf(settings) {
    const unknown = Object.keys(settings).find((key) => !Object.hasOwn(this.fields, key));
    if (unknown) return `Settings hold the unknown field ${unknown}.`;
    const faults = Object.entries(this.fields).map(([key, field]) => faultOfField(key, field, settings[key]));
    return faults.find(Boolean) ?? null;
  }

  /** Return the pixel's code in one script, bundled with the options of Shopify's CLI. */
  async bundle() {
    const entry = ENTRIES.map((name) => path.join(this.folder, name)).find(existsSync);
    const { outputFiles: [file] } = await build({
      entryPoints: [entry], bundle: true, write: false, minify: true, target: 'es6', legalComments: 'none', logLevel: 'silent',
    });
    if (file.contents.length > BUNDLE_BYTES) throw new BadConfig(`The web pixel exceeds the total file size limit (128 kB).`);
    return file.text;
  }
}

function faultOfField(key, { validations = [] }, value) {
  if (typeof value !== 'string') return `Settings lack the text ${key}.`;
  const limits = Object.fromEntries(validations.map(({ name, value: limit }) => [name, limit]));
  if (value.length < Number(limits.min ?? 0)) return `${key} is shorter than ${limits.min}.`;
  if (value.length > Number(limits.max ?? Infinity)) return `${key} is longer than ${limits.max}.`;
  return limits.regex === undefined || new RegExp(limits.regex).test(value) ? null : `${key} does not match ${limits.regex}.`;
}
