/**
 * Standard storefront actions: `Shopify.actions.getCart`, `updateCart` and `openCart`.
 *
 * A theme may configure the last two; without that, `updateCart` reloads the
 * page and `openCart` leads to the cart. Shopify asks its Storefront API where
 * this asks the Ajax one; carts look as the Storefront API shows them.
 */
const LINE_GID = /^gid:\/\/shopify\/CartLine\/([^?]+)/;
const VARIANT_GID = /^gid:\/\/shopify\/ProductVariant\/(\d+)$/;

async function ask(path, body) {
  const headers = { Accept: 'application/json', ...(body ? { 'Content-Type': 'application/json' } : {}) };
  const answer = await fetch(`${window.Shopify.routes.root}${path}`, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body) });
  const told = await answer.json();
  if (answer.status === 422) return { refused: told.description };
  if (!answer.ok) throw new Error(told.description ?? `The cart answered ${answer.status}.`);
  return told;
}

function toMoney(hundredths, currencyCode) {
  return { amount: (hundredths / 100).toFixed(2), currencyCode };
}

function toCart({ token, note, items, item_count: totalQuantity, total_price: total, currency }) {
  const totalAmount = toMoney(total, currency);
  return {
    id: `gid://shopify/Cart/${token}`,
    note,
    totalQuantity,
    cost: { totalAmount, subtotalAmount: totalAmount },
    discountCodes: [],
    lines: { nodes: items.map((item) => toLine(item, token, currency)) },
  };
}

function toLine({ key, quantity, variant_id: id, title, handle, product_id: productId, properties, final_line_price: price }, token, currency) {
  return {
    id: `gid://shopify/CartLine/${key}?cart=${token}`,
    quantity,
    attributes: Object.entries(properties ?? {}).map(([name, value]) => ({ key: name, value })),
    cost: { totalAmount: toMoney(price, currency) },
    merchandise: { id: `gid://shopify/ProductVariant/${id}`, title, product: { id: `gid://shopify/Product/${productId}`, handle } },
  };
}

async function getCart() {
  if (!/(?:^|; )cart=/.test(document.cookie)) return { cart: null };
  return { cart: toCart(await ask('cart.js')) };
}

/** Change lines and note; what the cart declines resolves with `userErrors`, what could not be asked rejects. */
async function writeCart({ lines = [], note }) {
  const errors = [];
  const tell = async (path, body) => {
    const { refused } = await ask(path, body);
    if (refused) errors.push({ code: 'INVALID', field: ['lines'], message: refused });
  };
  const added = lines.filter(({ merchandiseId }) => merchandiseId !== undefined);
  if (added.length > 0) await tell('cart/add.js', { items: added.map(toItem) });
  for (const { id, quantity } of lines.filter((line) => line.merchandiseId === undefined)) {
    await tell('cart/change.js', { id: decodeURIComponent(LINE_GID.exec(id)?.[1] ?? ''), quantity });
  }
  if (note !== undefined) await tell('cart/update.js', { note });
  const { cart } = await getCart();
  return errors.length > 0 ? { cart, userErrors: errors } : { cart };
}

function toItem({ merchandiseId, quantity = 1, attributes = [] }) {
  const id = VARIANT_GID.exec(merchandiseId)?.[1];
  if (!id) throw new TypeError(`${merchandiseId} is no global id of a product variant.`);
  return { id, quantity, properties: Object.fromEntries(attributes.map(({ key, value }) => [key, value])) };
}

/** The event that tells of a change as it starts; its promise settles as the change does. */
function emit(type, fields, target) {
  target.dispatchEvent(Object.assign(new Event(type, { bubbles: true, composed: true }), fields));
}

function emitChanges({ lines = [], note }, options, target, promise) {
  const context = options?.event?.context ?? 'standard-action';
  const actionOf = (line) => (line.merchandiseId !== undefined ? 'add' : line.quantity === 0 ? 'remove' : 'update');
  for (const action of ['add', 'update', 'remove']) {
    const changed = lines.filter((line) => actionOf(line) === action);
    if (changed.length > 0) emit('shopify:cart:lines-update', { action, context, lines: changed, promise }, target({ type: 'shopify:cart:lines-update', action }));
  }
  if (note !== undefined) emit('shopify:cart:note-update', { context, note, promise }, target({ type: 'shopify:cart:note-update' }));
}

/** An action that a theme may take over once: the first configuration stands. */
function configurable(run) {
  let configuration = null;
  const action = (payload, options) => run(payload, options, configuration ?? {});
  action.isDefault = () => configuration === null;
  action.configure = (wanted) => {
    if (configuration !== null) return false;
    configuration = wanted;
    return true;
  };
  return action;
}

const updateCart = configurable((payload, options, { handler, eventTarget = () => document }) => {
  const byDefault = () => writeCart(payload);
  const target = (about) => eventTarget(about) ?? document;
  const promise = handler ? Promise.resolve(handler(byDefault, payload, options)) : byDefault();
  emitChanges(payload, options, target, promise);
  promise.catch((error) => emit('shopify:cart:error', { error }, target({ type: 'shopify:cart:error' })));
  // No theme that it knows: the page is loaded anew, once whoever asked has the answer.
  if (!handler) promise.then(({ userErrors }) => { if (!userErrors) setTimeout(() => window.location.reload()); }, () => {});
  return promise;
});

const openCart = configurable(async (_, __, { handler }) => {
  const byDefault = () => { window.location.href = `${window.Shopify.routes.root}cart`; };
  await (handler ? handler(byDefault) : byDefault());
});

window.Shopify.actions = Object.freeze({ getCart, updateCart, openCart });
