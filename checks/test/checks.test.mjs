/** Each check passes a sound project and names the fault of an unsound one. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CHECKS } from '../run.mjs';
import { makeProject } from './project.mjs';

const BLOCK = 'extensions/tailorbird-theme/blocks/product-recommendations.liquid';
const HOME = 'extensions/tailorbird-theme/blocks/home-recommendations.liquid';
const CARD = 'extensions/tailorbird-theme/snippets/recommendation-card.liquid';
const SCRIPT = 'extensions/tailorbird-theme/assets/recommendations.js';
const SCRIPT_SOURCE = 'extensions/recommendations.js';
const ARM = 'extensions/tailorbird-theme/snippets/recommendation-arm.liquid';
const ARM_SOURCE = 'extensions/choose-arm.js';
const STYLE = 'extensions/tailorbird-theme/assets/recommendations.css';
const GERMAN = 'extensions/tailorbird-theme/locales/de.json';
const GERMAN_SCHEMA = 'extensions/tailorbird-theme/locales/de.schema.json';
const PIXEL = 'extensions/tailorbird-pixel/shopify.extension.toml';
const TOML = 'shopify.app.toml';
const OPERATIONS = 'backend/shopify/operations';
const PRODUCTS = `${OPERATIONS}/bulk_products.graphql`;

for (const [name, check] of Object.entries(CHECKS)) {
  test(`${name}: a sound project has no problem`, async (t) => {
    const project = await makeProject(t);

    assert.deepEqual(await check.findProblems(project.root), []);
  });
}

/** Bytes that no compression makes fewer. */
const noise = (size) => randomBytes(size);

for (const name of ['theme', 'limits']) {
  test(`${name}: a script that is small when sent is taken, however long its source is`, async (t) => {
    const project = await makeProject(t);
    await project.write(SCRIPT, `/*${'x'.repeat(30_000)}*/`);

    assert.deepEqual(await CHECKS[name].findProblems(project.root), []);
  });
}

/** What is wrong, the check that sees it, how to break the project, what the check says. */
const FAULTS = [
  ['a tag that app blocks may not use', 'theme', (p) => p.change(BLOCK, '{% schema %}', '{% javascript %}{% endjavascript %}{% schema %}'), /AppBlockValidTags/],
  ['a snippet that does not exist', 'theme', (p) => p.change(BLOCK, "render 'recommendation-carousel'", "render 'nowhere'"), /MissingTemplate/],
  ['an unknown translation', 'theme', (p) => p.change(CARD, "'recommendations.add_to_cart' | t", "'recommendations.buy' | t"), /TranslationKeyExists/],
  ['an image without its size', 'theme', (p) => p.change(CARD, 'width="{{ image.width | default: 360 }}"', ''), /ImgWidthAndHeight/],

  ['a schema that is not JSON', 'blocks', (p) => p.change(BLOCK, '"target": "section",', '"target": "section"'), /not JSON/],
  ['a block without a schema', 'blocks', (p) => p.write(BLOCK, 'hello'), /has no schema/],
  ['a target that does not exist', 'blocks', (p) => p.change(BLOCK, '"target": "section"', '"target": "footer"'), /schema\/target must be equal to one of the allowed values/],
  ['a setting type that does not exist', 'blocks', (p) => p.change(BLOCK, '"type": "range"', '"type": "slider"'), /schema\/settings\/2/],
  ['a range without its largest value', 'blocks', (p) => p.change(BLOCK, '"max": 12,', ''), /max/],
  ['a setting that fills itself but cannot', 'blocks', (p) => p.change(BLOCK, '"type": "text",', '"type": "text", "autofill": true,'), /"heading" cannot be filled by itself/],
  ['a setting named like a word of Liquid', 'blocks', (p) => p.change(BLOCK, '"id": "items_to_show"', '"id": "limit"'), /"limit" is a word of Liquid/],
  ['two settings of one id', 'blocks', (p) => p.change(BLOCK, '"id": "show_price"', '"id": "heading"'), /two settings have the id "heading"/],
  ['a name over 24 characters', 'blocks', (p) => p.change(GERMAN_SCHEMA, 'Produktempfehlungen', 'Produktempfehlungen für alle'), /de\.schema\.json: the name .* more than 24 characters/],
  ["a name with the app's name", 'blocks', (p) => p.change(GERMAN_SCHEMA, 'Produktempfehlungen', 'Tailorbird'), /holds the app's name/],
  ['a label without a translation', 'blocks', (p) => p.change(GERMAN_SCHEMA, '"show_price"', '"price"'), /t:settings\.show_price\.label has no translation/],
  ['a script that is not there', 'blocks', (p) => p.remove(SCRIPT), /there is no asset recommendations\.js/],

  ['a script whose source was changed alone', 'script', (p) => p.change(SCRIPT_SOURCE, 'DEADLINE_MS = 800', 'DEADLINE_MS = 900'), /is not what extensions\/recommendations\.js makes/],
  ['a source that was changed alone', 'arms', (p) => p.change(ARM_SOURCE, '10_000', '1_000'), /is not what extensions\/choose-arm\.js makes/],
  ['a script of more than a kilobyte', 'arms', (p) => p.change(ARM, '<script>', `<script>"${'x'.repeat(300)}";`), /bytes, 1024 at most/],
  ['a script that Liquid would read', 'arms', (p) => p.change(ARM, '<script>', '<script>for(;;){{}}'), /what Liquid reads as its own/],

  ['a missing translation', 'locales', (p) => p.change(GERMAN, '"previous"', '"former"'), /recommendations\.previous is missing/],
  ['a translation of nothing', 'locales', (p) => p.change(GERMAN, '"previous"', '"former"'), /recommendations\.former is not in English/],
  ['a lost placeholder', 'locales', (p) => p.change(GERMAN, 'Ab {{ price }}', 'Ab dem Preis'), /recommendations\.price\.from_html has other placeholders/],

  ['a script that is large when sent', 'limits', (p) => p.write(SCRIPT, noise(10_001)), /recommendations\.js, compressed: \d+ bytes, 10000 at most/],
  ['a style sheet that is large when sent', 'limits', (p) => p.write(STYLE, noise(100_001)), /recommendations\.css, compressed: \d+ bytes, 100000 at most/],
  ['a large language', 'limits', (p) => p.write(GERMAN, 'x'.repeat(15_001)), /locales\/de\.json: 15001 bytes/],
  ['a file of another kind', 'limits', (p) => p.write('extensions/tailorbird-theme/assets/font.woff2', ''), /assets\/ takes/],
  ['a folder of another name', 'limits', (p) => p.write('extensions/tailorbird-theme/sections/a.liquid', ''), /no such place/],
  ['too much Liquid', 'limits', (p) => p.write('extensions/tailorbird-theme/snippets/big.liquid', 'x'.repeat(100_000)), /all Liquid: \d+ bytes/],

  ['a topic that Shopify lacks', 'toml', (p) => p.change(TOML, '"orders/create"', '"orders/made"'), /no topic orders\/made/],
  ['a topic without a handler', 'toml', (p) => p.change('celery_worker/tasks/webhooks.py', '    Topic.ORDERS_CREATE: handle,\n', ''), /orders\/create has no handler/],
  ['a topic of some shops without a handler', 'toml', (p) => p.change('celery_worker/tasks/webhooks.py', '    Topic.THEMES_PUBLISH: handle,\n', ''), /themes\/publish has no handler/],
  ['a topic of some shops that nobody subscribes to', 'toml', (p) => p.remove(`${OPERATIONS}/subscribe_themes_publish.graphql`), /handler of themes\/publish is never called/],
  ['a topic of all shops that some are subscribed to again', 'toml', (p) => p.change(TOML, '"orders/create",', '"orders/create", "themes/publish",'), /themes\/publish is declared twice/],
  ['a handler without a topic', 'toml', (p) => p.change(TOML, '    "orders/create",\n', ''), /handler of orders\/create is never called/],
  ['a topic declared twice', 'toml', (p) => p.change(TOML, '"orders/create",', '"orders/create", "orders/create",'), /declared twice/],
  ['a compliance topic left out', 'toml', (p) => p.change(TOML, ', "shop/redact"', ''), /shop\/redact is missing/],
  ['compliance topics on a shared path', 'toml', (p) => p.change(TOML, 'uri = "/webhooks/compliance"', 'uri = "/webhooks"'), /need a path of their own/],
  ['another API version in the code', 'toml', (p) => p.change('backend/shopify/values.py', '2026-07', '2026-04'), /values\.py 2026-04/],
  ['another API version for webhooks', 'toml', (p) => p.change(TOML, '"2026-07"', '"2026-10"'), /webhooks use API version 2026-10/],
  ['a metafield that is not declared', 'toml', (p) => p.change(TOML, 'metafields.app.recs', 'metafields.app.picks'), /reads the product metafield recs, which is not declared/],
  ['a metafield that storefronts may not read', 'toml', (p) => p.change(TOML, '"public_read"', '"none"'), /which storefronts may not/],
  ['another proxy path in a block', 'toml', (p) => p.change(HOME, '"/apps/tailorbird"', '"/apps/recs"'), /asks \/apps\/recs/],
  ['a scope that the code does not ask for', 'toml', (p) => p.change('backend/shopify/values.py', '    "read_orders",\n', ''), /read_orders is declared, but not among REQUIRED_SCOPES/],
  ['a scope that only the code asks for', 'toml', (p) => p.change(TOML, 'read_customers,', ''), /read_customers is among REQUIRED_SCOPES, but not declared/],
  ['a pixel in another sandbox', 'toml', (p) => p.change(PIXEL, 'runtime_context = "strict"', 'runtime_context = "lax"'), /runtime_context is lax/],
  ['a pixel without consent', 'toml', (p) => p.change(PIXEL, 'analytics = true', 'analytics = false'), /must ask for consent to analytics/],
  ['a pixel that asks for more', 'toml', (p) => p.change(PIXEL, 'marketing = false', 'marketing = true'), /consent to marketing, which it has no use for/],
  ['a setting that nobody gives', 'toml', (p) => p.change('backend/shops/services/pixel.py', '"accountID"', '"account"'), /has the setting accountID, which .* does not give/],
  ['a setting that the pixel lacks', 'toml', (p) => p.change('backend/shops/services/pixel.py', '"accountID"', '"account"'), /gives the setting account, which the pixel does not have/],
  ['an app that is not embedded', 'toml', (p) => p.change(TOML, 'embedded = true', 'embedded = false'), /embedded must be true/],

  ['an unknown field', 'graphql', (p) => p.change(PRODUCTS, 'title', 'titel'), /bulk_products\.graphql: Cannot query field "titel".*"title"/],
  ['a deprecated field', 'graphql', (p) => p.write(`${OPERATIONS}/find_bulk.graphql`, 'query FindBulk { currentBulkOperation { id } }'), /currentBulkOperation is deprecated/],
  ["a customer's e-mail", 'graphql', (p) => p.write(`${OPERATIONS}/find_order.graphql`, 'query FindOrder($id: ID!) { order(id: $id) { customer { defaultEmailAddress { emailAddress } } } }'), /protected customer data/],
  ['two operations in a file', 'graphql', (p) => p.write(PRODUCTS, 'query A { shop { id } } query B { shop { id } }'), /2 operations; a file holds one/],
  ['an operation of another name', 'graphql', (p) => p.change(PRODUCTS, 'BulkProducts', 'BulkThings'), /is called BulkThings, not BulkProducts/],
  ['text that is not GraphQL', 'graphql', (p) => p.write(PRODUCTS, 'query {'), /Syntax Error/],
  ['a bulk query with a variable', 'graphql', (p) => p.write(PRODUCTS, 'query BulkProducts($q: String) { products(query: $q) { edges { node { id } } } }'), /takes no variables/],
  ['a bulk query without a list', 'graphql', (p) => p.write(PRODUCTS, 'query BulkProducts { shop { id } }'), /1 to 5 connections, this one 0/],
  ['a bulk query that starts at a node', 'graphql', (p) => p.write(PRODUCTS, 'query BulkProducts { node(id: "1") { ... on Product { variants { edges { node { id } } } } } }'), /may not start at node/],
  ['no operation at all', 'graphql', async (p) => Promise.all(['bulk_products', 'bulk_orders', 'metafields_set', 'subscribe_themes_publish'].map((name) => p.remove(`${OPERATIONS}/${name}.graphql`))), /there are no operations/],

  ['a scope too many', 'scopes', (p) => p.change(TOML, 'read_customers,', 'read_customers,read_inventory,'), /^nothing needs the scope read_inventory\.$/],
  ['an optional scope too many', 'scopes', (p) => p.change(TOML, '["read_all_orders"', '["read_all_orders", "read_shipping"'), /^nothing needs the scope read_shipping\.$/],
  ['an optional scope too few for a topic of some shops', 'scopes', (p) => p.change(TOML, ', "read_themes"]', ']'), /webhook THEMES_PUBLISH needs read_themes, which is not declared/],
  ['a scope too few for an operation', 'scopes', (p) => p.change(TOML, 'read_customers,', ''), /bulk_orders\.graphql Customer needs read_customers/],
  ['a scope too few for a topic', 'scopes', (p) => p.change(TOML, 'read_orders,', ''), /webhook orders\/create needs read_orders or read_marketplace_orders/],
  ['a scope too few for a metafield', 'scopes', (p) => p.change(TOML, 'write_products,', ''), /metafield product\.recs needs write_products/],
  ['a scope too few for the pixel', 'scopes', (p) => p.change(TOML, ',write_pixels', ''), /the web pixel needs write_pixels/],
  ["a scope too few for the pixel's events", 'scopes', (p) => p.change(TOML, ',read_customer_events', ''), /the web pixel's events needs read_customer_events/],
  ['a scope too few for the proxy', 'scopes', (p) => p.change(TOML, ',write_app_proxy', ''), /the app proxy needs write_app_proxy/],
  ['a scope that no operation needs any more', 'scopes', (p) => p.change(`${OPERATIONS}/bulk_orders.graphql`, 'customer { id }', ''), /nothing needs the scope read_customers/],

  ['a value of the wrong kind', 'build', (p) => p.change(TOML, 'embedded = true', 'embedded = "yes"'), /\[embedded\]: Value must be Boolean/],
  ['an address that is none', 'build', (p) => p.change(TOML, 'uri = "/webhooks"', 'uri = "nowhere"'), /webhooks/],
];

for (const [fault, name, spoil, says] of FAULTS) {
  test(`${name}: ${fault} is found`, async (t) => {
    const project = await makeProject(t);
    await spoil(project);

    const problems = await CHECKS[name].findProblems(project.root);

    assert.ok(problems.some((problem) => says.test(problem)), `expected ${says}, found ${JSON.stringify(problems)}`);
  });
}
