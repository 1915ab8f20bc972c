/** What the theme blocks render without any script. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JSDOM } from 'jsdom';
import { aProduct, aSubject, DECISION, renderBlock } from './storefront.mjs';

const OTHER = '0197a1b2-0000-7000-8000-000000000002';

/** Returns the rendered block as a DOM element. */
async function render(name, options) {
  const html = await renderBlock(name, options);
  return new JSDOM(html).window.document.querySelector('.shopify-app-block');
}

const renderProduct = (subject, options) => render('product-recommendations', { objects: { product: subject }, ...options });

const renderHome = (products, { objects, ...options } = {}) =>
  render('home-recommendations', {
    objects: { app: { metafields: { home: { products: { value: products }, decision: { value: OTHER } } } }, ...objects },
    ...options,
  });

const titles = (root) => [...root.querySelectorAll('.tailorbird__link')].map((link) => link.textContent);
const text = (node) => node.textContent.replace(/\s+/g, ' ').trim();

test('the product block shows the recommended products in their order', async () => {
  const root = await renderProduct(aSubject([aProduct(3), aProduct(2)]));

  assert.deepEqual(titles(root), ['Product 3', 'Product 2']);
  assert.equal(root.querySelector('.tailorbird__link').getAttribute('href'), '/products/product-3');
  assert.equal(text(root.querySelector('h2')), 'You may also like');
});

test('a product that cannot be bought, and the product of the page, are left out', async () => {
  const root = await renderProduct(aSubject([aProduct(2, { available: false }), aProduct(1), aProduct(3)]));

  assert.deepEqual(titles(root), ['Product 3']);
});

test('the number of products is counted after those left out', async () => {
  const recommended = [aProduct(2, { available: false }), aProduct(3), aProduct(4), aProduct(5)];

  const root = await renderProduct(aSubject(recommended), { settings: { items_to_show: 2 } });

  assert.deepEqual(titles(root), ['Product 3', 'Product 4']);
});

for (const [why, recommended] of [
  ['there is no metafield yet', undefined],
  ['every recommended product is sold out', [aProduct(2, { available: false })]],
]) {
  test(`products of the same collection stand in, without a decision, when ${why}`, async () => {
    const root = await renderProduct(aSubject(recommended, { mates: [aProduct(1), aProduct(7)] }));

    assert.deepEqual(titles(root), ['Product 7']);
    assert.equal(root.querySelector('.tailorbird__link').getAttribute('href'), '/products/product-7');
    assert.equal(root.querySelector('.tailorbird__card').dataset.decision, '');
  });
}

test('with nothing to show there is nothing at all, and a reason for the merchant in the editor', async () => {
  const nothing = await renderProduct(aSubject([]));
  const editor = await render('product-recommendations', {
    objects: { product: aSubject([]), request: { design_mode: true } },
  });

  assert.equal(nothing.innerHTML, '');
  assert.match(text(editor), /^No product to recommend here yet\./);
});

/* Liquid can't know what a visitor allows, and pages are cached: the markup may send a decision nowhere by itself. */
test('no link and no form carries the decision', async () => {
  const roots = [await renderProduct(aSubject([aProduct(2), aProduct(3, { variants: [{ id: 1 }, { id: 2 }] })])), await renderHome([aProduct(4)])];

  for (const root of roots) {
    const sent = [...root.querySelectorAll('a, form, input')].flatMap((each) => [...each.attributes]).map(({ value }) => value);
    assert.deepEqual(sent.filter((value) => value.includes(DECISION) || value.includes(OTHER) || value.includes('tailorbird]')), []);
  }
});

test('what lies in the cart is not shown again, and the next products take its place', async () => {
  const recommended = [aProduct(2), aProduct(3), aProduct(30), aProduct(4)];
  const objects = { cart: { items: [{ product_id: 2 }, { product_id: 3 }] } };

  const product = await render('product-recommendations', { objects: { product: aSubject(recommended), ...objects }, settings: { items_to_show: 2 } });
  const home = await renderHome(recommended, { objects, settings: { items_to_show: 2 } });
  const standIn = await renderHome(undefined, { objects: { ...objects, collections: { all: { products: recommended } } } });

  assert.deepEqual([titles(product), titles(home), titles(standIn)], [['Product 30', 'Product 4'], ['Product 30', 'Product 4'], ['Product 30', 'Product 4']]);
});

test("a block about another product shows neither that one nor the page's own", async () => {
  const about = { ...aSubject([aProduct(2), aProduct(77), aProduct(3)]), id: 77 };

  const root = await render('product-recommendations', { objects: { product: aProduct(2) }, settings: { product: about } });

  assert.deepEqual(titles(root), ['Product 3']);
});

/* The last one too: our servers recommend nothing whose lowest price is zero, and a product's page must agree with them. */
for (const [what, about] of [
  ['a gift card', { 'gift_card?': true }],
  ['a product that costs nothing', { price: 0, price_min: 0, price_max: 0 }],
  ['a product with a variant that costs nothing', { price: 0, price_min: 0, price_max: 1250, price_varies: true }],
]) {
  test(`${what} is not recommended`, async () => {
    const root = await renderProduct(aSubject([aProduct(2, about), aProduct(3)]));

    assert.deepEqual(titles(root), ['Product 3']);
  });
}

test('cards beyond those shown wait in an inert template for a place that gets free', async () => {
  const recommended = [2, 3, 4, 5, 6, 7].map((id) => aProduct(id, { available: id !== 4 }));

  const root = await renderProduct(aSubject(recommended), { settings: { items_to_show: 2 } });

  const spare = [...root.querySelector('template.tailorbird__spare').content.querySelectorAll('.tailorbird__link')];
  assert.deepEqual(titles(root), ['Product 2', 'Product 3']);
  assert.deepEqual(spare.map((link) => link.textContent), ['Product 5', 'Product 6']);
});

for (const [what, options, heading, personal] of [
  ['best-sellers', {}, 'Popular right now', 'Picked for you'],
  ['a collection that stands in', { products: null }, 'You may also like', 'Picked for you'],
  ['best-sellers in German', { locale: 'de' }, 'Gerade beliebt', 'Für dich ausgewählt'],
  ['best-sellers in French', { locale: 'fr' }, 'Les plus demandés en ce moment', 'Choisis pour vous'],
  ['a heading of the merchant', { settings: { heading: 'Our <best>' } }, 'Our <best>', undefined],
]) {
  test(`the heading is true of ${what}, and the promise of a personal order waits for one`, async () => {
    const { products = [aProduct(4)], ...rest } = options;
    const root = await renderHome(products, { objects: { collections: { all: { products: [aProduct(9)] } } }, ...rest });

    const { textContent, dataset } = root.querySelector('h2');
    assert.deepEqual([textContent, dataset.personal], [heading, personal]);
  });
}

test('the home block shows the products of the installation', async () => {
  const root = await renderHome([aProduct(4)]);

  assert.deepEqual(titles(root), ['Product 4']);
  assert.equal(root.querySelector('.tailorbird__link').getAttribute('href'), '/products/product-4');
});

test('before the first training the home block shows the collection chosen, else all products', async () => {
  const collections = { all: { products: [aProduct(8)] } };

  const all = await renderHome(undefined, { objects: { collections } });
  const chosen = await renderHome(undefined, {
    objects: { collections },
    settings: { collection: { products: [aProduct(9)] } },
  });

  assert.deepEqual([titles(all), titles(chosen)], [['Product 8'], ['Product 9']]);
  assert.equal(all.querySelector('.tailorbird__card').dataset.decision, '');
});

test('one variant goes straight to the cart', async () => {
  const root = await renderProduct(aSubject([aProduct(2)]));

  const form = root.querySelector('form');
  assert.deepEqual(
    [form.getAttribute('action'), form.method, ...[...form.elements].map((field) => [field.name, field.value])],
    ['/cart/add', 'post', ['id', '20'], ['quantity', '1'], ['', '']],
  );
  assert.equal(text(form.querySelector('button')), 'Add to cart Product 2');
});

for (const [why, about] of [
  ['several variants', { variants: [{ id: 1 }, { id: 2 }] }],
  ['a subscription to choose', { requires_selling_plan: true }],
]) {
  test(`${why} leads to the product's page instead of the cart`, async () => {
    const root = await renderProduct(aSubject([aProduct(2, about)]));

    assert.equal(root.querySelector('form'), null);
    assert.equal(text(root.querySelector('.tailorbird__options')), 'Choose options Product 2');
    assert.equal(root.querySelector('.tailorbird__options').getAttribute('href'), '/products/product-2');
  });
}

for (const [case_, about, shows] of [
  ['a plain price', {}, '£12.50'],
  ['a reduced price', { compare_at_price: 2000 }, 'Regular price £20.00 Sale price £12.50'],
  ['a price that varies', { price_varies: true }, 'From £12.50'],
  ['a former price that is not higher', { compare_at_price: 1250 }, '£12.50'],
]) {
  test(`${case_} reads "${shows}"`, async () => {
    const root = await renderProduct(aSubject([aProduct(2, about)]));

    assert.equal(text(root.querySelector('.tailorbird__price')), shows);
  });
}

test('an image has its size, three widths, a text and waits until it is near', async () => {
  const root = await renderProduct(aSubject([aProduct(2)]));

  const image = root.querySelector('img');
  assert.deepEqual([image.getAttribute('width'), image.getAttribute('height'), image.getAttribute('loading')], ['800', '800', 'lazy']);
  assert.equal(image.srcset.match(/ \d+w/g).join(), ' 180w, 360w, 540w');
  assert.equal(image.alt, 'Photo of Product 2');
});

test('a product without an image gets a placeholder of the same shape', async () => {
  const root = await renderProduct(aSubject([aProduct(2, { featured_image: null })]));

  assert.equal(root.querySelector('img'), null);
  assert.ok(root.querySelector('.tailorbird__media > svg[aria-hidden="true"]'));
});

test('titles cannot break out of the markup', async () => {
  const title = '<img src=x onerror=alert(1)> "Tea" & \'Cup\'';

  const root = await renderProduct(aSubject([aProduct(2, { title, featured_image: { src: '/a', width: 1, height: 1 } })]), {
    settings: { heading: '<b>Hi</b>' },
  });

  assert.deepEqual(titles(root), [title]);
  assert.equal(root.querySelectorAll('img').length, 1);
  assert.equal(root.querySelector('img').alt, title);
  assert.equal(text(root.querySelector('h2')), '<b>Hi</b>');
});

test('prices and the cart button can be left out', async () => {
  const root = await renderProduct(aSubject([aProduct(2)]), { settings: { show_price: false, show_quick_add: false } });

  assert.equal(root.querySelector('.tailorbird__price'), null);
  assert.equal(root.querySelector('form, .tailorbird__options'), null);
});

test('what comes of adding to the cart has an empty place from which it is read out', async () => {
  const root = await renderProduct(aSubject([aProduct(2)]));

  const status = root.querySelector('[role="status"]');
  assert.deepEqual([status.textContent, status.dataset.added], ['', 'Added to your cart: @']);
  assert.match(status.dataset.failed, /Please try again/);
});

test('only a script can move the list, so its buttons start hidden', async () => {
  const root = await renderProduct(aSubject([aProduct(2)]));

  assert.equal(root.querySelector('.tailorbird__moves').hidden, true);
});

test('the list is a named region with list semantics', async () => {
  const root = await renderProduct(aSubject([aProduct(2), aProduct(3)]));

  const section = root.querySelector('section');
  assert.equal(root.querySelector(`#${section.getAttribute('aria-labelledby')}`).tagName, 'H2');
  assert.equal(root.querySelector('ul').getAttribute('role'), 'list');
  assert.deepEqual([...root.querySelector('ul').children].map((child) => child.tagName), ['LI', 'LI']);
});

test('a personal order is asked for only where the merchant wants one', async () => {
  const plain = await renderProduct(aSubject([aProduct(2)]));
  const personal = await renderProduct(aSubject([aProduct(2)]), { settings: { personalise: true, proxy_path: '/a/recs' } });

  assert.equal(plain.querySelector('tailorbird-carousel').dataset.proxy, undefined);
  assert.equal(plain.querySelector('.tailorbird__blank'), null);
  assert.equal(personal.querySelector('tailorbird-carousel').dataset.proxy, '/a/recs');
  assert.ok(personal.querySelector('.tailorbird__blank').content.querySelector('form'));
});

for (const [locale, heading, add] of [
  ['de', 'Das könnte dir auch gefallen', 'In den Warenkorb Product 2'],
  ['fr', 'Vous aimerez aussi', 'Ajouter au panier Product 2'],
]) {
  test(`a shopper who reads ${locale} reads ${locale}`, async () => {
    const root = await renderProduct(aSubject([aProduct(2)]), { locale });

    assert.deepEqual([text(root.querySelector('h2')), text(root.querySelector('button[type="submit"]'))], [heading, add]);
  });
}
