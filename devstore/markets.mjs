/**
 * Where the shops sell: the countries that a visitor may choose, each with the
 * currency that is paid there, and the languages that the storefront speaks.
 *
 * Prices are kept in the shop's currency; what a customer sees and pays is made
 * from them by a rate that stands with the order for good.
 */

/** Units of each currency for one pound, as of no particular day. */
const RATES = Object.freeze({ GBP: 1, EUR: 1.17, USD: 1.27, JPY: 190 });

/** Countries by ISO code, the shop's own first. */
export const COUNTRIES = Object.freeze({
  GB: Object.freeze({ name: 'United Kingdom', currency: 'GBP' }),
  FR: Object.freeze({ name: 'France', currency: 'EUR' }),
  IE: Object.freeze({ name: 'Ireland', currency: 'EUR' }),
  US: Object.freeze({ name: 'United States', currency: 'USD' }),
  JP: Object.freeze({ name: 'Japan', currency: 'JPY' }),
});

/** Languages by code; all but the first stand below a prefix of the address. */
export const LOCALES = Object.freeze({
  en: Object.freeze({ name: 'English', prefix: '' }),
  fr: Object.freeze({ name: 'Français', prefix: '/fr' }),
});

export const HOME_COUNTRY = Object.keys(COUNTRIES)[0];

/** Currencies without a smaller unit: amounts are whole. */
const WHOLE = new Set(['JPY']);

/**
 * Return what a currency makes of the shop's prices.
 *
 * @param {string} currency
 * @param {{currency: string}} shop
 * @returns {{currency: string, rate: number, amount: (hundredths: number) => number}} amounts in hundredths, also of
 *   currencies that have none, as everywhere in Shopify's storefront
 */
export function presentment(currency, shop) {
  return atRate(currency, currency === shop.currency ? 1 : RATES[currency] / (RATES[shop.currency] ?? 1));
}

/** Return what an order was paid in: the shop's currency unless the order says another. */
export function presentmentOf(order, shop) {
  const { currency, rate } = order.presentment ?? { currency: shop.currency, rate: 1 };
  return atRate(currency, rate);
}

function atRate(currency, rate) {
  const step = WHOLE.has(currency) && rate !== 1 ? 100 : 1;
  return { currency, rate, amount: (hundredths) => Math.round((hundredths * rate) / step) * step };
}

/** Return every currency that a customer may pay in, the shop's own first. */
export function presentmentCurrencies(shop) {
  return [...new Set([shop.currency, ...Object.values(COUNTRIES).map(({ currency }) => currency)])];
}
