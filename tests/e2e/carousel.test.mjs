/** The theme blocks as a shopper's browser shows them: shape, keyboard, stillness. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { aProduct, aSubject, makePage, renderBlock } from '../../checks/test/storefront.mjs';
import { findBarriers, launch, picture } from './browser.mjs';

const SHOP = 'https://willow-gifts.test';
const PROXY = '/apps/tailorbird/recommendations';
const PERSONAL = '0197a1b2-0000-7000-8000-00000000000a';
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const TITLES = ['Heart T-light holder', 'Jumbo bag', 'Regency cakestand in three tiers, with roses, for the long afternoon', 'Bunting',
  'Lunch bag', 'Bird ornament', 'Cake tins', 'Doormat', 'Alarm clock', 'Paper chain kit'];
const PRODUCTS = TITLES.map((title, index) => aProduct(index + 2, {
  title,
  ...(index === 1 ? { compare_at_price: 1999 } : {}),
  ...(index === 2 ? { price_varies: true, variants: [{ id: 31 }, { id: 32 }] } : {}),
  ...(index === 3 ? { featured_image: null } : {}),
}));

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const drawing = (id) => `<svg xmlns="http://www.w3.org/2000/svg" width="800" height="800">
<rect width="800" height="800" fill="hsl(${id * 47} 40% 80%)"/><circle cx="400" cy="400" r="220" fill="hsl(${id * 47} 45% 55%)"/></svg>`;

const asJson = (product) => ({
  ...product,
  featured_image: product.featured_image && `/images/${product.id}.png?v=1`,
  media: [{ alt: product.title }],
});

/** Answers for the whole shop, so that no request leaves the browser. `answers` go before those here. */
async function serve(context, html, { recommended = [], answers = {} } = {}) {
  await context.route(`${SHOP}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    const handle = pathname.match(/^\/products\/(product-\d+)\.js$/)?.[1];
    if (pathname.startsWith('/images/')) {
      return route.fulfill({ contentType: 'image/svg+xml', body: drawing(Number(pathname.match(/\d+/)[0])) });
    }
    if (handle) return route.fulfill({ json: asJson(PRODUCTS.find((product) => product.handle === handle)) });
    if (answers[pathname]) return route.fulfill(answers[pathname]);
    if (pathname === PROXY) return route.fulfill({ json: { decision: PERSONAL, items: recommended, personal: true } });
    if (pathname === '/cart.js') return route.fulfill({ json: { items: [], attributes: {} } });
    if (pathname.startsWith('/cart/')) return route.fulfill({ json: {} });
    return route.fulfill({ contentType: 'text/html', body: html });
  });
}

/** Opens a product page with blocks between two paragraphs, for a visitor who allowed `purposes`. */
async function open(t, { settings, recommended, answers, products = PRODUCTS, blocks = 1, purposes = [], ...contextOptions } = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, ...contextOptions });
  t.after(() => context.close());
  const block = await renderBlock('product-recommendations', { objects: { product: aSubject(products) }, settings });
  await serve(context, await makePage(`<p>Above.</p>${block.repeat(blocks)}<p id="below">Below.</p>`), { recommended, answers });
  const page = await context.newPage();
  page.on('pageerror', (error) => assert.fail(error));
  await page.addInitScript(watchShifts);
  await page.addInitScript(allow, purposes);
  await page.goto(`${SHOP}/products/product-1`);
  return page;
}

/* Runs in the page. */
function watchShifts() {
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shift += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
}

/* Runs in the page: Shopify's Customer Privacy API, once it was asked for. */
function allow(purposes) {
  window.Shopify = {
    loadFeatures(_, done) {
      const isAllowed = (purpose) => () => purposes.includes(purpose);
      window.Shopify.customerPrivacy = { analyticsProcessingAllowed: isAllowed('analytics'), preferencesProcessingAllowed: isAllowed('preferences') };
      setTimeout(done);
    },
  };
}

const titles = (page) => page.locator('.tailorbird__link').allTextContents();
const position = (page) => page.locator('#below').evaluate((below) => below.getBoundingClientRect().top);

for (const [name, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
  test(`on a ${name} it has no barrier and stays inside the page`, async (t) => {
    const page = await open(t, { viewport });
    await page.locator('.tailorbird__image').first().waitFor();
    await picture(page, `carousel-${name}`);

    assert.deepEqual(await findBarriers(page), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
    const heights = await page.locator('.tailorbird__card').evaluateAll((cards) => cards.map((card) => card.offsetHeight));
    assert.equal(new Set(heights).size, 1, `cards are ${heights} px tall`);
  });
}

test('without a script it shows the same products, with links that work and no dead button', async (t) => {
  const page = await open(t, { javaScriptEnabled: false });
  await picture(page, 'carousel-without-script');

  assert.deepEqual(await titles(page), TITLES.slice(0, 8));
  assert.equal(await page.locator('.tailorbird__moves').isVisible(), false);
  assert.match(await page.locator('.tailorbird__link').first().getAttribute('href'), /^\/products\/product-2$/);
});

test('a keyboard meets one link and one button a card, each with a visible ring', async (t) => {
  const page = await open(t);
  await page.locator('.tailorbird__moves').waitFor();
  const met = [];
  for (let step = 0; step < 5; step += 1) {
    await page.keyboard.press('Tab');
    met.push(await page.evaluate(describeFocus));
  }
  await picture(page, 'carousel-focus');

  assert.deepEqual(met, [
    'button Previous products: 2px', 'button Next products: 2px',
    'a Heart T-light holder: 2px', 'button Add to cart Heart T-light holder: 2px', 'a Jumbo bag: 2px',
  ]);
});

/* Runs in the page. The ring of a card's link is drawn around the card by ::after. */
function describeFocus() {
  const focused = document.activeElement;
  const ring = getComputedStyle(focused, focused.matches('.tailorbird__link') ? '::after' : null);
  const width = ring.outlineStyle === 'solid' ? ring.outlineWidth : 'none';
  return `${focused.localName} ${focused.textContent.replace(/\s+/g, ' ').trim()}: ${width}`;
}

test('a card outside the view is scrolled to when a keyboard reaches it', async (t) => {
  const page = await open(t, { reducedMotion: 'reduce' });

  await page.locator('.tailorbird__link').nth(7).focus();

  const seen = await page.locator('.tailorbird__card').nth(7).evaluate((card) => {
    const { left, right } = card.getBoundingClientRect();
    const list = card.parentElement.getBoundingClientRect();
    return left >= list.left - 1 && right <= list.right + 1;
  });
  assert.equal(seen, true);
});

test('the buttons move through all products and end there', async (t) => {
  const page = await open(t, { reducedMotion: 'reduce' });
  const next = page.getByRole('button', { name: 'Next products' });

  await next.click();
  await page.waitForFunction(() => document.querySelector('[data-move="1"]').getAttribute('aria-disabled') === 'true');
  await picture(page, 'carousel-end');

  assert.equal(await page.getByRole('button', { name: 'Previous products' }).getAttribute('aria-disabled'), 'false');
  const edge = await page.locator('.tailorbird__card').last().evaluate((card) =>
    card.parentElement.getBoundingClientRect().right - card.getBoundingClientRect().right);
  assert.ok(edge >= -1, `the last card is cut by ${-edge} px`);
});

for (const [reducedMotion, behaviour] of [['reduce', 'auto'], ['no-preference', 'smooth']]) {
  test(`with prefers-reduced-motion: ${reducedMotion} it moves ${behaviour}`, async (t) => {
    const page = await open(t, { reducedMotion });

    const found = await page.locator('.tailorbird__list').evaluate((list) => getComputedStyle(list).scrollBehavior);
    assert.equal(found, behaviour);
  });
}

test('a personal order moves nothing on the page', async (t) => {
  const recommended = [10, 11, 4, 5].map((id) => ({ product_id: id, handle: `product-${id}` }));
  const page = await open(t, { settings: { personalise: true }, recommended, purposes: ['preferences'] });
  const placeBefore = await position(page);

  await page.locator('[data-decision="0197a1b2-0000-7000-8000-00000000000a"]').first().waitFor();
  await page.waitForTimeout(300);
  await picture(page, 'carousel-personal');

  assert.deepEqual((await titles(page)).slice(0, 5), [TITLES[8], TITLES[9], TITLES[2], TITLES[3], TITLES[0]]);
  assert.equal((await titles(page)).length, 8);
  assert.equal(await position(page), placeBefore);
  assert.equal(await page.locator('.tailorbird__list').evaluate((list) => list.scrollLeft), 0);
  assert.ok((await page.evaluate(() => window.shift)) < 0.01);
  assert.deepEqual(await findBarriers(page), []);
});

test('with nothing to show it takes no room', async (t) => {
  const page = await open(t, { products: [] });

  const height = await page.locator('.shopify-app-block').evaluate((block) => block.offsetHeight);
  assert.equal(height, 0);
});

for (const javaScriptEnabled of [true, false]) {
  test(`two blocks ${javaScriptEnabled ? 'repeat no product and' : ''} move nothing, ${javaScriptEnabled ? 'with' : 'without'} a script`, async (t) => {
    const page = await open(t, { blocks: 2, settings: { items_to_show: 4 }, javaScriptEnabled });
    const placeBefore = await position(page);
    if (javaScriptEnabled) await page.locator('.tailorbird__link', { hasText: TITLES[7] }).waitFor();
    await page.waitForTimeout(300);
    await picture(page, `carousel-two-blocks${javaScriptEnabled ? '' : '-without-script'}`, { fullPage: true });

    assert.deepEqual(await titles(page), javaScriptEnabled ? TITLES.slice(0, 8) : [...TITLES.slice(0, 4), ...TITLES.slice(0, 4)]);
    assert.equal(await position(page), placeBefore);
    if (javaScriptEnabled) assert.ok((await page.evaluate(() => window.shift)) < 0.01);
  });
}

for (const [what, answers, told] of [
  ['an added product', {}, 'Added to your cart: Heart T-light holder'],
  ['a refusal', { '/cart/add.js': { status: 422, json: { description: 'Heart T-light holder is already sold out.' } } }, 'Heart T-light holder is already sold out.'],
]) {
  test(`${what} is told over the cards, moves nothing, and the keyboard stays where it was`, async (t) => {
    const page = await open(t, { answers });
    const placeBefore = await position(page);
    const button = page.getByRole('button', { name: 'Add to cart Heart T-light holder' });
    await button.focus();

    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText(told).waitFor();
    await picture(page, `carousel-${what.replaceAll(' ', '-')}`);

    assert.equal(new URL(page.url()).pathname, '/products/product-1');
    assert.equal(await button.evaluate((each) => each === document.activeElement), true);
    assert.equal(await position(page), placeBefore);
    assert.deepEqual(await findBarriers(page), []);
  });
}
