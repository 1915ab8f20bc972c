/**
 * Webhook bodies: the REST shape of each record (snake_case, numeric ids, money as text).
 *
 * Names, addresses, phone numbers and emails are left out (null) unless the app
 * is approved for level 2 of protected customer data.
 */
import { gid, isPublished, isTracked, money, updatedAtOf } from './store.mjs';

const LEVEL_WITH_NAMES = 2;

/** Variants that a product webhook holds in full; the others are named by `variant_gids` only. */
const FULL_VARIANTS = 100;

const IMAGE_SIDE = 800;

/** Return the body of products/create and products/update. */
export function productPayload(shop, product, { imageUrl }) {
  const image = imagePayload(product, imageUrl);
  return {
    id: product.id,
    admin_graphql_api_id: gid('Product', product.id),
    title: product.title,
    body_html: product.descriptionHtml,
    vendor: product.vendor,
    product_type: product.productType,
    created_at: moment(product.createdAt),
    updated_at: moment(product.updatedAt),
    published_at: moment(isPublished(product) ? product.publishedAt : null),
    handle: product.handle,
    tags: product.tags.join(', '),
    status: product.status.toLowerCase(),
    published_scope: 'web',
    template_suffix: null,
    variants: product.variants.slice(0, FULL_VARIANTS).map((variant) => variantPayload(product, variant)),
    variant_gids: variantGids(product),
    has_variants_that_requires_components: false,
    options: [{ id: product.id, product_id: product.id, name: 'Title', position: 1, values: product.variants.map((each) => each.title) }],
    images: [image],
    image,
    media: [mediaPayload(product, imageUrl)],
    category: null,
  };
}

/** Return the body of collections/create and collections/update. */
export function collectionPayload(shop, collection) {
  return {
    id: collection.id,
    admin_graphql_api_id: gid('Collection', collection.id),
    handle: collection.handle,
    title: collection.title,
    updated_at: moment(collection.updatedAt),
    published_at: moment(shop.createdAt),
    body_html: '',
    sort_order: 'manual',
    template_suffix: null,
    published_scope: 'web',
  };
}

/** Return the body of orders/create, orders/updated and orders/cancelled. */
export function orderPayload(shop, order, { protectedDataLevel }) {
  const total = order.lines.reduce((sum, line) => sum + line.price * line.quantity, 0);
  const customer = order.customerId === null ? null : shop.findCustomer(order.customerId);
  return {
    id: order.id,
    admin_graphql_api_id: gid('Order', order.id),
    name: order.name,
    order_number: Number(order.name.replace(/\D/g, '')) || null,
    created_at: moment(order.createdAt),
    processed_at: moment(order.createdAt),
    updated_at: moment(order.updatedAt),
    cancelled_at: moment(order.cancelledAt),
    closed_at: null,
    test: order.test,
    source_name: order.sourceName,
    currency: shop.currency,
    presentment_currency: shop.currency,
    financial_status: financialStatus(order),
    fulfillment_status: null,
    cart_token: order.cartToken,
    checkout_token: order.checkoutToken,
    email: protectedDataLevel >= LEVEL_WITH_NAMES ? customer?.email ?? null : null,
    phone: null,
    total_price: money(total),
    subtotal_price: money(total),
    current_total_price: money(order.lines.reduce((sum, line) => sum + line.price * line.currentQuantity, 0)),
    note_attributes: properties(order.customAttributes),
    customer: customer && customerPayload(customer, shop, { protectedDataLevel }),
    line_items: order.lines.map((line) => linePayload(shop, line)),
    refunds: order.refunds.map((refund) => refundPayload(shop, order, refund)),
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
    refund_line_items: refund.lines.map(({ lineId, quantity }) => {
      const line = order.lines.find((each) => each.id === lineId);
      return {
        line_item_id: lineId,
        quantity,
        restock_type: 'return',
        subtotal: money(line.price * quantity),
        line_item: linePayload(shop, line),
      };
    }),
    transactions: [],
  };
}

/** Return the body of orders/delete, products/delete and collections/delete. */
export function deletedPayload(id) {
  return { id };
}

/** Return the body of bulk_operations/finish. */
export function bulkPayload(operation) {
  return {
    admin_graphql_api_id: gid('BulkOperation', operation.id),
    completed_at: moment(operation.completedAt),
    created_at: moment(operation.createdAt),
    error_code: operation.errorCode?.toLowerCase() ?? null,
    status: operation.status.toLowerCase(),
    type: 'query',
  };
}

/** Return the body of app/uninstalled. */
export function shopPayload(shop) {
  return {
    id: shop.id,
    name: shop.name,
    domain: shop.domain,
    myshopify_domain: shop.domain,
    currency: shop.currency,
    iana_timezone: shop.timezone,
    created_at: moment(shop.createdAt),
  };
}

/** Return the body of app/scopes_update. */
export function scopesPayload(shop, install, previous, now) {
  return {
    id: install.installationId,
    previous,
    current: install.scopes,
    updated_at: moment(now),
    shop_id: shop.id,
  };
}

/** Return what an order owes to its refunds. */
export function financialStatus(order) {
  if (order.refunds.length === 0) return 'paid';
  return order.lines.some((line) => line.currentQuantity > 0) ? 'partially_refunded' : 'refunded';
}

/**
 * A variant as Shopify sends it: nothing says whether its stock is counted, and
 * one that is not counted arrives as sold out.
 */
function variantPayload(product, variant) {
  const isCounted = isTracked(variant);
  const quantity = isCounted ? variant.inventoryQuantity : 0;
  return {
    id: variant.id,
    admin_graphql_api_id: gid('ProductVariant', variant.id),
    product_id: variant.productId,
    title: variant.title,
    sku: variant.sku,
    barcode: null,
    price: money(variant.price),
    compare_at_price: variant.compareAtPrice === null ? null : money(variant.compareAtPrice),
    position: variant.position,
    inventory_policy: isCounted ? variant.inventoryPolicy.toLowerCase() : 'deny',
    inventory_quantity: quantity,
    old_inventory_quantity: quantity,
    inventory_item_id: null,
    image_id: null,
    taxable: true,
    option1: variant.title,
    option2: null,
    option3: null,
    created_at: moment(product.createdAt),
    updated_at: moment(updatedAtOf(variant, product)),
  };
}

/** Every variant by name, those that changed last first: the only trace of what stands beyond the full ones. */
function variantGids(product) {
  return [...product.variants]
    .sort((a, b) => updatedAtOf(b, product) - updatedAtOf(a, product) || a.position - b.position)
    .map((variant) => ({ admin_graphql_api_id: gid('ProductVariant', variant.id), updated_at: new Date(updatedAtOf(variant, product)).toISOString() }));
}

function imagePayload(product, imageUrl) {
  return {
    id: product.id, admin_graphql_api_id: gid('ProductImage', product.id), product_id: product.id, position: 1, alt: product.title,
    src: imageUrl(product), width: IMAGE_SIDE, height: IMAGE_SIDE, variant_ids: [], created_at: moment(product.createdAt), updated_at: moment(product.createdAt),
  };
}

function mediaPayload(product, imageUrl) {
  return {
    id: product.id, admin_graphql_api_id: gid('MediaImage', product.id), product_id: product.id, position: 1, alt: product.title, status: 'READY',
    media_content_type: 'IMAGE', preview_image: { src: imageUrl(product), width: IMAGE_SIDE, height: IMAGE_SIDE, status: 'READY' },
    variant_ids: [], created_at: moment(product.createdAt), updated_at: moment(product.createdAt),
  };
}

function customerPayload(customer, shop, { protectedDataLevel }) {
  const named = protectedDataLevel >= LEVEL_WITH_NAMES;
  return {
    id: customer.id,
    admin_graphql_api_id: gid('Customer', customer.id),
    created_at: moment(customer.createdAt),
    updated_at: moment(customer.updatedAt),
    email: named ? customer.email : null,
    first_name: named ? customer.firstName : null,
    last_name: named ? customer.lastName : null,
    phone: null,
    state: 'enabled',
    currency: shop.currency,
  };
}

function linePayload(shop, line) {
  const product = shop.findProduct(line.productId);
  const variant = shop.findVariant(line.variantId);
  return {
    id: line.id,
    admin_graphql_api_id: gid('LineItem', line.id),
    product_id: product ? line.productId : null,
    variant_id: variant ? line.variantId : null,
    product_exists: product !== null,
    title: product?.title ?? 'Deleted product',
    name: product?.title ?? 'Deleted product',
    variant_title: variant?.title ?? null,
    vendor: product?.vendor ?? null,
    sku: variant?.sku ?? null,
    quantity: line.quantity,
    current_quantity: line.currentQuantity,
    price: money(line.price),
    total_discount: '0.00',
    gift_card: product?.isGiftCard ?? false,
    taxable: true,
    properties: properties(line.customAttributes),
  };
}

function properties(attributes = []) {
  return attributes.map(({ key, value }) => ({ name: key, value }));
}

function moment(milliseconds) {
  return milliseconds === null ? null : new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, '+00:00');
}
