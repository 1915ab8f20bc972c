/** Sends events in small batches and tries again where the collector may take them later. Nobody waits for it. */

const EVENTS_MOST = 20; // of one request, as the collector takes them
const BYTES_MOST = 15_000; // of 16 KB that a request may have
const WAITING_MOST = 200; // a collector that is down must not fill the shopper's memory
const GATHER_MS = 100;
const RETRY_WAITS_MS = [1000, 4000];
const RETRY_AFTER_MOST_MS = 30_000;
/** After these the page may be gone before the next batch. */
const LAST_OF_PAGE = new Set(['tailorbird:click', 'tailorbird:add', 'product_added_to_cart', 'checkout_started', 'checkout_completed']);

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const isWorthRetrying = (status) => status === 429 || status >= 500;

export class Outbox {
  #url;
  #waiting = [];
  #isOpen = false;
  #closings = 0;
  #timer = null;

  constructor(url) {
    this.#url = url;
  }

  open() {
    this.#isOpen = true;
  }

  /** Take nothing, and forget what was not sent. */
  close() {
    this.#isOpen = false;
    this.#closings += 1;
    this.#waiting = [];
  }

  add(event) {
    if (!this.#isOpen || this.#waiting.length >= WAITING_MOST) return;
    this.#waiting.push(event);
    if (LAST_OF_PAGE.has(event.topic)) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush() {
    clearTimeout(this.#timer);
    this.#timer = null;
    while (this.#waiting.length) this.#send(this.#takeBatch());
  }

  /** The first events that fit into one request; one that is too large by itself is the collector's to refuse. */
  #takeBatch() {
    let count = 1;
    let bytes = sizeOf(this.#waiting[0]);
    while (count < Math.min(this.#waiting.length, EVENTS_MOST)) {
      bytes += sizeOf(this.#waiting[count]);
      if (bytes > BYTES_MOST) break;
      count += 1;
    }
    return JSON.stringify({ events: this.#waiting.splice(0, count) });
  }

  async #send(body) {
    const closings = this.#closings;
    for (const wait of [...RETRY_WAITS_MS, null]) {
      const later = await post(this.#url, body);
      if (later === null || wait === null) return;
      await pause(Math.max(wait * (0.5 + Math.random()), later));
      // What was taken back stays so, though consent was given anew meanwhile.
      if (this.#closings !== closings) return;
    }
  }
}

const sizeOf = (event) => JSON.stringify(event).length + 1;

/**
 * Post once; a text is sent without asking before, and keepalive outlives the page.
 *
 * @returns {Promise<number | null>} how many ms to wait at least before the next try; null where there is to be none
 */
async function post(url, body) {
  try {
    const { status, headers } = await fetch(url, { method: 'POST', body, keepalive: true, credentials: 'omit' });
    const seconds = Number(headers.get('Retry-After')) || 0;
    return isWorthRetrying(status) ? Math.min(seconds * 1000, RETRY_AFTER_MOST_MS) : null;
  } catch {
    return 0;
  }
}
