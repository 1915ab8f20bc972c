import assert from 'node:assert/strict';
import { test } from 'node:test';
import { titleCase } from '../seed/words.mjs';

for (const [written, shown] of [
  ['WHITE HANGING HEART T-LIGHT HOLDER', 'White Hanging Heart T-Light Holder'],
  ['THE KING GIFT BAG 25x24x12cm', 'The King Gift Bag 25x24x12cm'],
  ['FLOWERS HANDBAG Blue and Orange', 'Flowers Handbag Blue and Orange'],
  ['LETTER "U" BLING KEY RING', 'Letter "U" Bling Key Ring'],
  ['Tea for USA , boxed.', 'Tea for USA, Boxed'],
]) {
  test(`"${written}" is sold as "${shown}"`, () => assert.equal(titleCase(written), shown));
}
