/** Shopify's theme check as a gate: `shopify app build` runs it too, but succeeds whatever it finds. */
import { join } from 'node:path';
import { themeCheckRun } from '@shopify/theme-check-node';
import { EXTENSION } from './files.mjs';

export const title = "Shopify's theme check on the theme blocks";

export async function findProblems(root) {
  const folder = join(root, EXTENSION);
  const { offenses } = await themeCheckRun(folder, 'theme-check:theme-app-extension');
  return offenses.map(({ check, uri, start, message }) => {
    const path = decodeURIComponent(new URL(uri).pathname).split(`${EXTENSION}/`).pop();
    return `${path}:${start.line + 1} ${check}: ${message}`;
  });
}
