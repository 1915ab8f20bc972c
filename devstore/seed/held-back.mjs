/**
 * The newest days of a shop's history, kept back so that they can happen before the reader's eyes.
 *
 * A shop that is split stands as it stood on that day: its later orders are not there yet, and no refund that came
 * later. What is released arrives as Shopify tells it, order by order, by its webhooks.
 */
import { orderPayload, refundPayload } from '../order-payloads.mjs';

const DAY_MS = 24 * 60 * 60 * 1000;
/** How many times as long the days that are left must be, where a shop must stay one that is worth a look. */
const LEFT_SPANS = 4;

/**
 * Hold back the newest days of a seed, counted from its newest order, which may be days old in an order file.
 *
 * @param {{orders: object[]}} seed
 * @param {{days: number, least: number}} wanted nothing is held back of a shop with fewer orders than `least` in these days, or with
 *   little before them; 0 for whatever there is
 */
export function holdBackDays(seed, { days, least }) {
  const moments = seed.orders.map(({ createdAt }) => createdAt);
  const newest = moments.reduce((found, at) => Math.max(found, at), 0);
  const oldest = moments.reduce((found, at) => Math.min(found, at), newest);
  const after = newest - days * DAY_MS;
  const whole = { seed, held: [] };
  if (days === 0 || (least > 0 && after - oldest < LEFT_SPANS * days * DAY_MS)) return whole;
  const split = holdBack(seed, after);
  return split.held.length < least ? whole : split;
}

/**
 * Split a seed at a moment.
 *
 * @param {{orders: object[]}} seed
 * @param {number} after milliseconds; what happened later is held back
 * @returns {{seed: object, held: object[]}} `held` are whole orders in the order in which they happened, refunds among them
 */
export function holdBack(seed, after) {
  const held = seed.orders.filter((order) => lastMoment(order) > after).sort((one, other) => lastMoment(one) - lastMoment(other));
  const orders = seed.orders.filter((order) => order.createdAt <= after).map((order) => asOf(order, after));
  return { seed: { ...seed, orders }, held };
}

const lastMoment = ({ createdAt, refunds }) => Math.max(createdAt, ...refunds.map((refund) => refund.createdAt));

/** An order without the refunds that came after a moment. */
function asOf(order, after) {
  const later = order.refunds.filter((refund) => refund.createdAt > after);
  if (later.length === 0) return order;
  const back = new Map();
  for (const { lineId, quantity } of later.flatMap((refund) => refund.lines)) back.set(lineId, (back.get(lineId) ?? 0) + quantity);
  const refunds = order.refunds.filter((refund) => refund.createdAt <= after);
  return {
    ...order,
    refunds,
    updatedAt: Math.max(order.createdAt, ...refunds.map((refund) => refund.createdAt)),
    lines: order.lines.map((line) => ({ ...line, currentQuantity: line.currentQuantity + (back.get(line.id) ?? 0) })),
  };
}

/**
 * Let some of what was held back happen. What is there already is passed over, so a release that broke off goes on.
 *
 * @param {{store: object, webhooks: object, approvals: object}} parts
 * @param {import('../store.mjs').ShopData} shop
 * @param {number} [most] orders at most
 * @returns {{released: number, left: number}}
 */
export function release({ store, webhooks, approvals }, shop, most = Infinity) {
  let released = 0;
  while (shop.heldBack.length > 0 && released < most) {
    const order = shop.heldBack.shift();
    const known = shop.findOrder(order.id);
    if (known?.refunds.length === order.refunds.length) continue;
    store.change({ type: 'order.put', shop: shop.domain, data: order });
    const payload = orderPayload(shop, order, approvals);
    webhooks.emit(shop, known ? 'orders/updated' : 'orders/create', payload);
    for (const refund of order.refunds.slice(known?.refunds.length ?? 0)) webhooks.emit(shop, 'refunds/create', refundPayload(shop, order, refund));
    released += 1;
  }
  return { released, left: shop.heldBack.length };
}
