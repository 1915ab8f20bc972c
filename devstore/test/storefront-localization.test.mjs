import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Visitor, startShop } from './support/shop.mjs';

let store;
let visitor;

before(async () => {
  store = await startShop();
});
after(() => store.close());
beforeEach(() => {
  visitor = new Visitor(store.url);
});

const page = async (path) => (await visitor.go(path)).text();
const variantOf = (handle) => store.shop.findProductByHandle(handle).variants[0];
const lastOrder = () => [...store.shop.orders.values()].at(-1);
const globalOf = (html) => JSON.parse(/window\.Shopify = (\{.*?\});<\/script>/.exec(html)[1]);
const linksOf = (html) => [...html.matchAll(/(?:href|action)="(\/[^"]*)"/g)].map(([, href]) => href).filter((href) => !/^\/(cdn|stand-ins)\//.test(href));

test('below /fr a page speaks French and every link stays there', async () => {
  const html = await page('/fr/products/wool-throw');

  assert.match(html, /<html lang="fr">/);
  assert.match(html, /Ajouter au panier/);
  assert.deepEqual(linksOf(html).filter((href) => !href.startsWith('/fr')), []);
  assert.ok(linksOf(html).includes('/fr/cart/add'));
  const { locale, routes, country, currency } = globalOf(html);
  assert.deepEqual([locale, routes.root, country, currency.active], ['fr', '/fr/', 'GB', 'GBP']);
});

test('without a prefix it speaks English, and /fr leads to its home page', async () => {
  const html = await page('/products/wool-throw');
  const bare = await visitor.go('/fr');

  assert.match(html, /<html lang="en">/);
  assert.deepEqual([globalOf(html).locale, globalOf(html).routes.root], ['en', '/']);
  assert.deepEqual([bare.status, bare.headers.get('location')], [301, '/fr/']);
  assert.equal((await visitor.go('/fr/nowhere')).status, 404);
  assert.equal((await visitor.go('/french')).status, 404);
});

test('the form sets a country and a language and leads to the same page', async () => {
  const answer = await visitor.post('/localization', { country_code: 'FR', locale_code: 'fr', return_to: '/products/wool-throw' });
  const back = await visitor.post('/fr/localization', { country_code: 'XX', locale_code: 'en', return_to: '/fr/products/wool-throw' });
  const away = await visitor.post('/localization', { country_code: 'FR', return_to: '//evil.example/' });

  assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/fr/products/wool-throw']);
  assert.equal(back.headers.get('location'), '/products/wool-throw');
  assert.equal(visitor.cookie('localization'), 'FR');
  assert.equal(away.headers.get('location'), '/');
});

test('prices are shown and added up in the currency of the country', async () => {
  const { id, price } = variantOf('wool-throw');
  await visitor.post('/localization', { country_code: 'FR' });
  const inEuro = Math.round(price * 1.17);

  const html = await page('/products/wool-throw');
  const product = await (await visitor.go('/products/wool-throw.js')).json();
  await visitor.postJson('/cart/add.js', { id, quantity: 3 });
  const cart = await (await visitor.go('/cart.js')).json();

  assert.ok(html.includes(`€${(inEuro / 100).toFixed(2)}`));
  assert.ok(!html.includes('£6.00'));
  assert.deepEqual(globalOf(html).currency, { active: 'EUR', rate: '1.1700' });
  assert.deepEqual([product.price, product.variants[0].price], [inEuro, inEuro]);
  assert.deepEqual([cart.currency, cart.total_price, cart.items[0].price], ['EUR', inEuro * 3, inEuro]);
});

test('a currency without a smaller unit is whole, in hundredths all the same', async () => {
  await visitor.post('/localization', { country_code: 'JP' });

  const product = await (await visitor.go('/products/wool-throw.js')).json();
  const html = await page('/products/wool-throw');

  assert.equal(product.price, Math.round((variantOf('wool-throw').price * 190) / 100) * 100);
  assert.ok(html.includes(`¥${(product.price / 100).toLocaleString('en')}`));
});

test('an order says what was paid and what the shop gets', async () => {
  const { id, price } = variantOf('wool-throw');
  await visitor.post('/localization', { country_code: 'FR' });
  await visitor.postJson('/fr/cart/add.js', { id, quantity: 2 });

  const sent = store.sent.length;
  const placed = await visitor.checkOut('/fr');
  const thanks = await page(placed.headers.get('location'));

  const { payload } = store.sent.slice(sent).find(({ topic }) => topic === 'orders/create');
  const [shopMoney, paid] = [((price * 2) / 100).toFixed(2), ((Math.round(price * 2 * 1.17)) / 100).toFixed(2)];
  assert.match(placed.headers.get('location'), /^\/fr\/checkouts\//);
  assert.deepEqual(lastOrder().presentment, { currency: 'EUR', rate: 1.17 });
  assert.deepEqual([payload.currency, payload.presentment_currency, payload.customer_locale], ['GBP', 'EUR', 'fr']);
  assert.equal(payload.total_price, shopMoney);
  assert.deepEqual(payload.total_price_set, { shop_money: { amount: shopMoney, currency_code: 'GBP' }, presentment_money: { amount: paid, currency_code: 'EUR' } });
  assert.equal(payload.line_items[0].price, (price / 100).toFixed(2));
  assert.equal(payload.line_items[0].price_set.presentment_money.currency_code, 'EUR');
  assert.ok(thanks.includes('€'));
});

test('the app proxy and the cart answer below the prefix too', async () => {
  const answers = await Promise.all(['/fr/cart.js', '/fr/search/suggest.json?q=throw'].map((path) => visitor.go(path)));
  const suggested = (await answers[1].json()).resources.results.products[0];
  const proxied = await visitor.go('/fr/apps/tailorbird/thing');

  assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
  assert.equal(suggested.url, '/fr/products/wool-throw');
  assert.notEqual(proxied.status, 404);
});
