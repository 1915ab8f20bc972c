import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "jsdom",
    setupFiles: ["test/setup.ts"],
    include: ["test/**/*.test.{ts,tsx}"],
    sequence: { shuffle: true },
    restoreMocks: true,
    unstubEnvs: true,
  },
});
