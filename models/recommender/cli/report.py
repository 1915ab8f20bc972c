"""A report as people read it, a table and a few sentences, and as programs do."""

import json
import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from models.recommender.log.surfaces import Surface
from models.recommender.values import ColdStart, GateEvidence, ModelMetrics, Report, SurfaceReport, WayMetrics

# Columns with a 95 % interval: their field in ModelMetrics, and their head.
MEASURES = (
    ("ndcg_at_10", "NDCG@10"),
    ("recall_at_10", "Recall@10"),
    ("hit_rate_at_10", "HR@10"),
    ("mrr_at_10", "MRR@10"),
)
# Further columns: field, head, width and decimals.
FIGURES = (
    ("coverage", "cover", 6, 3),
    ("fit_seconds", "fit s", 7, 1),
    ("p50_ms", "p50 ms", 7, 2),
    ("p99_ms", "p99 ms", 7, 2),
)
WIDTH = 140  # columns of a usual terminal
LABEL_WIDTH = 36
MEASURE_WIDTH = 19
SERVED = "* "
UNKNOWN = "-"
SMALLEST_SHARE = 0.005  # smaller shares of the blend round to nothing


def as_text(report: Report) -> str:
    """Return the report's tables and sentences, at most ``WIDTH`` columns wide."""
    tables = [_table("For a customer" if report.asked == "customers" else "For an order", report.metrics)]
    tables += [_surface(told) for told in report.surfaces if told.ways and told.surface != Surface.HOME]
    return "\n\n".join([*tables, *(textwrap.fill(sentence, WIDTH) for sentence in _sentences(report))])


def as_json(report: Report) -> str:
    """Return the report as JSON, everything that it holds; figures that do not exist are null."""
    return json.dumps(_plain(asdict(report)), indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _table(title: str, rows: Sequence[ModelMetrics]) -> str:
    heads = "".join(f"{head:<{MEASURE_WIDTH}}" for _, head in MEASURES)
    figures = "".join(f"{head:>{width}}" for _, head, width, _ in FIGURES)
    return "\n".join([f"{title:<{LABEL_WIDTH}}{heads}{figures}", *map(_row, rows)])


def _surface(told: SurfaceReport) -> str:
    title = f"{told.surface.replace('_', ' ').capitalize()}, {told.orders:,} orders"
    heads = f"{'NDCG@10':<{MEASURE_WIDTH}}{'HR@10':<{MEASURE_WIDTH}}{'cover':>6}"
    return "\n".join([f"{title:<{LABEL_WIDTH}}{heads}", *map(_way, told.ways)])


def _way(way: WayMetrics) -> str:
    score = f"{way.ndcg_at_10:.4f} {_bounds((way.ndcg_low, way.ndcg_high))}"
    return (
        f"{_named(way.label, is_served=way.is_served):<{LABEL_WIDTH}}{score:<{MEASURE_WIDTH}}"
        f"{way.hit_rate_at_10:<{MEASURE_WIDTH}.4f}{way.coverage:>6.3f}"
    )


def _named(label: str, *, is_served: bool) -> str:
    named = f"{SERVED if is_served else '  '}{label}"
    return named if len(named) < LABEL_WIDTH else f"{named[: LABEL_WIDTH - 2]}…"


def _row(row: ModelMetrics) -> str:
    label = _named(row.label, is_served=row.is_served)
    if row.ndcg_at_10 is None:
        return f"{label:<{LABEL_WIDTH}}not enough data"
    measures = "".join(f"{_measure(row, name):<{MEASURE_WIDTH}}" for name, _ in MEASURES)
    figures = "".join(
        f"{_figure(getattr(row, name), decimals):>{width}}" for name, _, width, decimals in FIGURES
    )
    return f"{label:<{LABEL_WIDTH}}{measures}{figures}"


def _measure(row: ModelMetrics, name: str) -> str:
    """Return a figure with its interval, like ``0.0602 .0581-.0623``."""
    interval = row.intervals.get(name)
    figure = _figure(getattr(row, name), 4)
    if interval is None:
        return figure
    return f"{figure} {_bounds(interval)}"


def _bounds(interval: tuple[float, float]) -> str:
    # Without the zero before the point, and 1 as 1.000: five signs each.
    return "-".join(f"{bound:.4f}".removeprefix("0")[:5] for bound in interval)


def _figure(value: float | None, decimals: int) -> str:
    return UNKNOWN if value is None else f"{value:.{decimals}f}"


def _sentences(report: Report) -> Iterator[str]:
    asked = max((row.customers for row in report.metrics), default=0)
    if asked:
        yield (
            f"Full ranking of {report.items:,} items for {asked:,} {report.asked}; behind each figure its "
            f"95 % bootstrap interval. {SERVED.strip()} is served."
        )
    if len(report.weights) > 1:
        yield _weights(report)
    if report.cold:
        yield _cold(report.cold)
    if report.gate:
        yield _gate(report.gate)
    yield report.summary
    yield from (told.words for told in report.surfaces)
    yield (
        f"{report.interactions:,} interactions of {report.users:,} customers; trained in "
        f"{report.train_seconds:.0f} s, peak memory {report.peak_memory_mb:,.0f} MiB, seed {report.seed}."
    )


def _weights(report: Report) -> str:
    labels = {row.model: row.label for row in report.metrics}
    loudest = sorted(report.weights.items(), key=lambda weight: -weight[1])
    shares = [f"{labels.get(name, name)} {share:.0%}" for name, share in loudest if share >= SMALLEST_SHARE]
    return f"The blend listens to: {', '.join(shares)}."


def _cold(cold: ColdStart) -> str:
    new = "New items, simulated as each sells" if cold.is_simulated else "New items"
    return (
        f"{new} ({cold.items:,} without a sale before the cut, bought by {cold.customers:,} customers): "
        f"Recall@10 {cold.recall_at_10:.4f} among all items (popularity {cold.popularity_recall_at_10:.4f}), "
        f"{cold.recall_among_cold_at_10:.4f} among new ones. {_place(cold)}"
    )


def _place(cold: ColdStart) -> str:
    return (
        "With one place of ten kept for a new item Recall@10 among all items is "
        f"{cold.recall_with_place_at_10:.4f} (popularity with any new item there: "
        f"{cold.chance_with_place_at_10:.4f}), and NDCG@10 of all customers changes by "
        f"{cold.place_ndcg_change:+.1%} "
        f"(95 % interval {cold.place_ndcg_low:+.1%} to {cold.place_ndcg_high:+.1%})."
    )


def _gate(gate: GateEvidence) -> str:
    if gate.gain is None or gate.low is None or gate.high is None:
        return f"Beside the model that serves: {gate.reason}"
    return (
        f"Beside the model that serves, on {gate.customers:,} {gate.asked} from {gate.since} to "
        f"{gate.until}: {gate.gain:+.1%} NDCG@10 (95 % interval {gate.low:+.1%} to {gate.high:+.1%})."
    )
