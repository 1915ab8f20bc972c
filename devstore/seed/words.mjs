/**
 * Words of product titles, and numbers that are always the same.
 */

/** Return a stable number for a text: FNV-1a, 32 bit. */
export function hashText(text) {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** Return a generator of numbers in [0, 1) that a seed fixes: mulberry32. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SMALL_WORDS = new Set(['and', 'of', 'the', 'in', 'on', 'with', 'for', 'to', 'a', 'an', 'at']);

/** Four capitals in a row are shouted, also beside a "25x24cm" or a word that somebody typed properly. */
const SHOUTED = /[A-Z]{4}/;

/** Return a title as shops write it; a shouted one is lowered first. */
export function titleCase(text) {
  const base = /[a-z]/.test(text) && !SHOUTED.test(text) ? text : text.toLowerCase();
  const words = base.replace(/\s*,\s*/g, ', ').replace(/[\s.,]+$/, '').trim().split(/\s+/);
  return words.map((word, index) => (index > 0 && SMALL_WORDS.has(word) ? word : capital(word))).join(' ');
}

function capital(word) {
  return word.replace(/(^|[-/(&.+"])([a-z])/g, (_, before, letter) => before + letter.toUpperCase());
}

/** Return a word in the singular, good enough for shop goods. */
export function singular(word) {
  if (/(ss|us|is)$/.test(word) || word.length < 4) return word;
  if (/ies$/.test(word)) return `${word.slice(0, -3)}y`;
  if (/(xes|ches|shes|sses)$/.test(word)) return word.slice(0, -2);
  return word.endsWith('s') ? word.slice(0, -1) : word;
}

/** Return a word in the plural. */
export function plural(word) {
  if (/(s|x|ch|sh)$/.test(word)) return `${word}es`;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
}
