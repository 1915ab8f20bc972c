"""
The model card of a version, as Markdown: what it learned from, what it is for and how well it does for whom.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting", arXiv:1810.03993, section 4.
"""

from collections.abc import Iterator, Mapping
from typing import Any

USE = (
    "Products for shoppers of this one shop, ranked by what its customers bought, looked at and laid into "
    "the cart. Not for other shops, for prices or for decisions about people."
)
LIMITS = (
    "Offline figures ask for what was bought anyway: they favour what was shown before, and say little of "
    "what shoppers would have bought if shown something else. What shoppers did with a version live stands "
    "on the model page of the app, beside these figures."
)

# A report as its dataclass or its manifest holds it; older manifests lack the newer figures.
Facts = Mapping[str, Any]


def render(report: Facts) -> str:
    """Return the card of a training's report."""
    parts = {
        "Data": _data(report),
        "Intended use": [USE],
        "Figures": [report["summary"], *_methods(report)],
        "Surfaces": _surfaces(report),
        "For whom": _slices(report),
        "What it shows": _shown(report),
        "Limits": [LIMITS],
    }
    sections = [f"## {head}\n\n" + "\n".join(lines) for head, lines in parts.items() if any(lines)]
    return "\n\n".join(["# Model card", *sections]) + "\n"


def _data(report: Facts) -> list[str]:
    sizes = f"{report['interactions']:,} interactions of {report['users']:,} customers"
    return [
        f"- {sizes} with {report['items']:,} products, until {report['data_until']}",
        f"- data {report['data_hash'][:12]}, code {report['code_revision'][:12]}, seed {report['seed']}",
    ]


def _methods(report: Facts) -> Iterator[str]:
    """Yield a table of the models on the same customers; nothing where none was measured."""
    measured = [row for row in report["metrics"] if row["ndcg_at_10"] is not None]
    if not measured:
        return
    yield "\n| model | NDCG@10 (95 % interval) | hit rate | coverage |\n|---|---|---|---|"
    for row in measured:
        name = f"**{row['label']}**" if row["is_served"] else row["label"]
        figures = f"{_figure(row)} | {row['hit_rate_at_10']:.3f} | {row['coverage']:.3f}"
        yield f"| {name} | {figures} |"


def _surfaces(report: Facts) -> list[str]:
    return [f"- {surface['words']}" for surface in report.get("surfaces", ()) if surface["words"]]


def _slices(report: Facts) -> list[str]:
    if not report.get("slices"):
        return []
    rows = [f"| {row['name']} | {row['customers']:,} | {_figure(row)} |" for row in report["slices"]]
    return ["| customers | asked | NDCG@10 (95 % interval) |\n|---|---|---|", *rows]


def _shown(report: Facts) -> Iterator[str]:
    """Yield what is said of the products that are shown: how many of them, how popular, how new."""
    served = next(row for row in report["metrics"] if row["is_served"])
    if served["coverage"] is not None:
        yield f"- {served['coverage']:.1%} of the products stand in somebody's first ten (coverage)."
    bias = report.get("popularity_bias")
    if bias:
        yield (
            f"- What it shows sold better than {bias['shown']:.1%} of the products on average, what the same "
            f"customers then bought better than {bias['bought']:.1%} (popularity bias)."
        )
    cold = report.get("cold")
    if cold:
        yield (
            f"- Of products without a sale, {cold['recall_at_10']:.1%} were in the first ten of who bought "
            f"one; with a place kept for them, {cold['recall_with_place_at_10']:.1%}."
        )


def _figure(row: Facts) -> str:
    return f"{row['ndcg_at_10']:.4f} ({row['ndcg_low']:.4f} to {row['ndcg_high']:.4f})"
