/**
 * A merchant's way through rollouts in the admin, by the keyboard: looks at the shop as the new version, steps, undoes, starts another,
 * meets an old page and changes the plan.
 *
 * Called by tests/backend/onboarding/test_rollout_in_browser.py with the address of Django, the rollout that is shown to 5 %, the one that
 * waits, and a port for the local Shopify.
 */
import assert from 'node:assert/strict';
import { setStance } from '../../../devstore/consent.mjs';
import { gid } from '../../../devstore/store.mjs';
import { addPlacement, changePlacement } from '../../../devstore/storefront/placements.mjs';
import { findBarriers, launch, listen, picture } from '../browser.mjs';
import { startAdmin } from './admin.mjs';

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const CHAMPIONS = ['Brass Bell', 'Tea Caddy', 'Garden Twine', 'Honey Dipper'];
const CANDIDATES = ['Copper Lantern', 'Wooden Top', 'Felt Robin', 'Wax Seal'];
const DECISIONS = ['0197a1b2-0000-7000-8000-000000000001', '0197a1b2-0000-7000-8000-000000000002'];
const MOST_TABS = 120;

const [[django, rollout, waiting], port] = [JSON.parse(process.argv[2]), Number(process.argv[3])];
const { store, admin, call, stop } = await startAdmin({ django, port });
const browser = await launch();

/* The shop: both versions' lists on the home page and on the mug's, the second one shown to 5 %. */

const idOf = (title) => [...store.shop.products.values()].find((each) => each.title === title).id;
const installation = store.metafields.installationGid(store.shop);

function write(inputs) {
  const { errors } = store.metafields.write(store.shop, inputs, { scopes: ['write_products'], now: store.clock.now() });
  assert.deepEqual(errors, []);
}

/** Let the pages compare the two lists for a rollout. */
function compare(id) {
  const state = { default: 'a', candidate: 'b', share: 5, rollout: id, salt: 'walk', expires: Math.floor(Date.now() / 1000) + 12 * 3600 };
  write([{ ownerId: installation, namespace: 'release', key: 'state', type: 'json', value: JSON.stringify(state) }]);
}

function fillShop() {
  for (const [template, block] of [['product', 'product-recommendations'], ['index', 'home-recommendations']]) {
    const { id } = addPlacement(store.store, store.shop, template, block);
    changePlacement(store.store, store.shop, template, id, { settings: { items_to_show: 4 } });
  }
  const mug = gid('Product', idOf('Enamel Mug'));
  for (const [slot, titles, decision] of [['', CHAMPIONS, DECISIONS[0]], ['_b', CANDIDATES, DECISIONS[1]]]) {
    const products = JSON.stringify(titles.map((title) => gid('Product', idOf(title))));
    const list = { type: 'list.product_reference', value: products };
    const by = { type: 'single_line_text_field', value: decision };
    write([
      { ownerId: mug, namespace: '$app', key: `recs${slot}`, ...list },
      { ownerId: mug, namespace: '$app', key: `decision${slot}`, ...by },
      { ownerId: installation, namespace: 'home', key: `products${slot}`, ...list },
      { ownerId: installation, namespace: 'home', key: `decision${slot}`, ...by },
    ]);
  }
  compare(rollout);
  setStance(store.store, store.shop, 'granted');
}

/* The merchant. */

const context = await browser.newContext({ viewport: DESKTOP });
await context.addInitScript(listen);
await context.addInitScript(nameWords);
const page = await context.newPage();
const faults = [];
page.on('pageerror', (error) => faults.push(error.message));
const app = page.frameLocator('iframe[name="app-iframe"]');
const frame = () => page.frame('app-iframe');

const open = (path = '') => page.goto(admin + path);

/* Runs in every page: the words of its controls and of what has the focus, as a screen reader says them first. */
function nameWords() {
  const inner = (node) => (node?.shadowRoot?.activeElement ? inner(node.shadowRoot.activeElement) : node);
  const within = (root) => [...root.querySelectorAll('*')].flatMap((node) => [node, ...(node.shadowRoot ? within(node.shadowRoot) : [])]);
  const wordsOf = (control) => {
    const host = control.getRootNode().host ?? control;
    return (control.getAttribute('aria-label') || host.getAttribute('label') || host.textContent).trim();
  };
  window.focusedWords = () => {
    const at = inner(document.activeElement);
    return !at || at === document.body ? '' : wordsOf(at);
  };
  window.offers = (words) => within(document).some((node) => node.matches(':enabled, a[href]') && node.checkVisibility() && wordsOf(node).match(words));
}

const focused = () => frame().evaluate(() => window.focusedWords());

/** Wait until the focus is on something of these words: a page moves it once it shows what an answer changed. */
const focusIsOn = (words) => frame().waitForFunction((wanted) => wanted.test(window.focusedWords()), words);

/** Reach a control by the Tab key once the page has it: what a search or a step brings is not there yet when it is asked for. */
async function tabTo(words) {
  await app.locator('body').waitFor();
  await frame().waitForFunction((wanted) => window.offers?.(wanted), words);
  for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
    await page.keyboard.press('Tab');
    if ((await focused()).match(words)) return;
  }
  assert.fail(`${words} is not reached by the Tab key; the focus is on "${await focused()}"`);
}

let presses = 0;
async function press(words) {
  await tabTo(words);
  await page.keyboard.press('Enter');
  presses += 1;
}

/** Confirm what a dialog asks, by the keyboard: the focus is in it, and no further than it. */
async function confirm(name, answer) {
  await app.getByRole('dialog', { name }).waitFor();
  assert.deepEqual(await findBarriers(frame()), []);
  await frame().waitForFunction(() => document.activeElement.closest('s-modal') !== null);
  await press(answer);
  await app.getByRole('dialog').waitFor({ state: 'hidden' });
}

const toast = (words) => page.locator('.toast', { hasText: words }).waitFor();

async function looksRight(name) {
  assert.deepEqual(await findBarriers(frame()), [], name);
  const height = await frame().evaluate(() => document.querySelector('s-page').getBoundingClientRect().height);
  for (const [size, end] of [[DESKTOP, ''], [PHONE, '-phone']]) {
    await page.setViewportSize({ ...size, height: Math.ceil(height) * (end ? 2 : 1) + 160 });
    assert.equal(await frame().evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, `${name} is too wide at ${size.width}`);
    await picture(page, `${name}${end}`);
  }
  await page.setViewportSize(DESKTOP);
}

const titles = (shopPage) => shopPage.locator('ul .tailorbird__link').allTextContents();

/** Press a button that opens the storefront in a tab of its own. */
async function openShop(button) {
  const [tab] = await Promise.all([context.waitForEvent('page'), press(button)]);
  await tab.waitForLoadState();
  await tab.locator('tailorbird-carousel').scrollIntoViewIfNeeded();
  return tab;
}

try {
  fillShop();

  // Home and the list say where the rollout stands.
  await open();
  await app.getByText(/Shown to 5% of visitors since/).waitFor();
  await looksRight('admin-home');
  presses = 0;
  await press(/^Look at rollout 1$/);
  await app.getByRole('heading', { name: /^Rollout 1: version 2 against version 1/ }).waitFor();
  await app.getByRole('status').filter({ hasText: /can't be decided in 60 days/ }).waitFor();
  assert.equal(await app.getByRole('listitem').filter({ hasText: /^5%, now/ }).getAttribute('aria-current'), 'step');
  await looksRight('admin-rollout');

  // The shop as the new version, in a tab that tells nobody of it; and as every other visitor sees it.
  const shop = await openShop(/^Open the shop as the new version$/);
  assert.deepEqual(await titles(shop), CANDIDATES);
  await shop.waitForTimeout(1500); // a card counts as seen after a second
  await picture(shop, 'shop-as-new-version', { fullPage: true });
  assert.deepEqual(await shop.evaluate(() => window.told.filter((name) => name.startsWith('tailorbird:'))), []);
  await shop.goto(`${store.url}/?canary=`);
  await shop.locator('tailorbird-carousel').scrollIntoViewIfNeeded();
  await shop.waitForFunction(() => window.told.includes('tailorbird:impression'));
  await shop.close();

  // A step: three presses from Home, and the focus is back where it was, or on what became of it.
  presses = 1;
  await press(/^Next step: 25%$/);
  await confirm(/^Show version 2 to 25% of visitors now\?$/, /^Next step: 25%$/);
  await toast('Shown to 25% of visitors');
  assert.equal(presses, 3);
  await app.getByRole('status').filter({ hasText: /Shown to 25% of visitors since/ }).waitFor();
  await focusIsOn(/Shown to 25% of visitors since|^Next step: 50%$/);

  // Cancelled, nothing moves, and the focus is back on the button.
  await press(/^Undo$/);
  await app.getByRole('dialog', { name: 'Go back to version 1?' }).waitFor();
  await page.keyboard.press('Escape');
  await app.getByRole('dialog').waitFor({ state: 'hidden' });
  await focusIsOn(/^Undo$/);

  // Undone, no button is left: the focus is on what became of it.
  await page.keyboard.press('Enter');
  await confirm('Go back to version 1?', /^Go back to version 1$/);
  await toast('Back to version 1');
  await app.getByRole('status').filter({ hasText: /^Rolled back at .*, to version 1\./ }).waitFor();
  await focusIsOn(/^Rolled back at/);
  assert.equal(await app.getByRole('button', { name: /^(Undo|Next step|Pause|Promote)/ }).count(), 0);
  await looksRight('admin-rollout-undone');

  // The next one is started from the list.
  await open('/rollouts');
  await app.getByText('Waits for its start').waitFor();
  await looksRight('admin-rollouts');
  await press(/^Look at rollout 2$/);
  await press(/^Start$/);
  await app.locator('#rollout-move').getByText(/no share of visitors can be judged by its orders in 60 days/).waitFor();
  await picture(page, 'admin-rollout-start');
  await confirm(/^Start the rollout of version 3\?$/, /^Start$/);
  await toast('Rollout started');
  await app.getByRole('status').filter({ hasText: /^Shown to nobody since/ }).waitFor();
  await focusIsOn(/^Shown to nobody since|^Next step: 5%$/);

  // Somebody else paused it meanwhile: the old page moves nothing, and says so.
  await press(/^Pause$/);
  await app.getByRole('dialog', { name: 'Pause this rollout?' }).waitFor();
  const { body: { summary: { revision } } } = await call('GET', `/api/rollouts/${waiting}`);
  assert.equal((await call('POST', `/api/rollouts/${waiting}/moves`, { action: 'PAUSE', revision })).status, 200);
  await confirm('Pause this rollout?', /^Pause$/);
  await app.getByRole('alert').filter({ hasText: 'The rollout was not moved' }).getByText(/has moved since/).waitFor();
  await app.getByRole('button', { name: 'Resume' }).waitFor();
  await looksRight('admin-rollout-moved-since');

  // A preview of the mug's page, and the same page of the shop.
  await open('/preview');
  await tabTo(/^Product$/);
  await page.keyboard.type('mug');
  await press(/^Enamel Mug$/);
  await focusIsOn(/^Change the product, now Enamel Mug$/);
  await press(/^Show$/);
  await app.getByText('The page of Enamel Mug, while rollout 2 compares').waitFor();
  await looksRight('admin-preview');
  await press(/^See version 3 beside it$/);
  await app.getByRole('heading', { name: /^Version 3, the new one: on the page of Enamel Mug$/ }).waitFor();
  await looksRight('admin-preview-beside');
  // The pages follow, or chance would choose the list of whoever looks at the second rollout.
  compare(waiting);
  const mug = await openShop(/^Open the shop as the live one$/);
  assert.equal(new URL(mug.url()).pathname, '/products/enamel-mug');
  assert.deepEqual(await titles(mug), CHAMPIONS);
  await mug.close();

  // The plan: the admin's save bar comes with a change, guards it, and goes with it.
  await open('/rollouts/settings');
  const bar = page.getByRole('region', { name: 'Unsaved changes' });
  const margin = app.getByRole('spinbutton', { name: 'A loss up to this counts as no worse' });
  await margin.fill('3');
  await bar.waitFor();
  await looksRight('admin-plan-changed');
  await page.getByRole('navigation', { name: 'Admin' }).getByRole('link', { name: 'Activity' }).click();
  assert.match(page.url(), /rollouts\/settings$/);
  await bar.getByRole('button', { name: 'Discard' }).click();
  await bar.waitFor({ state: 'hidden' });
  await frame().waitForFunction((input) => input.value === '5', await margin.elementHandle());
  await margin.fill('40');
  await app.getByText('Give a number from 0.5 to 10.').waitFor();
  await bar.locator('button:disabled', { hasText: 'Save' }).waitFor();
  await margin.fill('4');
  await bar.getByRole('button', { name: 'Save' }).click();
  await toast('Plan saved');
  await bar.waitFor({ state: 'hidden' });
  assert.equal((await call('GET', '/api/rollouts/settings')).body.margin_percent, 4);
  assert.deepEqual(faults, []);
} catch (error) {
  await picture(page, 'failed-rollout-walk');
  throw error;
} finally {
  await browser.close();
  await stop();
}
