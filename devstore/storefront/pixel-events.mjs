/**
 * What Shopify's standard events say, in the shapes of `@shopify/web-pixels-extension`.
 *
 * Of people only what the app's approval allows is told, which is nothing here.
 */
import { gid } from '../store.mjs';

const DEFAULT_VARIANT = 'Default Title';

/** Return the events that a page of this kind begins with. */
export function pageEvents(view, { product }) {
  const viewed = product ? [{ name: 'product_viewed', data: { productVariant: variantData(view, recordOf(view, product.id), product.selected_or_first_available_variant?.id) } }] : [];
  return [{ name: 'page_viewed', data: {} }, ...viewed];
}

const recordOf = ({ shop }, id) => shop.findProduct(id);

/** Return a variant with its product; the first one where the one asked for is not there. */
function variantData(view, product, variantId) {
  const variant = product.variants.find(({ id }) => id === variantId) ?? product.variants[0];
  const title = variant.title === DEFAULT_VARIANT ? null : variant.title;
  return {
    id: String(variant.id),
    image: { src: view.imageUrl(product) },
    price: moneyData(view, variant.price),
    product: {
      id: String(product.id), title: product.title, untranslatedTitle: product.title, type: product.productType,
      url: `${view.localization.prefix}/products/${product.handle}`, vendor: product.vendor,
    },
    sku: variant.sku || null,
    title,
    untranslatedTitle: title,
  };
}

function moneyData({ localization: { presentment } }, hundredths) {
  return { amount: presentment.amount(hundredths) / 100, currencyCode: presentment.currency };
}

/** Return the cart of `init.data`, null for an empty one. */
export function cartData(view, cart) {
  if (cart.lines.length === 0) return null;
  const lines = cart.lines.map(({ variantId, quantity }) => {
    const { product, variant } = findLine(view, variantId);
    return { cost: { totalAmount: moneyData(view, variant.price * quantity) }, merchandise: variantData(view, product, variantId), quantity };
  });
  return {
    id: gid('Cart', cart.token),
    attributes: pairs(cart.attributes),
    cost: { totalAmount: totalOf(view, lines.map(({ cost }) => cost.totalAmount)) },
    lines,
    totalQuantity: lines.reduce((sum, { quantity }) => sum + quantity, 0),
  };
}

function findLine({ shop }, variantId) {
  const variant = shop.findVariant(variantId);
  return { variant, product: shop.findProduct(variant.productId) };
}

function totalOf({ localization: { presentment } }, amounts) {
  const hundredths = amounts.reduce((sum, { amount }) => sum + Math.round(amount * 100), 0);
  return { amount: hundredths / 100, currencyCode: presentment.currency };
}

const pairs = (values) => Object.entries(values).map(([key, value]) => ({ key, value }));

/** Return the checkout of a cart. */
export function checkoutData(view, cart) {
  const lines = cart.lines.map(({ key, variantId, quantity, properties }) => ({ id: key, variantId, quantity, properties: pairs(properties) }));
  return describeCheckout(view, { token: cart.checkoutToken, attributes: pairs(cart.attributes), lines, order: null });
}

/** Return the checkout that became an order. */
export function orderCheckoutData(view, order) {
  const isEarlier = (each) => each.customerId === order.customerId && each.createdAt < order.createdAt;
  const customer = order.customerId === null ? null : { id: String(order.customerId), isFirstOrder: ![...view.shop.orders.values()].some(isEarlier) };
  // The page can be looked at again when a product is gone.
  const lines = order.lines.filter(({ variantId }) => view.shop.findVariant(variantId));
  return describeCheckout(view, {
    token: order.checkoutToken,
    attributes: order.customAttributes,
    lines: lines.map(({ id, variantId, quantity, customAttributes }) => ({ id: String(id), variantId, quantity, properties: customAttributes })),
    order: { id: String(order.id), customer },
  });
}

function describeCheckout(view, { token, attributes, lines, order }) {
  const { locale, country, presentment: { currency } } = view.localization;
  const lineItems = lines.map((line) => lineData(view, line));
  const total = totalOf(view, lineItems.map(({ finalLinePrice }) => finalLinePrice));
  const nothing = { amount: 0, currencyCode: currency };
  return {
    ...NOTHING_OF_PEOPLE,
    token, attributes, lineItems, order,
    currencyCode: currency,
    delivery: { selectedDeliveryOptions: [] },
    discountApplications: [],
    discountsAmount: nothing,
    localization: { country: { isoCode: country }, language: { isoCode: locale }, market: { id: null, handle: null } },
    shippingLine: { price: nothing },
    subtotalPrice: total,
    totalPrice: total,
    totalTax: nothing,
    transactions: order ? [{ amount: total, gateway: 'bogus', paymentMethod: { name: 'Test payment', type: 'creditCard' } }] : [],
  };
}

/** What an app without an approval for customers' data gets of the buyer. */
const NOTHING_OF_PEOPLE = Object.freeze({
  billingAddress: null, shippingAddress: null, email: null, phone: null, smsMarketingPhone: null,
  buyerAcceptsEmailMarketing: false, buyerAcceptsSmsMarketing: false,
});

function lineData(view, { id, variantId, quantity, properties }) {
  const { product, variant } = findLine(view, variantId);
  return {
    id, quantity, properties,
    title: product.title,
    variant: variantData(view, product, variantId),
    finalLinePrice: moneyData(view, variant.price * quantity),
    discountAllocations: [],
    sellingPlanAllocation: null,
  };
}
