/**
 * Where the shops sell: the countries that a visitor may choose, each with the
 * currency that is paid there, and the languages that the storefront speaks.
 *
 * Prices are kept in the shop's currency; what a customer sees and pays is made
 * from them by a rate that stands with the order for good.
 */

/** Units of each currency for one of the shop's, as of no particular day. */
const RATES = Object.freeze({ GBP: 1, EUR: 1.17, USD: 1.27, JPY: 190 });

/** Countries by ISO code, the shop's own first. */
export const COUNTRIES = Object.freeze({
  GB: Object.freeze({ name: 'United Kingdom', currency: 'GBP', symbol: '£' }),
  FR: Object.freeze({ name: 'France', currency: 'EUR', symbol: '€' }),
  IE: Object.freeze({ name: 'Ireland', currency: 'EUR', symbol: '€' }),
  US: Object.freeze({ name: 'United States', currency: 'USD', symbol: '$' }),
  JP: Object.freeze({ name: 'Japan', currency: 'JPY', symbol: '¥' }),
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
 * @returns {{currency: string, rate: number, amount: (hundredths: number) => number}} amounts in hundredths, also of
 *   currencies that have none, as everywhere in Shopify's storefront
 */
export function presentment(currency, rate = RATES[currency] ?? 1) {
  const step = WHOLE.has(currency) ? 100 : 1;
  return { currency, rate, amount: (hundredths) => Math.round((hundredths * rate) / step) * step };
}

/** Return what an order was paid in: the shop's currency unless the order says another. */
export function presentmentOf(order, shop) {
  const { currency, rate } = order.presentment ?? { currency: shop.currency, rate: 1 };
  return presentment(currency, rate);
}

/** Return every currency that a customer may pay in, the shop's own first. */
export function presentmentCurrencies() {
  return [...new Set(Object.values(COUNTRIES).map(({ currency }) => currency))];
}
