/**
 * The main job as people live it, in one browser: a merchant installs and adds the block, a shopper clicks and buys,
 * a support person finds the decision by its order.
 *
 * The steps stand on each other, so the first that fails ends the walk.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { findBarriers, launch, listen, picture } from './browser.mjs';
import { PYTHON, ROOT, startStack } from './stack.mjs';

const run = promisify(execFile);
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const SHOP = 'willow-gifts';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TRAINING_MS = 600_000; // the built-in shop trains in a minute on two idle cores, in three on busy ones
const PAGE_MS = 30_000;
const CREDIT_MS = 60_000; // the order's webhook, its processing and the credit
const LOOK_MS = 1500; // a card counts as seen after a second
/** Events of a browser that says it is headless are a machine's, and set apart. */
const OF_A_PERSON = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';
const NECESSARY = ['cart', '_tracking_consent']; // the shop's own: what lies in the cart, what was answered in the banner

const walk = { hasFailed: false };
let stack;
let browser;
let merchant;
let shopper;

before(async () => {
  stack = await startStack();
  browser = await launch();
  merchant = await newPerson();
  shopper = await newPerson();
});

after(async () => {
  await browser?.close();
  await stack?.stop({ keepLogs: walk.hasFailed });
});

/**
 * Opens a browser window of someone's own; whatever goes wrong inside it fails the walk.
 *
 * @param {{bypassCSP?: boolean}} [options] `bypassCSP` lets axe into pages that allow no script but their own
 */
async function newPerson({ bypassCSP = false } = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, bypassCSP, userAgent: OF_A_PERSON });
  await context.addInitScript(listen);
  const page = await context.newPage();
  page.setDefaultTimeout(PAGE_MS);
  page.troubles = [];
  page.told = [];
  page.context().on('request', (request) => {
    if (new URL(request.url()).pathname.startsWith('/events/')) page.told.push(request.url());
  });
  page.on('pageerror', (error) => page.troubles.push(`error: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) page.troubles.push(`${response.status()} ${response.url().split('?')[0]}`);
  });
  return page;
}

function step(name, act) {
  test(name, async (t) => {
    if (walk.hasFailed) return t.skip('an earlier step failed');
    walk.hasFailed = true;
    await act().catch(explain);
    walk.hasFailed = false;
    return undefined;
  });
}

/** Leaves pictures of where a walk ended, and says what the pages ran into. */
async function explain(error) {
  await picture(merchant, 'failed-merchant');
  await picture(shopper, 'failed-shopper');
  error.message += `\nTroubles: ${JSON.stringify([...merchant.troubles, ...shopper.troubles])}`;
  throw error;
}

const app = () => merchant.frameLocator('iframe[name="app-iframe"]');
const appFrame = () => merchant.frame('app-iframe');
const openApp = () => merchant.goto(`${stack.at.devstore}/${SHOP}/admin/apps/tailorbird`);

/** Takes the whole app, which scrolls inside its frame, on a window that is tall enough. */
async function appPicture(name) {
  const height = await appFrame().evaluate(() => document.querySelector('s-page').getBoundingClientRect().height);
  await merchant.setViewportSize({ ...DESKTOP, height: Math.max(DESKTOP.height, Math.ceil(height) + 160) });
  await picture(merchant, name);
  await merchant.setViewportSize(DESKTOP);
}

step('the merchant installs the app from the admin', async () => {
  await merchant.goto(`${stack.at.devstore}/${SHOP}/admin`);
  await merchant.getByRole('link', { name: 'Install' }).click();
  await picture(merchant, 'admin-grant');
  await merchant.getByRole('button', { name: 'Install' }).click();

  await app().getByText('Tailorbird is installed.').waitFor();
});

step('products, orders and training are seen coming in', async () => {
  await app().getByText('Train your own model').waitFor();
  await app().getByText(/^\d+% done$/).waitFor({ timeout: TRAINING_MS });
  await appPicture('app-progress');
  await app().getByText('5 of 6 steps done').waitFor({ timeout: TRAINING_MS });
  await appPicture('app-ready');

  assert.deepEqual(await findBarriers(appFrame()), []);
});

step('the model page says what answers, what was decided and what is watched', async () => {
  await merchant.getByRole('navigation', { name: 'Admin' }).getByRole('link', { name: 'Model' }).click();
  await app().getByText('Version 1 is live').waitFor();
  await app().getByText('Least gain over the best simple method').waitFor();
  await appPicture('app-model');
  assert.deepEqual(await findBarriers(appFrame()), []);

  await app().getByRole('link', { name: 'Retraining' }).click();
  await app().getByText('What is watched now').waitFor();
  await appPicture('app-retraining');
  assert.deepEqual(await findBarriers(appFrame()), []);
});

step('under Advanced the model is compared with simpler ones and its training is plotted', async () => {
  await app().getByRole('link', { name: 'Advanced' }).click();
  await app().getByText('How the training went').waitFor();
  await appPicture('app-advanced');

  const text = await app().locator('body').innerText();
  assert.match(text, /version 1/i);
  // Among the methods that were compared, or as one that so small a shop leaves out.
  assert.match(text, /transformer/i);
  assert.match(text, /Popular products/);
  assert.match(text, /the training error fell from [\d.]+ to [\d.]+/);
  assert.deepEqual(await findBarriers(appFrame()), []);
});

for (const [place, button] of [['product', 'Add to product pages'], ['home', 'Add to home page']]) {
  step(`the merchant follows "${button}" into the theme editor and saves`, async () => {
    await openApp();
    // In a tab of its own: the set-up stays where it is.
    const [editor] = await Promise.all([merchant.context().waitForEvent('page'), app().getByText(button).click()]);
    await editor.waitForURL(/\/themes\/current\/editor/);
    await editor.frameLocator('iframe').locator('.tailorbird__card').first().waitFor();
    await picture(editor, `editor-${place}`);
    await editor.getByRole('button', { name: 'Save' }).click();

    await editor.waitForURL(/editor\?.*block=/);
    await editor.close();
  });
}

step('the app knows that everything is set up', async () => {
  await openApp();

  await app().getByText('Everything is set up').waitFor();
  await appPicture('app-complete');
});

step('the app has switched its web pixel on', async () => {
  const pixel = async () => (await (await fetch(`${stack.at.devstore}/control/state`)).json()).shops[0].pixel.settings;
  await until(async () => (await pixel()) !== null, 'the shop has the pixel');

  assert.equal(new URL((await pixel()).endpoint).origin, new URL(appFrame().url()).origin);
});

step('the home page shows what the model picked, and asks for consent', async () => {
  await shopper.goto(stack.at.storefront);
  await shopper.getByRole('region', { name: 'Cookies' }).waitFor();
  await shopper.locator('.tailorbird__card').first().scrollIntoViewIfNeeded();
  await shopper.evaluate(() => window.scrollTo(0, 0));
  await picture(shopper, 'storefront-home', { fullPage: true });

  assert.match(await shopper.locator('.tailorbird__card').first().getAttribute('data-decision'), UUID);
});

step('a product page shows the carousel, on a desktop and on a phone', async () => {
  await shopper.goto(`${stack.at.storefront}collections/all`);
  await shopper.locator('main a[href*="/products/"]').first().click();
  await shopper.waitForURL(/\/products\//);
  walk.from = shopper.url();
  await picture(shopper, 'storefront-product', { fullPage: true });
  assert.deepEqual(await findBarriers(shopper, '.shopify-app-block'), []);
  await shopper.setViewportSize(PHONE);
  await picture(shopper, 'storefront-product-phone', { fullPage: true });
  await shopper.setViewportSize(DESKTOP);

  const decisions = await shopper.locator('.tailorbird__card').evaluateAll((cards) => cards.map((card) => card.dataset.decision));
  assert.ok(decisions.length >= 4, `only ${decisions.length} products`);
  assert.equal(new Set(decisions).size, 1);
  assert.match(decisions[0], UUID);
  walk.decision = decisions[0];
});

/** What the app's API tells the merchant's page, asked with a session token as the page does. */
async function callApp(path) {
  const { token } = await (await fetch(`${stack.at.devstore}/${SHOP}/admin/session-token`, { method: 'POST' })).json();
  const answer = await fetch(new URL(path, new URL(appFrame().url()).origin), { headers: { Authorization: `Bearer ${token}` } });
  return answer.json();
}

const results = () => callApp('/api/results?days=7');

const attribute = () => shopper.evaluate(() => fetch('/cart.js').then((answer) => answer.json()).then((cart) => cart.attributes._tailorbird ?? ''));

const NO_TRACE = { cookies: [], kept: [], pixels: 0, told: [] };

/** What of the app or of tracking lies in someone's browser, runs on their page or has left it. */
async function traceOf(page) {
  const cookies = (await page.context().cookies()).map(({ name }) => name).filter((name) => !NECESSARY.includes(name));
  const kept = await page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]);
  return { cookies, kept, pixels: page.workers().length, told: page.told };
}

async function clickFirstCard() {
  const card = shopper.locator('.tailorbird__card').first();
  const productId = await card.getAttribute('data-product');
  await card.locator('.tailorbird__link').click();
  await shopper.waitForURL((url) => url.pathname !== new URL(walk.from).pathname);
  return productId;
}

step('without an answer to the banner a click is told to nobody, and nothing is kept', async () => {
  await clickFirstCard();
  await shopper.waitForLoadState('networkidle');

  assert.equal(await attribute(), '');
  assert.deepEqual(await traceOf(shopper), NO_TRACE);
  assert.equal((await results()).counts, null);
});

step('once the shopper accepts, a click on a card brings the decision into the cart', async () => {
  await shopper.getByRole('region', { name: 'Cookies' }).getByRole('button', { name: 'Accept' }).click();
  await shopper.goto(walk.from);
  await shopper.locator('.tailorbird__card').first().scrollIntoViewIfNeeded();
  await shopper.waitForFunction(() => window.told.includes('tailorbird:impression'));
  const productId = await clickFirstCard();

  await until(async () => (await attribute()).startsWith(`${walk.decision}:${productId}:`), 'the cart has the decision');
});

step('the shopper buys it, and another straight from a card', async () => {
  await shopper.locator('main form[action="/cart/add"]').first().getByRole('button', { name: 'Add to cart' }).click();
  await shopper.getByText('Added to your cart').waitFor();
  await shopper.goto(walk.from);
  await shopper.locator('.tailorbird__form button').nth(1).click();
  await shopper.getByText('Added to your cart:').waitFor();
  assert.equal(shopper.url(), walk.from);
  await until(async () => (await attribute()).split(' ').length === 2, 'the cart has both clicks');
  await shopper.goto(`${stack.at.storefront}cart`);
  await picture(shopper, 'storefront-cart', { fullPage: true });
  assert.equal(await shopper.locator('main').getByText('_tailorbird').count(), 0);
  await shopper.getByRole('button', { name: 'Check out' }).click();
  await shopper.getByRole('button', { name: 'Pay now' }).click();

  await shopper.getByRole('heading', { name: 'Thank you' }).waitFor();
  await picture(shopper, 'storefront-thanks');
  walk.orderName = (await shopper.locator('main, body').first().innerText()).match(/Order (#\d+)/)[1];
});

step('what the shopper saw, clicked and added is known, and what it earned', async () => {
  await until(async () => (await results()).currencies[0]?.direct.lines >= 2, 'both lines are credited', CREDIT_MS);
  const { counts, currencies: [{ direct }] } = await results();

  assert.deepEqual([counts.clicks, counts.adds], [1, 1]);
  assert.ok(counts.impressions >= 1, JSON.stringify(counts));
  assert.equal(direct.orders, 1);
  assert.ok(Number(direct.revenue) > 0);
});

const overflow = () => appFrame().evaluate(() => document.documentElement.scrollWidth - innerWidth);

step('Home leads with what recommendations earned, and the time is chosen by the keyboard', async () => {
  const { currencies: [{ direct }] } = await results();
  const revenue = Number(direct.revenue).toLocaleString('en', { minimumFractionDigits: 2 });
  await openApp();
  await app().locator('s-section').first().getByText(revenue).waitFor();
  await app().getByRole('link', { name: '7 days' }).focus();
  await merchant.keyboard.press('Enter');
  await app().locator('a[aria-current="page"]', { hasText: '7 days' }).waitFor();
  await appPicture('app-results');

  const text = await app().locator('s-page').innerText();
  assert.match(text, /Orders that came from a click[^]*1 order, 2 products[^]*Clicks[^]*Put into a cart/);
  assert.deepEqual(await findBarriers(appFrame()), []);
  await merchant.setViewportSize(PHONE);
  assert.equal(await overflow(), 0, 'Home is too wide for a phone');
  await picture(merchant, 'app-results-phone');
  await merchant.setViewportSize(DESKTOP);
});

step('a shopper who declines sees the list, buys, and leaves no trace', async () => {
  const private_ = await newPerson();
  const before = (await results()).counts;
  await private_.goto(walk.from);
  await private_.getByRole('region', { name: 'Cookies' }).getByRole('button', { name: 'Decline' }).click();
  await private_.locator('.tailorbird__head').scrollIntoViewIfNeeded();
  await private_.locator('.tailorbird__form button').first().click();
  await private_.getByText('Added to your cart:').waitFor();
  await private_.waitForTimeout(LOOK_MS);
  const cart = await private_.evaluate(() => fetch('/cart.js').then((answer) => answer.json()));
  await private_.goto(`${stack.at.storefront}checkout`);
  await private_.getByRole('button', { name: 'Pay now' }).click();
  await private_.getByRole('heading', { name: 'Thank you' }).waitFor();
  await private_.waitForLoadState('networkidle');

  assert.deepEqual([cart.item_count, cart.attributes], [1, {}]);
  assert.deepEqual(await traceOf(private_), NO_TRACE);
  assert.deepEqual((await results()).counts, before);
  assert.deepEqual(private_.troubles, []);
  await private_.context().close();
});

step('the merchant sees both clicks on the order', async () => {
  await merchant.goto(`${stack.at.devstore}/${SHOP}/admin/orders`);
  await merchant.getByRole('link', { name: walk.orderName }).click();
  await merchant.waitForURL(/\/orders\/\d+/);
  await picture(merchant, 'admin-order', { fullPage: true });
  walk.orderId = merchant.url().match(/\/orders\/(\d+)/)[1];

  const text = await merchant.locator('main').innerText();
  assert.equal(text.split(walk.decision).length - 1, 2, text);
});

step('where the merchant asks for it, each shopper gets an order of their own from the app proxy', async () => {
  await merchant.goto(`${stack.at.devstore}/${SHOP}/admin/themes/current/editor?template=product`);
  await merchant.getByText('Product recommendations').click();
  await merchant.getByLabel('Reorder for each shopper').check();
  await merchant.getByRole('button', { name: 'Save' }).click();
  await merchant.waitForURL(/editor\?.*block=/);
  await shopper.goto(walk.from);
  await shopper.locator('.tailorbird__head').scrollIntoViewIfNeeded();

  const first = shopper.locator('.tailorbird__card').first();
  await until(async () => (await first.getAttribute('data-decision')) !== walk.decision, 'a personal order is shown');
  assert.match(await first.getAttribute('data-decision'), UUID);
  assert.deepEqual(await findBarriers(shopper, '.shopify-app-block'), []);
  await picture(shopper, 'storefront-personal', { fullPage: true });
});

step('support finds the decision by its order', async () => {
  const support = await newPerson({ bypassCSP: true });
  walk.support = support;
  await support.goto(stack.at.staff);
  await support.getByLabel('Username').fill(stack.at.staff_user);
  await support.getByLabel('Password').fill(stack.at.staff_password);
  await support.getByRole('button', { name: 'Log in' }).click();
  await support.getByLabel('Code').fill(codeOf(stack.at.staff_secret));
  await picture(support, 'staff-second-step');
  await support.getByRole('button', { name: 'Continue' }).click();
  await support.getByRole('link', { name: 'Decisions' }).first().waitFor();
  await picture(support, 'staff-home');
  const found = support.locator(`#result_list a[href*="${walk.decision}"]`);
  await until(async () => {
    await support.goto(`${stack.at.staff}audit/decision/?q=${walk.orderId}`);
    return (await found.count()) > 0;
  }, `the dashboard has a decision for order ${walk.orderId}`, CREDIT_MS);
  await picture(support, 'staff-decisions');
  await found.first().click();
  await support.waitForURL(/audit\/decision\/.+\/change\//);
  await picture(support, 'staff-decision', { fullPage: true });

  const decision = await support.locator('#content').innerText();
  assert.ok(decision.includes(walk.decision), 'the page names the decision');
  assert.equal(await support.locator('.field-items_table').getByText('bought', { exact: true }).count(), 2);
  assert.equal(await support.locator('input[name="_save"]').count(), 0, 'nothing can be changed');
  await support.locator('#content').getByRole('link', { name: walk.orderName }).first().click();
  await support.getByText('Every inference behind this order').waitFor();
  const earnedBy = () => support.locator('.field-lines_table').getByRole('link', { name: /^(add to cart|click)$/ }).allTextContents();
  await until(async () => {
    if ((await earnedBy()).length < 2) await support.reload();
    return (await earnedBy()).sort().join() === 'add to cart,click';
  }, 'each line is credited by what the shopper did', CREDIT_MS);
  await picture(support, 'staff-order', { fullPage: true });
  assert.deepEqual(await findBarriers(support), []);
});

step('from the number that a customer says support comes to the decision made again', async () => {
  const { support } = walk;
  await support.goto(`${stack.at.staff}audit/ledgerevent/`);
  await support.getByRole('searchbox', { name: 'Search' }).fill(walk.orderName);
  await support.keyboard.press('Enter');
  await support.getByText('Every inference behind this order').waitFor();
  await support.locator('.field-decisions_table').getByRole('link', { name: 'made again' }).first().click();
  await support.locator('#replay').waitFor();
  await picture(support, 'staff-replay', { fullPage: true });

  assert.equal(await support.locator('#replay .tb-badge').innerText(), 'the same');
  assert.match(await support.locator('.tb-chain').innerText(), /Ledger of decisions\..*(Sealed until|Not sealed yet)/s);
  assert.deepEqual(await findBarriers(support), []);
});

for (const [list, page, words] of [
  ['Gate decisions', 'staff-gate', 'Goes live: no version that learned from orders was live before it.'],
  ['Versions', 'staff-version', 'answers shoppers'],
]) {
  step(`support reads on a desktop and on a phone: ${list}`, async () => {
    const { support } = walk;
    await support.goto(stack.at.staff);
    await support.locator('#content').getByRole('link', { name: list }).click();
    await picture(support, `${page}s`, { fullPage: true });
    await support.locator('#result_list tbody a').first().click();
    await support.locator('#content').getByText(words).first().waitFor();
    for (const [size, name] of [[PHONE, `${page}-phone`], [DESKTOP, page]]) {
      await support.setViewportSize(size);
      await picture(support, name, { fullPage: true });
      assert.equal(await support.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, `${name} is too wide`);
    }

    assert.deepEqual(await findBarriers(support), []);
    assert.deepEqual(support.troubles, []);
  });
}

const inMenu = (name) => merchant.getByRole('navigation', { name: 'Admin' }).getByRole('link', { name, exact: true });

step('the merchant previews what a page would show, by an order and a product, and why', async () => {
  await openApp();
  await inMenu('Preview').click();
  await app().getByText('On the home page').waitFor();
  await app().locator('s-text-field[label="Order number"] input').fill(walk.orderName);
  await merchant.keyboard.press('Enter');
  await app().getByText(new RegExp(`order ${walk.orderName}`, 'i')).first().waitFor();
  await app().locator('s-search-field input').fill('a');
  await app().locator('.found s-button').first().click();
  await app().getByRole('button', { name: 'Show', exact: true }).click();
  await app().locator('s-section[heading^="On the page of"]').waitFor();
  await appPicture('app-preview');

  assert.ok((await app().locator('.shelf li').count()) >= 4);
  assert.match(await app().locator('.shelf').innerText(), /£/);
  assert.deepEqual(await findBarriers(appFrame()), []);
});

step('the merchant turns a holdout on, with its meaning beside it', async () => {
  await inMenu('Settings').click();
  await app().getByText('A holdout tells how much recommendations add').waitFor();
  await app().locator('s-select[label="Held out"] select').selectOption('5');
  await app().getByRole('button', { name: 'Save' }).click();
  await app().getByText(/^Last changed/).waitFor();
  await appPicture('app-settings');

  assert.deepEqual(await findBarriers(appFrame()), []);
});

step('the activity page says who did what, support included, and hands it over as a table', async () => {
  await inMenu('Activity').click();
  await app().getByText('The holdout was changed').waitFor();
  await appPicture('app-activity');
  assert.deepEqual(await findBarriers(appFrame()), []);
  await app().locator('s-select[label="By"] select').selectOption('MERCHANT');
  await app().getByText('Support looked at your shop').first().waitFor({ state: 'detached' });
  const entry = app().locator('.step', { hasText: 'The holdout was changed' });
  assert.match(await entry.innerText(), /You, [^]*0%[^]*→[^]*5%/);
  await app().locator('s-select[label="By"] select').selectOption('STAFF');
  await app().getByText('Support looked at your shop').first().waitFor();

  const [download] = await Promise.all([merchant.waitForEvent('download'), app().getByRole('button', { name: /^Download CSV/ }).click()]);
  const table = await readFile(await download.path(), 'utf8');
  assert.match(table, /^\uFEFF"When","Time zone",/);
  assert.match(table, /"Tailorbird support"/);
  assert.doesNotMatch(table, /"The holdout was changed"/);
  await merchant.setViewportSize(PHONE);
  assert.equal(await overflow(), 0, 'the activity page is too wide for a phone');
  await picture(merchant, 'app-activity-phone');
  await merchant.setViewportSize(DESKTOP);
});

/** Runs a command of the backend beside the stack, as the README says it; gives its exit code and what it printed. */
async function manage(...words) {
  const env = { ...process.env, DEBUG: 'true', DATA_DIR: stack.at.data_dir };
  try {
    const { stdout, stderr } = await run(PYTHON, ['manage.py', ...words], { cwd: ROOT, env });
    return { code: 0, text: stdout + stderr };
  } catch ({ code, stdout, stderr }) {
    return { code, text: stdout + stderr };
  }
}

/** Changes one byte of what a decision showed, as only somebody can who owns the database; twice is as before. */
function flip(decision) {
  const flipped = 'set_byte(items, 9, get_byte(items, 9) # 1)';
  return manage('shell', '-c', [
    'from django.db import connection',
    'cursor = connection.cursor()',
    'cursor.execute("SET session_replication_role = replica")',
    `cursor.execute("UPDATE audit_decision SET items = ${flipped} WHERE id = '${decision}'")`,
    'assert cursor.rowcount == 1',
  ].join('\n'));
}

step('a byte that is flipped in the database is named by verify, and on the pages of staff', async () => {
  const { support } = walk;
  const whole = await manage('verify_ledgers');
  assert.equal(whole.code, 0, whole.text);
  assert.match(whole.text, /decisions: [\d,]+ rows in [\d,]+ segments are as sealed/);

  assert.deepEqual((await flip(walk.decision)).code, 0);
  const broken = await manage('verify_ledgers');
  assert.equal(broken.code, 1, broken.text);
  assert.match(broken.text, new RegExp(`ALTERED: Row ${walk.decision}`));
  await support.goto(`${stack.at.staff}audit/decision/`);
  const told = await support.locator('.tb-chain').innerText();
  await picture(support, 'staff-flipped', { fullPage: true });
  assert.match(told, new RegExp(`damaged.*${walk.decision}`, 's'));
  assert.deepEqual(await findBarriers(support), []);

  assert.deepEqual((await flip(walk.decision)).code, 0);
  assert.equal((await manage('verify_ledgers')).code, 0);
  await support.reload();
  assert.doesNotMatch(await support.locator('.tb-chain').innerText(), /damaged/);
});

step('nobody met an error on the way', async () => {
  assert.deepEqual([...merchant.troubles, ...shopper.troubles], []);
});

/** Returns the six digits that an app with this secret shows now, by RFC 6238. */
function codeOf(secret) {
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const digest = createHmac('sha1', key).update(counter).digest();
  const number = digest.readUInt32BE(digest.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** Waits for something to become true; the message says what did not. */
async function until(holds, what, deadlineMs = PAGE_MS) {
  const end = Date.now() + deadlineMs;
  while (Date.now() < end) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  assert.fail(`Not within ${deadlineMs / 1000} s: ${what}.`);
}
