/**
 * What is told of each event: ids and numbers, never a name, an address or a page.
 *
 * A reader gives null where the event lacks what it is about.
 */

const PRODUCTS_MOST = 50; // as the collector takes them

/** Ids are texts of digits; some of Shopify's events carry them at the end of a global id. */
const idOf = (value) => /(\d+)$/.exec(value ?? '')?.[1] ?? null;

const aboutProduct = (id, more = {}) => idOf(id) && { product: idOf(id), ...more };

const aboutCheckout = (checkout, more = {}) => (checkout?.token ? { checkout: checkout.token, ...more } : null);

function ofCard({ customData }) {
  const { decision, product } = customData ?? {};
  return decision ? aboutProduct(product, { decision }) : null;
}

function ofCards({ customData }) {
  const { decision, products } = customData ?? {};
  const ids = Array.isArray(products) ? products.map(idOf).filter(Boolean).slice(0, PRODUCTS_MOST) : [];
  return decision && ids.length ? { decision, products: ids } : null;
}

const ofGroup = ({ customData }) => (Number.isInteger(customData?.bucket) ? { bucket: customData.bucket } : null);

function ofExposure(event) {
  const group = ofGroup(event);
  const { rollout } = event.customData ?? {};
  return group && typeof rollout === 'string' ? { rollout, ...group } : null;
}

/** By topic: the block's own signals, then Shopify's standard events. */
export const readers = {
  'tailorbird:impression': ofCards,
  'tailorbird:click': ofCard,
  'tailorbird:add': ofCard,
  'tailorbird:group': ofGroup,
  'tailorbird:exposure': ofExposure,
  product_viewed: ({ data }) => aboutProduct(data?.productVariant?.product?.id),
  product_added_to_cart: ({ data }) => aboutProduct(data?.cartLine?.merchandise?.product?.id, { quantity: data?.cartLine?.quantity }),
  checkout_started: ({ data }) => aboutCheckout(data?.checkout),
  checkout_completed: ({ data }) => aboutCheckout(data?.checkout, { order: idOf(data?.checkout?.order?.id) }),
};
