import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import vm from 'node:vm';
import { SCRIPTS, bundle } from '../stand-ins/bundle.mjs';
import { responsive } from '../stand-ins/polaris/tokens.js';

/** Elements that App Bridge brings, not Polaris; its types name them. */
const FROM_APP_BRIDGE = ['s-app-nav'];

function officialElements() {
  const { modules } = createRequire(import.meta.url)('@shopify/polaris-types/custom-elements');
  const declarations = modules.flatMap(({ declarations: each = [] }) => each);
  return new Map(declarations.map((each) => [each.tagName, new Set((each.attributes ?? []).map(({ name }) => name.toLowerCase()))]));
}

async function definitions() {
  for (const file of ['layout', 'content', 'actions', 'fields', 'tables']) await import(`../stand-ins/polaris/${file}.js`);
  return (await import('../stand-ins/polaris/element.js')).definitions;
}

for (const name of Object.keys(SCRIPTS)) {
  test(`${name} is one classic script`, async () => {
    const source = await bundle(name);

    assert.doesNotThrow(() => new vm.Script(source));
    assert.doesNotMatch(source, /^(import|export) /m);
  });
}

test('every stand-in element is one of Polaris, with attributes that Polaris knows', async () => {
  const official = officialElements();

  for (const [tag, constructor] of await definitions()) {
    if (FROM_APP_BRIDGE.includes(tag)) continue;
    assert.ok(official.has(tag), `${tag} is no element of Polaris`);
    assert.deepEqual(constructor.observedAttributes.filter((name) => !official.get(tag).has(name)), [], tag);
  }
});

test('the elements that the app may use are all there', async () => {
  const defined = await definitions();
  const wanted = ['page', 'section', 'stack', 'grid', 'box', 'banner', 'badge', 'button', 'link', 'text', 'heading', 'paragraph', 'text-field', 'number-field', 'select', 'option',
    'checkbox', 'switch', 'choice-list', 'choice', 'table', 'table-header-row', 'table-header', 'table-body', 'table-row', 'table-cell', 'modal', 'spinner', 'divider', 'icon', 'image',
    'thumbnail', 'chip', 'tooltip', 'popover', 'menu', 'clickable', 'unordered-list', 'list-item', 'ordered-list', 'app-nav', 'query-container', 'progress', 'text-area', 'empty-state'];

  assert.deepEqual(wanted.filter((name) => !defined.has(`s-${name}`)), []);
});

const RESPONSIVE = [
  ['a plain value', '1fr 1fr', ':host{x:1fr 1fr}'],
  ['a value for wide containers only', '@container (inline-size > 500px) 2fr', '@container (inline-size > 500px){:host{x:2fr}}'],
  ['both, with a comma inside', '@container page (inline-size > 500px) repeat(2, 1fr), 1fr', ':host{x:1fr}@container page (inline-size > 500px){:host{x:repeat(2, 1fr)}}'],
];
for (const [name, value, expected] of RESPONSIVE) {
  test(`responsive values: ${name}`, () => {
    assert.equal(responsive('x', value), expected);
  });
}
