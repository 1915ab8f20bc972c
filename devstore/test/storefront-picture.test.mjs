import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawProduct } from '../storefront/picture.mjs';
import { MOTIFS } from '../storefront/picture-motifs.mjs';

const draw = (title, productType = '') => drawProduct({ title, productType });

test('the same product always gets the same picture', () => {
  assert.equal(draw('JUMBO BAG RED RETROSPOT'), draw('JUMBO BAG RED RETROSPOT'));
  assert.notEqual(draw('JUMBO BAG RED RETROSPOT'), draw('JUMBO BAG PINK POLKADOT'));
});

test('colour and pattern come from the title', () => {
  const picture = draw('JUMBO BAG RED RETROSPOT');

  assert.ok(picture.includes('hsl(4 58% 52%)'));
  assert.ok(picture.includes('<pattern id="pattern"') && picture.includes('fill="url(#pattern)"'));
  assert.ok(!draw('OAK BOWL').includes('<pattern'));
});

test('words count from their beginning: a kitchen is no hen, a heart no art', () => {
  assert.equal(draw('Kitchen Scales').includes(MOTIFS.bird({}).slice(9, 40)), false);
  assert.equal(draw('Slate Heart').includes('M400 604C250'), true);
});

test('a title with markup stays text, and an unknown thing still gets a picture', () => {
  const picture = draw('<script>"&');

  assert.ok(picture.includes('aria-label="&lt;script&gt;&quot;&amp;"'));
  assert.ok(!picture.includes('<script>') && !picture.includes('undefined'));
});

test('no drawing lacks a paint', () => {
  const paints = { body: 'b', main: 'm', dark: 'd', light: 'l', accent: 'a' };

  for (const [name, motif] of Object.entries(MOTIFS)) assert.ok(!motif(paints).includes('undefined'), name);
});
