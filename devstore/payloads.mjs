/**
 * Webhook bodies of the catalogue and the app: the REST shape of each record
 * (snake_case, numeric ids, money as text), with the fields of Shopify's samples.
 *
 * Orders and refunds are in order-payloads.mjs.
 */
import { presentmentCurrencies } from './markets.mjs';
import { gid, isPublished, isTracked, moment, money, updatedAtOf } from './store.mjs';

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

/** Return the body of themes/publish. */
export function themePayload(theme) {
  return {
    id: theme.id,
    name: theme.name,
    created_at: moment(theme.createdAt),
    updated_at: moment(theme.updatedAt),
    role: 'main',
    theme_store_id: null,
    previewable: true,
    processing: false,
    admin_graphql_api_id: gid('OnlineStoreTheme', theme.id),
  };
}

/** Return the body of orders/delete and products/delete. */
export function deletedPayload(id) {
  return { id };
}

/** Return the body of collections/delete. */
export function deletedCollectionPayload(id) {
  return { id, admin_graphql_api_id: gid('Collection', id), published_scope: 'web' };
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
    email: shop.email,
    customer_email: shop.email,
    shop_owner: 'Robin Finch',
    domain: shop.domain,
    myshopify_domain: shop.domain,
    currency: shop.currency,
    enabled_presentment_currencies: presentmentCurrencies(shop),
    iana_timezone: shop.timezone,
    primary_locale: 'en',
    created_at: moment(shop.createdAt),
    updated_at: moment(shop.createdAt),
    ...SHOP_DETAILS,
  };
}

/** Return the body of app/scopes_update. */
export function scopesPayload(shop, install, previous, now) {
  return {
    id: install.installationId,
    previous,
    current: install.scopes,
    updated_at: new Date(now).toISOString(),
    shop_id: gid('Shop', shop.id),
  };
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

/** What Shopify tells of a shop beyond what a shop here has. */
const SHOP_DETAILS = Object.freeze({
  address1: null, address2: null, auto_configure_tax_inclusivity: null, checkout_api_supported: true, city: null, country: 'GB', country_code: 'GB',
  country_name: 'United Kingdom', county_taxes: null, eligible_for_payments: true, finances: true, google_apps_domain: null,
  google_apps_login_enabled: null, has_discounts: false, has_gift_cards: false, has_storefront: true, latitude: null, longitude: null,
  marketing_sms_consent_enabled_at_checkout: false, money_format: '£{{amount}}', money_in_emails_format: '£{{amount}}',
  money_with_currency_format: '£{{amount}} GBP', money_with_currency_in_emails_format: '£{{amount}} GBP', multi_location_enabled: true,
  password_enabled: null, phone: null, plan_display_name: 'Basic', plan_name: 'basic', pre_launch_enabled: false, primary_location_id: null,
  province: null, province_code: null, requires_extra_payments_agreement: false, setup_required: false, source: null, tax_shipping: null,
  taxes_included: true, timezone: '(GMT+00:00) London', transactional_sms_disabled: false, weight_unit: 'kg', zip: null,
});
