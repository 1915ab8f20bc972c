/**
 * The shop's clock. Tests move it and speed it up; what is due then happens.
 *
 * The devstore judges by this clock (token expiry, retry timetable, the 60-day
 * window). What it signs for the app carries wall time, because the app
 * compares that with a clock of its own.
 */

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Clock {
  #wall;
  #anchorWall;
  #anchorNow;
  #speed = 1;
  #due = new Set();
  #timer = null;

  /** @param {() => number} [wall] source of real milliseconds */
  constructor(wall = Date.now) {
    this.#wall = wall;
    this.#anchorWall = wall();
    this.#anchorNow = this.#anchorWall;
  }

  /** Return the shop's time in milliseconds. */
  now() {
    return Math.round(this.#anchorNow + (this.#wall() - this.#anchorWall) * this.#speed);
  }

  /** Return real time in milliseconds, for what the app checks with its own clock. */
  wall() {
    return this.#wall();
  }

  /** Return how many shop seconds pass in a real one. */
  get speed() {
    return this.#speed;
  }

  /** Return how far the shop's time is ahead of real time, in milliseconds. */
  get offset() {
    return this.now() - this.wall();
  }

  /**
   * Move the clock, change its speed, or both; then run what became due.
   *
   * @param {{now?: number, advanceMs?: number, speed?: number}} change
   */
  set({ now, advanceMs = 0, speed = this.#speed }) {
    this.#anchorNow = (now ?? this.now()) + advanceMs;
    this.#anchorWall = this.#wall();
    this.#speed = speed;
    this.#arm();
  }

  /**
   * Run `action` once the shop's time reaches `at`.
   *
   * @param {number} at milliseconds
   * @param {() => void} action
   * @returns {() => void} cancels it
   */
  schedule(at, action) {
    const entry = { at, action };
    this.#due.add(entry);
    this.#arm();
    return () => this.#due.delete(entry);
  }

  /** Forget everything that is due. */
  stop() {
    clearTimeout(this.#timer);
    this.#due.clear();
  }

  #arm() {
    clearTimeout(this.#timer);
    if (this.#due.size === 0) return;
    let next = Infinity;
    for (const entry of this.#due) next = Math.min(next, entry.at);
    const wait = Math.min(Math.max(0, (next - this.now()) / this.#speed), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => this.#fire(), Math.ceil(wait));
    this.#timer.unref();
  }

  #fire() {
    const now = this.now();
    const ready = [...this.#due].filter((entry) => entry.at <= now).sort((a, b) => a.at - b.at);
    for (const entry of ready) this.#due.delete(entry);
    for (const entry of ready) entry.action();
    this.#arm();
  }
}
