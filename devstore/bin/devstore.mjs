#!/usr/bin/env node
/**
 * Run the devstore. Prints one JSON line when it answers; SIGTERM and SIGINT end it.
 */
import { createDevstore } from '../app.mjs';
import { BadConfig, readConfig } from '../config.mjs';
import { SchemaMissing } from '../gql/schema.mjs';
import { BrokenJournal } from '../journal.mjs';
import { BadOrders } from '../seed/orders-file.mjs';

/** Mistakes of the person who starts it: one message, exit status 2. */
const MISTAKES = [BadConfig, BadOrders, BrokenJournal, SchemaMissing];

async function main() {
  const devstore = await createDevstore(readConfig(process.env), { log: (text) => console.error(text) });
  const port = await devstore.listen();
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop(devstore));
  console.log(JSON.stringify({ ready: true, port }));
}

async function stop(devstore) {
  await devstore.close();
  process.exit(0);
}

main().catch((error) => {
  const isMistake = MISTAKES.some((kind) => error instanceof kind) || error.code === 'EADDRINUSE';
  console.error(isMistake ? error.message : error);
  process.exit(isMistake ? 2 : 1);
});
