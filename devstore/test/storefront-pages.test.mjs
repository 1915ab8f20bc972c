import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { API_KEY, Visitor, aProduct, aShop, startShop } from './support/shop.mjs';

const EDITOR = '/willow-gifts/admin/themes/current/editor';
let store;
let visitor;

before(async () => {
  const shop = aShop();
  shop.putProduct(aProduct(100, { title: 'Draft Thing', status: 'DRAFT' }));
  shop.putProduct(aProduct(101, { title: 'Unpublished Thing', publishedAt: null }));
  shop.putProduct(aProduct(102, { title: '<script>alert(1)</script> Mug', handle: 'nasty-mug', descriptionHtml: '', createdAt: 0 }));
  store = await startShop({ shop });
  visitor = new Visitor(store.url);
});
after(() => store.close());

async function page(path, who = visitor) {
  const response = await who.go(path);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const PAGES = [
  ['/', 'Small gifts, chosen with care'],
  ['/collections', 'Candles &amp; Light'],
  ['/collections/all', '27 products'],
  ['/collections/kitchen', '10 products'],
  ['/products/beeswax-candle', 'Beeswax Candle'],
  ['/search', 'Search our shop'],
  ['/cart', 'When something takes your fancy'],
  ['/account/login', 'Customer 17850'],
];
for (const [path, words] of PAGES) {
  test(`${path} is a page of the shop`, async () => {
    const { status, text } = await page(path);

    assert.equal(status, 200);
    assert.ok(text.includes(words), `${path} lacks "${words}"`);
    assert.ok(!text.includes('Liquid error') && !text.includes('Translation missing'));
  });
}

test('what the Online Store does not show is not found, listed or sold', async () => {
  for (const path of ['/products/draft-thing', '/products/unpublished-thing', '/products/draft-thing.js', '/products/no-such']) {
    assert.equal((await page(path)).status, 404, path);
  }

  const { text } = await page('/search?q=thing');
  assert.ok(text.includes('Nothing found'));
});

test("what stands under a shop's own domain is its page", async () => {
  for (const [path, leadsTo] of [['/willow-gifts.myshopify.com/?canary=x', '/?canary=x'], ['/willow-gifts.myshopify.com/products/oak-spoon', '/products/oak-spoon'], ['/willow-gifts.myshopify.com//elsewhere.example', '/elsewhere.example']]) {
    const { status, headers } = await page(path);

    assert.deepEqual([status, headers.get('location')], [302, leadsTo]);
  }
  assert.equal((await page('/other-shop.myshopify.com/')).status, 404);
});

test('an address that nothing answers shows the shop, with status 404', async () => {
  const { status, text } = await page('/no/such/page');

  assert.equal(status, 404);
  assert.ok(text.includes('That page is not here'));
});

test('a title with markup is text on every page', async () => {
  for (const path of ['/products/nasty-mug', '/search?q=mug', '/search?q=%3Cscript%3Ealert(1)%3C/script%3E', '/collections/all?page=2']) {
    const { text } = await page(path);
    assert.ok(!text.includes('<script>alert(1)'), path);
  }
});

test('a collection is shown page by page and sorted as asked', async () => {
  const first = await page('/collections/all?sort_by=title-ascending');
  const second = await page('/collections/all?sort_by=title-ascending&page=2');

  const cards = (text) => [...text.matchAll(/card__title"><a href="\/products\/([^"]+)"/g)].map(([, handle]) => handle);
  assert.equal(cards(first.text).length, 24);
  assert.equal(cards(second.text).length, 3);
  assert.deepEqual(cards(first.text).slice(1, 3), ['beeswax-candle', 'brass-bell']);
  assert.ok(first.text.includes('href="/collections/all?sort_by=title-ascending&page=2"'));
});

test('a product is also JSON, as the Ajax API gives it', async () => {
  const response = await visitor.go('/products/glass-bud-vase.js');
  const product = await response.json();

  assert.equal(product.url, '/products/glass-bud-vase');
  assert.deepEqual([product.price_min, product.price_max, product.price_varies, product.available], [900, 1400, true, true]);
  assert.equal(product.featured_image, `/cdn/products/${product.id}.svg`);
  assert.deepEqual(product.variants.map(({ title, price }) => [title, price]), [['Small', 900], ['Large', 1400]]);
});

test('a product below a collection leads to its own page', async () => {
  const response = await visitor.go('/collections/kitchen/products/brass-bell?variant=1');

  assert.equal(response.status, 301);
  assert.equal(response.headers.get('location'), '/products/brass-bell?variant=1');
});

test('money is written in the currency of the shop, in snippets too', async () => {
  const shop = aShop();
  shop.currency = 'EUR';
  const other = await startShop({ shop });

  const text = await (await fetch(`${other.url}/collections/all`)).text();
  await other.close();

  assert.ok(text.includes('€4.75') && !text.includes('£4.75'));
});

test('another host opens another shop, an unknown one none', async () => {
  const { request } = await import('node:http');
  const ask = (host) => new Promise((resolve) => request(`${store.url}/`, { headers: { host } }, (answer) => resolve(answer.resume().statusCode)).end());

  assert.equal(await ask('willow-gifts.localhost:1'), 200);
  assert.equal(await ask('elsewhere.localhost:1'), 404);
});

test('assets come with a type and, under a version, for ever', async () => {
  const { text } = await page('/');
  const [, css] = /href="(\/cdn\/theme\/assets\/base\.css\?v=[^"]+)"/.exec(text);

  const response = await visitor.go(css);
  assert.equal(response.headers.get('content-type'), 'text/css; charset=utf-8');
  assert.match(response.headers.get('cache-control'), /immutable/);
  assert.equal((await visitor.go('/cdn/theme/assets/..%2Ftheme.mjs')).status, 404);
  assert.equal((await visitor.go('/favicon.ico')).headers.get('content-type'), 'image/svg+xml');
});

/** Write what the app writes after a training; `productId` null means the home page. */
function recommend(productId, ids, decision) {
  const { shop, metafields, about } = store;
  const ownerId = productId === null ? metafields.installationGid(shop) : `gid://shopify/Product/${productId}`;
  const [namespace, key] = productId === null ? ['home', 'products'] : ['$app', 'recs'];
  const value = JSON.stringify(ids.map((id) => `gid://shopify/Product/${id}`));
  const written = metafields.write(shop, [
    { ownerId, namespace, key, type: 'list.product_reference', value },
    { ownerId, namespace, key: 'decision', type: 'single_line_text_field', value: decision },
  ], { scopes: about.scopes, now: 0 });
  assert.deepEqual(written.errors, []);
}

test('app blocks: added by the deep link, rendered from metafields, hidden and removed', async (t) => {
  const id = (at) => 8_000_000_000_001 + at;
  const decision = '0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee';
  recommend(id(0), [id(5), id(3), id(100), id(6)], decision);
  recommend(null, [id(9), id(8)], decision);
  const shownOf = (text) => text.replace(/<template[\s\S]*?<\/template>/g, '');
  const cardsOf = (text) => [...shownOf(text).matchAll(/data-product="(\d+)"/g)].map(([, product]) => Number(product));

  await t.test('nothing shows before the merchant adds the block', async () => {
    const { text } = await page('/products/beeswax-candle');
    assert.ok(!text.includes('shopify-app-block'));
    assert.ok(!text.includes('recommendations.css'));
  });

  await t.test('the deep link adds the block once', async () => {
    const link = `${EDITOR}?template=product&addAppBlockId=${API_KEY}/product-recommendations&target=newAppsSection`;
    assert.equal((await page(link)).status, 200);
    assert.equal((await page(link)).status, 200);

    const { text } = await page('/products/beeswax-candle');
    assert.equal(text.match(/class="shopify-block shopify-app-block"/g).length, 1);
    assert.equal(text.match(/recommendations\.css/g).length, 1);
    assert.equal(text.match(/recommendations\.js/g).length, 1);
  });

  await t.test('the cards are the live, published products of the metafield, in its order, with the decision', async () => {
    const { text } = await page('/products/beeswax-candle');

    assert.deepEqual(cardsOf(text), [id(5), id(6)]);
    assert.ok(text.includes('href="/products/wool-throw"'));
    assert.ok(text.includes(`data-decision="${decision}"`));
    assert.equal(text.match(/<form class="tailorbird__form" action="\/cart\/add" method="post">/g).length, 2);
    assert.ok(text.includes('£6.00'));
    assert.ok(text.includes('<form class="tailorbird__form" action="/cart/add" method="post">'), 'a snippet sees the objects of the page');
  });

  await t.test('the home block reads the metafields of the installation', async () => {
    await page(`${EDITOR}?template=index&addAppBlockId=${API_KEY}/home-recommendations`);

    assert.deepEqual(cardsOf((await page('/')).text), [id(9), id(8)]);
  });

  await t.test('a block is refused where its schema or the app does not allow it', async () => {
    for (const query of [`template=index&addAppBlockId=${API_KEY}/product-recommendations`, `template=product&addAppBlockId=other/product-recommendations`, `template=product&addAppBlockId=${API_KEY}/no-such`]) {
      const { status, text } = await page(`${EDITOR}?${query}`);
      assert.equal(status, 422, query);
      assert.ok(text.includes('notice--critical'));
    }
  });

  await t.test('a setting changes the block; hidden and removed it is gone', async () => {
    const { text: editor } = await page(`${EDITOR}?template=product`);
    const [, address] = /action="([^"]+\/blocks\/[^"]+)"/.exec(editor);
    const change = (fields) => visitor.post(address, { template: 'product', ...fields });

    assert.equal((await change({ action: 'save', 'settings[heading]': 'Try <these>', 'settings[items_to_show]': '1', 'settings[show_price]': 'true' })).status, 303);
    const { text } = await page('/products/beeswax-candle');
    assert.ok(text.includes('Try &lt;these&gt;'));
    assert.deepEqual(cardsOf(text), [id(5)]);
    assert.ok(!text.includes('tailorbird__form'));

    await change({ action: 'toggle' });
    assert.ok(!(await page('/products/beeswax-candle')).text.includes('shopify-app-block'));
    await change({ action: 'toggle' });
    assert.ok((await page('/products/beeswax-candle')).text.includes('shopify-app-block'));
    await change({ action: 'remove' });
    assert.ok(!(await page('/products/beeswax-candle')).text.includes('shopify-app-block'));
  });

  await t.test('uninstalling takes the blocks off the storefront', async () => {
    store.apps.uninstall(store.shop);

    assert.ok(!(await page('/')).text.includes('shopify-app-block'));
  });
});
