import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { makeEngine } from '../storefront/liquid/engine.mjs';

const TRANSLATIONS = { cart: { add: 'Add {{ what }}', count: { one: '1 item', other: '{{ count }} items' } } };
const IMAGE = { src: '/cdn/products/1.svg', alt: 'A "fine" mug', width: 800, height: 800, aspect_ratio: 1 };

function render(source, scope = {}, snippets = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'liquid-'));
  mkdirSync(path.join(folder, 'snippets'));
  for (const [name, text] of Object.entries(snippets)) writeFileSync(path.join(folder, 'snippets', `${name}.liquid`), text);
  const engine = makeEngine({ folder, translations: TRANSLATIONS, assetUrl: (name) => `/assets/${name}?v=1` });
  return engine.parseAndRenderSync(source, { shop: { currency: 'GBP' }, request: { page: 1, page_url: (page) => `/all?page=${page}` }, ...scope });
}

const CASES = [
  ['money writes hundredths in the shop currency', '{{ 123411 | money }}', '£1,234.11'],
  ['money of nothing is nothing', '{{ nothing | money }}', ''],
  ['money with currency', '{{ 450 | money_with_currency }}', '£4.50 GBP'],
  ['money without zeros', '{{ 400 | money_without_trailing_zeros }} {{ 450 | money_without_trailing_zeros }}', '£4 £4.50'],
  ['a translation takes named values', "{{ 'cart.add' | t: what: 'tea' }}", 'Add tea'],
  ['a translation takes its plural form', "{{ 'cart.count' | t: count: 1 }}, {{ 'cart.count' | t: count: 3 }}", '1 item, 3 items'],
  ['a missing translation says so', "{{ 'cart.gone' | t }}", 'Translation missing: en.cart.gone'],
  ['asset_url goes through the origin', "{{ 'a.css' | asset_url }}", '/assets/a.css?v=1'],
  ['stylesheet_tag', "{{ 'a.css' | asset_url | stylesheet_tag }}", '<link href="/assets/a.css?v=1" rel="stylesheet" type="text/css" media="all">'],
  ['image_url sets the size', '{{ image | image_url: width: 360 }}', '/cdn/products/1.svg?width=360'],
  ['image_url takes a product', '{{ product | image_url: width: 90, height: 90 }}', '/cdn/products/1.svg?width=90&height=90'],
  ['image_url of nothing is nothing', '{{ nothing | image_url: width: 360 }}', ''],
  ['image_tag escapes and keeps the shape', "{{ image | image_url: width: 360 | image_tag: widths: '180, 360' }}",
    '<img src="/cdn/products/1.svg?width=360" alt="A &quot;fine&quot; mug" srcset="/cdn/products/1.svg?width=180 180w, /cdn/products/1.svg?width=360 360w" width="360" height="360" loading="lazy">'],
  ['image_tag attributes given win', "{{ image | image_url: width: 180 | image_tag: alt: '', loading: 'eager', class: 'x' }}",
    '<img src="/cdn/products/1.svg?width=180" alt="" width="180" height="180" loading="eager" class="x">'],
  ['schema prints nothing', '{% schema %}{"name": "{{ x }}"}{% endschema %}.', '.'],
  ['style prints a style element', '{% style %}a{b:{{ 1 }}}{% endstyle %}', '<style data-shopify>a{b:1}</style>'],
];

for (const [name, source, expected] of CASES) {
  test(name, () => {
    const printed = render(source, { image: IMAGE, product: { featured_image: IMAGE } });

    assert.equal(printed, expected);
  });
}

test('an unknown filter is an error, not passed over', () => {
  assert.throws(() => render('{{ 1 | no_such_filter }}'), /undefined filter: no_such_filter/);
});

test('image_url without a size is an error', () => {
  assert.throws(() => render('{{ image | image_url }}', { image: IMAGE }), /needs a width or a height/);
});

test('the product form posts to the cart with its hidden fields', () => {
  const printed = render("{% form 'product', product, class: 'a b' %}<button>{{ form.errors }}Go</button>{% endform %}", { product: { id: 7 } });

  assert.equal(printed, '<form method="post" action="/cart/add" accept-charset="UTF-8" enctype="multipart/form-data" class="a b">'
    + '<input type="hidden" name="form_type" value="product"><input type="hidden" name="utf8" value="✓"><input type="hidden" name="product-id" value="7">'
    + '<button>Go</button></form>');
});

test('a form without a subject takes its attributes', () => {
  const printed = render("{% form 'customer_login', class: 'x', return_to: '/cart' %}.{% endform %}");

  assert.match(printed, /^<form method="post" action="\/account\/login" accept-charset="UTF-8" class="x">/);
  assert.match(printed, /<input type="hidden" name="return_to" value="\/cart">\.<\/form>$/);
});

test('paginate shows the page that the address asks for and leaves the rest of the object alone', () => {
  const collection = { title: 'All', products: Array.from({ length: 25 }, (_, at) => at + 1) };
  const source = '{% paginate collection.products by 10 %}{{ collection.title }}:{{ collection.products | join: "," }} {{ paginate.current_page }}/{{ paginate.pages }} {{ paginate.items }} {{ paginate.previous.url }} {{ paginate.next.url }}{% endpaginate %}';

  const printed = render(source, { collection, request: { page: 3, page_url: (page) => `/all?page=${page}` } });

  assert.equal(printed, 'All:21,22,23,24,25 3/3 25 /all?page=2 ');
});

test('paginate keeps a page that does not exist within the list', () => {
  const printed = render('{% paginate list by 2 %}{{ list | join: "," }}{% endpaginate %}', { list: [1, 2, 3], request: { page: 99, page_url: String } });

  assert.equal(printed, '3');
});

test('a rendered snippet sees what it is given and nothing else', () => {
  const printed = render("{% assign hidden = 1 %}{% render 'card', given: 2 %}", {}, { card: '[{{ hidden }}{{ given }}]' });

  assert.equal(printed, '[2]');
});

test('properties of JavaScript objects stay out of reach', () => {
  const printed = render('{{ shop.constructor }}{{ shop.__proto__ }}{{ shop.toString }}');

  assert.equal(printed, '');
});
