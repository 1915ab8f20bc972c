/**
 * HTML as template literals: what is put in is escaped unless it is HTML already.
 */
import { escapeHtml } from '../storefront/liquid/filters.mjs';

/** Text that is HTML and stays as it is. */
class Html extends String {}

/** Return the template as HTML; lists are joined, null, undefined and false print nothing. */
export function html(strings, ...values) {
  return new Html(strings.reduce((text, part, at) => text + print(values[at - 1]) + part));
}

/** Return the JSON of a value for a `<script type="application/json">`, which must not hold `</`. */
export function jsonForScript(value) {
  return new Html(JSON.stringify(value).replaceAll('<', '\\u003c'));
}

function print(value) {
  if (value === null || value === undefined || value === false) return '';
  if (Array.isArray(value)) return value.map(print).join('');
  return value instanceof Html ? String(value) : escapeHtml(value);
}
