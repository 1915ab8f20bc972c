// @vitest-environment node
import { describe, expect, test } from "vitest";

import { BadToken, isShopDomain, verifyToken } from "../app/session/token.server";
import { API_KEY, aToken, aTokenWithout, anUnsignedToken, SECRET, SHOP } from "./fixtures/tokens";

const keys = { apiKey: API_KEY, secrets: [SECRET] };

test("a token that Shopify minted for us names its shop", async () => {
  const token = await aToken();

  expect(await verifyToken(token, keys)).toEqual({ shop: SHOP, token, isRefused: false });
});

test("clocks may differ by ten seconds", async () => {
  const token = await aToken({ expiresIn: -8, validIn: 8 });

  expect((await verifyToken(token, keys)).shop).toBe(SHOP);
});

test("while a secret is rotated, tokens of the old one still hold", async () => {
  const token = await aToken({ secret: "the-secret-that-is-being-replaced-now" });

  const session = await verifyToken(token, { apiKey: API_KEY, secrets: [SECRET, "the-secret-that-is-being-replaced-now"] });

  expect(session.shop).toBe(SHOP);
});

describe("a token is refused", () => {
  test.each<[string, () => Promise<string> | string]>([
    ["when expired beyond the leeway", () => aToken({ expiresIn: -12 })],
    ["before its time", () => aToken({ validIn: 60 })],
    ["for another app", () => aToken({ aud: "another-app" })],
    ["signed with another secret", () => aToken({ secret: "not-the-secret-of-this-app-at-all-no" })],
    ["without a signature", () => anUnsignedToken()],
    ["signed with another algorithm", () => aToken({ alg: "HS512" })],
    ["issued for another shop than its destination", () => aToken({ iss: "https://other.myshopify.com/admin" })],
    ["whose shop is no shop", () => aToken({ iss: "https://evil.example/admin", dest: "https://evil.example" })],
    ["whose shop only begins like one", () => aToken({ shop: "a.myshopify.com.evil.example" })],
    ["whose destination is not https", () => aToken({ dest: `http://${SHOP}` })],
    ["whose destination is no address", () => aToken({ dest: SHOP })],
    ["whose shop hides a port", () => aToken({ dest: `https://${SHOP}:8443`, iss: `https://${SHOP}:8443/admin` })],
    ["that is not a token", () => "not.a.token"],
    ["that is empty", () => ""],
    ["that is not ASCII", () => "é.é.é"],
    ...["iss", "dest", "aud", "sub", "exp", "nbf"].map((claim): [string, () => Promise<string>] => [`without ${claim}`, () => aTokenWithout(claim)]),
  ])("%s", async (_, mint) => {
    await expect(verifyToken(await mint(), keys)).rejects.toThrow(BadToken);
  });
});

test.each([
  ["willow-gifts.myshopify.com", true],
  ["willow-gifts.myshopify.com\n", false],
  ["willow-gifts.myshopify.com; script-src *", false],
  ["-willow.myshopify.com", false],
  ["willow_gifts.myshopify.com", false],
  ["myshopify.com", false],
  ["", false],
  [null, false],
])("%j is the domain of a shop: %s", (value, expected) => {
  expect(isShopDomain(value)).toBe(expected);
});
