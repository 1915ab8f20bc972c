/**
 * Reads comma-separated text, plain or gzipped, row by row.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';

const GZIP_MAGIC = 0x8b1f;
const BYTE_ORDER_MARK = '\uFEFF';

/** A file that is not comma-separated text; the message names the row. */
export class BadCsv extends Error {}

/**
 * Hand each row to `take`, in order.
 *
 * A plain callback and not an iterator: half a million rows pass here, and it halves the time.
 *
 * @param {string} path of the file
 * @param {(fields: string[], row: number) => void} take `row` is the line on which the row starts, from 1
 * @throws {BadCsv}
 */
export async function readCsv(path, take) {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const state = { rest: '', row: 1, isFirst: true };
  try {
    for await (const bytes of await bytesOf(path)) consume(state, decoder.decode(bytes, { stream: true }), take);
    consume(state, decoder.decode(), take);
  } catch (error) {
    throw explain(error, state, path);
  }
  if (state.rest !== '') takeLast(state, take);
}

async function bytesOf(path) {
  const file = await open(path);
  const head = Buffer.alloc(2);
  await file.read(head, 0, 2, 0);
  await file.close();
  const stream = createReadStream(path, { highWaterMark: 1024 * 1024 });
  if (head.readUInt16LE() !== GZIP_MAGIC) return stream;
  const plain = createGunzip({ chunkSize: 1024 * 1024 });
  stream.on('error', (error) => plain.destroy(error));
  return stream.pipe(plain);
}

function consume(state, text, take) {
  if (state.isFirst && text !== '') {
    state.isFirst = false;
    if (text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1);
  }
  const all = state.rest + text;
  let start = 0;
  for (;;) {
    const end = lineEnd(all, start);
    if (end < 0) break;
    emit(state, all.slice(start, end), take);
    start = end + 1;
  }
  state.rest = all.slice(start);
}

/** Return where the row that starts at `start` ends: a line break outside quotes; -1 when it is not there yet. */
function lineEnd(text, start) {
  let end = text.indexOf('\n', start);
  let quote = text.indexOf('"', start);
  while (end >= 0 && quote >= 0 && quote < end) {
    const closing = text.indexOf('"', quote + 1);
    if (closing < 0) return -1;
    if (closing > end) end = text.indexOf('\n', closing);
    quote = text.indexOf('"', closing + 1);
  }
  return end;
}

function emit(state, line, take) {
  const row = state.row;
  state.row += 1 + (line.includes('"') ? line.split('\n').length - 1 : 0);
  const clean = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (clean !== '') take(clean.includes('"') ? splitQuoted(clean, row) : clean.split(','), row);
}

function takeLast(state, take) {
  if ((state.rest.match(/"/g) ?? []).length % 2 === 1) throw new BadCsv(`Row ${state.row} has a quotation mark that is never closed.`);
  emit(state, state.rest, take);
}

function splitQuoted(line, row) {
  const fields = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/gy;
  for (let isLast = false; !isLast; ) {
    const match = pattern.exec(line);
    if (!match) throw new BadCsv(`Row ${row}, column ${fields.length + 1}: a quotation mark stands where none may.`);
    fields.push(match[1] === undefined ? match[2] : match[1].replaceAll('""', '"'));
    isLast = match[3] === '';
  }
  return fields;
}

function explain(error, state, path) {
  if (error.code === 'ENOENT') return new BadCsv(`There is no file ${path}.`);
  if (error.code === 'EISDIR') return new BadCsv(`${path} is a folder.`);
  if (error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return new BadCsv(`Some row after row ${state.row - 1} is not UTF-8 text.`);
  if (error.code?.startsWith('Z_')) return new BadCsv(`The gzip data breaks off or is damaged after row ${state.row - 1}.`);
  return error;
}
