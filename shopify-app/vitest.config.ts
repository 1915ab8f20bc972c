import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "jsdom",
    setupFiles: ["test/setup.ts"],
    include: ["test/**/*.test.{ts,tsx}"],
    sequence: { shuffle: true },
    restoreMocks: true,
    unstubEnvs: true,
    // What hangs ends here; how long a slow machine takes is no fault.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
