/** Time for what a script does later, in turns of the event loop: a machine that stalls holds all timers up alike, and none comes too late. */

/**
 * Let what waits for up to so many milliseconds happen.
 *
 * @param {number} ms
 */
export async function wait(ms) {
  for (let turn = 0; turn < ms; turn += 1) await new Promise((resolve) => { setTimeout(resolve, 1); });
}
