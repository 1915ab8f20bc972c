/**
 * The language and the country of a visitor: the first stands in the address
 * (`/fr/products/mug`), the second in a cookie that the localization form sets.
 */
import { COUNTRIES, HOME_COUNTRY, LOCALES, presentment } from '../markets.mjs';
import { redirect } from '../server.mjs';
import { readFields } from './form-data.mjs';
import { readCookies } from './session.mjs';

const COOKIE = 'localization';
const COOKIE_SECONDS = 365 * 24 * 3600;
const PRIMARY_LOCALE = Object.keys(LOCALES)[0];

/** The prefixes below which every page of the storefront stands once more. */
export const PREFIXES = Object.entries(LOCALES).map(([locale, { prefix }]) => ({ locale, prefix }));

/**
 * Return how a page is shown.
 *
 * @returns {{locale: string, prefix: string, root: string, country: string, presentment: object}} `root` ends in a slash
 */
export function localizationOf({ req, query, locale = PRIMARY_LOCALE }, shop) {
  const wanted = query.get('country') ?? readCookies(req)[COOKIE];
  const country = Object.hasOwn(COUNTRIES, wanted ?? '') ? wanted : HOME_COUNTRY;
  const { prefix } = LOCALES[locale];
  return { locale, prefix, root: `${prefix}/`, country, presentment: presentment(currencyIn(country, shop), shop) };
}

/** Return a path of the storefront in the page's language. */
export function localPath({ locale = PRIMARY_LOCALE }, path) {
  return LOCALES[locale].prefix + path;
}

/** At home the shop's own currency is paid. */
function currencyIn(country, shop) {
  return country === HOME_COUNTRY ? shop.currency : COUNTRIES[country].currency;
}

/** Answer the localization form: remember the country, lead to the same page in the language. */
export async function changeLocalization(request) {
  const { country_code: country, locale_code: wanted, return_to: returnTo } = await readFields(request);
  const locale = Object.hasOwn(LOCALES, wanted ?? '') ? wanted : request.locale ?? PRIMARY_LOCALE;
  if (Object.hasOwn(COUNTRIES, country ?? '')) {
    request.res.appendHeader('Set-Cookie', `${COOKIE}=${country}; Path=/; Max-Age=${COOKIE_SECONDS}; SameSite=Lax`);
  }
  redirect(request.res, inLanguage(locale, localReturn(returnTo) ?? '/'), 303);
}

/** Return where a form leads next, or null when it names no place within this site. */
export function localReturn(returnTo) {
  return typeof returnTo === 'string' && /^\/(?![/\\])/.test(returnTo) ? returnTo : null;
}

function inLanguage(locale, path) {
  const { prefix } = PREFIXES.find((each) => each.prefix && (path === each.prefix || path.startsWith(`${each.prefix}/`))) ?? { prefix: '' };
  return `${LOCALES[locale].prefix}${path.slice(prefix.length)}` || '/';
}

/** Return the Liquid `localization`. */
export function localizationObject({ locale, country }, shop) {
  const countries = Object.entries(COUNTRIES).map(([code, { name }]) => ({ iso_code: code, name, currency: currencyObject(currencyIn(code, shop)) }));
  const languages = Object.keys(LOCALES).map(languageObject);
  return {
    available_countries: countries,
    available_languages: languages,
    country: countries.find(({ iso_code: code }) => code === country),
    language: languages.find(({ iso_code: code }) => code === locale),
    market: { handle: country.toLowerCase(), id: Object.keys(COUNTRIES).indexOf(country) + 1 },
  };
}

/** Formatters are slow to make: each currency's sign is looked up once. */
const symbols = new Map();

function currencyObject(code) {
  if (!symbols.has(code)) {
    const parts = new Intl.NumberFormat('en', { style: 'currency', currency: code }).formatToParts(0);
    symbols.set(code, parts.find(({ type }) => type === 'currency').value);
  }
  return { iso_code: code, symbol: symbols.get(code), name: code };
}

/** Return the Liquid language of a code, which is also `request.locale`. */
export function languageObject(code) {
  const { name, prefix } = LOCALES[code];
  return { iso_code: code, name, endonym_name: name, primary: code === PRIMARY_LOCALE, root_url: prefix || '/' };
}
