import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, unpackOnce } from './browser.mjs';
import { makeFolder } from './helpers.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where the words of pages stand: storefront, admin, theme blocks, embedded UI, staff dashboard. */
const PAGES = ['devstore/storefront', 'devstore/admin-frame', 'devstore/stand-ins', 'devstore/seed', 'extensions', 'shopify-app/app', 'backend'];
const WORDS = /\.(mjs|js|ts|tsx|liquid|json|html|css|py)$/;

async function open(t) {
  const browser = await launch();
  t.after(() => browser.close());
  return browser.newPage();
}

test('the browser stands for a person\'s, in pages and in workers', async (t) => {
  const page = await open(t);

  const agents = await page.evaluate(async () => {
    const worker = new Worker(URL.createObjectURL(new Blob(['postMessage(navigator.userAgent)'])));
    return [navigator.userAgent, await new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); })];
  });

  for (const agent of agents) assert.match(agent, /^Mozilla\/5\.0 (?!.*Headless).* Chrome\/\d+/);
});

/** Return the families that a text was drawn with, by what the browser says. */
async function fontsOf(page, text, family) {
  await page.setContent(`<p style='font-family: ${family}'>${text}</p>`);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('DOM.enable');
  await devtools.send('CSS.enable');
  const { root } = await devtools.send('DOM.getDocument');
  const { nodeId } = await devtools.send('DOM.querySelector', { nodeId: root.nodeId, selector: 'p' });
  const { fonts } = await devtools.send('CSS.getPlatformFontsForNode', { nodeId });
  return fonts.map(({ familyName }) => familyName).sort();
}

function signsOfPages() {
  const files = PAGES.flatMap((folder) => readdirSync(path.join(ROOT, folder), { recursive: true }).map((file) => path.join(ROOT, folder, file)));
  const sources = files.filter((file) => WORDS.test(file) && !file.includes('node_modules') && statSync(file).isFile());
  return [...new Set(sources.flatMap((file) => [...readFileSync(file, 'utf8')]))].filter((sign) => sign > '\x7f').sort();
}

/* Runs in the page: draws each sign and keeps those that look like one that no font has. */
function findUndrawn(signs) {
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 64 });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const draw = (sign) => {
    context.clearRect(0, 0, 64, 64);
    context.font = '32px sans-serif';
    context.fillText(sign, 8, 48);
    return canvas.toDataURL();
  };
  const missing = draw('\u{10FFFD}');
  return signs.filter((sign) => draw(sign) === missing);
}

for (const [family, text, fonts] of [
  ['sans-serif', 'Jumbo bag', ['Open Sans']],
  ['system-ui', 'Jumbo bag', ['Open Sans']],
  ['serif', 'Willow Gifts', ['DejaVu Serif']],
  ['monospace', '12,50', ['DejaVu Sans Mono']],
  ['sans-serif', 'Größe, déjà vu, Ωμέγα, Свеча', ['Open Sans']],
  ['sans-serif', '✓✕', ['DejaVu Sans']],
  ['Inter, Roboto', 'no family of the list is there', ['Open Sans']],
]) {
  test(`${family} is drawn with our fonts, whatever the machine has: ${text}`, async (t) => {
    const page = await open(t);

    assert.deepEqual(await fontsOf(page, text, family), fonts);
  });
}

test('every sign that our pages are written with is in our fonts', async (t) => {
  const page = await open(t);
  const signs = signsOfPages();

  assert.ok(signs.includes('→') && signs.includes('é'), signs.join(''));
  assert.deepEqual(await page.evaluate(findUndrawn, signs), []);
  assert.deepEqual(await page.evaluate(findUndrawn, ['\u{10FFFC}', 'a']), ['\u{10FFFC}']);
});

test('a browser of the machine is used only when CHROMIUM_PATH names it', async (t) => {
  const folder = makeFolder(t);
  const trace = path.join(folder, 'was-started');
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    writeFileSync(path.join(folder, name), `#!/bin/sh\ntouch "${trace}"\nexit 1\n`, { mode: 0o755 });
  }
  const { PATH } = process.env;
  t.after(() => {
    process.env.PATH = PATH;
    delete process.env.CHROMIUM_PATH;
  });

  process.env.PATH = `${folder}${path.delimiter}${PATH}`;
  await (await launch()).close();
  assert.equal(existsSync(trace), false);

  process.env.CHROMIUM_PATH = path.join(folder, 'chromium');
  await assert.rejects(launch());
  assert.equal(existsSync(trace), true);
});

test('of two that unpack at once, both find the whole browser and nothing else is left', async (t) => {
  const cache = makeFolder(t);
  const folder = path.join(cache, '1.2.3');

  await Promise.all([unpackOnce(folder), unpackOnce(folder)]);

  assert.deepEqual(readdirSync(cache), ['1.2.3']);
  assert.ok(statSync(path.join(folder, 'chromium')).size > 100_000_000);
  assert.ok(existsSync(path.join(folder, 'lib', 'libnss3.so')));
});
