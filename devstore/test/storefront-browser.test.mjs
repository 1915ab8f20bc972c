import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { launch } from './browser.mjs';
import { API_KEY, startShop } from './support/shop.mjs';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const DECISION = '0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee';
const EDITOR = '/willow-gifts/admin/themes/current/editor';
let browser;
let store;
let context;
let page;
let faults;

before(async () => {
  store = await startShop();
  browser = await launch();
  recommend('beeswax-candle', ['wool-throw', 'seed-tin', 'enamel-mug']);
  for (const [template, block] of [['product', 'product-recommendations'], ['index', 'home-recommendations']]) {
    await fetch(`${store.url}${EDITOR}?template=${template}&addAppBlockId=${API_KEY}/${block}&target=newAppsSection`);
  }
});
after(async () => {
  await browser?.close();
  await store?.close();
});
beforeEach(() => open());
afterEach(async () => {
  await context.close();
  assert.deepEqual(faults, []);
});

async function open(options = {}) {
  faults = [];
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  page = await context.newPage();
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(message.text()));
  page.on('response', (response) => response.status() >= 400 && faults.push(`${response.status()} ${response.url()}`));
}

function recommend(handle, handles) {
  const { shop, metafields, about } = store;
  const gidOf = (each) => `gid://shopify/Product/${shop.findProductByHandle(each).id}`;
  const base = { ownerId: gidOf(handle), namespace: '$app' };
  metafields.write(shop, [
    { ...base, key: 'recs', type: 'list.product_reference', value: JSON.stringify(handles.map(gidOf)) },
    { ...base, key: 'decision', type: 'single_line_text_field', value: DECISION },
  ], { scopes: about.scopes, now: 0 });
}

const attributeOf = (order) => order.customAttributes.find(({ key }) => key === '_tailorbird')?.value ?? '';
const lastOrder = () => [...store.shop.orders.values()].at(-1);

test('from the carousel to the order: the decision arrives with the purchase', async () => {
  await page.goto(`${store.url}/products/beeswax-candle`);
  await page.getByRole('link', { name: 'Wool Throw' }).click();
  await page.waitForURL('**/products/wool-throw**');
  await page.getByRole('button', { name: 'Add to cart' }).first().click();
  await page.getByRole('link', { name: 'View cart' }).click();
  await page.getByRole('button', { name: 'Check out' }).click();
  await page.getByRole('button', { name: /Pay now/ }).click();
  await page.getByRole('heading', { name: /Thank you/ }).waitFor();

  const product = store.shop.findProductByHandle('wool-throw');
  assert.match(attributeOf(lastOrder()), new RegExp(`^${DECISION}:${product.id}:\\d{10}:c$`));
  assert.equal(lastOrder().lines[0].productId, product.id);
});

test('the quick button of a card stays on the page and tells the cart', async () => {
  await page.goto(`${store.url}/products/beeswax-candle`);
  await page.getByRole('button', { name: 'Add to cart Seed Tin' }).click();
  await page.getByRole('link', { name: 'View cart' }).waitFor();

  const cart = await page.evaluate(async () => (await fetch('/cart.js')).json());
  assert.deepEqual(cart.items.map(({ title, properties }) => [title, properties]), [['Seed Tin', {}]]);
  assert.match(cart.attributes._tailorbird, new RegExp(`^${DECISION}:\\d+:\\d{10}:a$`));
  assert.equal(new URL(page.url()).pathname, '/products/beeswax-candle');
});

test('a card is added although other scripts change the cart at the same time', async () => {
  await page.goto(`${store.url}/products/beeswax-candle`);
  await page.evaluate(async () => {
    const write = () => fetch('/cart/update.js', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"note":"mine"}' });
    await write();
    document.addEventListener('submit', () => { for (let each = 0; each < 4; each += 1) write(); }, { capture: true });
  });

  await page.getByRole('button', { name: 'Add to cart Seed Tin' }).click();
  await page.getByText('Added to your cart: Seed Tin').waitFor();

  const cart = await page.evaluate(async () => (await fetch('/cart.js')).json());
  assert.deepEqual(cart.items.map(({ title }) => title), ['Seed Tin']);
  assert.match(cart.attributes._tailorbird, /:a$/);
  assert.ok(faults.some((fault) => fault.startsWith('409')), 'nothing overlapped');
  faults = faults.filter((fault) => !fault.includes('409'));
});

test('without JavaScript everything works but the credit, which nobody consented to', async () => {
  await context.close();
  await open({ javaScriptEnabled: false });
  await page.goto(`${store.url}/products/beeswax-candle`);
  await page.getByRole('button', { name: 'Add to cart Seed Tin' }).click();
  await page.waitForURL('**/cart');
  await page.getByLabel('Quantity, Seed Tin').fill('3');
  await page.getByRole('button', { name: 'Check out' }).click();
  await page.getByRole('button', { name: /Pay now/ }).click();
  await page.getByRole('heading', { name: /Thank you/ }).waitFor();

  const [line] = lastOrder().lines;
  assert.deepEqual([line.quantity, line.customAttributes, lastOrder().customAttributes], [3, [], []]);
});

test('adding to the cart stays on the page and says what happened; a refusal says why', async () => {
  await page.goto(`${store.url}/products/glass-bud-vase`);
  await page.getByLabel('Option').selectOption({ index: 1 });
  await page.getByRole('button', { name: 'Add to cart', exact: true }).first().click();
  await page.getByRole('status').getByText('Glass Bud Vase - Large').waitFor();
  assert.equal(await page.locator('[data-cart-count]').textContent(), '1');
  assert.ok(page.url().includes('variant='));

  await page.getByLabel('Quantity').fill('50');
  await page.getByRole('button', { name: 'Add to cart', exact: true }).first().click();
  await page.getByRole('alert').getByText('You can only add 19').waitFor();
  faults = faults.filter((fault) => !fault.includes('422'));
});

const PAGES = ['/', '/products/beeswax-candle', '/products/glass-bud-vase', '/collections/all', '/collections', '/search?q=a', '/cart', '/account/login'];
for (const size of [{ width: 1280, height: 900 }, { width: 360, height: 740 }]) {
  test(`at ${size.width} px pages are quiet: no error, no shift, no overflow, no fault that axe finds`, async () => {
    await page.setViewportSize(size);
    await page.addInitScript(() => {
      window.shifts = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.shifts += entry.hadRecentInput ? 0 : entry.value; })).observe({ type: 'layout-shift', buffered: true });
    });
    for (const path of PAGES) {
      await page.goto(store.url + path, { waitUntil: 'networkidle' });
      const { shifts, overflow } = await page.evaluate(() => ({ shifts: window.shifts, overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth }));
      assert.ok(shifts < 0.01, `${path} shifts by ${shifts}`);
      assert.ok(overflow <= 0, `${path} is ${overflow} px too wide`);
      await page.addScriptTag({ content: AXE });
      const { violations } = await page.evaluate(() => axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => `${path} ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`), []);
    }
  });
}
