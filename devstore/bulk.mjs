/**
 * Bulk operations: started, run in the background, their results kept as files.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { GraphQLError } from 'graphql';
import { BadBulkQuery, checkBulkQuery, compileBulk } from './gql/plan.mjs';
import { bulkPayload } from './payloads.mjs';
import { HttpError } from './server.mjs';
import { sameSignature } from './sign.mjs';

/** Operations of an app that run in a shop at once. */
const CONCURRENCY = 5;

/** How long a result can be fetched. */
const URL_MS = 7 * 24 * 60 * 60 * 1000;

/** Longest stretch of work before other requests get a turn, in milliseconds. */
const SLICE_MS = 15;

const CHUNK_LENGTH = 256 * 1024;
const ACTIVE = new Set(['CREATED', 'RUNNING', 'CANCELING']);

/** Both mean later, not never; the words are those of the schema. */
const BUSY = {
  OPERATION_IN_PROGRESS: 'A bulk operation is already in progress.',
  LIMIT_REACHED: 'Bulk operations limit reached. Please try again later.',
};

export class BulkOperations {
  #progress = new Map();
  #running = new Set();
  #isStopped = false;
  #isClearing = false;

  /** @param {object} context with `graphql`, `store`, `config`, `clock`, `webhooks`, `faults` */
  constructor(context) {
    this.context = context;
    this.folder = path.join(context.config.dataDir, 'bulk');
    mkdirSync(this.folder, { recursive: true });
  }

  /**
   * Take in a query and begin to run it.
   *
   * @returns {{operation: object | null, errors: {field: string[] | null, message: string, code: string}[]}}
   */
  start(shop, query, { context, groupObjects = false }) {
    const refuse = (message, code, field = ['query']) => ({ operation: null, errors: [{ field, message, code }] });
    if (groupObjects) return refuse('The devstore does not group objects: leave groupObjects false and join by __parentId.', 'INVALID', ['groupObjects']);
    const busy = this.#busy(shop);
    if (busy) return refuse(BUSY[busy], busy, null);
    try {
      checkBulkQuery(this.context.graphql, query);
    } catch (error) {
      if (error instanceof BadBulkQuery) return refuse(error.message, 'INVALID');
      throw error;
    }
    const operation = this.#make(shop, query, context.install);
    this.#save(shop, operation);
    this.#launch(shop, operation);
    return { operation: this.view(operation), errors: [] };
  }

  /** Return the code of why an app must wait with another operation, or null. */
  #busy(shop) {
    if (this.context.faults.take('bulk', 'in_progress')) return 'OPERATION_IN_PROGRESS';
    const active = [...shop.bulkOperations.values()].filter((each) => ACTIVE.has(each.status));
    return active.length >= CONCURRENCY || this.context.faults.take('bulk', 'limit_reached') ? 'LIMIT_REACHED' : null;
  }

  /** Ask an operation to stop; say whether it could still be asked. */
  cancel(shop, id) {
    const operation = shop.bulkOperations.get(id);
    if (!ACTIVE.has(operation.status)) return false;
    this.#save(shop, { ...operation, status: 'CANCELING' });
    // One that still waits for its turn would otherwise keep its place until then.
    if (operation.status === 'CREATED') this.#run(shop, id);
    return true;
  }

  /** Return an operation as the API shows it: progress so far, address of the result. */
  view(operation) {
    const progress = this.#progress.get(operation.id) ?? operation;
    const { objectCount, rootObjectCount } = progress;
    const isExpired = operation.completedAt !== null && this.context.clock.now() >= operation.completedAt + URL_MS;
    const address = operation.file && !isExpired ? this.#address(operation) : null;
    const isWhole = operation.status === 'COMPLETED';
    const status = isExpired ? 'EXPIRED' : operation.status;
    return { ...operation, status, objectCount, rootObjectCount, url: isWhole ? address : null, partialDataUrl: isWhole ? null : address };
  }

  /** Run again what a former process left unfinished, and remove results that nobody can fetch any more. */
  resume() {
    this.#sweep();
    for (const shop of this.context.store.shops.values()) {
      for (const operation of shop.bulkOperations.values()) if (ACTIVE.has(operation.status)) this.#launch(shop, operation);
    }
  }

  /** Wait for what runs, then remove every result. */
  async clear() {
    this.#isClearing = true;
    await Promise.all(this.#running);
    this.#isClearing = false;
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
  }

  /** Stop at the next breath and wait for it; a restart runs the operations again. */
  async stop() {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  #sweep() {
    const operations = [...this.context.store.shops.values()].flatMap((shop) => [...shop.bulkOperations.values()]);
    const live = new Set(operations.filter(({ completedAt }) => completedAt + URL_MS > this.context.clock.now()).map(({ file }) => file));
    for (const file of readdirSync(this.folder)) if (!live.has(file)) rmSync(path.join(this.folder, file));
  }

  #make(shop, query, install) {
    return {
      id: shop.nextId('bulkOperations'),
      clientId: install.clientId,
      query,
      status: 'CREATED',
      errorCode: null,
      createdAt: this.context.clock.now(),
      completedAt: null,
      objectCount: 0,
      rootObjectCount: 0,
      fileSize: null,
      file: null,
    };
  }

  #launch(shop, operation) {
    const wait = this.context.faults.bulk.delay_seconds * 1000;
    if (wait > 0) {
      this.context.clock.schedule(this.context.clock.now() + wait, () => this.#run(shop, operation.id));
      return;
    }
    this.#run(shop, operation.id);
  }

  #run(shop, id) {
    const running = this.#work(shop, id).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #work(shop, id) {
    await breathe();
    if (!ACTIVE.has(shop.bulkOperations.get(id).status)) return;
    const install = shop.findInstall(shop.bulkOperations.get(id).clientId);
    if (!install || shop.bulkOperations.get(id).status === 'CANCELING') {
      this.#finish(shop, id, { status: 'CANCELED' });
      return;
    }
    this.#save(shop, { ...shop.bulkOperations.get(id), status: 'RUNNING' });
    try {
      if (this.context.faults.take('bulk', 'fail')) throw new Error('A fault was asked for.');
      const outcome = await this.#write(shop, id, install);
      if (outcome) this.#conclude(shop, id, this.#spoil(outcome));
    } catch (error) {
      this.#fail(shop, id, error);
    }
  }

  #fail(shop, id, error) {
    const isDenied = error instanceof GraphQLError && error.extensions.code === 'ACCESS_DENIED';
    if (!isDenied) console.error(`Bulk operation ${id} failed: ${error.stack}`);
    this.#finish(shop, id, { status: 'FAILED', errorCode: isDenied ? 'ACCESS_DENIED' : 'INTERNAL_SERVER_ERROR' });
  }

  /** Write the result file; gives null when the process stops, to be run again later. */
  async #write(shop, id, install) {
    const { graphql } = this.context;
    const context = graphql.contextFor(shop, install, { isBulk: true });
    const lines = compileBulk(graphql, checkBulkQuery(graphql, shop.bulkOperations.get(id).query), context);
    const progress = { objectCount: 0, rootObjectCount: 0 };
    this.#progress.set(id, progress);
    const file = `${randomBytes(24).toString('hex')}.jsonl`;
    const stream = createWriteStream(path.join(this.folder, file));
    const isStopped = () => this.#isInterrupted() || shop.bulkOperations.get(id).status === 'CANCELING';
    const isWhole = await pour(lines(), stream, { progress, isStopped });
    if (this.#isInterrupted()) return null;
    const found = progress.objectCount > 0 ? { file, fileSize: statSync(path.join(this.folder, file)).size } : {};
    return { status: isWhole ? 'COMPLETED' : 'CANCELED', ...progress, ...found };
  }

  /** End an operation, or hold its end back: what changes in the shop meanwhile is not in its file. */
  #conclude(shop, id, outcome) {
    const { clock, faults } = this.context;
    const wait = faults.bulk.hold_seconds * 1000;
    if (wait === 0 || outcome.status === 'CANCELED') {
      this.#finish(shop, id, outcome);
      return;
    }
    clock.schedule(clock.now() + wait, () => {
      const { status } = shop.bulkOperations.get(id) ?? {};
      if (ACTIVE.has(status)) this.#finish(shop, id, status === 'CANCELING' ? { ...outcome, status: 'CANCELED' } : outcome);
    });
  }

  /** Return what a fault makes of a whole result. */
  #spoil(outcome) {
    const { faults } = this.context;
    if (outcome.status !== 'COMPLETED' || !outcome.file) return outcome;
    if (faults.take('bulk', 'lose_url')) return { ...outcome, file: null, fileSize: null };
    if (faults.take('bulk', 'bad_bytes')) this.#breakText(outcome);
    if (faults.take('bulk', 'truncate')) return { ...outcome, fileSize: this.#halve(outcome).fileSize };
    if (faults.take('bulk', 'partial')) return { ...outcome, ...this.#halve(outcome), status: 'FAILED', errorCode: 'TIMEOUT' };
    return outcome;
  }

  /** Put a byte that is no UTF-8 into one text in the middle of a result file. */
  #breakText({ file }) {
    const target = path.join(this.folder, file);
    const bytes = readFileSync(target);
    const text = /"(?:title|sourceName)":"/g;
    // One character a byte, so that the place in the text is the place in the file.
    text.lastIndex = Math.floor(bytes.length / 2);
    const found = text.exec(bytes.toString('latin1'));
    if (found) bytes[found.index + found[0].length] = 0xff;
    writeFileSync(target, bytes);
  }

  /** Cut a result file after half of its root objects and count what is left. */
  #halve({ file, rootObjectCount }) {
    const target = path.join(this.folder, file);
    const lines = readFileSync(target, 'utf8').trimEnd().split('\n');
    const roots = lines.flatMap((line, index) => (Object.hasOwn(JSON.parse(line), '__parentId') ? [] : [index]));
    const kept = Math.floor(rootObjectCount / 2);
    const left = lines.slice(0, roots[kept]).map((line) => `${line}\n`);
    writeFileSync(target, left.join(''));
    return { objectCount: left.length, rootObjectCount: kept, fileSize: statSync(target).size };
  }

  #isInterrupted() {
    return this.#isStopped || this.#isClearing;
  }

  #finish(shop, id, outcome) {
    this.#progress.delete(id);
    const operation = { ...shop.bulkOperations.get(id), ...outcome, completedAt: this.context.clock.now() };
    this.#save(shop, operation);
    this.context.webhooks.emit(shop, 'bulk_operations/finish', bulkPayload(operation));
  }

  #save(shop, operation) {
    this.context.store.change({ type: 'bulk.put', shop: shop.domain, data: operation });
  }

  #address(operation) {
    const expires = Math.floor((operation.completedAt + URL_MS) / 1000);
    const { publicUrl } = this.context.config;
    return `${publicUrl}/bulk/${operation.file}?expires=${expires}&signature=${this.#sign(operation.file, expires)}`;
  }

  #sign(file, expires) {
    return createHmac('sha256', `bulk ${this.context.config.clientSecret}`).update(`${file}\n${expires}`).digest('hex');
  }

  /** Answer `GET /bulk/{file}`: whoever holds the address may read, until it expires. */
  serve({ params, query, res, clock }) {
    const expires = Number(query.get('expires'));
    const isOurs = /^[0-9a-f]{48}\.jsonl$/.test(params.file) && sameSignature(query.get('signature') ?? '', this.#sign(params.file, expires));
    if (!isOurs) throw new HttpError(403, 'The signature of this address is wrong.');
    if (clock.now() / 1000 > expires) throw new HttpError(403, 'This address has expired.');
    const file = path.join(this.folder, params.file);
    if (!existsSync(file)) throw new HttpError(404, 'The result is not there any more.');
    res.writeHead(200, { 'Content-Type': 'application/jsonl', 'Content-Length': statSync(file).size });
    createReadStream(file).pipe(res);
  }
}

/** Write lines to a stream in chunks, giving way between slices; say whether all were written. */
async function pour(lines, stream, { progress, isStopped }) {
  let [chunk, sliceStart, isWhole] = ['', performance.now(), true];
  for (const { json, isRoot } of lines) {
    chunk += `${JSON.stringify(json)}\n`;
    progress.objectCount += 1;
    progress.rootObjectCount += Number(isRoot);
    if (chunk.length >= CHUNK_LENGTH) {
      if (!stream.write(chunk)) await once(stream, 'drain');
      chunk = '';
    }
    if (performance.now() - sliceStart < SLICE_MS) continue;
    await breathe();
    if (isStopped()) {
      isWhole = false;
      break;
    }
    sliceStart = performance.now();
  }
  stream.end(chunk);
  await once(stream, 'close');
  return isWhole;
}
