import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { buildShop, readOrders, shiftFor } from '../seed/orders-file.mjs';
import { hashText } from '../seed/words.mjs';
import { makeFolder } from './helpers.mjs';

const run = promisify(execFile);
const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';
const GOOD = '536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom';
const ROOT = path.dirname(import.meta.dirname);

function write(t, text, name = 'orders.csv') {
  const file = path.join(makeFolder(t), name);
  writeFileSync(file, text);
  return file;
}

function lines(...rows) {
  return `${[HEADER, ...rows].join('\n')}\n`;
}

async function fill(t, ...rows) {
  return buildShop(await readOrders(write(t, lines(...rows))), { shiftMs: 0, vendor: 'Willow Gifts' });
}

for (const [name, text, message] of [
  ['an empty file', '', /^orders\.csv: the file is empty; row 1 must name the columns InvoiceNo/],
  ['a file with a header only', `${HEADER}\n`, /^orders\.csv: there are no order lines\.$/],
  ['a file whose rows are all unusable', lines('1,POST,POSTAGE,1,2010-12-01 08:26:00,18,,France'), /^orders\.csv: there are no order lines\. Rejected rows: 1 service_code\.$/],
  ['a file of blank lines', `${HEADER}\n\n\r\n`, /^orders\.csv: there are no order lines\. Rejected rows: 2 empty_row\.$/],
  ['a file that only cancels', lines(GOOD.replace('536365', 'C536365').replace(',6,', ',-6,')), /^orders\.csv: there are no order lines\. Rejected rows: 1 cancellation_unmatched\.$/],
  ['a missing column', `${HEADER.replace('Quantity,', '')}\n${GOOD}\n`, /^orders\.csv: row 1: the column Quantity is missing\.$/],
  ['a column that comes twice', `${HEADER},Quantity\n${GOOD},1\n`, /^orders\.csv: row 1: the column Quantity is there twice\.$/],
  ['a row that is too short', lines(GOOD, '536366,1,MUG'), /^orders\.csv: row 3, column Quantity: there are 3 fields instead of 8\.$/],
  ['a row that is too long', lines(`${GOOD},more`), /^orders\.csv: row 2, column Country: there are 9 fields instead of 8\.$/],
  ['a bad date', lines(GOOD, GOOD.replace('2010-12-01 08:26:00', '2010-13-01 08:26:00')), /^orders\.csv: row 3, column InvoiceDate: "2010-13-01 08:26:00" is not a date\.$/],
  ['a year that would be taken for another', lines(GOOD.replace('2010-', '0010-')), /row 2, column InvoiceDate: "0010-12-01 08:26:00" is not a date\.$/],
  ['a date that no calendar has', lines(GOOD.replace('2010-12-01', '2010-02-30')), /row 2, column InvoiceDate: "2010-02-30 08:26:00" is not a date\.$/],
  ['an empty date', lines(GOOD.replace('2010-12-01 08:26:00', '')), /row 2, column InvoiceDate: "" is not a date\.$/],
  ['a quantity in words', lines(GOOD.replace(',6,', ',six,')), /row 2, column Quantity: "six" is not a whole number\.$/],
  ['a quantity with a fraction', lines(GOOD.replace(',6,', ',1.5,')), /row 2, column Quantity: "1\.5" is not a whole number\.$/],
  ['a price in words', lines(GOOD.replace('2.55', 'free')), /row 2, column UnitPrice: "free" is not a price\.$/],
  ['an empty price', lines(GOOD.replace('2.55', '')), /row 2, column UnitPrice: "" is not a price\.$/],
  ['a customer in words', lines(GOOD.replace('17850.0', 'Jane')), /row 2, column CustomerID: "Jane" is not a customer number\.$/],
  ['a line without an invoice', lines(GOOD.replace('536365', '')), /row 2, column InvoiceNo: it is empty\.$/],
  ['a quotation mark that is never closed', lines(GOOD, '1,2,"open,6,2010-12-01 08:26:00,2.55,,UK'), /row 3, column Description: a quotation mark is never closed\.$/],
  ['a quotation mark in the middle', lines('1,2,a"b"c,6,2010-12-01 08:26:00,2.55,,UK'), /row 2, column Description: a quotation mark stands where none may\.$/],
  ['text that is not UTF-8', Buffer.concat([Buffer.from(lines(GOOD)), Buffer.from([0x41, 0xff, 0xfe, 0x0a])]), /row 3, column InvoiceNo: this is not UTF-8 text; save the file as UTF-8\.$/],
  ['a pound sign of another encoding', Buffer.from(lines(GOOD, GOOD.replace('WHITE HANGING HEART T-LIGHT HOLDER', '"MUG, BLUE, \u00a35"')), 'latin1'), /row 3, column Description: this is not UTF-8 text/],
  ['a text of another encoding far down', Buffer.from(lines(...Array(20_000).fill(GOOD), GOOD.replace('Kingdom', 'K\u00f6nigreich')), 'latin1'), /row 20002, column Country: this is not UTF-8 text/],
  ['a first row of another encoding', Buffer.from(`\u00a3${HEADER}\n`, 'latin1'), /row 1, column 1: this is not UTF-8 text/],
  ['gzip data that breaks off', gzipSync(lines(GOOD)).subarray(0, 60), /gzip data breaks off or is damaged/],
]) {
  test(`${name} is refused with one message that says where`, async (t) => {
    await assert.rejects(readOrders(write(t, text)), (error) => {
      assert.equal(error.constructor.name, 'BadOrders');
      assert.match(error.message, message);
      return true;
    });
  });
}

const REJECTED = [
  ['service_code', '1,POST,POSTAGE,1,2010-12-01 08:26:00,18,1,France'],
  ['service_code', '1,BANK CHARGES,Bank Charges,1,2010-12-01 08:26:00,15,,UK'],
  ['service_code', '1,m,Manual,1,2010-12-01 08:26:00,15,,UK'],
  ['gift_voucher', '1,gift_0001_20,Gift Voucher,1,2010-12-01 08:26:00,20,,UK'],
  ['no_price', '1,22423,CAKESTAND,1,2010-12-01 08:26:00,0,1,UK'],
  ['no_price', '1,22423,CAKESTAND,1,2010-12-01 08:26:00,-5,1,UK'],
  ['no_description', '1,22423,,1,2010-12-01 08:26:00,2.5,1,UK'],
  ['zero_quantity', '1,22423,CAKESTAND,0,2010-12-01 08:26:00,2.5,1,UK'],
  ['adjustment', '1,22423,damaged,-3,2010-12-01 08:26:00,0,,UK'],
  ['cancellation_unmatched', 'C1,22423,CAKESTAND,-1,2010-12-01 08:26:00,2.5,1,UK'],
  ['empty_row', ''],
  ['empty_row', '\r'],
  ['no_stock_code', '1,,CAKESTAND,1,2010-12-01 08:26:00,2.5,1,UK'],
];

for (const [reason, row] of REJECTED) {
  test(`a row like ${row} is counted as ${reason}`, async (t) => {
    const shop = await fill(t, GOOD, row);

    assert.deepEqual(shop.rejectedRows, { [reason]: 1 });
    assert.equal(shop.counts.order_lines, 1);
  });
}

/** A purchase, what is given back of it, and what is given back though nobody bought it. */
const USED = [GOOD, 'C536380,85123A,WHITE HANGING HEART T-LIGHT HOLDER,-1,2010-12-03 09:00:00,2.55,17850,United Kingdom',
  'C536381,85123A,WHITE HANGING HEART T-LIGHT HOLDER,-900,2010-12-03 09:00:00,2.55,17850,United Kingdom',
  'C536382,99999,NEVER SOLD,-1,2010-12-03 09:00:00,2.55,17850,United Kingdom'];

test('order lines, refunded lines and rejected rows add up to the rows of the file, whatever rows it holds', async (t) => {
  const kinds = [...USED, ...REJECTED.map(([, row]) => row)];
  for (let round = 1; round <= 40; round += 1) {
    const rows = Array.from({ length: 3 * round }, (_, place) => kinds[(place * round + hashText(`${round} ${place}`)) % kinds.length]);

    const { counts } = await fill(t, GOOD, ...rows);

    const rejected = Object.values(counts.rejected_rows).reduce((sum, count) => sum + count, 0);
    assert.equal(counts.order_lines + counts.refunded_lines + rejected, rows.length + 1, JSON.stringify([counts, rows]));
  }
});

test('rows become orders, products, customers and guests', async (t) => {
  const shop = await fill(
    t,
    GOOD,
    '536365,71053,WHITE METAL LANTERN,2,2010-12-01 08:26:00,3.39,17850.0,United Kingdom',
    '536366,85123a,"WHITE HANGING HEART, T-LIGHT HOLDER",1,2010-12-02 09:00,2.95,,France',
    '536367,85123A,WHITE HANGING HEART T-LIGHT HOLDER,4,12/3/2010 9:00,2.55,13047,Germany',
  );

  assert.deepEqual(shop.counts, { orders: 3, order_lines: 4, products: 2, customers: 2, refunded_lines: 0, rejected_rows: {} });
  const [heart] = shop.products.filter(({ variants }) => variants[0].sku === '85123A');
  assert.deepEqual([heart.title, heart.handle, heart.variants[0].price], ['White Hanging Heart T-Light Holder', 'white-hanging-heart-t-light-holder', 255]);
  assert.deepEqual(shop.orders.map(({ name, customerId, lines: bought }) => [name, customerId, bought.length]), [
    ['#536365', 6_000_000_017_850, 2], ['#536366', null, 1], ['#536367', 6_000_000_013_047, 1],
  ]);
  assert.deepEqual(shop.orders.map(({ createdAt }) => new Date(createdAt).toISOString()), [
    '2010-12-01T08:26:00.000Z', '2010-12-02T09:00:00.000Z', '2010-12-03T09:00:00.000Z',
  ]);
  assert.equal(shop.orders[1].lines[0].price, 295);
  assert.deepEqual(shop.customers.map(({ firstName, lastName, email }) => [firstName, lastName, email]), [['Customer', '17850', null], ['Customer', '13047', null]]);
});

test('a cancellation refunds the latest earlier lines of that item, newest first', async (t) => {
  const bought = (invoice, day, quantity) => `${invoice},22423,CAKESTAND,${quantity},2010-12-0${day} 10:00:00,10,1,UK`;
  const shop = await fill(
    t,
    bought('1', 1, 5), bought('2', 2, 3), bought('3', 6, 9),
    'C4,22423,CAKESTAND,-4,2010-12-05 10:00:00,10,1,UK',
    'C5,22423,CAKESTAND,-1,2010-12-05 11:00:00,10,2,UK',
  );

  assert.deepEqual(shop.orders.map(({ lines: [line] }) => [line.quantity, line.currentQuantity]), [[5, 4], [3, 0], [9, 9]]);
  assert.deepEqual(shop.orders.map(({ refunds }) => refunds.map((refund) => refund.lines.map(({ quantity }) => quantity))), [[[1]], [[3]], []]);
  assert.equal(new Date(shop.orders[0].updatedAt).toISOString(), '2010-12-05T10:00:00.000Z');
  assert.equal(shop.counts.refunded_lines, 1);
  assert.deepEqual(shop.rejectedRows, { cancellation_unmatched: 1 });
});

test('products keep their ids whatever else the file holds', async (t) => {
  const alone = await fill(t, GOOD);
  const among = await fill(t, '1,10000,EGG CUP,1,2010-12-01 08:26:00,1,,UK', GOOD, '2,99999,JUG,1,2010-12-01 08:26:00,1,,UK');

  const find = (shop) => shop.products.find(({ variants }) => variants[0].sku === '85123A');
  assert.equal(find(alone).id, find(among).id);
});

test('moments move by whole weeks until the last order is less than a week old', async (t) => {
  const read = await readOrders(write(t, lines(GOOD)));
  const now = Date.UTC(2026, 10, 21, 12);

  const shift = shiftFor(read, now);

  const moved = Date.UTC(2010, 11, 1, 8, 26) + shift;
  assert.equal(shift % (7 * 86_400_000), 0);
  assert.ok(moved <= now && now - moved < 7 * 86_400_000);
});

test('gzip, a byte order mark, carriage returns and a missing last line break change nothing', async (t) => {
  const plain = await readOrders(write(t, lines(GOOD)));
  const dressed = await readOrders(write(t, gzipSync(`\uFEFF${HEADER}\r\n${GOOD}`), 'orders.csv.gz'));

  assert.deepEqual(dressed, plain);
});

test('a pipe is refused, since it can be read only once', async (t) => {
  const pipe = path.join(makeFolder(t), 'orders.csv');
  await run('mkfifo', [pipe]);

  await assert.rejects(readOrders(pipe), /orders\.csv is a pipe, which can be read only once; a file is needed\.$/);
});

test('the check prints counts, or one message with exit status 2', async (t) => {
  const check = path.join(ROOT, 'bin', 'check-orders.mjs');
  const good = await run(process.execPath, [check, write(t, lines(GOOD))]);
  const bad = await run(process.execPath, [check, write(t, `${HEADER}\n`)]).catch((error) => error);
  const missing = await run(process.execPath, [check, '/nonexistent/orders.csv']).catch((error) => error);

  assert.deepEqual(JSON.parse(good.stdout), { orders: 1, order_lines: 1, products: 1, customers: 1, refunded_lines: 0, rejected_rows: {} });
  assert.deepEqual([bad.code, bad.stdout, bad.stderr], [2, '', 'orders.csv: there are no order lines.\n']);
  assert.deepEqual([missing.code, missing.stderr], [2, 'orders.csv: There is no file /nonexistent/orders.csv.\n']);
});

test('the devstore imports nothing of a file with a bad row', async (t) => {
  const data = path.join(makeFolder(t), 'data');
  const env = {
    ...process.env, PORT: '0', APP_URL: 'http://127.0.0.1:9', SHOPIFY_API_KEY: 'key', SHOPIFY_API_SECRET: 'hush', DEVSTORE_DATA: data,
    DEVSTORE_ORDERS: write(t, lines(GOOD, GOOD.replace(',6,', ',six,'))),
  };

  const ended = await run(process.execPath, [path.join(ROOT, 'bin', 'devstore.mjs')], { env }).catch((error) => error);

  assert.equal(ended.code, 2);
  assert.equal(ended.stderr, 'orders.csv: row 3, column Quantity: "six" is not a whole number.\n');
  assert.deepEqual(existsSync(data) ? readdirSync(data) : [], []);
});
