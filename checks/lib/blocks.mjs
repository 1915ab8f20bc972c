/** The `{% schema %}` of each block, which theme check does not read in app extensions. */
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Ajv from 'ajv';
import { EXTENSION, findSchemaText, listFiles } from './files.mjs';

export const title = 'block schemas against those of Shopify';

const DATA = join(dirname(createRequire(import.meta.url).resolve('@shopify/theme-check-docs-updater')), '../data');
const NAME_MOST = 24; // characters; Shopify asks for fewer than 25
// Liquid reads `block.settings.limit` as the keyword of a loop in some places, so these make poor ids.
const LIQUID_KEYWORDS = new Set(['limit', 'offset', 'cols', 'reversed', 'first', 'last', 'size']);

// Only app blocks know `autofill`, and the bundled schemas describe those of themes: it is checked here instead.
const AUTOFILLED = new Set(['article', 'blog', 'collection', 'page', 'product']);

/* From Shopify's page on the configuration of theme app extensions; it publishes no JSON schema for app blocks. */
const APP_BLOCK = {
  type: 'object',
  required: ['name', 'target'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1 },
    target: { enum: ['section', 'head', 'compliance_head', 'body'] },
    javascript: { type: 'string' },
    stylesheet: { type: 'string' },
    enabled_on: { $ref: '#/definitions/places' },
    disabled_on: { $ref: '#/definitions/places' },
    class: { type: 'string' },
    tag: { type: 'string' },
    default: { type: 'object' },
    available_if: { type: 'string', pattern: '^\\{\\{.*\\}\\}$' },
    settings: { $ref: 'settings.json' },
  },
  definitions: {
    places: {
      type: 'object',
      additionalProperties: false,
      properties: {
        templates: { type: 'array', items: { type: 'string' } },
        groups: { type: 'array', items: { type: 'string' } },
      },
    },
  },
};

async function makeValidator() {
  const ajv = new Ajv({ allErrors: true, strict: false });
  for (const name of ['settings.json', 'setting.json', 'default_setting_values.json']) {
    ajv.addSchema(JSON.parse(await readFile(join(DATA, name), 'utf8')), name);
  }
  return ajv.compile(APP_BLOCK);
}

function translate(text, words) {
  if (!text.startsWith('t:')) return text;
  return text.slice(2).split('.').reduce((node, part) => node?.[part], words) ?? null;
}

function* nameProblems(name, words, language) {
  const shown = translate(name, words);
  if (shown === null) return yield `${language}: the name ${name} has no translation.`;
  if (shown.length > NAME_MOST) yield `${language}: the name "${shown}" has more than ${NAME_MOST} characters.`;
  if (/tailorbird/i.test(shown)) yield `${language}: the name "${shown}" holds the app's name.`;
}

function* keyProblems(node, words, language) {
  if (typeof node === 'string' && node.startsWith('t:') && translate(node, words) == null) {
    yield `${language}: ${node} has no translation.`;
  }
  if (node && typeof node === 'object') {
    for (const child of Object.values(node)) yield* keyProblems(child, words, language);
  }
}

function* settingProblems(settings = []) {
  const seen = new Set();
  for (const { id, type, autofill } of settings.filter((setting) => 'autofill' in setting)) {
    if (typeof autofill !== 'boolean' || !AUTOFILLED.has(type)) yield `the setting "${id}" cannot be filled by itself.`;
  }
  for (const { id } of settings.filter((setting) => setting.id)) {
    if (seen.has(id)) yield `two settings have the id "${id}".`;
    if (LIQUID_KEYWORDS.has(id)) yield `the setting id "${id}" is a word of Liquid.`;
    seen.add(id);
  }
}

function withoutAutofill(schema) {
  const plain = structuredClone(schema);
  if (Array.isArray(plain.settings)) for (const setting of plain.settings) delete setting.autofill;
  return plain;
}

function* blockProblems(schema, { validate, files, languages }) {
  if (!validate(withoutAutofill(schema))) {
    for (const { instancePath, message } of validate.errors) yield `schema${instancePath} ${message}.`;
    return;
  }
  for (const asset of [schema.javascript, schema.stylesheet].filter(Boolean)) {
    if (!files.has(`assets/${asset}`)) yield `there is no asset ${asset}.`;
  }
  yield* settingProblems(schema.settings);
  for (const [language, words] of languages) {
    yield* nameProblems(schema.name, words, language);
    yield* keyProblems({ ...schema, name: '' }, words, language);
  }
}

async function readLanguages(root, paths) {
  const found = paths.filter((path) => /^locales\/.*\.schema\.json$/.test(path));
  return Promise.all(
    found.map(async (path) => [path, JSON.parse(await readFile(join(root, EXTENSION, path), 'utf8'))]),
  );
}

export async function findProblems(root) {
  const paths = (await listFiles(root, EXTENSION)).map((file) => file.path);
  const context = {
    validate: await makeValidator(),
    files: new Set(paths),
    languages: await readLanguages(root, paths),
  };
  const problems = [];
  for (const path of paths.filter((name) => /^blocks\/.*\.liquid$/.test(name))) {
    problems.push(...(await oneBlock(root, path, context)).map((problem) => `${path}: ${problem}`));
  }
  return problems;
}

async function oneBlock(root, path, context) {
  const text = await findSchemaText(root, join(EXTENSION, path));
  if (text === null) return ['it has no schema.'];
  try {
    return [...blockProblems(JSON.parse(text), context)];
  } catch (error) {
    if (error instanceof SyntaxError) return [`its schema is not JSON: ${error.message}.`];
    throw error;
  }
}
