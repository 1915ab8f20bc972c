/**
 * Renders a theme block as Shopify's storefront does, with liquidjs and the few filters that our blocks use.
 *
 * The local Shopify has a storefront of its own; this one is kept apart and smaller on purpose, so that a block which
 * only renders because of a lenient stand-in is found out.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Liquid } from 'liquidjs';

const EXTENSION = new URL('../../extensions/tailorbird-theme/', import.meta.url);
export const DECISION = '0197a1b2-0000-7000-8000-000000000001';
export const SECOND = '0197a1b2-0000-7000-8000-000000000002';
export const ROLLOUT = '0197a1b2-0000-7000-8000-0000000000ff';

const read = (path) => readFile(new URL(path, EXTENSION), 'utf8');
const escape = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** A money format like Shopify's: `1234.5` pounds arrive as the integer 123450. */
function money(cents, format = '£{{amount}}') {
  const amount = (cents / 100).toLocaleString('en-GB', { minimumFractionDigits: 2 });
  return format.replace('{{amount}}', amount);
}

async function makeEngine(locale, moneyFormat) {
  const translations = JSON.parse(await read(`locales/${locale === 'en' ? 'en.default' : locale}.json`));
  const engine = new Liquid({
    root: fileURLToPath(new URL('snippets/', EXTENSION)),
    extname: '.liquid',
    strictFilters: true,
  });
  engine.registerTag('schema', {
    parse(token, remaining) {
      while (remaining.length && remaining.shift().name !== 'endschema');
    },
    render: () => '',
  });
  engine.registerFilter('money', (cents) => (cents == null ? '' : money(cents, moneyFormat)));
  engine.registerFilter('image_url', (image, [, width]) => `${image.src}?width=${width}`);
  engine.registerFilter('t', (key, ...named) => {
    const found = key.split('.').reduce((node, part) => node?.[part], translations);
    if (found === undefined) throw new Error(`No translation of ${key} in ${locale}.`);
    return named.reduce((text, [name, value]) => text.replace(`{{ ${name} }}`, value), found);
  });
  return engine;
}

/** Returns the schema of a block as an object. */
export async function readSchema(block) {
  return JSON.parse((await read(`blocks/${block}.liquid`)).match(/{% schema %}([\s\S]*?){% endschema %}/)[1]);
}

/** Returns the HTML of a block within the `<div>` that Shopify puts around it. */
export async function renderBlock(name, { objects = {}, settings = {}, locale = 'en', moneyFormat } = {}) {
  const engine = await makeEngine(locale, moneyFormat);
  const schema = await readSchema(name);
  const defaults = Object.fromEntries(schema.settings.map((setting) => [setting.id, setting.default]));
  const globals = {
    routes: { cart_add_url: '/cart/add' },
    request: { design_mode: false },
    cart: { items: [] },
    ...objects,
  };
  const block = { id: 'b1', shopify_attributes: 'data-editor="b1"', settings: { ...defaults, ...settings } };
  const html = await engine.parseAndRender(await read(`blocks/${name}.liquid`), { block }, { globals });
  return `<div id="shopify-block-b1" class="shopify-block shopify-app-block">${html.trim()}</div>`;
}

/** Wraps blocks in a page whose type and colours stand for a theme's. */
export async function makePage(body, { lang = 'en', script = true } = {}) {
  const css = await read('assets/recommendations.css');
  const code = await read('assets/recommendations.js');
  return `<!doctype html><html lang="${escape(lang)}"><head><meta charset="utf-8"><title>Willow Gifts</title>
<meta name="viewport" content="width=device-width"><style>body{font:16px/1.5 Georgia,serif;color:#2b2b2b;
background:#fdfaf5;margin:0 auto;max-width:70rem;padding:1rem}h1,h2{font-weight:400}</style><style>${css}</style>
${script ? `<script>${code}</script>` : ''}</head><body><main><h1>Willow Gifts</h1>${body}</main></body></html>`;
}

/** Returns a product drop with readable defaults: in stock, one variant, no reduction. */
export function aProduct(id, overrides = {}) {
  const title = overrides.title ?? `Product ${id}`;
  return {
    id,
    title,
    handle: `product-${id}`,
    url: `/products/product-${id}`,
    available: true,
    price: 1250,
    price_varies: false,
    compare_at_price: null,
    requires_selling_plan: false,
    featured_image: { src: `/images/${id}.png`, width: 800, height: 800, alt: `Photo of ${title}` },
    variants: [{ id: id * 10, available: true }],
    ...overrides,
  };
}

/** Returns the product of a page whose metafields name `recommended`, and `second` in the other slot. */
export function aSubject(recommended, { decision = DECISION, second, secondDecision = SECOND, mates = [] } = {}) {
  const lists = { recs: recommended, decision, ...(second ? { recs_b: second, decision_b: secondDecision } : {}) };
  return aProduct(1, {
    title: 'The product of the page',
    metafields: { $app: Object.fromEntries(Object.entries(lists).map(([key, value]) => [key, { value }])) },
    collections: [{ products: mates }],
  });
}

/** Returns the metafields of an installation in which a rollout is on; the salt is one of tests/bucketing.json. */
export function aRelease(overrides = {}) {
  const expires = Math.floor(Date.now() / 1000) + 12 * 3600;
  const state = { default: 'a', candidate: 'b', share: 5, salt: 'ends', rollout: ROLLOUT, expires, ...overrides };
  return { release: { state: { value: state } } };
}
