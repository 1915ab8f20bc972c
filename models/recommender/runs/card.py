"""
The model card of a version, as Markdown: what it learned from, what it is for and how well it does for whom.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting", arXiv:1810.03993, section 4.
"""

from collections.abc import Iterator, Sequence

from models.recommender.log.surfaces import Surface
from models.recommender.values import ModelMetrics, Report, SurfaceReport

USE = (
    "Products for shoppers of this one shop, ranked by what its customers bought, looked at and laid into "
    "the cart. Not for other shops, for prices or for decisions about people."
)
LIMITS = (
    "Offline figures ask for what was bought anyway: they favour what was shown before, and say little of "
    "what shoppers would have bought if shown something else. What shoppers did with a version live stands "
    "on the model page of the app, beside these figures."
)
# Columns with a 95 % interval: their field in ModelMetrics, and their head.
MEASURES = {
    "ndcg_at_10": "NDCG@10",
    "recall_at_10": "Recall@10",
    "hit_rate_at_10": "HR@10",
    "mrr_at_10": "MRR@10",
}
# Further columns: their field, and their head with its unit.
FIGURES = {"coverage": "coverage", "fit_seconds": "fit s", "p50_ms": "p50 ms", "p99_ms": "p99 ms"}
SMALLEST_SHARE = 0.005  # smaller shares of the blend round to nothing


def render(report: Report) -> str:
    """Return the card of a training's report."""
    parts = {
        "Data": _data(report),
        "Intended use": [USE],
        "Figures": _methods(report),
        "Surfaces": _surfaces(report),
        "For whom": _slices(report),
        "What it shows": _shown(report),
        "Limits": [LIMITS],
    }
    sections = {head: "\n".join(lines) for head, lines in parts.items()}
    told = [f"## {head}\n\n{text}" for head, text in sections.items() if text]
    return "\n\n".join(["# Model card", *told]) + "\n"


def _data(report: Report) -> list[str]:
    sizes = f"{report.interactions:,} interactions of {report.users:,} customers"
    return [
        f"- {sizes} with {report.items:,} products, until {report.data_until}",
        f"- data {report.data_hash[:12]}, code {report.code_revision[:12]}, seed {report.seed}",
        f"- trained in {report.train_seconds:.0f} s, peak memory {report.peak_memory_mb:,.0f} MiB",
    ]


def _methods(report: Report) -> Iterator[str]:
    """Yield how the models do on the same customers; no table where none was measured."""
    yield report.summary
    measured = [row for row in report.metrics if row.ndcg_at_10 is not None]
    if measured:
        yield "\nEach figure stands before its 95 % bootstrap interval; what serves is bold."
        heads = ["model", *MEASURES.values(), *FIGURES.values()]
        yield _table(heads, [_row(row) for row in measured])
    if len(report.weights) > 1:
        yield f"\nThe blend listens to {_shares(report)}."


def _row(row: ModelMetrics) -> list[str]:
    measures = [_figure(getattr(row, name), *row.intervals[name]) for name in MEASURES]
    figures = [getattr(row, name) for name in FIGURES]
    plain = ["-" if figure is None else f"{figure:.3f}" for figure in figures]
    return [_label(row.label, is_served=row.is_served), *measures, *plain]


def _shares(report: Report) -> str:
    labels = {row.model: row.label for row in report.metrics}
    loudest = sorted(report.weights.items(), key=lambda weight: -weight[1])
    return ", ".join(f"{labels[name]} {share:.0%}" for name, share in loudest if share >= SMALLEST_SHARE)


def _surfaces(report: Report) -> Iterator[str]:
    yield from (f"- {surface.words}" for surface in report.surfaces if surface.words)
    # At home the models stand above.
    yield from (_ways(told) for told in report.surfaces if told.ways and told.surface != Surface.HOME)


def _ways(told: SurfaceReport) -> str:
    asked = f"{told.surface.replace('_', ' ')}, {told.orders:,} orders"
    rows = [
        [
            _label(way.label, is_served=way.is_served),
            _figure(way.ndcg_at_10, way.ndcg_low, way.ndcg_high),
            f"{way.hit_rate_at_10:.4f}",
            f"{way.coverage:.3f}",
        ]
        for way in told.ways
    ]
    return _table([asked, "NDCG@10", "HR@10", "coverage"], rows)


def _slices(report: Report) -> list[str]:
    rows = [
        [one.name, f"{one.customers:,}", _figure(one.ndcg_at_10, one.ndcg_low, one.ndcg_high)]
        for one in report.slices
    ]
    return [_table(["customers", "asked", "NDCG@10"], rows)] if rows else []


def _shown(report: Report) -> Iterator[str]:
    """Yield what is said of the products that are shown: how many of them, how popular, how new."""
    served = next(row for row in report.metrics if row.is_served)
    if served.coverage is not None:
        yield f"- {served.coverage:.1%} of the products stand in somebody's first ten (coverage)."
    bias, cold = report.popularity_bias, report.cold
    if bias:
        yield (
            f"- What it shows sold better than {bias.shown:.1%} of the products on average, what the same "
            f"customers then bought better than {bias.bought:.1%} (popularity bias)."
        )
    if cold:
        yield (
            f"- Of products without a sale, {cold.recall_at_10:.1%} were in the first ten of who bought "
            f"one; with a place kept for them, {cold.recall_with_place_at_10:.1%}."
        )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table after an empty line, its columns under their heads where it stands as plain text."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [heads, ["-" * width for width in widths], *rows]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in padded)


def _label(label: str, *, is_served: bool) -> str:
    return f"**{label}**" if is_served else label


def _figure(value: float, low: float, high: float) -> str:
    """Return a figure with its interval, like ``0.0602 (.0581-.0623)``."""
    bounds = "-".join(f"{bound:.4f}".removeprefix("0") for bound in (low, high))
    return f"{value:.4f} ({bounds})"
