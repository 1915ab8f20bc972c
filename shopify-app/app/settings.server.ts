import { readSettings, type Settings } from "../server/env.js";

export type { Settings };

let known: Settings | undefined;

/** Return the settings of this process, read once. */
export function settings(): Settings {
  known ??= readSettings();
  return known;
}
