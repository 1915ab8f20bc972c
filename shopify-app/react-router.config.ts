import type { Config } from "@react-router/dev/config";

export default {
  ssr: true,
  // The tests build beside the real build, so that they never pull it away from under a running server.
  buildDirectory: process.env.BUILD_DIRECTORY ?? "build",
  // Three routes: shipping the whole manifest saves a request that would carry no session token.
  routeDiscovery: { mode: "initial" },
  future: {
    v8_middleware: true,
    v8_splitRouteModules: true,
    v8_viteEnvironmentApi: true,
    v8_passThroughRequests: true,
    v8_trailingSlashAwareDataRequests: true,
  },
} satisfies Config;
