/*
 * Chooses, before anything is painted and without asking anybody, which list of a running rollout a block shows.
 *
 * It stands as the first thing in the block's list, which has no card yet. For a visitor of the candidate's arm it puts the
 * candidate's cards there and the list itself into the inert template that these came from: the page's reader goes on and fills
 * it where nothing is painted, fetched or focused. Everybody else keeps the list as it is.
 *
 * Whoever can't be known to belong to the rollout stays outside of it: a visitor without an id of ours, which is kept only by
 * those who allowed it; who is held out; whose clock is wrong; who reads a page that is older than the rollout vouches for.
 *
 * The draw is MurmurHash3 (x86, 32 bits, seed 0), scaled to 10,000 buckets: backend/core/bucketing.py and
 * backend/rollouts/rules/drawing.py draw by the same one, and tests/bucketing.json holds what all must give.
 *
 * `node checks/write.mjs` makes snippets/recommendation-arm.liquid of it.
 */
(() => {
  try {
    const script = document.currentScript;
    const list = script.parentNode;
    script.remove();
    const { dataset } = list.closest('tailorbird-carousel');
    const visitor = localStorage.getItem('tailorbird:visitor');
    const now = Date.now() / 1000;
    const rotate = (word, bits) => (word << bits) | (word >>> (32 - bits));
    const scramble = (word) => Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
    const mix = (hash, bits, by) => Math.imul(hash ^ (hash >>> bits), by);
    /* Of letters of one byte, as salts and ids are. Beyond the end there is nothing, which `|` reads as 0. */
    const bucket = (salt) => {
      const unit = `${salt}:${visitor}`;
      const word = (at) => [3, 2, 1, 0].reduce((found, place) => (found << 8) | unit.charCodeAt(at + place), 0);
      let hash = 0;
      let at = 0;
      for (; at + 4 <= unit.length; at += 4) hash = Math.imul(rotate(hash ^ scramble(word(at)), 13), 5) + 0xe6546b64;
      hash = mix(mix(hash ^ scramble(word(at)) ^ unit.length, 16, 0x85ebca6b), 13, 0xc2b2ae35);
      return Math.floor((((hash ^ (hash >>> 16)) >>> 0) * 10_000) / 2 ** 32);
    };
    const isKnown = /^[\da-f-]{36}$/.test(visitor) && now >= dataset.rendered && now < dataset.until;
    if (!isKnown || (dataset.holdout && bucket(dataset.salt) < dataset.holdout * 100)) return;
    const drawn = bucket(dataset.draw);
    const share = dataset.share * 100;
    const isIn = (size) => drawn < size || drawn >= 10_000 - size;
    dataset.arm = drawn < share ? 'candidate' : isIn(share) ? 'control' : 'champion';
    /* Those in the two arms of one size tell that they were there. */
    if (isIn(Math.min(share, 10_000 - share))) dataset.bucket = drawn;
    if (drawn >= share) return;
    const { content } = list.previousElementSibling;
    const shown = list.cloneNode();
    shown.append(...content.querySelectorAll('li'));
    list.replaceWith(shown);
    content.append(list);
  } catch {
    /* Storage may be blocked, or a theme runs this outside of its list: then nobody is known. */
  }
})();
