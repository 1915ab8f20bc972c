/** Pages are kept as Shopify keeps them: an app has to stand that a shopper sees one from before the last change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gid } from '../store.mjs';
import { addPlacement } from '../storefront/placements.mjs';
import { startDevstore } from './helpers.mjs';
import { Visitor, aShop, startShop } from './support/shop.mjs';

const MUG = '/products/enamel-mug';
const SCOPES = ['write_products'];

/** A shop with a block on the page of a product, whose list names the products so numbered. */
async function open(t, env = {}) {
  const store = await startShop({ env, shop: aShop() });
  t.after(() => store.close());
  addPlacement(store.store, store.shop, 'product', 'product-recommendations');
  addPlacement(store.store, store.shop, 'index', 'home-recommendations');
  const mug = store.shop.findProductByHandle('enamel-mug');
  const list = (titles) => JSON.stringify(titles.map((title) => gid('Product', [...store.shop.products.values()].find((each) => each.title === title).id)));
  const write = (ownerId, namespace, key, titles) => {
    const { errors } = store.metafields.write(store.shop, [{ ownerId, namespace, key, type: 'list.product_reference', value: list(titles) }], { scopes: SCOPES, now: store.clock.now() });
    assert.deepEqual(errors, []);
  };
  return {
    ...store,
    writeList: (...titles) => write(gid('Product', mug.id), '$app', 'recs', titles),
    writeHome: (...titles) => write(store.metafields.installationGid(store.shop), 'home', 'products', titles),
    change: (title, changes) => {
      const product = [...store.shop.products.values()].find((each) => each.title === title);
      store.store.change({ type: 'product.put', shop: store.shop.domain, data: { ...product, ...changes } });
    },
    cards: async (path, visitor = new Visitor(store.url)) => {
      const html = await (await visitor.go(path)).text();
      return [...html.matchAll(/tailorbird__link" href="[^"]*">([^<]*)</g)].map(([, title]) => title);
    },
  };
}

test("what the app writes into its installation is seen once a kept page's time is over", async (t) => {
  const shop = await open(t);
  shop.writeHome('Oak Spoon', 'Brass Bell');
  assert.deepEqual(await shop.cards('/'), ['Brass Bell']);

  shop.writeHome('Tea Caddy');
  assert.deepEqual(await shop.cards('/'), ['Brass Bell']);
  shop.clock.set({ advanceMs: 60_000 });

  assert.deepEqual(await shop.cards('/'), ['Tea Caddy']);
});

test("a product's page is made anew once its metafields, its price or the theme change, and not with another product", async (t) => {
  const shop = await open(t);
  shop.writeList('Brass Bell');
  assert.deepEqual(await shop.cards(MUG), ['Brass Bell']);

  shop.change('Brass Bell', { title: 'Silver Bell' });
  assert.deepEqual(await shop.cards(MUG), ['Brass Bell']);
  shop.change('Enamel Mug', { tags: [] });
  assert.deepEqual(await shop.cards(MUG), ['Silver Bell']);
  shop.writeList('Tea Caddy');
  assert.deepEqual(await shop.cards(MUG), ['Tea Caddy']);
  shop.store.change({ type: 'setting.put', shop: shop.shop.domain, data: { key: 'theme.appBlocks', value: {} } });
  assert.deepEqual(await shop.cards(MUG), []);
});

test('pages of other kinds are made anew with any product', async (t) => {
  const shop = await open(t);
  shop.writeHome('Brass Bell');
  assert.deepEqual(await shop.cards('/'), ['Brass Bell']);

  shop.change('Brass Bell', { title: 'Silver Bell' });

  assert.deepEqual(await shop.cards('/'), ['Silver Bell']);
});

test('who has a cart sees a page of their own, as does another country', async (t) => {
  const shop = await open(t);
  shop.writeHome('Brass Bell');
  await shop.cards('/');
  shop.writeHome('Tea Caddy');
  const buyer = new Visitor(shop.url);
  const { variants: [{ id }] } = shop.shop.findProductByHandle('enamel-mug');
  await buyer.go('/cart/add.js', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ id, quantity: 1 }) });

  assert.deepEqual(await shop.cards('/', buyer), ['Tea Caddy']);
  assert.deepEqual(await shop.cards('/?country=FR'), ['Tea Caddy']);
  assert.deepEqual(await shop.cards('/'), ['Brass Bell']);
});

test('a test may hold a page, let it go, and do without', async (t) => {
  const store = await startDevstore(t);
  const control = async (body) => (await fetch(`${store.base}/control/pages`, { method: 'POST', body: JSON.stringify(body) })).json();
  const shop = store.store.defaultShop;
  const product = shop.publishedProducts()[0];
  const rename = (title) => store.store.change({ type: 'product.put', shop: shop.domain, data: { ...shop.findProduct(product.id), title } });
  const title = async () => /<title>([^<]*)/.exec(await (await fetch(`${store.base}/products/${product.handle}`)).text())[1];
  assert.deepEqual(await control({ hold: true }), { seconds: 60, hold: true });

  const before = await title();
  rename('First');
  const held = await title();
  await control({ hold: false });
  const released = await title();
  await control({ seconds: 0, flush: true });
  rename('Second');

  assert.equal(held, before);
  assert.match(released, /First/);
  assert.match(await title(), /Second/);
});
