/**
 * Helpers that resolvers share: dates, money, types of records.
 */
import { GraphQLError } from 'graphql';
import { presentmentOf } from '../markets.mjs';
import { money, parseGid } from '../store.mjs';

const kinds = new WeakMap();

/** Remember which type a record has, where a field may give several. */
export function as(kind, record) {
  if (record) kinds.set(record, kind);
  return record;
}

/** Return the type that `as` gave a record. */
export function kindOf(record) {
  return kinds.get(record);
}

/** Return milliseconds as the API writes moments. */
export function dateTime(milliseconds) {
  return milliseconds == null ? null : new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

export function moneyV2(hundredths, shop) {
  return { amount: money(hundredths), currencyCode: shop.currency };
}

/** Return an amount in the shop's currency and in what was paid, as `paid.presentment` says (an order, or what `withPayment` gives). */
export function moneyBag(hundredths, shop, paid) {
  const shopMoney = moneyV2(hundredths, shop);
  if (!paid.presentment) return { shopMoney, presentmentMoney: shopMoney };
  const { currency, amount } = presentmentOf(paid, shop);
  return { shopMoney, presentmentMoney: { amount: money(amount(hundredths)), currencyCode: currency } };
}

/** Return a part of an order that still knows what the order was paid in. */
export function withPayment(part, { presentment }) {
  return presentment ? { ...part, presentment } : part;
}

/**
 * Return the numeric id of a gid of `kind`.
 *
 * @throws {GraphQLError} as Shopify answers an id of another form
 */
export function readId(text, kind) {
  const found = parseGid(text);
  if (!found) throw new GraphQLError(`Invalid global id '${text}'`, { extensions: { code: 'INVALID_GLOBAL_ID' } });
  return found.kind === kind ? found.id : null;
}

/** A counted list, capped as the API caps it. */
export function count(records, limit) {
  const cap = limit ?? Infinity;
  return records.length > cap ? { count: cap, precision: 'AT_LEAST' } : { count: records.length, precision: 'EXACT' };
}

/** Resolvers that give a property of the same name. */
export function plain(...names) {
  return Object.fromEntries(names.map((name) => [name, (record) => record[name]]));
}

/** Resolvers of the fields that a connection, its edges and its page have. */
export const PAGE_FIELDS = plain('nodes', 'edges', 'pageInfo', 'node', 'cursor', 'hasNextPage', 'hasPreviousPage', 'startCursor', 'endCursor');
