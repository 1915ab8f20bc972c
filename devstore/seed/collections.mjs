/**
 * Collections derived from product titles: what a thing is, said by its head noun.
 */
import { slug } from '../catalog.mjs';
import { FIRST_IDS } from '../store.mjs';
import { hashText, plural, singular, titleCase } from './words.mjs';

/** How many collections a shop gets. */
const COLLECTIONS = 24;

/** Fewest products that make a collection. */
const FEWEST = 3;

/** Words that say how a thing looks, is packed or where it goes, not what it is. */
const MODIFIERS = new Set((
  'a an and at by for from i in la le my of on or s t the to w with x no new cm mm pc pcs piece pieces pack set sets pair box-of '
  + 'black blue brown cream gold green grey gray ivory lilac mauve navy orange pink purple red silver turquoise white yellow amber aqua beige clear colour color coloured '
  + 'large small medium mini jumbo big little giant tall short long round square oval tiny single double triple assorted asst mixed design designs style shape shaped '
  + 'vintage retro antique classic french english london paris union jack baroque regency retrospot polkadot polkadots spot spots spotty dot dots stripe stripes striped paisley gingham floral '
  + 'tier tiers drawer-set hanging painted enamel metal wooden wood glass ceramic zinc paper felt acrylic crystal diamante bead pearl wire wicker '
  + 'christmas easter birthday spaceboy dolly girl boy girls boys childrens children kids baby ladies mens tropical woodland strawberry skull skulls '
  + 'heart hearts star stars flower flowers rose roses butterfly butterflies daisy bird birds owl rabbit cat dog doiley doily leaf love home sweet sweetheart garden kitchen party gift art hot magic charlie lola babushka circus apples apple pears '
  + 'one two three four five six seven eight nine ten twelve day night size sized type finish scent fragrance japan rain spring winter summer'
).split(' '));

/** Titles that must end in a noun before it counts as one that shops sell. */
const FREQUENT = 10;

/**
 * Return a function from a title to what its thing is, in the singular and lower case, or null when no word tells it.
 *
 * Titles often end in their pattern ("Jumbo Bag Scandinavian Paisley"): the last word that many other titles end
 * in tells more than the last word.
 *
 * @param {string[]} titles all of the shop
 */
export function nounFinder(titles) {
  const endings = new Map();
  for (const title of titles) {
    const noun = nounsOf(title)[0];
    if (noun) endings.set(noun, (endings.get(noun) ?? 0) + 1);
  }
  return (title) => {
    const nouns = nounsOf(title);
    return nouns.find((noun) => endings.get(noun) >= FREQUENT) ?? nouns[0] ?? null;
  };
}

/** Return the words of a title that may be its noun, last first; what follows "of" or "with" says less. */
function nounsOf(title) {
  const main = title.toLowerCase().replace(/\b(of|in|with|for)\b.*$/, (tail, _, at) => (at > 8 ? '' : tail));
  const words = main.match(/[a-z]{3,}/g) ?? [];
  return words.reverse().filter((word) => !MODIFIERS.has(word) && !MODIFIERS.has(singular(word))).map(singular);
}

/**
 * Return the collections of the most frequent head nouns.
 *
 * @param {import('../store.mjs').Product[]} products
 * @returns {import('../store.mjs').Collection[]}
 */
export function buildCollections(products) {
  const groups = new Map();
  for (const product of products) {
    const noun = product.tags[0];
    if (noun) groups.set(noun, [...(groups.get(noun) ?? []), product]);
  }
  return [...groups]
    .filter(([, members]) => members.length >= FEWEST)
    .sort(([a, left], [b, right]) => right.length - left.length || (a < b ? -1 : 1))
    .slice(0, COLLECTIONS)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([noun, members]) => collectionOf(titleCase(plural(noun)), members));
}

/** Return a collection of products; its id comes from its title. */
export function collectionOf(title, members) {
  return {
    id: FIRST_IDS.collections + (hashText(title) % 1_000_000_000),
    handle: slug(title),
    title,
    updatedAt: Math.max(...members.map((each) => each.updatedAt)),
    productIds: members.map((each) => each.id),
  };
}
