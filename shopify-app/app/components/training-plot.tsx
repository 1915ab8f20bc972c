import { useId } from "react";

import type { CurvePoint } from "../api/types";
import { axis, linePath, type Point, type Range, rangeOf, scale, thin, ticks } from "../lib/chart";
import { formatDuration, formatScore, NOTHING } from "../lib/format";
import { useWidth } from "../lib/width";

const PANEL_HEIGHT = 168;
const MARGIN = { top: 12, right: 16, bottom: 28, left: 48 };
const Y_TICKS = 4;
/** The table under the plot is to be read, not scrolled through. */
const MOST_ROWS = 20;

interface Series {
  name: string;
  points: Point[];
}

const formatLoss = (value: number) => value.toFixed(2);

function seriesOf(curve: readonly CurvePoint[], key: "train_loss" | "validation_ndcg"): Point[] {
  return curve.flatMap((point) => {
    const value = point[key];
    return value === null || value === undefined ? [] : [{ x: point.seconds, y: value }];
  });
}

/** Beyond this share of the time before the first point, an axis from zero would be mostly empty. */
const EMPTY_SHARE = 0.25;

/** Return the time that a plot shows: all of it, or what comes after simpler models were trained. */
export function timeShown(seconds: readonly number[]): Range {
  const first = Math.min(...seconds);
  const last = Math.max(...seconds) || 1;
  return { low: first < last && first / last > EMPTY_SHARE ? first : 0, high: last };
}

function Panel({ series, time, width }: { series: Series; time: Range; width: number }) {
  const yTicks = axis(rangeOf(series.points.map((point) => point.y)), Y_TICKS);
  const x = scale(time, [MARGIN.left, width - MARGIN.right]);
  const y = scale({ low: yTicks.at(0) ?? 0, high: yTicks.at(-1) ?? 1 }, [PANEL_HEIGHT - MARGIN.bottom, MARGIN.top]);
  const drawn = series.points.map((point) => ({ x: x(point.x), y: y(point.y) }));
  const last = drawn.at(-1);
  return (
    <svg width="100%" height={PANEL_HEIGHT} aria-hidden="true" className="plot-panel">
      {yTicks.map((value) => (
        <g key={value}>
          <line className="plot-grid" x1={MARGIN.left} x2={width - MARGIN.right} y1={y(value)} y2={y(value)} />
          <text className="plot-label" x={MARGIN.left - 8} y={y(value) + 4} textAnchor="end">
            {value}
          </text>
        </g>
      ))}
      {ticks(time, Math.max(3, Math.floor(width / 120))).map((value) => (
        <text key={value} className="plot-label" x={x(value)} y={PANEL_HEIGHT - 8} textAnchor="middle">
          {value} s
        </text>
      ))}
      <path className="plot-line" d={linePath(drawn)} />
      {last && <circle className="plot-dot" cx={last.x.toFixed(1)} cy={last.y.toFixed(1)} r="3.5" />}
    </svg>
  );
}

function trend(first: number, last: number, format: (value: number) => string): string {
  if (format(first) === format(last)) return `stayed at ${format(last)}`;
  return `${last < first ? "fell" : "rose"} from ${format(first)} to ${format(last)}`;
}

/** Say in words what the plot shows. */
export function describeCurve(curve: readonly CurvePoint[]): string {
  const loss = seriesOf(curve, "train_loss");
  const score = seriesOf(curve, "validation_ndcg");
  const sentences: string[] = [];
  const [firstLoss, lastLoss] = [loss.at(0), loss.at(-1)];
  if (firstLoss && lastLoss) {
    sentences.push(`In ${formatDuration(lastLoss.x)} the training error ${trend(firstLoss.y, lastLoss.y, formatLoss)}.`);
  }
  const [firstScore, lastScore] = [score.at(0), score.at(-1)];
  if (firstScore && lastScore) {
    const best = score.reduce((top, point) => (point.y > top.y ? point : top));
    sentences.push(
      `The ranking score on purchases it had not seen ${trend(firstScore.y, lastScore.y, formatScore)}; its best was ${formatScore(best.y)} after ${formatDuration(best.x)}.`,
    );
  }
  return sentences.join(" ");
}

function CurveTable({ curve }: { curve: readonly CurvePoint[] }) {
  return (
    <div className="table-scroll">
      <table className="numbers">
        <caption className="visually-hidden">Training by time</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Pass</th>
            <th scope="col">Training error</th>
            <th scope="col">Ranking score</th>
          </tr>
        </thead>
        <tbody>
          {thin(curve, MOST_ROWS).map((point) => (
            <tr key={point.step}>
              <td>{formatDuration(point.seconds)}</td>
              <td>{point.epoch}</td>
              <td>{point.train_loss == null ? NOTHING : formatLoss(point.train_loss)}</td>
              <td>{formatScore(point.validation_ndcg)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The course of a training: error and ranking score by seconds, with the same in words and as a table. */
export function TrainingPlot({ curve }: { curve: readonly CurvePoint[] }) {
  const { box, width } = useWidth();
  const id = useId();
  const series: Series[] = [
    { name: "Training error (lower is better)", points: seriesOf(curve, "train_loss") },
    { name: "Ranking score on unseen purchases (higher is better)", points: seriesOf(curve, "validation_ndcg") },
  ].filter((one) => one.points.length > 1);
  if (series.length === 0) return null;
  const time = timeShown(curve.map((point) => point.seconds));
  return (
    <figure className="plot">
      <div ref={box} className="plot-panels" role="img" aria-labelledby={id}>
        {series.map((one) => (
          <div key={one.name}>
            <s-text type="strong">{one.name}</s-text>
            <Panel series={one} time={time} width={width} />
          </div>
        ))}
      </div>
      <figcaption id={id}>
        <s-text color="subdued">{describeCurve(curve)}</s-text>
      </figcaption>
      <details>
        <summary>Show the numbers</summary>
        <CurveTable curve={curve} />
      </details>
    </figure>
  );
}
