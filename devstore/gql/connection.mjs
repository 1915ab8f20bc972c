/**
 * Connections: sorting, cursors, pages.
 */
import { GraphQLError } from 'graphql';
import { BadSearch, compileSearch } from './search.mjs';

const PAGE_LIMIT = 250;

/** How deep pages may go into a list. */
const DEPTH_LIMIT = 25_000;

/**
 * Return one page of `records`, or all of them inside a bulk operation.
 *
 * @param {object[]} records
 * @param {object} args first, last, after, before, reverse, query
 * @param {object} context of the execution
 * @param {object} [how]
 * @param {(record: object) => number | string} [how.key] sorts, ties broken by id; left out, the list's order stands
 * @param {Record<string, Function>} [how.search] fields for `query`
 * @param {string} [how.name] for the warnings of `query`
 */
export function connection(records, args, context, { key = null, search = null, name = '' } = {}) {
  const found = filter(records, args, context, search, name);
  if (context.isBulk) return { nodes: args.reverse ? [...found].reverse() : found };
  checkPage(args);
  const sorted = order(found, args, key);
  const from = args.after ? firstAfter(sorted, readCursor(args.after), key, args.reverse) : 0;
  const until = args.before ? firstNotBefore(sorted, readCursor(args.before), key, args.reverse) : sorted.length;
  if (from >= DEPTH_LIMIT) throw new GraphQLError(`Pagination beyond ${DEPTH_LIMIT} objects is not possible. Use a bulk operation.`);
  return page(sorted, from, until, args, key);
}

function filter(records, args, context, search, name) {
  if (!search || !args.query) return records;
  try {
    const { test, warnings } = compileSearch(args.query, search);
    if (warnings.length > 0) context.searchWarnings.push({ path: [name], query: args.query, warnings });
    return records.filter(test);
  } catch (error) {
    if (error instanceof BadSearch) throw new GraphQLError(error.message);
    throw error;
  }
}

function checkPage({ first, last }) {
  if (first == null && last == null) throw new GraphQLError('you must provide one of first or last');
  if (first != null && last != null) throw new GraphQLError('providing both first and last is not supported');
  const size = first ?? last;
  if (size < 0) throw new GraphQLError('first and last cannot be negative');
  if (size > PAGE_LIMIT) throw new GraphQLError(`first and last cannot exceed ${PAGE_LIMIT}`);
}

function order(records, { reverse }, key) {
  if (!key) return reverse ? [...records].reverse() : records;
  const sign = reverse ? -1 : 1;
  return [...records].sort((a, b) => sign * compareKeys(key(a), a.id, key(b), b.id));
}

function page(sorted, from, until, { first, last }, key) {
  const begin = last == null ? from : Math.max(from, until - last);
  const end = first == null ? until : Math.min(until, from + first);
  const nodes = sorted.slice(begin, end);
  const cursor = (record) => makeCursor(record, key);
  return {
    nodes,
    edges: nodes.map((node) => ({ node, cursor: cursor(node) })),
    pageInfo: {
      hasNextPage: end < sorted.length,
      hasPreviousPage: begin > 0,
      startCursor: nodes.length > 0 ? cursor(nodes[0]) : null,
      endCursor: nodes.length > 0 ? cursor(nodes.at(-1)) : null,
    },
  };
}

function makeCursor(record, key) {
  const value = key ? key(record) : null;
  return Buffer.from(JSON.stringify({ last_id: record.id, last_value: value })).toString('base64');
}

function readCursor(text) {
  try {
    const { last_id: id, last_value: value } = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    if (typeof id === 'number') return { id, value };
  } catch {
    // Falls through to the one message below.
  }
  throw new GraphQLError('Invalid cursor for current pagination sort.');
}

/** In a sorted list a cursor stays good when its record is gone: the place comes from the sort value. */
function firstAfter(sorted, { id, value }, key, reverse) {
  if (!key) return indexOf(sorted, id) + 1;
  const sign = reverse ? -1 : 1;
  const index = sorted.findIndex((each) => sign * compareKeys(key(each), each.id, value, id) > 0);
  return index < 0 ? sorted.length : index;
}

function firstNotBefore(sorted, { id, value }, key, reverse) {
  if (!key) return indexOf(sorted, id);
  const sign = reverse ? -1 : 1;
  const index = sorted.findIndex((each) => sign * compareKeys(key(each), each.id, value, id) >= 0);
  return index < 0 ? sorted.length : index;
}

function indexOf(records, id) {
  const index = records.findIndex((each) => each.id === id);
  if (index < 0) throw new GraphQLError('Invalid cursor for current pagination sort.');
  return index;
}

function compareKeys(left, leftId, right, rightId) {
  if (left < right) return -1;
  if (left > right) return 1;
  return leftId - rightId;
}
