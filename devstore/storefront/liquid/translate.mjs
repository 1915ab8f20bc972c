/**
 * Translations of a theme or an extension, by dotted key.
 */

/**
 * Return a function that gives the text of a key, with `{{ name }}` filled in.
 *
 * A key with plural forms takes the one for `count`. A key that the file lacks
 * reads `Translation missing: en.key`, as it does on Shopify.
 *
 * A text that a language lacks is read in the default one.
 *
 * @param {object} translations nested texts of the default locale
 * @param {Record<string, object>} [locales] those of further languages
 */
export function makeTranslator(translations, locales = {}) {
  return (key, values = {}, locale = 'en') => {
    const text = textOf(locales[locale], key, values) ?? textOf(translations, key, values);
    if (typeof text !== 'string') return `Translation missing: en.${key}`;
    return text.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => String(values[name] ?? ''));
  };
}

function textOf(translations, key, { count }) {
  const found = key.split('.').reduce((node, part) => node?.[part], translations);
  return found !== null && typeof found === 'object' ? pluralForm(found, count) : found;
}

function pluralForm(forms, count) {
  return Number(count) === 1 ? forms?.one : forms?.other;
}
