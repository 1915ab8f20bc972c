/** Start the UI's production server. Needs a build (`npm run build`) and the settings of server/env.js. */

import { fileURLToPath } from "node:url";

import { MissingSetting, readSettings } from "./server/env.js";
import { createAppServer } from "./server/http.js";

/** Open answers get this long to finish after a SIGTERM. */
const GRACE_MS = 10_000;
const DEFAULT_PORT = 9402;

function settingsOrExit() {
  try {
    return readSettings();
  } catch (error) {
    if (!(error instanceof MissingSetting)) throw error;
    console.error(error.message);
    return process.exit(2);
  }
}

async function main() {
  const { backendUrl } = settingsOrExit();
  // Left out of the type check: the module exists only after a build.
  const builtModule = "./build/server/index.js";
  const server = createAppServer({
    build: await import(builtModule),
    clientFolder: fileURLToPath(new URL("./build/client", import.meta.url)),
    backendUrl,
  });
  const port = Number(process.env.PORT ?? DEFAULT_PORT);
  // Every address unless one is named: in a container the others are how the edge comes in.
  const host = process.env.LISTEN_HOST || undefined;
  server.listen({ port, host }, () => console.log(JSON.stringify({ event: "ui.listening", port })));
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.on(signal, () => {
      server.close(() => process.exit(0));
      server.closeIdleConnections();
      setTimeout(() => process.exit(0), GRACE_MS).unref();
    });
  }
}

await main();
