/** Shopify's theme check as a gate: `shopify app build` runs it too, but succeeds whatever it finds. */
import { join } from 'node:path';
import { themeCheckRun } from '@shopify/theme-check-node';
import { EXTENSION } from './files.mjs';

export const title = "Shopify's theme check on the theme blocks";

// It weighs files as they lie on the disk, while Shopify's limit is for what is sent: see the check of limits.
const isWeight = ({ check, message }) => /^AssetSizeAppBlock/.test(check) && message.includes('exceeds the configured threshold');

export async function findProblems(root) {
  const folder = join(root, EXTENSION);
  const { offenses } = await themeCheckRun(folder, 'theme-check:theme-app-extension');
  return offenses.filter((offense) => !isWeight(offense)).map(({ check, uri, start, message }) => {
    const path = decodeURIComponent(new URL(uri).pathname).split(`${EXTENSION}/`).pop();
    return `${path}:${start.line + 1} ${check}: ${message}`;
  });
}
