/**
 * Orders, their lines and refunds, customers.
 */
import { financialStatus, isGiftCardLine } from '../../order-payloads.mjs';
import { presentmentOf } from '../../markets.mjs';
import { gid } from '../../store.mjs';
import { connection } from '../connection.mjs';
import { count, dateTime, moneyBag, moneyV2, plain, readId, withPayment } from '../values.mjs';
import { sortKey } from './catalog.mjs';

const ORDER_SORTS = {
  ID: (each) => each.id,
  RELEVANCE: (each) => each.id,
  CREATED_AT: (each) => each.createdAt,
  PROCESSED_AT: (each) => each.createdAt,
  UPDATED_AT: (each) => each.updatedAt,
  ORDER_NUMBER: (each) => orderNumber(each),
  TOTAL_PRICE: (each) => total(each, 'quantity'),
  CURRENT_TOTAL_PRICE: (each) => total(each, 'currentQuantity'),
};

const CUSTOMER_SORTS = {
  ID: (each) => each.id,
  RELEVANCE: (each) => each.id,
  CREATED_AT: (each) => each.createdAt,
  UPDATED_AT: (each) => each.updatedAt,
};

const ORDER_SEARCH = {
  default: (each) => each.name,
  id: (each) => each.id,
  name: (each) => each.name,
  created_at: (each) => each.createdAt,
  processed_at: (each) => each.createdAt,
  updated_at: (each) => each.updatedAt,
  customer_id: (each) => each.customerId,
  test: (each) => String(each.test),
  status: (each) => (each.cancelledAt === null ? ['open', 'any', 'not_closed'] : ['cancelled', 'any', 'not_closed']),
  financial_status: (each) => financialStatus(each),
  source_name: (each) => each.sourceName,
};

const CUSTOMER_SEARCH = {
  id: (each) => each.id,
  created_at: (each) => each.createdAt,
  customer_date: (each) => each.createdAt,
  updated_at: (each) => each.updatedAt,
  country: (each) => each.country,
};

/** Return the orders that the caller may see: those of the window. */
function visible(orders, { windowStart }) {
  return windowStart === -Infinity ? orders : orders.filter((order) => order.createdAt >= windowStart);
}

/** Return an order if it is inside the window, or null. */
export function findVisibleOrder(id, context) {
  const order = context.shop.findOrder(id);
  return order && visible([order], context).length === 1 ? order : null;
}

function listOrders(orders, args, context) {
  const key = sortKey(ORDER_SORTS, args.sortKey, 'PROCESSED_AT');
  return connection(visible(orders, context), args, context, { key, search: ORDER_SEARCH, name: 'orders' });
}

function listCustomers(args, context) {
  const key = sortKey(CUSTOMER_SORTS, args.sortKey, 'ID');
  return connection([...context.shop.customers.values()], args, context, { key, search: CUSTOMER_SEARCH, name: 'customers' });
}

function countOrders(_, args, context) {
  const all = visible([...context.shop.orders.values()], context);
  return count(connection(all, { query: args.query }, { ...context, isBulk: true }, { search: ORDER_SEARCH, name: 'ordersCount' }).nodes, args.limit);
}

function countCustomers(_, args, context) {
  const found = connection([...context.shop.customers.values()], { query: args.query }, { ...context, isBulk: true }, { search: CUSTOMER_SEARCH, name: 'customersCount' });
  return count(found.nodes, args.limit);
}

function total(order, quantity) {
  return order.lines.reduce((sum, line) => sum + line.price * line[quantity], 0);
}

function refunded(order) {
  return total(order, 'quantity') - total(order, 'currentQuantity');
}

function orderNumber(order) {
  return Number(order.name.replace(/\D/g, '')) || 0;
}

const Order = {
  ...plain('name', 'test', 'sourceName', 'cartToken', 'checkoutToken', 'customAttributes'),
  id: (each) => gid('Order', each.id),
  legacyResourceId: (each) => String(each.id),
  number: orderNumber,
  createdAt: (each) => dateTime(each.createdAt),
  processedAt: (each) => dateTime(each.createdAt),
  updatedAt: (each) => dateTime(each.updatedAt),
  cancelledAt: (each) => dateTime(each.cancelledAt),
  closedAt: () => null,
  closed: () => false,
  note: () => null,
  tags: () => [],
  email: (each, _, { shop }) => shop.findCustomer(each.customerId)?.email ?? null,
  phone: () => null,
  currencyCode: (_, __, { shop }) => shop.currency,
  presentmentCurrencyCode: (each, _, { shop }) => presentmentOf(each, shop).currency,
  customerLocale: (each) => each.locale ?? 'en',
  customer: (each, _, { shop }) => (each.customerId === null ? null : shop.findCustomer(each.customerId)),
  attribution: () => null,
  customerJourneySummary: (each, _, { shop }) => ({ order: each, shop }),
  displayFinancialStatus: (each) => financialStatus(each).toUpperCase(),
  displayFulfillmentStatus: () => 'UNFULFILLED',
  subtotalLineItemsQuantity: (each) => each.lines.reduce((sum, line) => sum + line.quantity, 0),
  currentSubtotalLineItemsQuantity: (each) => each.lines.reduce((sum, line) => sum + line.currentQuantity, 0),
  totalPriceSet: (each, _, { shop }) => moneyBag(total(each, 'quantity'), shop, each),
  subtotalPriceSet: (each, _, { shop }) => moneyBag(total(each, 'quantity'), shop, each),
  currentTotalPriceSet: (each, _, { shop }) => moneyBag(total(each, 'currentQuantity'), shop, each),
  currentSubtotalPriceSet: (each, _, { shop }) => moneyBag(total(each, 'currentQuantity'), shop, each),
  totalRefundedSet: (each, _, { shop }) => moneyBag(refunded(each), shop, each),
  lineItems: (each, args, context) => connection(each.presentment ? each.lines.map((line) => withPayment(line, each)) : each.lines, args, context),
  refunds: (each, { first }) => each.refunds.slice(0, first ?? undefined).map((refund) => ({ refund, order: each })),
};

const LineItem = {
  ...plain('quantity', 'currentQuantity'),
  id: (each) => gid('LineItem', each.id),
  title: (each, _, { shop }) => shop.findProduct(each.productId)?.title ?? 'Deleted product',
  name: (each, _, { shop }) => shop.findProduct(each.productId)?.title ?? 'Deleted product',
  sku: (each, _, { shop }) => shop.findVariant(each.variantId)?.sku ?? null,
  vendor: (each, _, { shop }) => shop.findProduct(each.productId)?.vendor ?? null,
  variantTitle: (each, _, { shop }) => shop.findVariant(each.variantId)?.title ?? null,
  isGiftCard: (each, _, { shop }) => isGiftCardLine(shop, each),
  requiresShipping: () => true,
  taxable: () => true,
  refundableQuantity: (each) => each.currentQuantity,
  customAttributes: (each) => each.customAttributes ?? [],
  product: (each, _, { shop }) => shop.findProduct(each.productId),
  variant: (each, _, { shop }) => shop.findVariant(each.variantId),
  originalUnitPriceSet: (each, _, { shop }) => moneyBag(each.price, shop, each),
  discountedUnitPriceSet: (each, _, { shop }) => moneyBag(each.price, shop, each),
  originalTotalSet: (each, _, { shop }) => moneyBag(each.price * each.quantity, shop, each),
  discountedTotalSet: (each, _, { shop }) => moneyBag(each.price * each.quantity, shop, each),
  totalDiscountSet: (each, _, { shop }) => moneyBag(0, shop, each),
};

const Refund = {
  id: ({ refund }) => gid('Refund', refund.id),
  legacyResourceId: ({ refund }) => String(refund.id),
  createdAt: ({ refund }) => dateTime(refund.createdAt),
  processedAt: ({ refund }) => dateTime(refund.createdAt),
  updatedAt: ({ refund }) => dateTime(refund.createdAt),
  note: () => null,
  order: ({ order }) => order,
  totalRefundedSet: ({ refund, order }, _, { shop }) => moneyBag(refund.lines.reduce((sum, each) => sum + lineOf(order, each).price * each.quantity, 0), shop, order),
  refundLineItems: ({ refund, order }, args, context) =>
    connection(refund.lines.map((each) => ({ ...each, id: each.lineId, line: withPayment(lineOf(order, each), order) })), args, context),
};

const RefundLineItem = {
  ...plain('quantity'),
  id: (each) => gid('RefundLineItem', each.id),
  lineItem: (each) => each.line,
  restocked: () => true,
  restockType: () => 'RETURN',
  priceSet: (each, _, { shop }) => moneyBag(each.line.price, shop, each.line),
  subtotalSet: (each, _, { shop }) => moneyBag(each.line.price * each.quantity, shop, each.line),
};

function lineOf(order, { lineId }) {
  return order.lines.find((line) => line.id === lineId);
}

const Customer = {
  ...plain('firstName', 'lastName', 'email'),
  id: (each) => gid('Customer', each.id),
  legacyResourceId: (each) => String(each.id),
  displayName: (each) => `${each.firstName} ${each.lastName}`.trim(),
  phone: () => null,
  locale: () => 'en',
  note: () => null,
  tags: () => [],
  state: () => 'ENABLED',
  verifiedEmail: () => true,
  taxExempt: () => false,
  defaultEmailAddress: (each) => (each.email === null ? null : { emailAddress: each.email }),
  defaultPhoneNumber: () => null,
  createdAt: (each) => dateTime(each.createdAt),
  updatedAt: (each) => dateTime(each.updatedAt),
  numberOfOrders: (each, _, { shop }) => String(shop.ordersOf(each.id).length),
  amountSpent: (each, _, { shop }) => moneyV2(shop.ordersOf(each.id).reduce((sum, order) => sum + total(order, 'currentQuantity'), 0), shop),
  lastOrder: (each, _, context) => visible(context.shop.ordersOf(each.id), context).at(-1) ?? null,
  orders: (each, args, context) => listOrders(context.shop.ordersOf(each.id), { ...args, sortKey: args.sortKey ?? 'ID' }, context),
};

/** No visits are recorded, so a journey is never ready; what the order history tells is answered. */
const CustomerJourneySummary = {
  ready: () => false,
  daysToConversion: () => null,
  firstVisit: () => null,
  lastVisit: () => null,
  momentsCount: () => null,
  customerOrderIndex: ({ order, shop }) => (order.customerId === null ? null : shop.ordersOf(order.customerId).findIndex((each) => each.id === order.id)),
};

export const orderResolvers = {
  QueryRoot: {
    orders: (_, args, context) => listOrders([...context.shop.orders.values()], args, context),
    order: (_, { id }, context) => findVisibleOrder(readId(id, 'Order'), context),
    ordersCount: countOrders,
    customers: (_, args, context) => listCustomers(args, context),
    customer: (_, { id }, { shop }) => shop.findCustomer(readId(id, 'Customer')),
    customersCount: countCustomers,
  },
  Order,
  LineItem,
  Refund,
  RefundLineItem,
  Customer,
  CustomerJourneySummary,
  CustomerEmailAddress: plain('emailAddress'),
  Attribute: plain('key', 'value'),
};

