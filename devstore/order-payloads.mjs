/**
 * Webhook bodies of orders and refunds: amounts as text, both in the shop's
 * currency and in the one that the customer paid in.
 *
 * Names, addresses, phone numbers and emails are left out (null) unless the app
 * is approved for level 2 of protected customer data.
 */
import { presentmentOf } from './markets.mjs';
import { gid, money, moment } from './store.mjs';

const LEVEL_WITH_NAMES = 2;

/** Return the body of orders/create, orders/updated and orders/cancelled. */
export function orderPayload(shop, order, { protectedDataLevel }) {
  const isNamed = protectedDataLevel >= LEVEL_WITH_NAMES;
  const customer = order.customerId === null ? null : shop.findCustomer(order.customerId);
  const email = isNamed ? customer?.email ?? null : null;
  const address = isNamed && customer ? addressPayload(customer) : null;
  return {
    ...identityPayload(order),
    ...sourcePayload(order),
    ...amountsPayload(shop, order),
    currency: shop.currency,
    presentment_currency: presentmentOf(order, shop).currency,
    customer_locale: order.locale ?? 'en',
    email,
    contact_email: email,
    phone: null,
    billing_address: address,
    shipping_address: address,
    customer: customer && customerPayload(customer, shop, { isNamed }),
    note: null,
    note_attributes: properties(order.customAttributes),
    line_items: order.lines.map((line) => orderLinePayload(shop, order, line)),
    refunds: order.refunds.map((refund) => refundPayload(shop, order, refund)),
    ...NOTHING_ELSE,
  };
}

/** Return the body of refunds/create. */
export function refundPayload(shop, order, refund) {
  return {
    id: refund.id,
    admin_graphql_api_id: gid('Refund', refund.id),
    order_id: order.id,
    created_at: moment(refund.createdAt),
    processed_at: moment(refund.createdAt),
    note: null,
    user_id: null,
    restock: true,
    return: null,
    duties: [],
    total_duties_set: moneySet(0, shop, order),
    order_adjustments: [],
    refund_shipping_lines: [],
    refund_line_items: refund.lines.map((each) => refundLinePayload(shop, order, each)),
    transactions: [],
  };
}

/** Return what an order owes to its refunds. */
export function financialStatus(order) {
  if (order.refunds.length === 0) return 'paid';
  return order.lines.some((line) => line.currentQuantity > 0) ? 'partially_refunded' : 'refunded';
}

/** Return whether a line stands for a gift card. */
export function isGiftCardLine(shop, line) {
  return shop.findProduct(line.productId)?.isGiftCard ?? false;
}

function identityPayload(order) {
  const number = Number(order.name.replace(/\D/g, '')) || null;
  return {
    id: order.id,
    admin_graphql_api_id: gid('Order', order.id),
    name: order.name,
    number,
    order_number: number,
    token: order.checkoutToken ?? `${order.id}`,
    confirmed: true,
    confirmation_number: null,
    created_at: moment(order.createdAt),
    processed_at: moment(order.createdAt),
    updated_at: moment(order.updatedAt),
    cancelled_at: moment(order.cancelledAt),
    cancel_reason: order.cancelledAt === null ? null : 'customer',
    closed_at: null,
    test: order.test,
    financial_status: financialStatus(order),
    fulfillment_status: null,
  };
}

function sourcePayload(order) {
  return {
    source_name: order.sourceName,
    source_identifier: null,
    source_url: null,
    landing_site: null,
    landing_site_ref: null,
    referring_site: null,
    cart_token: order.cartToken,
    checkout_token: order.checkoutToken,
    browser_ip: null,
    client_details: null,
    order_status_url: null,
    buyer_accepts_marketing: false,
  };
}

/** No taxes, shipping or discounts are charged here: those amounts are zero, not missing. */
function amountsPayload(shop, order) {
  const [total, current] = ['quantity', 'currentQuantity'].map((name) => order.lines.reduce((sum, line) => sum + line.price * line[name], 0));
  const totals = { total_price: total, subtotal_price: total, total_line_items_price: total, current_total_price: current, current_subtotal_price: current };
  const nothing = { total_tax: 0, total_discounts: 0, current_total_tax: 0, current_total_discounts: 0 };
  const both = Object.entries({ ...totals, ...nothing }).flatMap(([name, amount]) => [[name, money(amount)], [`${name}_set`, moneySet(amount, shop, order)]]);
  const sets = ['current_shipping_price', 'total_shipping_price', 'total_cash_rounding_payment_adjustment', 'total_cash_rounding_refund_adjustment'];
  return {
    ...Object.fromEntries(both),
    ...Object.fromEntries(sets.map((name) => [`${name}_set`, moneySet(0, shop, order)])),
    total_outstanding: money(0),
    total_tip_received: money(0),
    total_weight: 0,
  };
}

function refundLinePayload(shop, order, { lineId, quantity }) {
  const line = order.lines.find((each) => each.id === lineId);
  const subtotal = line.price * quantity;
  return {
    id: lineId,
    line_item_id: lineId,
    quantity,
    location_id: null,
    restock_type: 'return',
    // Unlike every other amount these two are numbers in Shopify's sample.
    subtotal: subtotal / 100,
    total_tax: 0,
    subtotal_set: moneySet(subtotal, shop, order),
    total_tax_set: moneySet(0, shop, order),
    line_item: linePayload(shop, order, line),
  };
}

function orderLinePayload(shop, order, line) {
  return { ...linePayload(shop, order, line), current_quantity: line.currentQuantity, attributed_staffs: [], sales_line_item_group_id: null };
}

function linePayload(shop, order, line) {
  const product = shop.findProduct(line.productId);
  const variant = shop.findVariant(line.variantId);
  const title = product?.title ?? 'Deleted product';
  return {
    id: line.id,
    admin_graphql_api_id: gid('LineItem', line.id),
    product_id: product ? line.productId : null,
    variant_id: variant ? line.variantId : null,
    product_exists: product !== null,
    title,
    name: title,
    variant_title: variant?.title ?? null,
    variant_inventory_management: null,
    vendor: product?.vendor ?? null,
    sku: variant?.sku ?? null,
    quantity: line.quantity,
    fulfillable_quantity: line.currentQuantity,
    fulfillment_service: 'manual',
    fulfillment_status: null,
    requires_shipping: true,
    grams: 0,
    price: money(line.price),
    price_set: moneySet(line.price, shop, order),
    total_discount: money(0),
    total_discount_set: moneySet(0, shop, order),
    gift_card: isGiftCardLine(shop, line),
    taxable: true,
    properties: properties(line.customAttributes),
    tax_lines: [],
    duties: [],
    discount_allocations: [],
  };
}

function customerPayload(customer, shop, { isNamed }) {
  return {
    id: customer.id,
    admin_graphql_api_id: gid('Customer', customer.id),
    created_at: moment(customer.createdAt),
    updated_at: moment(customer.updatedAt),
    email: isNamed ? customer.email : null,
    first_name: isNamed ? customer.firstName : null,
    last_name: isNamed ? customer.lastName : null,
    phone: null,
    default_address: isNamed ? { ...placePayload(customer), id: customer.id, customer_id: customer.id, country_name: customer.country, default: true } : null,
    state: 'enabled',
    note: null,
    verified_email: true,
    multipass_identifier: null,
    tax_exempt: false,
    tax_exemptions: [],
    currency: shop.currency,
  };
}

function addressPayload(customer) {
  return { ...placePayload(customer), latitude: null, longitude: null };
}

/** The shops know a customer's country and nothing nearer. */
function placePayload({ firstName, lastName, country }) {
  return {
    first_name: firstName, last_name: lastName, name: `${firstName} ${lastName}`.trim(), company: null, address1: null, address2: null, city: null,
    province: null, province_code: null, zip: null, phone: null, country, country_code: null,
  };
}

function moneySet(hundredths, shop, order) {
  const { currency, amount } = presentmentOf(order, shop);
  return {
    shop_money: { amount: money(hundredths), currency_code: shop.currency },
    presentment_money: { amount: money(amount(hundredths)), currency_code: currency },
  };
}

function properties(attributes = []) {
  return attributes.map(({ key, value }) => ({ name: key, value }));
}

/** Fields of Shopify's sample for what these shops do not do: fulfil, tax, discount, sell to companies. */
const NOTHING_ELSE = Object.freeze({
  app_id: null, current_total_additional_fees_set: null, current_total_duties_set: null, device_id: null, discount_applications: [],
  discount_codes: [], duties_included: false, estimated_taxes: false, fulfillments: [], line_item_groups: [], location_id: null,
  merchant_business_entity_id: null, merchant_of_record_app_id: null, original_total_additional_fees_set: null,
  original_total_duties_set: null, payment_gateway_names: ['bogus'], payment_terms: null, po_number: null, reference: null, returns: [],
  shipping_lines: [], tags: '', tax_exempt: false, tax_lines: [], taxes_included: true, user_id: null,
});
