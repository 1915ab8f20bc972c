/**
 * How a shop's visitors stand to tracking: whether their region asks for
 * consent, and what they are taken to have answered before.
 */

/** A stance that there is none of. */
export class ConsentRefused extends Error {}

/** The stances by name; a visitor's own answer, kept by the browser, goes before the one here. */
export const STANCES = Object.freeze({
  not_required: Object.freeze({ isRequired: false, answer: '' }),
  unanswered: Object.freeze({ isRequired: true, answer: '' }),
  refused: Object.freeze({ isRequired: true, answer: 'no' }),
  granted: Object.freeze({ isRequired: true, answer: 'yes' }),
});

const SETTING = 'consent';

/** Return the name of a shop's stance. */
export function stanceOf(shop, config) {
  return shop.settings.get(SETTING) ?? config.consent;
}

/**
 * Set how a shop's visitors stand.
 *
 * @throws {ConsentRefused} and changes nothing
 */
export function setStance(store, shop, name) {
  if (!Object.hasOwn(STANCES, name ?? '')) throw new ConsentRefused(`Consent is ${Object.keys(STANCES).join(', ')}, not ${name}.`);
  store.change({ type: 'setting.put', shop: shop.domain, data: { key: SETTING, value: name } });
}
