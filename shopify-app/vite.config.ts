import { reactRouter } from "@react-router/dev/vite";
import { defineConfig, type ServerOptions } from "vite";

import { FORWARDED_PREFIXES } from "./server/forward.js";

const port = Number(process.env.PORT ?? 9402);
const publicHost = new URL(process.env.APP_URL ?? process.env.HOST ?? "http://localhost").hostname;
const isTunnelled = publicHost !== "localhost" && publicHost !== "127.0.0.1";

/** The development server forwards the same paths as server.js, so one tunnel serves the whole app. */
function forwarded(): NonNullable<ServerOptions["proxy"]> {
  const target = process.env.BACKEND_URL ?? "http://127.0.0.1:9401";
  return Object.fromEntries(FORWARDED_PREFIXES.map((prefix) => [`^${prefix}(/|\\?|$)`, { target }]));
}

export default defineConfig({
  plugins: process.env.VITEST ? [] : [reactRouter()],
  server: {
    port,
    strictPort: true,
    allowedHosts: [publicHost],
    cors: { preflightContinue: true },
    hmr: isTunnelled
      ? { protocol: "wss", host: publicHost, port: Number(process.env.FRONTEND_PORT ?? 8002), clientPort: 443 }
      : undefined,
    proxy: forwarded(),
  },
  build: {
    // Inlined data: URLs would need a wider content policy for a gain of a few hundred bytes.
    assetsInlineLimit: 0,
  },
});
