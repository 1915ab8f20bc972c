/**
 * What Shopify itself adds to the head of each storefront page, by `content_for_header`:
 * the `Shopify` global, the Customer Privacy API, the pixels and the standard actions.
 */
import { STANCES, stanceOf } from '../consent.mjs';
import { attributesHtml } from './liquid/filters.mjs';
import { localizationOf } from './localization.mjs';
import { pixelPage } from './pixel.mjs';

/**
 * Return the elements, before those of the apps.
 *
 * @param {{cart: object, events: object[]}} page what its pixels hear at once, and the cart that they begin with
 */
export function platformHead(request, shop, page) {
  const { config, query } = request;
  const { locale, root, country, presentment: { currency, rate } } = localizationOf(request, shop);
  const globals = {
    shop: shop.domain,
    locale,
    currency: { active: currency, rate: rate.toFixed(4) },
    country,
    routes: { root },
    designMode: query.get('design_mode') === '1',
  };
  const region = JSON.stringify(STANCES[stanceOf(shop, config)]);
  return [
    `<script>window.Shopify = ${scriptJson(globals)};</script>`,
    `<script${attributesHtml({ src: '/stand-ins/storefront.js', 'data-region': region, 'data-page': JSON.stringify(pixelPage(request, shop, page)) })}></script>`,
    `<script${attributesHtml({ src: '/stand-ins/actions.js', type: 'module' })}></script>`,
  ].join('\n');
}

/** JSON that cannot end the script around it. */
function scriptJson(value) {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}
