/** The little arithmetic that a line chart needs. */

export interface Point {
  x: number;
  y: number;
}

export interface Range {
  low: number;
  high: number;
}

/** Return the range of some numbers, widened where all are the same so that a scale can divide by it. */
export function rangeOf(values: readonly number[]): Range {
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (low < high) return { low, high };
  const margin = Math.abs(low) * 0.1 || 1;
  return { low: low - margin, high: high + margin };
}

/** Return the distance between round numbers that puts about `count` of them into a range. */
function stepOf({ low, high }: Range, count: number): number {
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
}

/** Return the multiples of a step from one index to another, as they should print. */
function multiples(step: number, first: number, last: number): number[] {
  // Through a decimal string: 3 * 0.1 would print as 0.30000000000000004.
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** Return the round numbers inside a range, about `count` of them. */
export function ticks(range: Range, count: number): number[] {
  const step = stepOf(range, count);
  return multiples(step, Math.ceil(range.low / step - 1e-9), Math.floor(range.high / step + 1e-9));
}

/** Return the round numbers around a range, about `count` of them: an axis that begins and ends on a label. */
export function axis(range: Range, count: number): number[] {
  const step = stepOf(range, count);
  return multiples(step, Math.floor(range.low / step + 1e-9), Math.ceil(range.high / step - 1e-9));
}

/** Return a function that maps a range of values to a range of pixels; pixels may run backwards. */
export function scale(from: Range, [start, end]: [number, number]): (value: number) => number {
  return (value) => start + ((value - from.low) / (from.high - from.low)) * (end - start);
}

/** Return an SVG path through the points, in whole tenths of a pixel so that server and client agree. */
export function linePath(points: readonly Point[]): string {
  return points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/** Keep at most `most` items, evenly spread, with the first and the last among them. */
export function thin<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  const stride = (items.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, index) => items[Math.round(index * stride)] as T);
}

/** Return an SVG path around the area between two lines over the same moments. */
export function bandPath(lows: readonly Point[], highs: readonly Point[]): string {
  if (lows.length === 0) return "";
  const back = [...lows].reverse().map(({ x, y }) => `L${x.toFixed(1)} ${y.toFixed(1)}`);
  return `${linePath(highs)}${back.join("")}Z`;
}
