/**
 * Which app blocks a merchant has put on which template, and how they are set.
 *
 * @typedef {object} Placement
 * @property {string} id names the block on the page
 * @property {string} block handle of the block
 * @property {boolean} isDisabled
 * @property {Record<string, unknown>} settings only what differs from the schema's defaults
 */
import { randomBytes } from 'node:crypto';

const KEY = 'theme.appBlocks';

/** Return the placements on a template, top first. */
export function placementsOn(shop, template) {
  return (shop.settings.get(KEY) ?? {})[template] ?? [];
}

/** Return every placement as `{template, ...placement}`. */
export function allPlacements(shop) {
  const templates = Object.entries(shop.settings.get(KEY) ?? {});
  return templates.flatMap(([template, placements]) => placements.map((placement) => ({ template, ...placement })));
}

/**
 * Put a block at the end of a template. One that is there already stays as it
 * is, so that following the same link twice gives one carousel.
 *
 * @returns {Placement}
 */
export function addPlacement(store, shop, template, block) {
  const placements = placementsOn(shop, template);
  const there = placements.find((each) => each.block === block);
  if (there) return there;
  const placement = { id: `${block.replaceAll('-', '_')}_${randomBytes(3).toString('hex')}`, block, isDisabled: false, settings: {} };
  save(store, shop, template, [...placements, placement]);
  return placement;
}

/** Change one placement; `change` is merged into it. */
export function changePlacement(store, shop, template, id, change) {
  save(store, shop, template, placementsOn(shop, template).map((each) => (each.id === id ? { ...each, ...change } : each)));
}

export function removePlacement(store, shop, template, id) {
  save(store, shop, template, placementsOn(shop, template).filter((each) => each.id !== id));
}

function save(store, shop, template, placements) {
  const value = { ...shop.settings.get(KEY), [template]: placements };
  store.change({ type: 'setting.put', shop: shop.domain, data: { key: KEY, value } });
}
