/** A rollout on pages from a cache, as shoppers' browsers show it: one in each arm, and those who stay outside of it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { gid } from '../../devstore/store.mjs';
import { setStance } from '../../devstore/consent.mjs';
import { addPlacement, changePlacement } from '../../devstore/storefront/placements.mjs';
import { aShop, startShop } from '../../devstore/test/support/shop.mjs';
import { findBarriers, launch, picture } from './browser.mjs';

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const ROLLOUT = '0197a1b2-0000-7000-8000-0000000000ff';
// Of salt "ends" in tests/bucketing.json: the first bucket of all, and the last one.
const [CANDIDATE, CONTROL] = ['6e6b8fe6-223c-4f57-935a-bdd97a562230', 'b8b8101c-ed75-4b80-941e-3a0e7fdfb3b4'];
const MUG = '/products/enamel-mug';
const CHAMPIONS = ['Brass Bell', 'Tea Caddy', 'Garden Twine', 'Honey Dipper'];
const CANDIDATES = ['Copper Lantern', 'Wooden Top', 'Felt Robin', 'Wax Seal'];
const FILLERS = ['Beeswax Candle', 'Linen Notebook', 'Wool Throw', 'Seed Tin'];
const now = () => Math.floor(Date.now() / 1000);

let browser;
let store;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** A shop whose pages hold two versions' lists, of which a rollout shows the second to one in twenty. */
beforeEach(async (t) => {
  store = await startShop({ shop: aShop() });
  t.after(() => store.close());
  for (const [template, block] of [['product', 'product-recommendations'], ['index', 'home-recommendations']]) {
    const { id } = addPlacement(store.store, store.shop, template, block);
    changePlacement(store.store, store.shop, template, id, { settings: { items_to_show: 4 } });
  }
  const mug = gid('Product', idOf('Enamel Mug'));
  writeLists(mug, '$app', 'recs', 'decision', CHAMPIONS, '1');
  writeLists(mug, '$app', 'recs_b', 'decision_b', CANDIDATES, '2');
  switchTo({ default: 'a', candidate: 'b', share: 5, rollout: ROLLOUT, salt: 'ends', expires: now() + 12 * 3600 });
});

const idOf = (title) => [...store.shop.products.values()].find((each) => each.title === title).id;

function write(inputs) {
  const { errors } = store.metafields.write(store.shop, inputs, { scopes: ['write_products'], now: store.clock.now() });
  assert.deepEqual(errors, []);
}

function writeLists(ownerId, namespace, key, decisionKey, titles, number) {
  const products = JSON.stringify([...titles, ...FILLERS].map((title) => gid('Product', idOf(title))));
  write([
    { ownerId, namespace, key, type: 'list.product_reference', value: products },
    { ownerId, namespace, key: decisionKey, type: 'single_line_text_field', value: `0197a1b2-0000-7000-8000-00000000000${number}` },
  ]);
}

const switchTo = (state) =>
  write([{ ownerId: store.metafields.installationGid(store.shop), namespace: 'release', key: 'state', type: 'json', value: JSON.stringify(state) }]);

/** A shopper whose browser holds an id, or none. What the page publishes, shifts and asks for is noted. */
async function shopper(t, { visitor, stance = 'granted', ahead = 0, isPageWhole = true, ...options } = {}) {
  setStance(store.store, store.shop, stance);
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  t.after(() => context.close());
  const requests = [];
  const page = await context.newPage();
  page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  if (isPageWhole) page.on('pageerror', (error) => assert.fail(error));
  await page.addInitScript(watch, { visitor, ahead });
  return { page, requests, pictures: () => requests.filter((path) => path.startsWith('/cdn/products/')) };
}

/* Runs in the page, before anything of it. */
function watch({ visitor, ahead }) {
  if (visitor) localStorage.setItem('tailorbird:visitor', visitor);
  if (ahead) {
    const real = Date.now;
    Date.now = () => real() + ahead;
  }
  window.shift = 0;
  // What the theme moves on a slow line, its header's menu, is not ours.
  const isOurs = ({ node }) => (node?.closest ? node : node?.parentElement)?.closest('tailorbird-carousel, main');
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => { if (entry.sources.some(isOurs)) window.shift += entry.value; })).observe({ type: 'layout-shift', buffered: true });
  window.told = [];
  addEventListener('DOMContentLoaded', () => {
    const { publish } = window.Shopify.analytics;
    window.Shopify.analytics.publish = (name, data) => {
      window.told.push([name, data]);
      return publish?.(name, data);
    };
  });
}

const titles = (page) => page.locator('ul .tailorbird__link').allTextContents();
const picturesOf = (names) => names.map((title) => `/cdn/products/${idOf(title)}.svg`);
const exposures = (page) => page.evaluate(() => window.told.filter(([name]) => name === 'tailorbird:exposure').map(([, data]) => data));

const isTold = (page, name) => page.waitForFunction((topic) => window.told.some(([told]) => told === topic), `tailorbird:${name}`);

/**
 * Scroll to the block and wait until what it does when it is near is done. Cards are told a second after they came into view: by then the
 * block has told of the rollout, or will not. Who allows nothing tells nothing, and gets three such seconds.
 */
async function lookAt(page, { tells = true } = {}) {
  await page.locator('tailorbird-carousel').scrollIntoViewIfNeeded();
  if (tells) await isTold(page, 'impression');
  else await page.waitForTimeout(3000);
}

/** Wait until something holds, for a minute at most. */
async function until(holds) {
  for (let tries = 0; tries < 600 && !holds(); tries += 1) await new Promise((resolve) => { setTimeout(resolve, 100); });
  assert.ok(holds(), String(holds));
}

/** Let a stranger open the page first, so that whoever comes gets it from the cache. */
async function warm(path = MUG) {
  const first = await (await fetch(store.url + path)).text();
  assert.equal(await (await fetch(store.url + path)).text(), first);
  return first;
}

for (const [name, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
  for (const [arm, visitor, shown, hidden, bucket] of [['candidate', CANDIDATE, CANDIDATES, CHAMPIONS, 0], ['control', CONTROL, CHAMPIONS, CANDIDATES, 9999]]) {
    test(`on a ${name} a shopper in the arm ${arm} sees its list on a cached page, and nothing else is fetched or moves`, async (t) => {
      await warm();
      const { page, pictures } = await shopper(t, { visitor, viewport });

      await page.goto(store.url + MUG);
      assert.deepEqual(await titles(page), shown);
      await lookAt(page);
      // Before the picture: a whole page is taken in a window of another size.
      assert.equal(await page.evaluate(() => window.shift), 0);
      await picture(page, `rollout-${arm}-${name}`, { fullPage: true });

      assert.deepEqual(await titles(page), shown);
      await page.locator('.tailorbird__list').evaluate((list) => list.scrollTo({ left: list.scrollWidth, behavior: 'instant' }));
      await until(() => picturesOf(shown).every((path) => pictures().includes(path)));
      assert.deepEqual(picturesOf(hidden).filter((path) => pictures().includes(path)), []);
      assert.deepEqual(await exposures(page), [{ rollout: ROLLOUT, bucket }]);
      assert.equal(await page.locator('ul.tailorbird__list').count(), 1);
      assert.deepEqual(await findBarriers(page, 'tailorbird-carousel'), []);
    });
  }
}

test('the list is chosen before the first paint, however the page arrives', async (t) => {
  const html = await warm();
  const { page } = await shopper(t, { visitor: CANDIDATE, isPageWhole: false });
  // The page stops in the middle of the list, as a slow line would: only what may be shown is there.
  const middle = html.indexOf('Garden Twine');
  await page.route(`**${MUG}`, (route) => route.fulfill({ contentType: 'text/html', body: html.slice(0, middle) }));
  await page.goto(store.url + MUG);

  assert.deepEqual(await titles(page), CANDIDATES);
  assert.doesNotMatch(await page.locator('main').innerText(), /Brass Bell/);
});

test('without a script it is the champion, once', async (t) => {
  await warm();
  const { page, pictures } = await shopper(t, { javaScriptEnabled: false });
  await page.goto(store.url + MUG);
  await page.locator('tailorbird-carousel').scrollIntoViewIfNeeded();
  await picture(page, 'rollout-without-script', { fullPage: true });

  assert.deepEqual(await titles(page), CHAMPIONS);
  assert.deepEqual(picturesOf(CANDIDATES).filter((path) => pictures().includes(path)), []);
});

test('who refuses consent sees the champion on every page, and no id is kept', async (t) => {
  const { page } = await shopper(t, { stance: 'refused' });
  for (let view = 0; view < 2; view += 1) {
    await page.goto(store.url + MUG);
    await lookAt(page, { tells: false });

    assert.deepEqual(await titles(page), CHAMPIONS);
    assert.deepEqual(await page.evaluate(() => window.told), []);
  }
  assert.equal(await page.evaluate(() => localStorage.getItem('tailorbird:visitor')), null);
});

test('who takes consent back is outside of the rollout from the next page on', async (t) => {
  const { page } = await shopper(t, { stance: 'granted' });
  await page.goto(store.url + MUG);
  await page.locator('tailorbird-carousel').scrollIntoViewIfNeeded();
  await page.waitForFunction(() => /^[\da-f-]{36}$/.test(localStorage.getItem('tailorbird:visitor')));
  await page.evaluate((id) => localStorage.setItem('tailorbird:visitor', id), CANDIDATE);

  setStance(store.store, store.shop, 'refused');
  // The page that hears of it first was drawn by what was kept; none after it is.
  await page.goto(store.url + MUG);
  await page.waitForFunction(() => localStorage.getItem('tailorbird:visitor') === null);
  await page.goto(store.url + MUG);
  await lookAt(page, { tells: false });
  assert.deepEqual([await titles(page), await page.evaluate(() => window.told)], [CHAMPIONS, []]);
});

test('a first view never counts; the second one draws by the id that the first one kept', async (t) => {
  const { page } = await shopper(t);
  await page.goto(store.url + MUG);
  await lookAt(page);
  assert.deepEqual([await titles(page), await exposures(page)], [CHAMPIONS, []]);
  assert.equal(await page.locator('tailorbird-carousel').getAttribute('data-arm'), null);

  await page.goto(store.url + MUG);
  assert.match(await page.locator('tailorbird-carousel').getAttribute('data-arm'), /^(candidate|champion|control)$/);
});

test('a stale page shows the candidate until its expiry, however long it lies in a cache, and then no more', async (t) => {
  store.pages.isHeld = true;
  switchTo({ default: 'a', candidate: 'b', share: 5, rollout: ROLLOUT, salt: 'ends', expires: now() + 12 * 3600 });
  await warm();
  // It is undone at once, and the page that is held does not know.
  switchTo({ default: 'a' });
  const { page } = await shopper(t, { visitor: CANDIDATE });
  await page.goto(store.url + MUG);
  assert.deepEqual(await titles(page), CANDIDATES);

  const { page: later } = await shopper(t, { visitor: CANDIDATE, ahead: 12 * 3_600_000 });
  await later.goto(store.url + MUG);
  await lookAt(later);
  assert.deepEqual([await titles(later), await exposures(later)], [CHAMPIONS, []]);
});

test('a browser whose clock is before the moment of the page sees the champion, outside of the rollout', async (t) => {
  const { page } = await shopper(t, { visitor: CANDIDATE, ahead: -60_000 });
  await page.goto(store.url + MUG);
  await lookAt(page);

  assert.deepEqual([await titles(page), await exposures(page)], [CHAMPIONS, []]);
});

test('a promotion is one write: everybody sees the candidate, without a script too', async (t) => {
  switchTo({ default: 'b' });
  const { page } = await shopper(t, { javaScriptEnabled: false });
  await page.goto(store.url + MUG);

  assert.deepEqual(await titles(page), CANDIDATES);
});

test('a section that a theme loads anew keeps the arm, and fetches nothing of the other list', async (t) => {
  const { page, pictures } = await shopper(t, { visitor: CANDIDATE });
  await page.goto(store.url + MUG);
  await lookAt(page);

  await page.locator('tailorbird-carousel').evaluate(async (carousel) => {
    const loaded = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html').querySelector('tailorbird-carousel');
    const place = carousel.parentElement;
    place.innerHTML = loaded.outerHTML;
    // As themes do that let the scripts of a section run.
    for (const old of place.querySelectorAll('script')) {
      const script = document.createElement('script');
      script.textContent = old.textContent;
      old.replaceWith(script);
    }
  });
  await page.locator('tailorbird-carousel').scrollIntoViewIfNeeded();
  await page.waitForTimeout(1500);

  assert.deepEqual(await titles(page), CANDIDATES);
  assert.deepEqual(picturesOf(CHAMPIONS).filter((path) => pictures().includes(path)), []);
  assert.equal((await exposures(page)).length, 1);
});

/* What the choosing costs a phone of the slow kind: its processor six times slower than this machine's, on a line like slow 4G. */
const SLOW_LINE = { offline: false, latency: 150, downloadThroughput: (1.6 * 1024 * 1024) / 8, uploadThroughput: (750 * 1024) / 8 };
const SLOWER = 6;
/** A frame of a screen at 60 Hz is 16 ms: what takes less delays no paint by more than one. */
const CHOOSING_MS_MOST = 16;

async function costOf(t, visitor) {
  const { page } = await shopper(t, { visitor, viewport: PHONE });
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', SLOW_LINE);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  await page.route(`**${MUG}`, async (route) => {
    const answer = await route.fetch();
    const html = (await answer.text()).replace(/<script>(\(\(\)=>\{try\{const \w+=document\.currentScript.*?)<\/script>/s, '<script>performance.mark("begin");$1;performance.mark("end")</script>');
    await route.fulfill({ response: answer, body: html });
  });
  await page.addInitScript(() => {
    window.blocked = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => { window.blocked += duration - 50; })).observe({ type: 'longtask', buffered: true });
  });
  await page.goto(store.url + MUG);
  await lookAt(page);
  return page.evaluate(() => ({
    choosing: performance.getEntriesByName('end').length ? performance.measure('choosing', 'begin', 'end').duration : 0,
    shift: window.shift,
    blocked: window.blocked,
    painted: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    bytes: performance.getEntriesByType('navigation')[0].decodedBodySize,
  }));
}

test('on a slow phone the choice takes less than a frame, and nothing shifts', async (t) => {
  const runs = [];
  for (let run = 0; run < 3; run += 1) runs.push(await costOf(t, CANDIDATE));
  switchTo({ default: 'a' });
  store.pages.flush();
  const without = [];
  for (let run = 0; run < 3; run += 1) without.push(await costOf(t, CANDIDATE));

  // Another process on this machine slows one run, not all.
  const least = (all, name) => Math.min(...all.map((each) => each[name]));
  for (const name of ['choosing', 'blocked', 'painted', 'bytes']) t.diagnostic(`${name}: ${least(runs, name).toFixed(1)} with a rollout, ${least(without, name).toFixed(1)} without`);
  assert.ok(runs.every(({ choosing }) => choosing > 0));
  assert.ok(least(runs, 'choosing') < CHOOSING_MS_MOST);
  assert.deepEqual(runs.map(({ shift }) => shift), [0, 0, 0]);
});
