/**
 * The append-only file that lets a restart keep what happened.
 *
 * One JSON object a line. Each line is written by one synchronous call, so a
 * killed process loses nothing that it had told anybody; a line torn by a
 * power cut is dropped when the file is next opened.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import path from 'node:path';

const CHUNK_BYTES = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

/** A journal line that is not JSON although a later line follows it. A person must look. */
export class BrokenJournal extends Error {}

export class Journal {
  #file;

  /** @param {string} file path; made with its folder when missing */
  constructor(file) {
    mkdirSync(path.dirname(file), { recursive: true });
    this.path = file;
    this.#file = openSync(file, 'a+');
  }

  /** Write one event at the end. */
  append(event) {
    writeSync(this.#file, `${JSON.stringify(event)}\n`);
  }

  /**
   * Hand each stored event to `apply`, oldest first.
   *
   * @param {(event: object) => void} apply
   * @returns {number} how many there were
   * @throws {BrokenJournal}
   */
  replay(apply) {
    let [rest, position, whole, count] = [Buffer.alloc(0), 0, 0, 0];
    for (;;) {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const size = readSync(this.#file, chunk, 0, CHUNK_BYTES, position);
      if (size === 0) break;
      position += size;
      rest = Buffer.concat([rest, chunk.subarray(0, size)]);
      let start = 0;
      for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE, start)) {
        apply(this.#parse(rest.toString('utf8', start, end), (count += 1)));
        start = end + 1;
      }
      whole += start;
      rest = rest.subarray(start);
    }
    if (rest.length > 0) ftruncateSync(this.#file, whole);
    return count;
  }

  /** Forget every event. */
  truncate() {
    ftruncateSync(this.#file, 0);
  }

  close() {
    closeSync(this.#file);
  }

  #parse(line, number) {
    try {
      return JSON.parse(line);
    } catch {
      throw new BrokenJournal(`Line ${number} of ${this.path} is not JSON.`);
    }
  }
}

/** A journal that keeps nothing, for tests that need no restart. */
export class NoJournal {
  append() {}

  replay() {
    return 0;
  }

  truncate() {}

  close() {}
}
