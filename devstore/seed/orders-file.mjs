/**
 * Turns an order-lines file into a shop.
 *
 * Columns as in the UCI Online Retail data: one row is one line of an invoice,
 * an invoice that starts with C cancels, a row without a customer is a guest's.
 * A row that cannot be read stops everything with one message; a row that can
 * be read but holds no purchase is counted by its reason. Every row of the file
 * is an order line, a refunded line or a rejected row: the three add up to it.
 */
import path from 'node:path';
import { slug } from '../catalog.mjs';
import { FIRST_IDS } from '../store.mjs';
import { buildCollections, nounFinder } from './collections.mjs';
import { BadCsv, readCsv } from './csv.mjs';
import { hashText, titleCase } from './words.mjs';

const COLUMNS = ['InvoiceNo', 'StockCode', 'Description', 'Quantity', 'InvoiceDate', 'UnitPrice', 'CustomerID', 'Country'];

/** Codes that stand for postage, fees, samples and bookkeeping, not for goods. */
const SERVICE_CODES = new Set(['POST', 'DOT', 'C2', 'D', 'M', 'S', 'B', 'PADS', 'CRUK', 'AMAZONFEE', 'BANK CHARGES']);
const GIFT_VOUCHER = /^GIFT_\d+_\d+$/;

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

/** How far product ids are spread by their stock codes. */
const ID_SPREAD = 1_000_000_000;

/** A file that cannot fill a shop; the message names row and column. */
export class BadOrders extends Error {}

/**
 * Read and check an order-lines file.
 *
 * @param {string} file
 * @returns {Promise<Lines>}
 * @throws {BadOrders}
 *
 * @typedef {object} Lines
 * @property {object[]} purchases `{invoice, code, description, quantity, at, price, customer, country}`
 * @property {object[]} cancellations the same, quantity positive
 * @property {Record<string, number>} rejected rows by reason
 */
export async function readOrders(file) {
  const state = { places: null, purchases: [], cancellations: [], rejected: {}, texts: new Map() };
  try {
    await readCsv(file, (fields, row) => (state.places ? takeRow(state, fields, row) : takeHeader(state, fields)));
  } catch (error) {
    if (error instanceof BadCsv) throw new BadOrders(`${path.basename(file)}: ${placeOf(error, state)}${error.message}`);
    if (error instanceof BadOrders) throw new BadOrders(`${path.basename(file)}: ${error.message}`);
    throw error;
  }
  if (!state.places) throw new BadOrders(`${path.basename(file)}: the file is empty; row 1 must name the columns ${COLUMNS.join(', ')}.`);
  if (state.purchases.length === 0) throw new BadOrders(`${path.basename(file)}: there are no order lines.${reasons(state)}`);
  return { purchases: state.purchases, cancellations: state.cancellations, rejected: state.rejected };
}

/** Name the place of a fault: the column as row 1 calls it, once that is read. */
function placeOf({ row, column }, { names }) {
  if (row === undefined) return '';
  return column === undefined ? `row ${row}: ` : `row ${row}, column ${names?.[column - 1] ?? column}: `;
}

/**
 * Build the shop's records from checked lines.
 *
 * @param {Lines} lines
 * @param {{shiftMs: number, vendor: string}} how `shiftMs` is added to every moment
 * @returns {{products: object[], collections: object[], customers: object[], orders: object[], refundedLines: number, rejectedRows: object, counts: object}}
 */
export function buildShop(lines, { shiftMs, vendor }) {
  const products = buildProducts(lines.purchases, { shiftMs, vendor });
  const { orders, byCustomer } = buildOrders(lines.purchases, products, shiftMs);
  const rejectedRows = { ...lines.rejected };
  const refundedLines = applyCancellations(lines.cancellations, { products, byCustomer, shiftMs, rejectedRows });
  const customers = buildCustomers(lines.purchases, shiftMs);
  const list = [...products.values()];
  const counts = countShop({ lines, orders, list, customers, refundedLines, rejectedRows });
  return { products: list, collections: buildCollections(list), customers, orders, refundedLines, rejectedRows, counts };
}

/** Return by how many whole weeks, in milliseconds, lines move so that the last one is less than a week old. */
export function shiftFor(lines, now) {
  const last = lines.purchases.reduce((latest, { at }) => Math.max(latest, at), -Infinity);
  return Math.floor((now - last) / WEEK_MS) * WEEK_MS;
}

function takeHeader(state, fields) {
  if (fields.length === 0) return;
  const names = fields.map((name) => name.trim());
  const missing = COLUMNS.find((name) => !names.includes(name));
  if (missing) throw new BadOrders(`row 1: the column ${missing} is missing.`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) throw new BadOrders(`row 1: the column ${twice} is there twice.`);
  state.width = names.length;
  state.names = names;
  state.places = Object.fromEntries(COLUMNS.map((name) => [name, names.indexOf(name)]));
}

function takeRow(state, fields, row) {
  if (fields.length === 0) return reject(state.rejected, 'empty_row');
  if (fields.length !== state.width) throw widthFault(state, fields, row);
  const line = parseRow(state, fields, row);
  const reason = rejection(line);
  if (reason) return reject(state.rejected, reason);
  if (!line.isCancellation) state.purchases.push(line);
  else state.cancellations.push({ ...line, quantity: -line.quantity });
}

function reject(rejected, reason) {
  rejected[reason] = (rejected[reason] ?? 0) + 1;
}

function widthFault({ width, names }, fields, row) {
  if (fields.length < width) return new BadOrders(`row ${row}, column ${names[fields.length]}: there are ${fields.length} fields instead of ${width}.`);
  return new BadOrders(`row ${row}, column ${names.at(-1)}: there are ${fields.length} fields instead of ${width}.`);
}

function parseRow({ places, texts }, fields, row) {
  const read = (name) => fields[places[name]].trim();
  const invoice = read('InvoiceNo');
  if (invoice === '') throw new BadOrders(`row ${row}, column InvoiceNo: it is empty.`);
  return {
    invoice: shared(texts, invoice),
    isCancellation: /^c/i.test(invoice),
    code: shared(texts, read('StockCode').toUpperCase()),
    description: shared(texts, read('Description').replace(/\s+/g, ' ')),
    quantity: parseQuantity(read('Quantity'), row),
    at: parseDate(read('InvoiceDate'), row),
    price: parsePrice(read('UnitPrice'), row),
    customer: parseCustomer(read('CustomerID'), row),
    country: shared(texts, read('Country')),
  };
}

/** Equal texts are kept once: slices of the file would hold its chunks in memory. */
function shared(texts, text) {
  const kept = texts.get(text);
  if (kept !== undefined) return kept;
  const own = Buffer.from(text).toString();
  texts.set(own, own);
  return own;
}

function parseQuantity(text, row) {
  if (!/^-?\d{1,9}$/.test(text)) throw new BadOrders(`row ${row}, column Quantity: "${text}" is not a whole number.`);
  return Number(text);
}

function parsePrice(text, row) {
  if (!/^-?\d{1,9}(\.\d+)?$/.test(text)) throw new BadOrders(`row ${row}, column UnitPrice: "${text}" is not a price.`);
  return Math.round(Number(text) * 100);
}

function parseCustomer(text, row) {
  if (text === '') return null;
  const match = /^(\d{1,9})(\.0+)?$/.exec(text);
  if (!match) throw new BadOrders(`row ${row}, column CustomerID: "${text}" is not a customer number.`);
  return Number(match[1]);
}

function parseDate(text, row) {
  const iso = /^(\d{4})-(\d\d?)-(\d\d?)(?:[ T](\d\d?):(\d\d)(?::(\d\d))?)?$/.exec(text);
  const american = iso ? null : /^(\d\d?)\/(\d\d?)\/(\d{4})(?: (\d\d?):(\d\d)(?::(\d\d))?)?$/.exec(text);
  if (!iso && !american) throw dateFault(text, row);
  const [year, month, day] = iso ? iso.slice(1, 4) : [american[3], american[1], american[2]];
  const [hour = 0, minute = 0, second = 0] = (iso ?? american).slice(4);
  const at = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(at);
  // The years 0 to 99 would be taken for those of the last century.
  const isReal = date.getUTCFullYear() === Number(year) && date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(day) && hour < 24 && minute < 60 && second < 60;
  if (!isReal) throw dateFault(text, row);
  return at;
}

function dateFault(text, row) {
  return new BadOrders(`row ${row}, column InvoiceDate: "${text}" is not a date.`);
}

/** Return why a line is no purchase and no cancellation, or null. */
function rejection({ code, quantity, isCancellation, description, price, customer }) {
  if (code === '') return 'no_stock_code';
  if (SERVICE_CODES.has(code)) return 'service_code';
  if (GIFT_VOUCHER.test(code)) return 'gift_voucher';
  if (quantity === 0) return 'zero_quantity';
  if (quantity < 0 !== isCancellation) return 'adjustment';
  if (isCancellation) return customer === null ? 'cancellation_unmatched' : null;
  if (description === '') return 'no_description';
  return price <= 0 ? 'no_price' : null;
}

function buildProducts(purchases, { shiftMs, vendor }) {
  const facts = new Map();
  for (const line of purchases) {
    const fact = facts.get(line.code) ?? { names: new Map(), prices: new Map(), first: line.at, last: line.at, sold: 0 };
    facts.set(line.code, fact);
    bump(fact.names, line.description);
    bump(fact.prices, line.price);
    fact.first = Math.min(fact.first, line.at);
    fact.last = Math.max(fact.last, line.at);
    fact.sold += 1;
  }
  for (const fact of facts.values()) fact.title = titleCase(mostFrequent(fact.names));
  const findNoun = nounFinder([...facts.values()].map(({ title }) => title));
  const shared = { shiftMs, vendor, findNoun, ids: new Set(), handles: new Set() };
  return new Map([...facts.keys()].sort().map((code) => [code, buildProduct(code, facts.get(code), shared)]));
}

function buildProduct(code, fact, { shiftMs, vendor, findNoun, ids, handles }) {
  const { title } = fact;
  const offset = freeOffset(hashText(code) % ID_SPREAD, ids);
  const id = FIRST_IDS.products + offset;
  const noun = findNoun(title);
  const variant = {
    id: FIRST_IDS.variants + offset, productId: id, title: 'Default Title', sku: code, price: mostFrequent(fact.prices), compareAtPrice: null,
    inventoryQuantity: 20 + (hashText(`stock ${code}`) % 400), inventoryPolicy: 'DENY', inventoryItemId: FIRST_IDS.variants + ID_SPREAD + offset, position: 1,
  };
  return {
    id, handle: freeHandle(slug(title), code, handles), title, descriptionHtml: `<p>${escapeHtml(title)}.</p>`, vendor,
    productType: noun ? titleCase(noun) : '', tags: noun ? [noun] : [], status: 'ACTIVE',
    createdAt: fact.first + shiftMs, updatedAt: fact.last + shiftMs, publishedAt: fact.first + shiftMs, variants: [variant],
  };
}

function buildOrders(purchases, products, shiftMs) {
  const [orders, byCustomer] = [new Map(), new Map()];
  let lineId = FIRST_IDS.lines;
  for (const line of purchases) {
    const order = orders.get(line.invoice) ?? startOrder(orders, line, shiftMs);
    const product = products.get(line.code);
    lineId += 1;
    const bought = {
      id: lineId, productId: product.id, variantId: product.variants[0].id, quantity: line.quantity, currentQuantity: line.quantity, price: line.price,
    };
    order.lines.push(bought);
    if (line.customer !== null) remember(byCustomer, `${line.customer} ${line.code}`, { order, line: bought, at: line.at });
  }
  const sorted = [...orders.values()].sort((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1));
  sorted.forEach((order, index) => (order.id = FIRST_IDS.orders + index + 1));
  return { orders: sorted, byCustomer };
}

function startOrder(orders, line, shiftMs) {
  const at = line.at + shiftMs;
  const order = {
    id: 0, name: `#${line.invoice}`, customerId: line.customer === null ? null : FIRST_IDS.customers + line.customer,
    createdAt: at, updatedAt: at, cancelledAt: null, test: false, sourceName: 'web', country: line.country,
    cartToken: null, checkoutToken: null, customAttributes: [], lines: [], refunds: [],
  };
  orders.set(line.invoice, order);
  return order;
}

function remember(index, key, value) {
  const list = index.get(key);
  if (list) list.push(value);
  else index.set(key, [value]);
}

/**
 * Refund each cancelled item from the customer's latest earlier lines of it.
 *
 * @returns {number} cancellations that became refunds; the others are counted as rejected
 */
function applyCancellations(cancellations, { products, byCustomer, shiftMs, rejectedRows }) {
  let [matched, refundId] = [0, FIRST_IDS.refunds];
  const open = new Map();
  for (const line of [...cancellations].sort((a, b) => a.at - b.at)) {
    const earlier = (byCustomer.get(`${line.customer} ${line.code}`) ?? []).filter((each) => each.at <= line.at && each.line.currentQuantity > 0);
    if (!products.has(line.code) || earlier.length === 0) {
      reject(rejectedRows, 'cancellation_unmatched');
      continue;
    }
    matched += 1;
    let left = line.quantity;
    for (const bought of earlier.sort((a, b) => b.at - a.at)) {
      if (left === 0) break;
      const quantity = Math.min(left, bought.line.currentQuantity);
      bought.line.currentQuantity -= quantity;
      left -= quantity;
      const refund = open.get(`${line.invoice} ${bought.order.name}`) ?? startRefund(open, line, bought.order, (refundId += 1), shiftMs);
      refund.lines.push({ lineId: bought.line.id, quantity });
    }
  }
  return matched;
}

function startRefund(open, line, order, id, shiftMs) {
  const refund = { id, createdAt: line.at + shiftMs, lines: [] };
  open.set(`${line.invoice} ${order.name}`, refund);
  order.refunds.push(refund);
  order.updatedAt = Math.max(order.updatedAt, refund.createdAt);
  return refund;
}

/** The file names nobody, so neither does the shop. */
function buildCustomers(purchases, shiftMs) {
  const customers = new Map();
  for (const { customer, at, country } of purchases) {
    if (customer === null) continue;
    const found = customers.get(customer);
    if (found) {
      found.createdAt = Math.min(found.createdAt, at + shiftMs);
      found.updatedAt = Math.max(found.updatedAt, at + shiftMs);
      continue;
    }
    customers.set(customer, {
      id: FIRST_IDS.customers + customer, firstName: 'Customer', lastName: String(customer), email: null,
      createdAt: at + shiftMs, updatedAt: at + shiftMs, country,
    });
  }
  return [...customers.values()];
}

function countShop({ lines, orders, list, customers, refundedLines, rejectedRows }) {
  return {
    orders: orders.length,
    order_lines: lines.purchases.length,
    products: list.length,
    customers: customers.length,
    refunded_lines: refundedLines,
    rejected_rows: rejectedRows,
  };
}

function reasons({ rejected, cancellations }) {
  const all = cancellations.length === 0 ? rejected : { ...rejected, cancellation_unmatched: (rejected.cancellation_unmatched ?? 0) + cancellations.length };
  const parts = Object.entries(all).map(([reason, count]) => `${count} ${reason}`);
  return parts.length === 0 ? '' : ` Rejected rows: ${parts.join(', ')}.`;
}

function freeOffset(wanted, taken) {
  let offset = wanted;
  while (taken.has(offset)) offset = (offset + 1) % ID_SPREAD;
  taken.add(offset);
  return offset;
}

function freeHandle(base, code, taken) {
  const handle = taken.has(base) ? `${base}-${slug(code)}` : base;
  taken.add(handle);
  return handle;
}

function bump(counts, key) {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Return the most frequent key; of equals, the first met. */
function mostFrequent(counts) {
  let [best, most] = [null, 0];
  for (const [key, count] of counts) if (count > most) [best, most] = [key, count];
  return best;
}

function escapeHtml(text) {
  return text.replace(/[&<>]/g, (each) => `&#${each.charCodeAt(0)};`);
}
