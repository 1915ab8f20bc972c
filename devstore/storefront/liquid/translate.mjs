/**
 * Translations of a theme or an extension, by dotted key.
 */

/**
 * Return a function that gives the text of a key, with `{{ name }}` filled in.
 *
 * A key with plural forms takes the one for `count`. A key that the file lacks
 * reads `Translation missing: en.key`, as it does on Shopify.
 *
 * @param {object} translations nested texts of one locale
 */
export function makeTranslator(translations) {
  return (key, values = {}) => {
    const found = key.split('.').reduce((node, part) => node?.[part], translations);
    const text = typeof found === 'object' ? pluralForm(found, values.count) : found;
    if (typeof text !== 'string') return `Translation missing: en.${key}`;
    return text.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => String(values[name] ?? ''));
  };
}

function pluralForm(forms, count) {
  return Number(count) === 1 ? forms?.one : forms?.other;
}
