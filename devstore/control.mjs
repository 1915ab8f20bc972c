/**
 * What tests and the demo ask of the devstore beyond what Shopify offers: state, time, faults, purge.
 *
 * Answers only when DEVSTORE_CONTROL=1.
 */
import { COMPLIANCE_TOPICS } from './app-config.mjs';
import { InstallRefused } from './apps.mjs';
import { NotApproved } from './approvals.mjs';
import { CatalogRefused } from './catalog.mjs';
import { ConsentRefused, setStance, stanceOf } from './consent.mjs';
import { UnknownFault } from './faults.mjs';
import { orderPayload } from './order-payloads.mjs';
import { OrderRefused } from './orders.mjs';
import { collectionPayload, productPayload, themePayload } from './payloads.mjs';
import { SHOP_KINDS } from './seed/generated.mjs';
import { release } from './seed/held-back.mjs';
import { HttpError, sendJson } from './server.mjs';
import { NotFound, isAvailable } from './store.mjs';
import { COLLECTORS, collectorOf, setCollector } from './storefront/pixel.mjs';

const REFUSALS = [OrderRefused, CatalogRefused, ConsentRefused, InstallRefused, NotApproved, UnknownFault];
const LIST_LIMIT = 100;
const HANDLE_PATTERN = /^[a-z0-9][a-z0-9-]{0,59}$/;

/** Answer /control under `router`. */
export function register(router, context) {
  const add = (method, path, handler) => router.add(method, `/control/${path}`, guarded(handler));
  add('GET', 'state', ({ res }) => sendJson(res, 200, describe(context)));
  add('POST', 'shops', addShop);
  add('POST', 'install', install);
  add('POST', 'uninstall', uninstall);
  add('POST', 'scopes', changeScopes);
  add('POST', 'time', changeTime);
  add('POST', 'faults', changeFaults);
  add('POST', 'consent', changeConsent);
  add('POST', 'approvals', changeApprovals);
  add('POST', 'pixel', changePixel);
  add('POST', 'pages', changePages);
  add('POST', 'purge', purge);
  add('POST', 'webhook', sendWebhook);
  add('POST', 'theme', publishTheme);
  add('POST', 'compliance', sendCompliance);
  add('POST', 'settle', settle);
  add('GET', 'deliveries', listDeliveries);
  add('POST', 'orders', placeOrder);
  add('POST', 'release', releaseOrders);
  add('GET', 'orders/:id', showOrder);
  add('POST', 'orders/:id/:action', changeOrder);
  add('POST', 'products', changeProduct);
  add('POST', 'collections', changeCollection);
  add('GET', 'products', listProducts);
  add('GET', 'customers', listCustomers);
  add('GET', 'flow', ({ res, store, query }) => sendJson(res, 200, { received: shopOf(store, query.get('shop')).flowEvents }));
}

/** A refusal of the domain is the caller's mistake. */
function guarded(handler) {
  return async (request) => {
    try {
      await handler(request);
    } catch (error) {
      if (error instanceof NotFound) throw new HttpError(404, error.message);
      if (REFUSALS.some((kind) => error instanceof kind)) throw new HttpError(422, error.message);
      throw error;
    }
  };
}

function shopOf(store, name) {
  return name ? store.getShop(name) : store.defaultShop;
}

function describe({ store, webhooks, clock, faults, config, about, approvals }) {
  return {
    now: new Date(clock.now()).toISOString(),
    speed: clock.speed,
    shops: [...store.shops.values()].map((shop) => describeShop(shop, config)),
    seeded: store.defaultShop.seeded,
    pending_webhooks: webhooks.pending(),
    faults,
    approvals,
    app: { name: about.name, client_id: config.clientId, scopes: about.scopes, optional_scopes: about.optionalScopes },
  };
}

function describeShop(shop, config) {
  const install = shop.findInstall(config.clientId);
  const lines = shop.derive('orders', 'lineCount', () => [...shop.orders.values()].reduce((sum, order) => sum + order.lines.length, 0));
  return {
    domain: shop.domain,
    counts: {
      products: shop.products.size, collections: shop.collections.size, customers: shop.customers.size, orders: shop.orders.size, order_lines: lines,
    },
    held_back: shop.heldBack.length,
    install: install && { installed_at: new Date(install.installedAt).toISOString(), scopes: install.scopes },
    tokens: [...shop.tokens.values()].map(({ kind, accessExpiresAt }) => ({ kind, expires_at: accessExpiresAt ? new Date(accessExpiresAt).toISOString() : null })),
    consent: stanceOf(shop, config),
    pixel: { settings: shop.pixels.get(config.clientId)?.settings ?? null, collector: collectorOf(shop) },
    metafields: [...shop.metafields.values()].reduce((sum, owned) => sum + owned.size, 0),
    bulk_operations: [...shop.bulkOperations.values()].map(({ id, status }) => ({ id, status })),
  };
}

async function addShop({ json, res, store, clock }) {
  const { handle, kind = 'generated' } = await json();
  if (!HANDLE_PATTERN.test(handle ?? '')) throw new HttpError(422, 'A shop needs a handle of small letters, digits and dashes.');
  if (!SHOP_KINDS.includes(kind)) throw new HttpError(422, `A shop cannot be filled as ${kind}.`);
  if (store.findShop(handle)) throw new HttpError(422, `There is a shop ${handle} already.`);
  store.change({ type: 'shop.add', data: { handle, kind, seededAt: clock.now() } });
  sendJson(res, 201, { domain: store.getShop(handle).domain });
}

async function install({ json, res, store, apps }) {
  const { shop, optional_scopes: optionalScopes = [] } = await json();
  const { scopes } = apps.install(shopOf(store, shop), { optionalScopes });
  sendJson(res, 200, { scopes });
}

async function uninstall({ json, res, store, apps }) {
  apps.uninstall(shopOf(store, (await json()).shop));
  sendJson(res, 200, {});
}

async function changeScopes({ json, res, store, apps }) {
  const { shop: name, grant = [], revoke = [] } = await json();
  const shop = shopOf(store, name);
  if (grant.length > 0) apps.grantScopes(shop, grant);
  if (revoke.length > 0) apps.revokeScopes(shop, revoke);
  sendJson(res, 200, { scopes: apps.install(shop).scopes });
}

async function changeTime({ json, res, store, clock }) {
  const { now, advance_seconds: advance = 0, speed = clock.speed } = await json();
  const wanted = now === undefined ? clock.now() : Date.parse(now);
  if (Number.isNaN(wanted)) throw new HttpError(422, `${now} is no moment.`);
  if (!Number.isFinite(advance) || advance < 0) throw new HttpError(422, `${advance} is no number of seconds.`);
  if (!(speed > 0)) throw new HttpError(422, `${speed} is no speed.`);
  store.change({ type: 'clock.set', data: { offset: wanted + advance * 1000 - clock.wall(), speed } });
  sendJson(res, 200, { now: new Date(clock.now()).toISOString(), speed: clock.speed });
}

/** An empty body clears every fault. */
async function changeFaults({ json, res, faults, webhooks }) {
  const wanted = await json();
  if (Object.keys(wanted).length === 0) {
    faults.clear();
    webhooks.release();
  } else {
    faults.set(wanted);
  }
  sendJson(res, 200, faults);
}

async function changeConsent({ json, res, store, config }) {
  const { shop: name, stance } = await json();
  const shop = shopOf(store, name);
  setStance(store, shop, stance);
  sendJson(res, 200, { stance: stanceOf(shop, config) });
}

/** Approvals are the app's, not a shop's: a restart takes them from the environment again. */
/** `blocked` stands for a browser with a blocker that knows the collector. */
async function changePixel({ json, res, store }) {
  const { shop: name, collector } = await json();
  if (!COLLECTORS.includes(collector)) throw new HttpError(422, `A collector is ${COLLECTORS.join(' or ')}, not ${collector}.`);
  setCollector(store, shopOf(store, name), collector);
  sendJson(res, 200, { collector });
}

/** How long pages are kept; held ones are shown whatever changes, as from a cache that nobody told. */
async function changePages({ json, res, pages }) {
  const { seconds = pages.seconds, hold = pages.isHeld, flush = false } = await json();
  if (!(seconds >= 0)) throw new HttpError(422, `${seconds} is no number of seconds.`);
  Object.assign(pages, { seconds, isHeld: hold === true });
  if (flush) pages.flush();
  sendJson(res, 200, { seconds, hold: pages.isHeld });
}

async function changeApprovals({ json, res, approvals }) {
  const { protected_data_level: protectedDataLevel, scopes } = await json();
  approvals.set({ protectedDataLevel, scopes });
  sendJson(res, 200, approvals);
}

async function purge({ res, faults, restart }) {
  faults.clear();
  await restart();
  sendJson(res, 200, {});
}

async function sendWebhook(request) {
  const { shop: name, topic, payload } = await request.json();
  const shop = shopOf(request.store, name);
  if (typeof topic !== 'string') throw new HttpError(422, 'A webhook needs a topic.');
  const ids = request.webhooks.emit(shop, topic, payload ?? samplePayload(shop, topic, request));
  sendJson(request.res, 200, { webhook_ids: ids });
}

/** Without a payload the newest record of the topic's kind is told again. */
function samplePayload(shop, topic, request) {
  const newest = (records) => [...records.values()].at(-1);
  const [kind] = topic.split('/');
  if (kind === 'orders' && shop.orders.size > 0) return orderPayload(shop, newest(shop.orders), request.approvals);
  if (kind === 'products' && shop.products.size > 0) return productPayload(shop, newest(shop.products), request);
  if (kind === 'collections' && shop.collections.size > 0) return collectionPayload(shop, newest(shop.collections));
  throw new HttpError(422, `A webhook ${topic} needs a payload.`);
}

/** Tell that a merchant published a theme. The storefront of the devstore has one look and keeps it. */
async function publishTheme({ json, res, store, webhooks, clock }) {
  const { shop: name, theme = 'Horizon', id = clock.now() } = await json();
  if (!Number.isSafeInteger(id) || id <= 0) throw new HttpError(422, `${id} is no id of a theme.`);
  const payload = themePayload({ id, name: String(theme), createdAt: clock.now(), updatedAt: clock.now() });
  sendJson(res, 200, { webhook_ids: webhooks.emit(shopOf(store, name), 'themes/publish', payload) });
}

async function sendCompliance({ json, res, store, webhooks }) {
  const { shop: name, topic, customer_id: customerId, orders = null } = await json();
  if (!COMPLIANCE_TOPICS.includes(topic)) throw new HttpError(422, `${topic} is no compliance topic.`);
  const shop = shopOf(store, name);
  const ids = webhooks.emit(shop, topic, compliancePayload(shop, topic, customerId, orders));
  sendJson(res, 200, { webhook_ids: ids });
}

function compliancePayload(shop, topic, customerId, orders) {
  const about = { shop_id: shop.id, shop_domain: shop.domain };
  if (topic === 'shop/redact') return about;
  const customer = shop.findCustomer(customerId);
  if (!customer) throw new NotFound(`There is no customer ${customerId}.`);
  const person = { id: customer.id, email: customer.email, phone: null };
  const ids = orders ?? shop.ordersOf(customer.id).map((order) => order.id);
  if (topic === 'customers/redact') return { ...about, customer: person, orders_to_redact: ids };
  return { ...about, orders_requested: ids, customer: person, data_request: { id: Number(customer.id % 1_000_000) + 1 } };
}

/** Answer once nothing is due: what tests wait for instead of sleeping. */
async function settle({ res, webhooks }) {
  await webhooks.settled();
  sendJson(res, 200, webhooks.pending());
}

function listDeliveries({ res, query, store, webhooks }) {
  const shop = query.get('shop') ? store.getShop(query.get('shop')).domain : null;
  sendJson(res, 200, { attempts: webhooks.attempts({ topic: query.get('topic'), shop }), pending: webhooks.pending() });
}

/** What was held back of the shop's history happens now; `most` orders of it, or all. */
async function releaseOrders({ json, res, store, webhooks, approvals }) {
  const { shop, most = Infinity } = await json();
  if (!(most >= 1)) throw new HttpError(422, `${most} is no number of orders.`);
  sendJson(res, 200, release({ store, webhooks, approvals }, shopOf(store, shop), most));
}

async function placeOrder({ json, res, store, orders, approvals }) {
  const input = await json();
  const shop = shopOf(store, input.shop);
  const order = orders.place(shop, {
    lines: (input.lines ?? []).map((line) => readLine(shop, line)),
    customerId: input.customer_id ?? null,
    customAttributes: readAttributes(input.attributes),
    cartToken: input.cart_token,
    checkoutToken: input.checkout_token,
    test: input.test === true,
    currency: input.presentment_currency,
    locale: input.locale,
    createdAt: input.created_at === undefined ? undefined : Date.parse(input.created_at),
  });
  sendJson(res, 201, { order: orderPayload(shop, order, approvals) });
}

function readLine(shop, { variant_id: variantId, product_id: productId, quantity = 1, properties }) {
  const chosen = variantId ?? shop.findProduct(productId)?.variants[0].id;
  if (chosen === undefined) throw new NotFound(`There is no product ${productId}.`);
  return { variantId: Number(chosen), quantity, customAttributes: readAttributes(properties) };
}

/** Attributes come as an object, or as the list of names and values that webhooks carry. */
function readAttributes(input = {}) {
  if (Array.isArray(input)) return input.map(({ name, key, value }) => ({ key: name ?? key, value: String(value) }));
  return Object.entries(input).map(([key, value]) => ({ key, value: String(value) }));
}

function showOrder({ res, params, query, store, approvals }) {
  const shop = shopOf(store, query.get('shop'));
  const order = shop.findOrder(params.id);
  if (!order) throw new NotFound(`There is no order ${params.id}.`);
  sendJson(res, 200, { order: orderPayload(shop, order, approvals) });
}

async function changeOrder({ json, res, params, store, orders }) {
  const input = await json();
  const shop = shopOf(store, input.shop);
  if (params.action === 'cancel') orders.cancel(shop, params.id);
  else if (params.action === 'refund') orders.refund(shop, params.id, (input.lines ?? []).map((line) => ({ lineId: line.line_id, quantity: line.quantity })));
  else if (params.action === 'delete') orders.delete(shop, params.id);
  else throw new HttpError(404, `Orders have no action ${params.action}.`);
  sendJson(res, 200, {});
}

async function changeProduct(request) {
  const { shop: name, action = 'create', id, ...fields } = await request.json();
  const shop = shopOf(request.store, name);
  const { catalog } = request;
  const wanted = readProduct(fields);
  if (action === 'delete') {
    catalog.delete(shop, id);
    return sendJson(request.res, 200, {});
  }
  if (!['create', 'update'].includes(action)) throw new HttpError(422, `Products have no action ${action}.`);
  const product = action === 'create' ? catalog.create(shop, wanted) : catalog.update(shop, id, wanted);
  return sendJson(request.res, action === 'create' ? 201 : 200, { product: productPayload(shop, product, request) });
}

/** Only what was given may change; prices come as text or number of whole units. */
function readProduct(fields) {
  return given({
    vendor: fields.vendor, productType: fields.product_type, tags: fields.tags, status: fields.status?.toUpperCase(), isGiftCard: fields.gift_card,
    collectionIds: fields.collection_ids, variants: fields.variants?.map((each) => ({ ...given({ id: each.id }), ...readVariant(each) })),
    ...readVariant(fields),
  });
}

function readVariant({ title, price, inventory_quantity: inventoryQuantity, inventory_policy: policy, tracked }) {
  return given({
    title, inventoryQuantity, tracked, inventoryPolicy: policy?.toUpperCase(), price: price === undefined ? undefined : Math.round(Number(price) * 100),
  });
}

function given(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

async function changeCollection({ json, res, store, catalog }) {
  const { shop: name, action = 'create', id, title, product_ids: productIds } = await json();
  const shop = shopOf(store, name);
  const fields = given({ title, productIds });
  if (action === 'delete') {
    catalog.deleteCollection(shop, id);
    return sendJson(res, 200, {});
  }
  if (!['create', 'update'].includes(action)) throw new HttpError(422, `Collections have no action ${action}.`);
  const collection = action === 'create' ? catalog.createCollection(shop, fields) : catalog.updateCollection(shop, id, fields);
  return sendJson(res, action === 'create' ? 201 : 200, { collection: collectionPayload(shop, collection) });
}

function listProducts({ res, query, store }) {
  const shop = shopOf(store, query.get('shop'));
  const found = [...shop.products.values()].slice(0, limitOf(query));
  sendJson(res, 200, {
    products: found.map(({ id, handle, title, status, variants }) => ({ id, handle, title, status, variant_id: variants[0].id, inventory_quantity: variants[0].inventoryQuantity, available: variants.some(isAvailable) })),
  });
}

/** Customers with the most orders first: those that tests and the demo shop as. */
function listCustomers({ res, query, store }) {
  const shop = shopOf(store, query.get('shop'));
  const ranked = shop.derive('orders', 'customersByOrders', () =>
    [...shop.customers.values()].map((customer) => ({ customer, orders: shop.ordersOf(customer.id).length })).sort((a, b) => b.orders - a.orders || a.customer.id - b.customer.id));
  const customers = ranked.slice(0, limitOf(query)).map(({ customer, orders }) => ({
    id: customer.id, name: `${customer.firstName} ${customer.lastName}`, email: customer.email, orders,
  }));
  sendJson(res, 200, { customers });
}

function limitOf(query) {
  const limit = Number(query.get('limit') ?? LIST_LIMIT);
  if (!Number.isInteger(limit) || limit < 1) throw new HttpError(422, 'limit must be a positive whole number.');
  return limit;
}
