/**
 * Faults that a test asks for. Counts say how many of the next ones are hit, so that a test is exact.
 */
const NONE = Object.freeze({
  webhooks: Object.freeze({ duplicate: 0, reorder: 0, drop: 0, delay_seconds: 0 }),
  graphql: Object.freeze({ throttle: 0, status: 500, fail: 0, timeout: 0, timeout_ms: 35_000, delay_ms: 0 }),
  bulk: Object.freeze({
    fail: 0, partial: 0, truncate: 0, lose_url: 0, bad_bytes: 0, start_timeout: 0, in_progress: 0, limit_reached: 0, delay_seconds: 0, hold_seconds: 0,
  }),
  oauth: Object.freeze({ status: 520, fail: 0, after_rotation: false }),
});

/** A fault that the devstore cannot make. */
export class UnknownFault extends Error {}

export class Faults {
  constructor() {
    this.clear();
  }

  /** Ask for no faults. */
  clear() {
    for (const [area, values] of Object.entries(NONE)) this[area] = { ...values };
  }

  /**
   * Ask for the named faults; the others stay as they are.
   *
   * @param {object} wanted `{webhooks: {drop: 2}, graphql: {throttle: 1}}`
   * @throws {UnknownFault} and changes nothing
   */
  set(wanted) {
    for (const [area, values] of Object.entries(wanted)) checkArea(area, values);
    for (const [area, values] of Object.entries(wanted)) Object.assign(this[area], values);
  }

  /** Return whether this call is hit, and count it. */
  take(area, name) {
    if (!(this[area][name] > 0)) return false;
    this[area][name] -= 1;
    return true;
  }

  toJSON() {
    return Object.fromEntries(Object.keys(NONE).map((area) => [area, this[area]]));
  }
}

function checkArea(area, values) {
  if (!Object.hasOwn(NONE, area)) throw new UnknownFault(`There are no faults of ${area}.`);
  for (const [name, value] of Object.entries(values ?? {})) {
    if (!Object.hasOwn(NONE[area], name)) throw new UnknownFault(`There is no fault ${area}.${name}.`);
    if (typeof value !== typeof NONE[area][name] || value < 0) {
      throw new UnknownFault(`Fault ${area}.${name} cannot be ${JSON.stringify(value)}.`);
    }
  }
}
