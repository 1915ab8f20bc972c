import type { Config } from "@react-router/dev/config";

export default {
  ssr: true,
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
