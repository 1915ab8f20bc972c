/**
 * Shopify's Liquid filters that liquidjs does not bring.
 */
const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Widths that `image_tag` offers the browser when the template names none. */
const IMAGE_WIDTHS = [180, 360, 540, 720, 900, 1080, 1296, 1512, 1728];

export function escapeHtml(value) {
  return String(value ?? '').replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

/** Return the attributes of an element as text, each value escaped; null and undefined ones are left out. */
export function attributesHtml(attributes) {
  return Object.entries(attributes)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => ` ${name}="${escapeHtml(value)}"`)
    .join('');
}

/** liquidjs hands named arguments over as `[name, value]` pairs; return them as an object. */
export function namedArguments(args) {
  return Object.fromEntries(args.filter(Array.isArray));
}

/**
 * Return the filters for templates of one origin, the theme or an extension.
 *
 * @param {object} origin
 * @param {(name: string) => string} origin.assetUrl
 * @param {(key: string, values: object) => string} origin.translate
 */
export function makeFilters({ assetUrl, translate }) {
  return {
    asset_url: (name) => assetUrl(name),
    stylesheet_tag: (url) => `<link href="${escapeHtml(url)}" rel="stylesheet" type="text/css" media="all">`,
    script_tag: (url) => `<script src="${escapeHtml(url)}" type="text/javascript"></script>`,
    t: translateBy(translate),
    translate: translateBy(translate),
    image_url: (image, ...args) => imageUrl(image, namedArguments(args)),
    image_tag: (url, ...args) => imageTag(url, namedArguments(args)),
    handleize: handleize,
    handle: handleize,
    pluralize: (count, one, many) => (Number(count) === 1 ? one : many),
    link_to: (text, url, title) => `<a${attributesHtml({ href: url, title: title ?? '' })}>${text}</a>`,
    url_param_escape: (text) => encodeURIComponent(String(text)),
    weight_with_unit: (grams) => `${(Number(grams) / 1000).toFixed(1)} kg`,
    class_list: (settings) => String(settings ?? ''),
    money: money,
    money_with_currency: moneyWithCurrency,
    money_without_currency: moneyWithoutCurrency,
    money_without_trailing_zeros: moneyWithoutTrailingZeros,
  };
}

/** The page's language is known to `this.context` only. */
function translateBy(translate) {
  return function inLanguage(key, ...args) {
    return translate(String(key), namedArguments(args), this.context.getSync(['request', 'locale', 'iso_code']));
  };
}

/** Return hundredths as the shop writes money: `£12.50`. */
export function formatMoney(hundredths, currency) {
  const formatter = new Intl.NumberFormat('en', { style: 'currency', currency });
  return formatter.format(Number(hundredths ?? 0) / 100);
}

// liquidjs calls a filter with `this.context`, which knows in what the visitor pays.
function money(value) {
  return value === null || value === undefined || value === '' ? '' : formatMoney(value, currencyOf(this));
}

function moneyWithCurrency(value) {
  return `${formatMoney(value, currencyOf(this))} ${currencyOf(this)}`;
}

function moneyWithoutCurrency(value) {
  return (Number(value ?? 0) / 100).toFixed(2);
}

function moneyWithoutTrailingZeros(value) {
  return formatMoney(value, currencyOf(this)).replace(/\.00$/, '');
}

function currencyOf(filter) {
  return filter.context.getSync(['localization', 'country', 'currency', 'iso_code']) ?? filter.context.getSync(['shop', 'currency']) ?? 'GBP';
}

/**
 * Return the address of an image in a size.
 *
 * @param {object | string | null} image image or product object, or an address
 * @param {{width?: number, height?: number, crop?: string}} size
 * @throws {Error} without a size: Shopify refuses that too
 */
export function imageUrl(image, size) {
  const source = image?.featured_image?.src ?? image?.image?.src ?? image?.src ?? image;
  if (!source || typeof source !== 'string') return '';
  if (size.width === undefined && size.height === undefined) throw new Error('image_url needs a width or a height.');
  const query = new URLSearchParams(Object.entries(size).map(([name, value]) => [name, String(value)]));
  const url = new SizedUrl(`${source}${source.includes('?') ? '&' : '?'}${query}`);
  url.image = image?.featured_image ?? image;
  return url;
}

/** The address from `image_url`, which still knows its image: `image_tag` takes alt text and shape from there. */
class SizedUrl extends String {}

function imageTag(url, attributes) {
  const address = String(url ?? '');
  if (!address) return '';
  const image = url.image ?? {};
  const width = Number(/[?&]width=(\d+)/.exec(address)?.[1] ?? image.width ?? 0);
  const ratio = image.aspect_ratio ?? 1;
  const { widths, preload: _preload, ...given } = attributes;
  const offered = (widths ? String(widths).split(',').map(Number) : IMAGE_WIDTHS).filter((each) => each <= Math.max(width, IMAGE_WIDTHS[0]));
  return `<img${attributesHtml({
    src: address,
    alt: image.alt ?? '',
    srcset: offered.length > 1 ? offered.map((each) => `${withWidth(address, each)} ${each}w`).join(', ') : undefined,
    width,
    height: Math.round(width / ratio),
    loading: 'lazy',
    ...given,
  })}>`;
}

function withWidth(address, width) {
  return address.replace(/([?&]width=)\d+/, `$1${width}`);
}

export function handleize(text) {
  return String(text ?? '').toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
}
