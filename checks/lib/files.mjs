/** Where things are in the project, and how the checks read them. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { parse } from 'smol-toml';

export const EXTENSION = 'extensions/tailorbird-theme';
export const PIXEL = 'extensions/tailorbird-pixel/shopify.extension.toml';
export const OPERATIONS = 'backend/shopify/operations';

/** Returns every file under `folder` as {path, size}, paths relative to it with forward slashes. */
export async function listFiles(root, folder) {
  const base = join(root, folder);
  const entries = await readdir(base, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files.sort().map(async (file) => ({
      path: relative(base, file).split(sep).join('/'),
      size: (await stat(file)).size,
    })),
  );
}

export const readText = (root, path) => readFile(join(root, path), 'utf8');
export const readJson = async (root, path) => JSON.parse(await readText(root, path));
export const readToml = async (root, path) => parse(await readText(root, path));
export const readConfig = (root) => readToml(root, 'shopify.app.toml');

/** Returns the raw text between a block's schema tags, or null when it has none. */
export async function findSchemaText(root, path) {
  const found = (await readText(root, path)).match(/{%-?\s*schema\s*-?%}([\s\S]*?){%-?\s*endschema\s*-?%}/);
  return found?.[1] ?? null;
}

/** Returns the declared webhook topics in one list, compliance topics apart. */
export function listTopics(config) {
  const subscriptions = config.webhooks?.subscriptions ?? [];
  return {
    topics: subscriptions.flatMap((subscription) => subscription.topics ?? []),
    compliance: subscriptions.flatMap((subscription) => subscription.compliance_topics ?? []),
  };
}

/** Splits "read_products,write_products" into its scopes. */
export const splitScopes = (config) =>
  (config.access_scopes?.scopes ?? '')
    .split(',')
    .map((scope) => scope.trim())
    .filter(Boolean);
