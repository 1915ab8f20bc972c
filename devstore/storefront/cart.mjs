/**
 * Carts: pure changes of a cart record, and the JSON that Shopify's cart API answers with.
 *
 * @typedef {object} CartLine
 * @property {string} key variant id and a digest of the properties: equal lines merge
 * @property {number} variantId
 * @property {number} quantity
 * @property {Record<string, string>} properties
 *
 * @typedef {object} Cart
 * @property {string} token
 * @property {CartLine[]} lines
 * @property {string} note
 * @property {Record<string, string>} attributes
 */
import { createHash, randomBytes } from 'node:crypto';
import { isAvailable, isPublished, stockOf } from '../store.mjs';

/** Most different lines that a cart may hold, as on Shopify. */
const LINE_LIMIT = 500;

/** A change that the cart cannot take; answered with 422 as Shopify does. */
export class CartRefused extends Error {
  status = 422;
  title = 'Cart Error';
}

/** Two changes of one cart overlapped; this one did nothing and may be asked for again. */
export class CartConflict extends CartRefused {
  status = 409;
  title = 'Conflict';
}

/** Return a new, empty cart. */
export function emptyCart() {
  return { token: randomBytes(16).toString('hex'), lines: [], note: '', attributes: {} };
}

/**
 * Return the cart with items added.
 *
 * @param {import('../store.mjs').ShopData} shop
 * @param {Cart} cart
 * @param {{id: unknown, quantity?: unknown, properties?: object}[]} items
 * @throws {CartRefused} when one of them cannot be sold; the cart then keeps none
 */
export function addItems(shop, cart, items) {
  if (items.length === 0) throw new CartRefused('Parameter Missing or Invalid: Required parameter missing or invalid: items');
  const added = items.reduce((lines, item) => addItem(shop, lines, item), cart.lines);
  if (added.length > LINE_LIMIT) throw new CartRefused(`A cart can hold at most ${LINE_LIMIT} different items.`);
  return { ...cart, lines: added };
}

function addItem(shop, lines, { id, quantity = 1, properties = {} }) {
  const variant = getVariant(shop, id);
  const line = { variantId: variant.id, quantity: readQuantity(quantity, 1), properties: cleanProperties(properties) };
  const key = lineKey(line);
  const before = lines.find((each) => each.key === key);
  checkStock(shop, variant, lines, line.quantity);
  // A new line comes first, which is where the Online Store shows it.
  if (!before) return [{ key, ...line }, ...lines];
  return lines.map((each) => (each === before ? { ...each, quantity: each.quantity + line.quantity } : each));
}

/**
 * Return the cart with the quantity, and maybe the properties, of one line changed; zero removes it.
 *
 * @param {{id?: unknown, line?: unknown, quantity?: unknown, properties?: object}} change `id` is a line key or a
 *   variant id, `line` counts from one
 * @throws {CartRefused}
 */
export function changeLine(shop, cart, { id, line, quantity, properties }) {
  const found = line === undefined ? findLine(cart, id) : cart.lines[Number(line) - 1];
  if (!found) throw new CartRefused('no valid id or line parameter');
  const wanted = quantity === undefined ? found.quantity : readQuantity(quantity, 0);
  const others = cart.lines.filter((each) => each !== found);
  if (wanted === 0) return { ...cart, lines: others };
  checkStock(shop, getVariant(shop, found.variantId), others, wanted);
  const changed = { ...found, quantity: wanted, properties: properties ? cleanProperties(properties) : found.properties };
  return { ...cart, lines: cart.lines.map((each) => (each === found ? { ...changed, key: lineKey(changed) } : each)) };
}

/**
 * Return the cart with quantities, note and attributes changed as asked.
 *
 * @param {{updates?: unknown[] | Record<string, unknown>, note?: unknown, attributes?: Record<string, unknown>}} change
 *   `updates` is a list by line, or an object by line key or variant id
 * @throws {CartRefused}
 */
export function updateCart(shop, cart, { updates = {}, note, attributes = {} }) {
  const changes = Array.isArray(updates)
    ? updates.map((quantity, at) => ({ id: cart.lines[at]?.key, quantity }))
    : Object.entries(updates).map(([id, quantity]) => ({ id, quantity }));
  const changed = changes.reduce((state, { id, quantity }) => setQuantity(shop, state, id, quantity), cart);
  return { ...changed, note: note === undefined ? cart.note : String(note ?? ''), attributes: mergeAttributes(cart.attributes, attributes) };
}

function setQuantity(shop, cart, id, quantity) {
  if (id === undefined) return cart;
  if (findLine(cart, id)) return changeLine(shop, cart, { id, quantity });
  return readQuantity(quantity, 0) === 0 ? cart : addItems(shop, cart, [{ id, quantity }]);
}

/** Return the cart without lines that can no longer be sold; what remains is cut to what is in stock. */
export function withoutUnsellable(shop, cart) {
  const lines = [];
  for (const line of cart.lines) {
    const variant = shop.findVariant(line.variantId);
    if (!variant || !isSellable(shop, variant)) continue;
    const free = stockOf(variant) - lines.filter((each) => each.variantId === variant.id).reduce((sum, each) => sum + each.quantity, 0);
    if (free > 0) lines.push({ ...line, quantity: Math.min(line.quantity, free) });
  }
  return { ...cart, lines };
}

/** Return the answer of `/cart.js`. */
export function cartJson(shop, cart, view) {
  const items = cart.lines.map((line) => lineJson(shop, line, view));
  const total = items.reduce((sum, item) => sum + item.final_line_price, 0);
  return {
    token: cart.token,
    note: cart.note,
    attributes: cart.attributes,
    original_total_price: total,
    total_price: total,
    total_discount: 0,
    total_weight: 0,
    item_count: items.reduce((sum, item) => sum + item.quantity, 0),
    items,
    requires_shipping: items.length > 0,
    currency: view.localization.presentment.currency,
    items_subtotal_price: total,
    cart_level_discount_applications: [],
    discount_codes: [],
  };
}

/** Return a line as `/cart.js` and `/cart/add.js` show it. */
export function lineJson(shop, line, { imageUrl, localization: { prefix, presentment } }) {
  const variant = shop.findVariant(line.variantId);
  const product = shop.findProduct(variant.productId);
  const image = imageUrl(product);
  const isDefault = product.variants.length === 1 && variant.title === 'Default Title';
  return {
    id: variant.id,
    properties: line.properties,
    quantity: line.quantity,
    variant_id: variant.id,
    key: line.key,
    title: isDefault ? product.title : `${product.title} - ${variant.title}`,
    ...pricesJson(presentment.amount(variant.price), line.quantity),
    sku: variant.sku,
    grams: 0,
    vendor: product.vendor,
    taxable: true,
    product_id: product.id,
    product_has_only_default_variant: isDefault,
    gift_card: product.isGiftCard ?? false,
    url: `${prefix}/products/${product.handle}?variant=${variant.id}`,
    featured_image: { aspect_ratio: 1, alt: product.title, height: 800, url: image, width: 800 },
    image,
    handle: product.handle,
    requires_shipping: true,
    product_type: product.productType,
    product_title: product.title,
    product_description: plainText(product.descriptionHtml),
    variant_title: isDefault ? null : variant.title,
    variant_options: [variant.title],
    options_with_values: [{ name: 'Title', value: variant.title }],
    line_level_discount_allocations: [],
  };
}

function pricesJson(price, quantity) {
  const linePrice = price * quantity;
  return {
    price,
    original_price: price,
    discounted_price: price,
    presentment_price: price / 100,
    line_price: linePrice,
    original_line_price: linePrice,
    total_discount: 0,
    discounts: [],
    final_price: price,
    final_line_price: linePrice,
  };
}

function plainText(html) {
  return html.replace(/<[^>]*>/g, '').trim();
}

function getVariant(shop, id) {
  const variant = shop.findVariant(Number(id));
  if (!variant || !isPublished(shop.findProduct(variant.productId))) throw new CartRefused('Cannot find variant');
  return variant;
}

function isSellable(shop, variant) {
  return isPublished(shop.findProduct(variant.productId)) && isAvailable(variant);
}

function checkStock(shop, variant, lines, wanted) {
  const { title } = shop.findProduct(variant.productId);
  if (!isAvailable(variant)) throw new CartRefused(`The product '${title}' is already sold out.`);
  const taken = lines.filter((line) => line.variantId === variant.id).reduce((sum, line) => sum + line.quantity, 0);
  const stock = stockOf(variant);
  if (taken + wanted <= stock) return;
  throw new CartRefused(taken >= stock ? `All ${stock} ${title} are in your cart.` : `You can only add ${stock - taken} ${title} to the cart.`);
}

function findLine(cart, id) {
  return cart.lines.find((line) => line.key === String(id)) ?? cart.lines.find((line) => String(line.variantId) === String(id));
}

function readQuantity(value, least) {
  const quantity = Number(value);
  if (!Number.isInteger(quantity) || quantity < least) throw new CartRefused('Quantity must be a whole number.');
  return quantity;
}

/** Properties and attributes hold texts; one without a value is left out. */
function cleanProperties(properties) {
  return mergeAttributes({}, properties ?? {});
}

function mergeAttributes(before, changes) {
  const merged = { ...before };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === '') delete merged[name];
    else merged[name] = String(value);
  }
  return merged;
}

function lineKey({ variantId, properties }) {
  const sorted = Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${variantId}:${createHash('md5').update(JSON.stringify(sorted)).digest('hex')}`;
}
