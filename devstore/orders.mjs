/**
 * What happens to orders: placed, cancelled, refunded, deleted; each with its webhooks.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { orderPayload, refundPayload } from './order-payloads.mjs';
import { deletedPayload, productPayload } from './payloads.mjs';
import { presentment, presentmentCurrencies } from './markets.mjs';
import { isAvailable, isPublished, isTracked, stockOf } from './store.mjs';

/** An order that the shop cannot take. */
export class OrderRefused extends Error {}

export class Orders {
  /** @param {{store: object, approvals: object, clock: object, webhooks: object, imageUrl: Function}} parts */
  constructor({ store, approvals, clock, webhooks, imageUrl }) {
    Object.assign(this, { store, approvals, clock, webhooks, imageUrl });
  }

  /**
   * Place an order: take it in, take it from stock, tell the app.
   *
   * @param {import('./store.mjs').ShopData} shop
   * @param {object} wanted
   * @param {{variantId: number, quantity: number, customAttributes?: {key: string, value: string}[]}[]} wanted.lines
   * @param {number | null} [wanted.customerId] null for a guest
   * @param {{key: string, value: string}[]} [wanted.customAttributes] cart attributes
   * @param {string | null} [wanted.cartToken]
   * @param {string | null} [wanted.checkoutToken]
   * @param {boolean} [wanted.test]
   * @param {string} [wanted.currency] what the customer pays in; the shop's own when left out
   * @param {string} [wanted.locale] language of the checkout
   * @param {number} [wanted.createdAt] defaults to now
   * @returns {import('./store.mjs').Order}
   * @throws {OrderRefused} and changes nothing
   */
  place(shop, wanted) {
    checkOrder(shop, wanted);
    const order = this.#build(shop, wanted);
    const eventId = randomUUID();
    this.store.change({ type: 'order.put', shop: shop.domain, data: order });
    this.webhooks.emit(shop, 'orders/create', orderPayload(shop, order, this.approvals), { eventId });
    this.#takeFromStock(shop, order, eventId);
    return order;
  }

  /** Cancel an order: every line is refunded. */
  cancel(shop, orderId) {
    const order = this.#get(shop, orderId);
    if (order.cancelledAt !== null) throw new OrderRefused(`Order ${orderId} is cancelled already.`);
    const now = this.clock.now();
    const refund = refundOf(shop, order.lines.filter((line) => line.currentQuantity > 0)
      .map((line) => ({ lineId: line.id, quantity: line.currentQuantity })), now);
    const cancelled = { ...withRefund(order, refund, now), cancelledAt: now };
    this.#save(shop, cancelled, [['orders/cancelled', orderPayload(shop, cancelled, this.approvals)], ['refunds/create', refundPayload(shop, cancelled, refund)]]);
    return cancelled;
  }

  /**
   * Refund part of an order.
   *
   * @param {{lineId: number, quantity: number}[]} lines
   */
  refund(shop, orderId, lines) {
    const order = this.#get(shop, orderId);
    checkRefund(order, lines);
    const now = this.clock.now();
    const refund = refundOf(shop, lines, now);
    const refunded = withRefund(order, refund, now);
    this.#save(shop, refunded, [['refunds/create', refundPayload(shop, refunded, refund)], ['orders/updated', orderPayload(shop, refunded, this.approvals)]]);
    return refunded;
  }

  /** Delete an order; only the app's copy of it remains. */
  delete(shop, orderId) {
    this.#get(shop, orderId);
    this.store.change({ type: 'order.delete', shop: shop.domain, data: { id: Number(orderId) } });
    this.webhooks.emit(shop, 'orders/delete', deletedPayload(Number(orderId)));
  }

  #get(shop, orderId) {
    const order = shop.findOrder(orderId);
    if (!order) throw new OrderRefused(`There is no order ${orderId}.`);
    return order;
  }

  #save(shop, order, messages) {
    const eventId = randomUUID();
    this.store.change({ type: 'order.put', shop: shop.domain, data: order });
    for (const [topic, payload] of messages) this.webhooks.emit(shop, topic, payload, { eventId });
  }

  #build(shop, wanted) {
    const createdAt = wanted.createdAt ?? this.clock.now();
    const id = shop.nextId('orders');
    return {
      id,
      name: `#${nextNumber(shop)}`,
      customerId: wanted.customerId == null ? null : Number(wanted.customerId),
      createdAt,
      updatedAt: createdAt,
      cancelledAt: null,
      test: wanted.test ?? false,
      sourceName: 'web',
      country: shop.findCustomer(wanted.customerId)?.country ?? 'United Kingdom',
      // Null for an order that came by no cart or no checkout, as those of an API client do.
      cartToken: wanted.cartToken === undefined ? randomBytes(16).toString('hex') : wanted.cartToken,
      checkoutToken: wanted.checkoutToken === undefined ? randomBytes(16).toString('hex') : wanted.checkoutToken,
      customAttributes: wanted.customAttributes ?? [],
      ...presentmentFields(shop, wanted),
      lines: wanted.lines.map((line) => buildLine(shop, line)),
      refunds: [],
    };
  }

  /** Shopify sends products/update for each product that an order takes from stock: noise that apps must bear. */
  #takeFromStock(shop, order, eventId) {
    for (const productId of new Set(order.lines.map((line) => line.productId))) {
      const product = shop.findProduct(productId);
      const taken = (variant) => order.lines.filter((line) => line.variantId === variant.id)
        .reduce((sum, line) => sum + line.quantity, 0);
      const now = this.clock.now();
      const variants = product.variants.map((each) => (isTracked(each) && taken(each) > 0
        ? { ...each, inventoryQuantity: each.inventoryQuantity - taken(each), updatedAt: now }
        : each));
      const data = { ...product, variants, updatedAt: now };
      this.store.change({ type: 'product.put', shop: shop.domain, data });
      this.webhooks.emit(shop, 'products/update', productPayload(shop, data, this), { eventId });
    }
  }
}

function checkOrder(shop, { lines, customerId, createdAt, currency = shop.currency }) {
  if (!presentmentCurrencies(shop).includes(currency)) throw new OrderRefused(`The shop takes no ${currency}.`);
  if (!Array.isArray(lines) || lines.length === 0) throw new OrderRefused('An order needs at least one line.');
  if (customerId != null && !shop.findCustomer(customerId)) throw new OrderRefused(`There is no customer ${customerId}.`);
  if (createdAt !== undefined && !Number.isFinite(createdAt)) throw new OrderRefused('The moment of the order is none.');
  for (const { variantId, quantity } of lines) {
    const variant = shop.findVariant(variantId);
    if (!variant) throw new OrderRefused(`There is no variant ${variantId}.`);
    if (!Number.isInteger(quantity) || quantity < 1) throw new OrderRefused(`Quantity ${quantity} of variant ${variantId} is not a positive integer.`);
    if (!isPublished(shop.findProduct(variant.productId)) || !isAvailable(variant)) throw new OrderRefused(`Variant ${variantId} is not for sale.`);
    const wanted = lines.filter((line) => line.variantId === variantId).reduce((sum, line) => sum + line.quantity, 0);
    if (wanted > stockOf(variant)) throw new OrderRefused(`Only ${variant.inventoryQuantity} of variant ${variantId} are left.`);
  }
}

/** The rate of the day stays with the order. */
function presentmentFields(shop, { currency = shop.currency, locale }) {
  const paid = currency === shop.currency ? {} : { presentment: { currency, rate: presentment(currency, shop).rate } };
  return locale === undefined ? paid : { ...paid, locale };
}

function checkRefund(order, lines) {
  if (!Array.isArray(lines) || lines.length === 0) throw new OrderRefused('A refund needs at least one line.');
  for (const { lineId, quantity } of lines) {
    const line = order.lines.find((each) => each.id === lineId);
    if (!line) throw new OrderRefused(`Order ${order.id} has no line ${lineId}.`);
    if (!(quantity >= 1 && quantity <= line.currentQuantity)) throw new OrderRefused(`Line ${lineId} has no ${quantity} left to refund.`);
  }
}

function refundOf(shop, lines, now) {
  return { id: shop.nextId('refunds'), createdAt: now, lines };
}

function withRefund(order, refund, now) {
  const refunded = (line) => refund.lines.filter((each) => each.lineId === line.id).reduce((sum, each) => sum + each.quantity, 0);
  const lines = order.lines.map((line) => ({ ...line, currentQuantity: line.currentQuantity - refunded(line) }));
  return { ...order, lines, refunds: [...order.refunds, refund], updatedAt: now };
}

function buildLine(shop, { variantId, quantity, customAttributes = [] }) {
  const variant = shop.findVariant(variantId);
  return {
    id: shop.nextId('lines'),
    productId: variant.productId,
    variantId: variant.id,
    quantity,
    currentQuantity: quantity,
    price: variant.price,
    customAttributes,
  };
}

/** Order numbers go on from the highest that the shop has. */
function nextNumber(shop) {
  const highest = shop.derive('orders', 'highestNumber', () => {
    let found = 1_000;
    for (const order of [...shop.orders.values(), ...shop.heldBack]) found = Math.max(found, Number(order.name.slice(1)) || 0);
    return found;
  });
  return highest + 1;
}
