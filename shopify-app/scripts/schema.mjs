/**
 * Write app/api/schema.d.ts from the backend's OpenAPI document, or check that it is current.
 *
 *   npm run schema          write it
 *   npm run schema:check    exit 1 and say what to do when it would change
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

import openapiTypescript, { astToString } from "openapi-typescript";

const SOURCE = pathToFileURL(process.env.OPENAPI ?? fileURLToPath(new URL("../../backend/openapi.yaml", import.meta.url)));
const TARGET = new URL("../app/api/schema.d.ts", import.meta.url);
const HEADER = `// Written by "npm run schema" from backend/openapi.yaml. Do not edit.\n\n`;

async function render() {
  return HEADER + astToString(await openapiTypescript(SOURCE));
}

async function committed() {
  return existsSync(TARGET) ? readFile(TARGET, "utf8") : "";
}

async function main() {
  const wanted = await render();
  if (!process.argv.includes("--check")) {
    await writeFile(TARGET, wanted);
    return;
  }
  if (wanted !== (await committed())) {
    console.error('app/api/schema.d.ts is not what backend/openapi.yaml says. Run "npm run schema" in shopify-app and commit it.');
    process.exitCode = 1;
  }
}

await main();
