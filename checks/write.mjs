/** Makes what the theme extension holds of sources outside of it. */
import { fileURLToPath } from 'node:url';
import { writeSnippet } from './lib/arms.mjs';
import { writeAsset } from './lib/script.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

await writeSnippet(ROOT);
await writeAsset(ROOT);
