// @vitest-environment node
import { expect, test } from "vitest";

import { MissingSetting, readSettings } from "../server/env.js";

const NEEDED = { SHOPIFY_API_KEY: "key", SHOPIFY_API_SECRET: "secret", BACKEND_URL: "http://127.0.0.1:9401/" };

test("Shopify's own addresses are used unless others are set", () => {
  expect(readSettings(NEEDED)).toEqual({
    apiKey: "key",
    secrets: ["secret"],
    backendUrl: "http://127.0.0.1:9401",
    appUrl: undefined,
    adminUrl: "https://admin.shopify.com",
    shopUrl: "https://{shop}",
    appBridgeUrl: "https://cdn.shopify.com/shopifycloud/app-bridge.js",
    polarisUrl: "https://cdn.shopify.com/shopifycloud/polaris-1.js",
  });
});

test("the secret that is being replaced is kept for a while", () => {
  expect(readSettings({ ...NEEDED, SHOPIFY_API_SECRET_OLD: "old" }).secrets).toEqual(["secret", "old"]);
});

test.each(Object.keys(NEEDED))("without %s nothing starts", (name) => {
  expect(() => readSettings({ ...NEEDED, [name]: "" })).toThrow(new MissingSetting(name));
});
