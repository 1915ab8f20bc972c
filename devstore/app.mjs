/**
 * Puts the devstore together.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { readAppConfig } from './app-config.mjs';
import { Approvals } from './approvals.mjs';
import { Apps } from './apps.mjs';
import { BulkOperations } from './bulk.mjs';
import { Catalog } from './catalog.mjs';
import { Clock } from './clock.mjs';
import { Faults } from './faults.mjs';
import { AdminGraphql } from './gql/execute.mjs';
import { Metafields } from './metafields.mjs';
import { Pixel } from './pixels.mjs';
import { Orders } from './orders.mjs';
import { Router, serve } from './server.mjs';
import { openStore } from './seed/open.mjs';
import { Webhooks } from './webhooks.mjs';
import { PageCache } from './storefront/page-cache.mjs';
import * as adminApi from './admin-api.mjs';
import * as control from './control.mjs';
import * as oauth from './oauth.mjs';

/** Parts that other folders add, most specific paths first. */
const FOLDERS = ['admin-frame', 'storefront'];

/**
 * Build a devstore; `listen()` starts it, `close()` ends it.
 *
 * @param {import('./config.mjs').Config} config `publicUrl` is corrected once the port is known
 * @param {{clock?: Clock, sender?: object, log?: (text: string) => void}} [parts]
 */
export async function createDevstore(config, { clock = new Clock(), sender, log = () => {} } = {}) {
  const settings = { ...config };
  const context = await assemble(settings, { clock, sender, log });
  const router = new Router();
  await registerAll(router, context);
  const server = serve(router, context);
  return {
    ...context,
    context,
    router,
    server,
    listen: () => listen(server, settings, context),
    close: () => close(server, context),
  };
}

async function assemble(config, { clock, sender, log }) {
  const about = readAppConfig(config);
  const faults = new Faults();
  const approvals = new Approvals(config);
  approvals.checkRelease(about);
  const { store, reseed } = await openStore(config, { clock, log });
  const imageUrl = (product) => `${config.publicUrl}/cdn/products/${product.id}.svg`;
  const context = { config, store, clock, about, approvals, faults, imageUrl, pixel: Pixel.find(config.extensionsDir) };
  context.pages = new PageCache({ seconds: config.pageSeconds, now: () => clock.now() });
  context.webhooks = new Webhooks({ ...context, sender });
  context.apps = new Apps(context);
  context.metafields = new Metafields(context);
  context.orders = new Orders(context);
  context.catalog = new Catalog(context);
  context.graphql = new AdminGraphql(context);
  context.bulk = new BulkOperations(context);
  // Resolvers start bulk operations, which run resolvers: the one knot is tied here.
  context.graphql.context = context;
  context.restart = () => restart(context, reseed);
  store.on('clock.set', ({ data, at }) => restoreClock(clock, data, at));
  store.replay();
  return context;
}

async function registerAll(router, context) {
  adminApi.register(router, context);
  oauth.register(router, context);
  if (context.config.control) control.register(router, context);
  for (const folder of FOLDERS) {
    const file = path.join(import.meta.dirname, folder, 'routes.mjs');
    if (existsSync(file)) await (await import(file)).register(router, context);
  }
}

async function listen(server, config, context) {
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  const isDefault = config.publicUrl === `http://127.0.0.1:${config.port}`;
  config.port = server.address().port;
  if (isDefault) config.publicUrl = `http://127.0.0.1:${config.port}`;
  context.webhooks.start();
  context.bulk.resume();
  return config.port;
}

async function close(server, { webhooks, bulk, clock, store }) {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  await Promise.all([webhooks.stop(), bulk.stop()]);
  clock.stop();
  server.closeAllConnections();
  await closed;
  store.close();
}

/** Forget all that happened since the shops were first filled. */
async function restart({ clock, webhooks, bulk, pages }, reseed) {
  webhooks.clear();
  pages.flush();
  await bulk.clear();
  await reseed();
  clock.set({ now: clock.wall(), speed: 1 });
}

/** A clock that was moved stays as far ahead after a restart; it goes on at its speed from there. */
function restoreClock(clock, { offset, speed }) {
  clock.set({ now: clock.wall() + offset, speed });
}
