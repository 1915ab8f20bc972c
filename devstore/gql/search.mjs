/**
 * Shopify's search syntax: `status:active AND updated_at:>'2026-01-01'`, OR, NOT, -, parentheses, plain words.
 */

/** A query that is not of the search syntax. */
export class BadSearch extends Error {}

const TOKEN = /\s*(\(|\)|-(?=\S)|[a-z_]+:(?:>=|<=|>|<)?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s()]+)|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s()]+)/gy;

/**
 * Compile a search query into a test of records.
 *
 * A field that the type does not have is ignored, as Shopify does, and named in
 * the warnings, which belong into `extensions.search`.
 *
 * @param {string | null | undefined} text
 * @param {Record<string, (record: object) => unknown>} fields what each searchable field reads;
 *   dates are numbers of milliseconds; `default` reads what plain words are looked for in
 * @returns {{test: (record: object) => boolean, warnings: {field: string, message: string}[]}}
 * @throws {BadSearch}
 */
export function compileSearch(text, fields) {
  const state = { tokens: tokenize(text ?? ''), at: 0, fields, warnings: [] };
  if (state.tokens.length === 0) return { test: () => true, warnings: [] };
  const test = parseOr(state);
  if (state.at < state.tokens.length) throw new BadSearch(`The search query has an unexpected ${state.tokens[state.at]}.`);
  return { test, warnings: state.warnings };
}

function tokenize(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  for (let rest = text.trimEnd(); TOKEN.lastIndex < rest.length; ) {
    const match = TOKEN.exec(rest);
    if (!match) throw new BadSearch('The search query cannot be read.');
    tokens.push(match[1]);
  }
  return tokens;
}

function parseOr(state) {
  const choices = [parseAnd(state)];
  while (take(state, 'OR')) choices.push(parseAnd(state));
  return choices.length === 1 ? choices[0] : (record) => choices.some((test) => test(record));
}

function parseAnd(state) {
  const parts = [parseNot(state)];
  while (state.at < state.tokens.length && !['OR', ')'].includes(state.tokens[state.at])) {
    take(state, 'AND');
    parts.push(parseNot(state));
  }
  return parts.length === 1 ? parts[0] : (record) => parts.every((test) => test(record));
}

function parseNot(state) {
  if (!take(state, 'NOT') && !take(state, '-')) return parseTerm(state);
  const test = parseNot(state);
  return (record) => !test(record);
}

function parseTerm(state) {
  const token = state.tokens[state.at];
  if (token === undefined || token === ')') throw new BadSearch('The search query ends too early.');
  state.at += 1;
  if (token !== '(') return readTerm(token, state);
  const test = parseOr(state);
  if (!take(state, ')')) throw new BadSearch('The search query has an open parenthesis.');
  return test;
}

function take(state, token) {
  if (state.tokens[state.at] !== token) return false;
  state.at += 1;
  return true;
}

function readTerm(token, state) {
  const match = /^([a-z_]+):(>=|<=|>|<)?(.+)$/s.exec(token);
  if (!match) return wordTest(unquote(token), state.fields.default);
  const [, name, operator = '=', raw] = match;
  if (!Object.hasOwn(state.fields, name) || name === 'default') {
    state.warnings.push({ field: name, message: `Invalid search field for this query.`, code: 'invalid_field' });
    return () => true;
  }
  return fieldTest(state.fields[name], operator, unquote(raw));
}

function wordTest(word, read) {
  const wanted = word.toLowerCase().replace(/\*$/, '');
  return (record) => String(read?.(record) ?? '').toLowerCase().includes(wanted);
}

function fieldTest(read, operator, wanted) {
  if (operator === '=') return (record) => equals(read(record), wanted);
  const bound = toNumber(wanted);
  if (Number.isNaN(bound)) throw new BadSearch(`The search query compares with ${wanted}, which is no number or date.`);
  return (record) => compare(read(record), operator, bound);
}

function equals(value, wanted) {
  if (Array.isArray(value)) return value.some((each) => equals(each, wanted));
  if (value === null || value === undefined) return false;
  if (typeof value === 'number') return value === toNumber(wanted);
  const [left, right] = [String(value).toLowerCase(), wanted.toLowerCase()];
  return right.endsWith('*') ? left.startsWith(right.slice(0, -1)) : left === right;
}

function compare(value, operator, bound) {
  if (value === null || value === undefined) return false;
  if (operator === '>') return value > bound;
  if (operator === '>=') return value >= bound;
  return operator === '<' ? value < bound : value <= bound;
}

function toNumber(text) {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  const id = /^gid:\/\/shopify\/\w+\/(\d+)$/.exec(text);
  return id ? Number(id[1]) : Date.parse(text);
}

function unquote(text) {
  return /^(['"]).*\1$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}
