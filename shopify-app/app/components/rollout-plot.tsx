import { useId } from "react";

import type { MetricReport } from "../api/types";
import { axis, bandPath, linePath, type Range, rangeOf, scale, thin } from "../lib/chart";
import { formatChange, formatClock, formatGain, formatMoment, formatShortDate } from "../lib/format";
import { describeHistory } from "../lib/rollouts";
import { useWidth } from "../lib/width";

type Point = MetricReport["history"][number];
type Plotted = Pick<MetricReport, "name" | "history" | "bound">;

const HEIGHT = 220;
const MARGIN = { top: 12, right: 16, bottom: 28, left: 52 };
const Y_TICKS = 4;
/** The table under the plot is to be read, not scrolled through. */
const MOST_ROWS = 20;
/** Early intervals are as wide as a barn door: the axis shows what came after them, and the band runs off its edge. */
const WIDEST = 3;
const DAY_MS = 86_400_000;

const momentOf = (point: Point): number => Date.parse(point.at);

/** Return what the axis of differences shows: all, or a few times the present interval where the first were far wider. */
export function shownRange(history: readonly Point[], bound: number | null): Range {
  const last = history.at(-1);
  const limit = last ? Math.max(Math.abs(last.low), Math.abs(last.high), Math.abs(bound ?? 0), 1) * WIDEST : 1;
  const values = history.flatMap(({ low, high }) => [Math.max(low, -limit), Math.min(high, limit)]);
  return rangeOf([...values, 0, ...(bound === null ? [] : [bound])]);
}

/** Return a few moments of a span, evenly spread, with the first and the last among them. */
function moments({ low, high }: Range, width: number): number[] {
  const count = Math.max(2, Math.min(5, Math.floor(width / 140)));
  return Array.from({ length: count }, (_, index) => low + ((high - low) * index) / (count - 1));
}

interface DrawnProps {
  plotted: Plotted;
  width: number;
  timezone: string;
}

function Drawn({ plotted: { history, bound }, width, timezone }: DrawnProps) {
  const time = rangeOf(history.map(momentOf));
  const yTicks = axis(shownRange(history, bound), Y_TICKS);
  const x = scale(time, [MARGIN.left, width - MARGIN.right]);
  const y = scale({ low: yTicks.at(0) ?? -1, high: yTicks.at(-1) ?? 1 }, [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const clamped = (value: number) => Math.min(Math.max(y(value), MARGIN.top), HEIGHT - MARGIN.bottom);
  const line = (value: (point: Point) => number) => history.map((point) => ({ x: x(momentOf(point)), y: clamped(value(point)) }));
  const isLong = time.high - time.low > 2 * DAY_MS;
  const label = (at: number) => (isLong ? formatShortDate : formatClock)(new Date(at).toISOString(), timezone);
  const marks = moments(time, width);
  return (
    <svg width="100%" height={HEIGHT} aria-hidden="true" className="plot-panel">
      {yTicks.map((value) => (
        <g key={value}>
          <line className={value === 0 ? "plot-zero" : "plot-grid"} x1={MARGIN.left} x2={width - MARGIN.right} y1={y(value)} y2={y(value)} />
          <text className="plot-label" x={MARGIN.left - 8} y={y(value) + 4} textAnchor="end">
            {formatGain(value)}
          </text>
        </g>
      ))}
      {marks.map((at, index) => (
        <text key={at} className="plot-label" x={x(at)} y={HEIGHT - 8} textAnchor={index === 0 ? "start" : index === marks.length - 1 ? "end" : "middle"}>
          {label(at)}
        </text>
      ))}
      <path className="plot-band" d={bandPath(line(({ low }) => low), line(({ high }) => high))} />
      <path className="plot-line" d={linePath(line(({ percent }) => percent))} />
      {bound !== null && <line className="plot-bound" x1={MARGIN.left} x2={width - MARGIN.right} y1={y(bound)} y2={y(bound)} />}
    </svg>
  );
}

function HistoryTable({ plotted: { name, history }, timezone }: { plotted: Plotted; timezone: string }) {
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={`${name} over time`}>
      <table className="numbers">
        <caption className="visually-hidden">{name} over time</caption>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Difference</th>
            <th scope="col">Between</th>
          </tr>
        </thead>
        <tbody>
          {thin(history, MOST_ROWS).map((point) => (
            <tr key={point.at}>
              <td>{formatMoment(point.at, timezone)}</td>
              <td>{formatChange(point.percent)}</td>
              <td>
                {formatChange(point.low)} and {formatChange(point.high)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** How the interval of a metric narrowed, and what it must clear: drawn, in words and as a table. */
export function RolloutPlot({ plotted, timezone }: { plotted: Plotted; timezone: string }) {
  const { box, width } = useWidth();
  const id = useId();
  if (plotted.history.length < 2) return null;
  return (
    <figure className="plot">
      <div ref={box} role="img" aria-labelledby={id}>
        <Drawn plotted={plotted} width={width} timezone={timezone} />
      </div>
      <ul className="plot-keys" aria-hidden="true">
        <li className="plot-key" data-key="band">
          likely range
        </li>
        {plotted.bound !== null && (
          <li className="plot-key" data-key="bound">
            must stay above {formatChange(plotted.bound)}
          </li>
        )}
      </ul>
      <figcaption id={id}>
        <s-text color="subdued">{describeHistory(plotted)}</s-text>
      </figcaption>
      <details>
        <summary>Show the numbers</summary>
        <HistoryTable plotted={plotted} timezone={timezone} />
      </details>
    </figure>
  );
}
