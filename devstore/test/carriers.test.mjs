/*
 * What can carry a click from a storefront to an order, by Shopify's published schema. Once one of these fails, a theme
 * block may be able to write what our cart attribute holds into a metafield: docs/decisions/039-credit-is-a-ledger.md.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { readConfig } from '../config.mjs';
import { loadSchema } from '../gql/schema.mjs';

const { schema } = loadSchema(readConfig({ APP_URL: 'http://x', SHOPIFY_API_KEY: 'x', SHOPIFY_API_SECRET: 'x' }).schemaPath);
const values = (name) => schema.getType(name).getValues().map((each) => each.name);

test('no definition lets a storefront write a metafield', () => {
  assert.deepEqual(values('MetafieldStorefrontAccessInput').sort(), ['NONE', 'PUBLIC_READ']);
});

test('only an order\'s definition copies what a cart holds, and a cart has none', () => {
  assert.ok(values('MetafieldOwnerType').includes('ORDER'));
  assert.ok(!values('MetafieldOwnerType').includes('CART'));
  assert.match(schema.getType('MetafieldCapabilityCartToOrderCopyableInput').description, /only available for order metafield definitions/);
});

test('an order tells the checkout\'s token, its name and its refunds', () => {
  const fields = Object.keys(schema.getType('Order').getFields());
  for (const name of ['checkoutToken', 'cartToken', 'name', 'number', 'refunds', 'customAttributes']) assert.ok(fields.includes(name), name);
});
