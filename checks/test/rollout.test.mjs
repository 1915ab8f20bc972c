/** Which of a rollout's two lists a page shows: before its script is there, and what that one makes of it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { JSDOM } from 'jsdom';
import { drawArms } from '../lib/arms.mjs';
import { aCart, allowing, answerOf, aShopProduct, decide, open, PROXY, shopOf } from './page.mjs';
import { aProduct, aRelease, aSubject, DECISION, makePage, renderBlock, ROLLOUT, SECOND } from './storefront.mjs';
import { wait } from './turns.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { arms } = JSON.parse(await readFile(new URL('../../tests/bucketing.json', import.meta.url), 'utf8'));
// Of salt "ends" in tests/bucketing.json: the first bucket of all, and the last one. The third lies between.
const [FIRST, LAST, BETWEEN] = ['6e6b8fe6-223c-4f57-935a-bdd97a562230', 'b8b8101c-ed75-4b80-941e-3a0e7fdfb3b4', '3f2b8c1e-3c1d-4b3a-9a53-0d9d3c1f5a10'];
const CHAMPIONS = ['Product 2', 'Product 3'];
const CANDIDATES = ['Product 4', 'Product 5'];
const now = () => Math.floor(Date.now() / 1000);

const subject = () => aSubject([2, 3, 6, 7].map((id) => aProduct(id)), { second: [4, 5, 8, 9].map((id) => aProduct(id)) });

async function pageOf({ release = aRelease(), metafields = {}, settings = {}, script = true, objects = {} } = {}) {
  const shown = { product: subject(), app: { metafields: { ...release, ...metafields } }, ...objects };
  const block = await renderBlock('product-recommendations', { objects: shown, settings: { items_to_show: 2, ...settings } });
  return makePage(block, { script });
}

/** Opens a page for a visitor whose browser holds an id; `told` collects what is published to Shopify's analytics. */
async function openRollout({ visitor = FIRST, consent = true, told = [], stored = {}, page = {}, ...options } = {}) {
  const shopify = { ...allowing(consent), analytics: { publish: (name, data) => told.push([name, structuredClone(data)]) } };
  return open(await pageOf(page), { shopify, stored: { ...(visitor ? { 'tailorbird:visitor': visitor } : {}), ...stored }, ...options });
}

const exposures = (told) => told.filter(([name]) => name === 'tailorbird:exposure').map(([, data]) => data);

test('a page draws ten thousand visitors into the arms that our servers draw them into', async (t) => {
  const browsers = Array.from({ length: arms.browsers }, (_, number) => {
    const hex = ((BigInt(number) * BigInt(`0x${arms.stride}`)) % (1n << 128n)).toString(16).padStart(32, '0');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  });
  for (const { share, holdout, sha256 } of arms.cases) {
    await t.test(`${share} %`, async () => {
      const drawn = await drawArms(ROOT, { draw: arms.draw, share, ...(holdout ? { holdout, salt: arms.salt } : {}) }, browsers);

      const told = drawn.map(({ arm, bucket }) => `${arm ?? '-'} ${bucket ?? '-'}`).join('\n');
      assert.equal(createHash('sha256').update(told).digest('hex'), sha256);
    });
  }
});

for (const [who, visitor, shown, arm] of [
  ['in the arm of the candidate sees its list', FIRST, CANDIDATES, 'candidate'],
  ['in its control sees the list of the champion', LAST, CHAMPIONS, 'control'],
  ['between the two sees the list of the champion', BETWEEN, CHAMPIONS, 'champion'],
  ['whom the browser holds no id of sees the list of the champion', null, CHAMPIONS, undefined],
  ['whose id is none of ours sees the list of the champion', '"><b>', CHAMPIONS, undefined],
]) {
  test(`a visitor ${who}, before the script of the block is there`, async () => {
    const stored = visitor ? { 'tailorbird:visitor': visitor } : {};
    const page = await open(await pageOf({ script: false }), { stored });

    assert.deepEqual(page.titles(), shown);
    assert.equal(page.carousel.dataset.arm, arm);
    assert.equal(page.document.querySelectorAll('ul').length, 1);
    assert.equal(page.document.querySelector('ul script'), null);
  });
}

for (const [why, release, holdout] of [
  ['the page is older than the rollout vouches for', () => ({ expires: now() + 1 }), undefined],
  ['the rollout shows nobody the candidate', () => ({ share: 0 }), undefined],
  ['the visitor is held out', () => ({}), { policy: { value: { percent: 1, salt: 'ends' } }, products: { value: [aProduct(8)] } }],
]) {
  test(`it is the champion where ${why}`, async () => {
    const html = await pageOf({ script: false, release: aRelease(release()), metafields: holdout ? { holdout } : {} });
    const later = (window) => { window.Date.now = () => Date.now() + 5000; };
    const page = await open(html, { stored: { 'tailorbird:visitor': FIRST }, before: later });

    assert.deepEqual(page.titles(), CHAMPIONS);
    assert.notEqual(page.carousel.dataset.arm, 'candidate');
  });
}

test('it is the champion, outside the experiment, where the clock is before the moment of the page', async () => {
  const early = (window) => { window.Date.now = () => Date.now() - 60_000; };
  const page = await open(await pageOf({ script: false }), { stored: { 'tailorbird:visitor': FIRST }, before: early });

  assert.deepEqual(page.titles(), CHAMPIONS);
  assert.equal(page.carousel.dataset.arm, undefined);
});

test('it is the champion where storage is blocked', async () => {
  const blocked = (window) => Object.defineProperty(window, 'localStorage', { get: () => { throw new window.DOMException('blocked', 'SecurityError'); } });
  const page = await open(await pageOf({ script: false }), { before: blocked });

  assert.deepEqual(page.titles(), CHAMPIONS);
});

for (const [what, page] of [
  ['no rollout is on', { release: { release: { state: { value: { default: 'a' } } } } }],
  ['a rollout has expired by the time the page is made', { release: aRelease({ expires: now() - 1 }) }],
  ['the merchant is in the editor', { objects: { request: { design_mode: true } } }],
  ['the candidate has no list for the page', { objects: { product: aSubject([aProduct(2)]) } }],
  ['the champion has no list for the page', { objects: { product: aSubject(undefined, { second: [aProduct(4)], mates: [aProduct(7)] }) } }],
]) {
  test(`a page holds neither the candidate's cards nor the script where ${what}`, async () => {
    const html = await pageOf({ script: false, ...page });

    assert.doesNotMatch(html, /<script|tailorbird__candidate|data-rollout/);
  });
}

test('what everybody sees is the slot that the release names: a promotion is that one write', async () => {
  const html = await pageOf({ script: false, release: { release: { state: { value: { default: 'b' } } } } });
  const { document } = new JSDOM(html).window;

  assert.deepEqual([...document.querySelectorAll('ul .tailorbird__link')].map((link) => link.textContent), CANDIDATES);
  assert.equal(document.querySelector('li').dataset.decision, SECOND);
});

test('the home page has two slots too', async () => {
  const home = { products: { value: [aProduct(2)] }, decision: { value: DECISION }, products_b: { value: [aProduct(4)] }, decision_b: { value: SECOND } };
  const objects = { app: { metafields: { home, ...aRelease({ default: 'b', candidate: 'a' }) } } };
  const html = await makePage(await renderBlock('home-recommendations', { objects }), { script: false });

  const [candidate, champion] = [await open(html, { stored: { 'tailorbird:visitor': FIRST } }), await open(html, { stored: { 'tailorbird:visitor': LAST } })];

  assert.deepEqual([candidate.titles(), champion.titles()], [['Product 2'], ['Product 4']]);
});

test('without a script the page shows the champion once, and nothing of the candidate', async () => {
  const { document } = new JSDOM(await pageOf({ script: false })).window;

  const links = [...document.querySelectorAll('a[href], img')].map((element) => element.getAttribute('href') ?? element.getAttribute('src'));
  assert.ok(links.length > 0);
  assert.deepEqual(links.filter((link) => /4|5|8|9/.test(link)), []);
});

test("places that get free are filled from the list of the visitor's arm", async () => {
  const inCart = ({ first }) => ({ answers: aCart({ products: [first] }).answers });
  const candidate = await openRollout(inCart({ first: 4 }));
  const control = await openRollout({ visitor: LAST, ...inCart({ first: 2 }) });

  assert.deepEqual([candidate.titles(), control.titles()], [['Product 5', 'Product 8'], ['Product 3', 'Product 6']]);
});

for (const [visitor, bucket] of [[FIRST, 0], [LAST, 9999]]) {
  test(`who is compared tells it once a day, in both arms alike: ${bucket}`, async () => {
    const told = [];
    const first = await openRollout({ visitor, told });
    await first.scrollTo();
    await openRollout({ visitor, told, stored: { 'tailorbird:exposed': first.window.localStorage.getItem('tailorbird:exposed') } }).then((page) => page.scrollTo());
    const other = aRelease({ rollout: DECISION });
    await openRollout({ visitor, told, page: { release: other }, stored: { 'tailorbird:exposed': first.window.localStorage.getItem('tailorbird:exposed') } }).then((page) => page.scrollTo());

    assert.deepEqual(exposures(told), [{ rollout: ROLLOUT, bucket }, { rollout: DECISION, bucket }]);
  });
}

for (const [why, options] of [
  ['is between the two arms', { visitor: BETWEEN }],
  ['is seen for the first time', { visitor: null }],
  ['did not allow analytics', { consent: ['preferences'] }],
  ['did not allow preferences', { consent: ['analytics'] }],
  ['reads an expired page', { before: (window) => { window.Date.now = () => Date.now() + 13 * 3600 * 1000; } }],
  ['sees all visitors in one arm', { page: { release: aRelease({ share: 100 }) } }],
]) {
  test(`a visitor who ${why} tells of no rollout`, async () => {
    const told = [];
    const page = await openRollout({ told, ...options });
    await page.scrollTo();

    assert.deepEqual(exposures(told), []);
  });
}

test('nobody tells of a rollout that ran out while the page was open', async () => {
  const told = [];
  const page = await openRollout({ told });
  page.window.Date.now = () => Date.now() + 13 * 3600 * 1000;
  await page.scrollTo();

  assert.deepEqual([page.titles(), exposures(told)], [CANDIDATES, []]);
});

test('two blocks of a page are of one arm, repeat nothing and tell of the rollout once', async () => {
  const told = [];
  const objects = { product: subject(), app: { metafields: aRelease() } };
  const block = () => renderBlock('product-recommendations', { objects, settings: { items_to_show: 2 } });
  const html = await makePage((await block()) + (await block()));
  const shopify = { ...allowing(true), analytics: { publish: (name, data) => told.push([name, structuredClone(data)]) } };
  const page = await open(html, { shopify, stored: { 'tailorbird:visitor': FIRST } });
  await page.scrollTo();

  assert.deepEqual(page.titles(), [...CANDIDATES, 'Product 8', 'Product 9']);
  assert.deepEqual(exposures(told), [{ rollout: ROLLOUT, bucket: 0 }]);
});

test('nobody tells of a rollout before the block is near', async () => {
  const told = [];
  await openRollout({ told });

  assert.deepEqual(exposures(told), []);
});

test('who allows preferences gets the id by which the next page draws; who does not gets none', async () => {
  const allowed = await openRollout({ visitor: null });
  await allowed.scrollTo();
  const refused = await openRollout({ visitor: null, consent: [] });
  await refused.scrollTo();

  assert.match(allowed.window.localStorage.getItem('tailorbird:visitor'), /^[\da-f-]{36}$/);
  assert.deepEqual(Object.keys(refused.window.localStorage), []);
});

test('who takes consent back is forgotten, with what was told of rollouts', async () => {
  const page = await openRollout();
  await page.scrollTo();
  await decide(page, []);

  assert.deepEqual(Object.keys(page.window.localStorage), []);
});

for (const [who, options, rollout] of [
  ['of the page', {}, `${ROLLOUT}:5`],
  ['of the page, for who is between the arms too', { visitor: BETWEEN }, `${ROLLOUT}:5`],
  ['of none on a first view', { visitor: null }, 'none'],
  ['of none on an expired page', { before: (window) => { window.Date.now = () => Date.now() + 13 * 3600 * 1000; } }, 'none'],
]) {
  test(`a personal order is asked for in the rollout ${who}`, async () => {
    const answers = { [PROXY]: answerOf(9), ...shopOf(aShopProduct(9)) };
    const page = await openRollout({ answers, page: { settings: { personalise: true } }, ...options });
    await page.scrollTo();

    assert.equal(page.to(PROXY)[0].query.rollout, rollout);
  });
}

for (const [visitor, arm, shown] of [[FIRST, 'candidate', CANDIDATES], [LAST, 'control', CHAMPIONS]]) {
  test(`a visitor stays in the arm ${arm} in a section that a theme loads, and loads again, by a script of its own`, async () => {
    const told = [];
    const block = new JSDOM(await pageOf({ script: false })).window.document.querySelector('.shopify-app-block').outerHTML;
    const shopify = { ...allowing(true), analytics: { publish: (name, data) => told.push([name, structuredClone(data)]) } };
    const page = await open(await makePage('<div id="place"></div>'), { shopify, stored: { 'tailorbird:visitor': visitor } });
    for (let load = 0; load < 2; load += 1) {
      page.document.querySelector('#place').innerHTML = block;
      await page.scrollTo();

      assert.deepEqual(page.titles(), shown);
      assert.equal(page.document.querySelector('tailorbird-carousel').most, 2);
      assert.equal(page.document.querySelectorAll('ul').length, 1);
      assert.equal(page.document.querySelector('ul script'), null);
    }
    assert.deepEqual(exposures(told), [{ rollout: ROLLOUT, bucket: visitor === FIRST ? 0 : 9999 }]);
  });
}

test('where a theme runs the scripts of a section elsewhere, nothing fails and it is the champion', async () => {
  const errors = [];
  const page = await open(await pageOf({ script: false, release: {} }), { stored: { 'tailorbird:visitor': FIRST } });
  page.window.addEventListener('error', ({ message }) => errors.push(message));
  const choose = (await readFile(new URL('../../extensions/tailorbird-theme/snippets/recommendation-arm.liquid', import.meta.url), 'utf8')).match(/<script>(.*)<\/script>/)[1];
  page.window.eval(choose);

  assert.deepEqual([page.titles(), errors], [CHAMPIONS, []]);
});

const aLook = (arm, changes = {}) => {
  const said = { shop: 'willow-gifts.example', rollout: ROLLOUT, arm, until: now() + 3600, ...changes };
  return `${Buffer.from(JSON.stringify(said)).toString('base64url')}.signed`;
};
const keeping = (token) => (window) => window.sessionStorage.setItem('tailorbird:look', token);

for (const [who, visitor, arm, shown] of [
  ['in the control sees the new version', LAST, 'candidate', CANDIDATES],
  ['in the candidate sees the one in use', FIRST, 'champion', CHAMPIONS],
  ['in the candidate goes on seeing it', FIRST, 'candidate', CANDIDATES],
  ['whom nobody knows sees the new version', null, 'candidate', CANDIDATES],
]) {
  test(`who looks at a version and is ${who}, and nothing of it is told`, async () => {
    const told = [];
    const page = await openRollout({ visitor, told, url: `/products/product-1?canary=${aLook(arm)}` });
    await page.scrollTo();
    page.see(shown.map((title) => title.split(' ')[1]));
    await wait(1200);

    assert.deepEqual(page.titles(), shown);
    assert.deepEqual(told, []);
    assert.equal(page.document.querySelectorAll('ul').length, 1);
  });
}

test('a look stays in its tab from page to page, and asks for its version each time', async () => {
  const token = aLook('candidate');
  const answers = { [PROXY]: answerOf() };
  const page = await openRollout({ visitor: LAST, answers, before: keeping(token), page: { settings: { personalise: true } } });
  await page.scrollTo();

  assert.deepEqual(page.titles(), CANDIDATES);
  assert.equal(page.to(PROXY)[0].query.canary, token);
});

for (const [why, options] of [
  ['its hour is over', { before: keeping(aLook('candidate', { until: now() - 1 })) }],
  ['it is of another rollout', { before: keeping(aLook('candidate', { rollout: SECOND })) }],
  ['it can not be read', { before: keeping('none') }],
  ['an empty one ends it', { before: keeping(aLook('candidate')), url: '/products/product-1?canary=' }],
]) {
  test(`a look shows nothing else where ${why}`, async () => {
    const page = await openRollout({ visitor: LAST, ...options });

    assert.deepEqual(page.titles(), CHAMPIONS);
    assert.equal(page.carousel.dataset.arm, 'control');
  });
}
