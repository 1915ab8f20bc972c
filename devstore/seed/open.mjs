/**
 * Opens the shops: the same seed on each start, then everything that the journal holds.
 *
 * meta.json says what the shops were filled from and when. It is written last,
 * so a fill that broke off is begun anew.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BadConfig, DEFAULT_SHOP } from '../config.mjs';
import { Journal } from '../journal.mjs';
import { FIRST_IDS, ShopData, Store } from '../store.mjs';
import { holdBackDays } from './held-back.mjs';
import { generateShop } from './generated.mjs';
import { BadOrders, buildShop, readOrders, shiftFor } from './orders-file.mjs';
import { hashText } from './words.mjs';

/** Raised when the same source would give other records than before: a journal over it would not fit. */
const SEED_VERSION = 2;

/**
 * Return the store with its seed loaded; the caller replays the journal once all parts listen.
 *
 * `reseed` forgets all that happened since and fills the shops as at first.
 *
 * @param {import('../config.mjs').Config} config
 * @param {{clock: import('../clock.mjs').Clock, log: (text: string) => void}} parts
 * @returns {Promise<{store: Store, reseed: () => Promise<void>}>}
 * @throws {BadOrders} before anything is written, when the order file cannot be used
 * @throws {BadConfig} when the data folder was filled from something else
 */
export async function openStore(config, { clock, log }) {
  mkdirSync(config.dataDir, { recursive: true });
  const found = readMeta(config);
  if (found) checkMeta(found, config);
  const { meta, seed } = found ? { meta: found, seed: await makeSeed(found, config) } : await firstSeed(config, clock.now());
  const journal = new Journal(path.join(config.dataDir, 'journal.jsonl'));
  const store = new Store({ journal, now: () => clock.now() });
  fill(store, meta, seed);
  store.on('shop.add', ({ data }) => addShop(store, data));
  log(describe(store.defaultShop, found ? 'opened' : 'filled'));
  const reseed = async () => {
    const again = await makeSeed(meta, config);
    journal.truncate();
    store.clear();
    fill(store, meta, again);
  };
  return { store, reseed };
}

function fill(store, meta, seed) {
  const shop = newShop(DEFAULT_SHOP, meta.seededAt);
  const { seed: earlier, held } = holdBackDays(seed, { days: meta.holdBackDays ?? 0, least: meta.holdBackLeast ?? 0 });
  shop.load(earlier, held);
  store.addShop(shop);
}

/** Add a further shop; journalled by its caller, so that a restart adds it again. */
function addShop(store, { handle, kind, seededAt }) {
  const shop = newShop(handle, seededAt);
  const seed = generateShop({ now: seededAt, vendor: shop.name, kind, seed: hashText(handle) });
  shop.load(seed);
  store.addShop(shop);
}

function newShop(handle, seededAt) {
  const name = handle.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ');
  return new ShopData({ handle, name, id: FIRST_IDS.shops + (hashText(handle) % 1_000_000_000), createdAt: seededAt });
}

function readMeta({ dataDir }) {
  const file = path.join(dataDir, 'meta.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

function checkMeta(meta, config) {
  const remedy = `Remove ${config.dataDir} ("make clean") to begin anew.`;
  if (meta.seedVersion !== SEED_VERSION) throw new BadConfig(`The shop's data was made by another version of the devstore. ${remedy}`);
  if (config.ordersPath === null) {
    // A shop opens without naming again what filled it; only another kind than the usual one is a wish of its own.
    const isOther = config.shopKind !== 'generated' && meta.source.kind !== config.shopKind;
    if (isOther) throw new BadConfig(`The shop was filled as "${meta.source.kind}", not as "${config.shopKind}". ${remedy}`);
    return;
  }
  if (!existsSync(config.ordersPath)) throw new BadOrders(`${path.basename(config.ordersPath)}: There is no file ${config.ordersPath}.`);
  const isSame = meta.source.kind === 'orders' && meta.source.sha256 === digestOf(config.ordersPath);
  if (!isSame) throw new BadConfig(`The shop was filled from something else than ${path.basename(config.ordersPath)}. ${remedy}`);
}

async function firstSeed(config, now) {
  const begun = { seedVersion: SEED_VERSION, seededAt: now, shiftMs: 0, holdBackDays: config.holdBackDays, holdBackLeast: config.holdBackLeast };
  if (config.ordersPath === null) {
    const meta = { ...begun, source: { kind: config.shopKind } };
    const seed = await makeSeed(meta, config);
    return save(meta, seed, config);
  }
  const lines = await readOrders(config.ordersPath);
  const shiftMs = shiftFor(lines, now);
  const meta = { ...begun, shiftMs, source: { kind: 'orders', sha256: digestOf(config.ordersPath), name: path.basename(config.ordersPath) } };
  const seed = buildShop(lines, { shiftMs, vendor: newShop(DEFAULT_SHOP, now).name });
  copyFileSync(config.ordersPath, path.join(config.dataDir, 'orders.source'));
  return save({ ...meta, counts: seed.counts }, seed, config);
}

/** A journal without its meta.json is the rest of a fill that broke off. */
function save(meta, seed, { dataDir }) {
  rmSync(path.join(dataDir, 'journal.jsonl'), { force: true });
  const partial = path.join(dataDir, 'meta.json.partial');
  writeFileSync(partial, `${JSON.stringify(meta, null, 2)}\n`);
  renameSync(partial, path.join(dataDir, 'meta.json'));
  return { meta, seed };
}

/** Make again what the shops began with. */
async function makeSeed(meta, config) {
  const vendor = newShop(DEFAULT_SHOP, meta.seededAt).name;
  if (meta.source.kind !== 'orders') return generateShop({ now: meta.seededAt, vendor, kind: meta.source.kind });
  const lines = await readOrders(path.join(config.dataDir, 'orders.source'));
  return buildShop(lines, { shiftMs: meta.shiftMs, vendor });
}

function digestOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function describe(shop, verb) {
  const rejected = Object.entries(shop.seeded.rejected_rows).map(([reason, count]) => `${count} ${reason}`).join(', ');
  const counts = `${shop.products.size} products, ${shop.customers.size} customers, ${shop.orders.size} orders`;
  return `Shop ${shop.domain} ${verb}: ${counts}${rejected ? `; rejected rows: ${rejected}` : ''}.`;
}
