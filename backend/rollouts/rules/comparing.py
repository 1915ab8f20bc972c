"""What a shadow measured, in figures with names that a merchant reads."""

from collections.abc import Iterator

from backend.rollouts.values import ShadowFigure
from backend.rollouts.values.shadow import ShadowFigures


def told_figures(figures: ShadowFigures) -> tuple[ShadowFigure, ...]:
    """Return the figures that there are, the one that says most first."""
    return tuple(_lists(figures)) + tuple(_answers(figures))


def _lists(figures: ShadowFigures) -> Iterator[ShadowFigure]:
    if figures.overlap is not None:
        yield ShadowFigure("Same products in a list", f"{figures.overlap:.0%}")
    if figures.alike is not None:
        told = "first places count most; 100% is the very same order"
        yield ShadowFigure("Same products in the same places", f"{figures.alike:.0%}", told)
    if figures.candidate_products:
        in_use = f"{figures.champion_products:,} in the version in use"
        yield ShadowFigure("Different products shown", f"{figures.candidate_products:,}", in_use)
    if figures.candidate_unavailable is not None:
        yield ShadowFigure(
            "Picks that were out of stock",
            f"{figures.candidate_unavailable:.1%}",
            _in_use(figures.champion_unavailable, "{:.1%}"),
        )
    for page, drift in (("home page", figures.home_drift), ("product pages", figures.page_drift)):
        if drift is not None:
            told = "standard deviations of the version in use; each version has a scale of its own"
            yield ShadowFigure(f"Scores on the {page}", f"{drift:+.1f}".replace("-", "−"), told)


def _answers(figures: ShadowFigures) -> Iterator[ShadowFigure]:
    failed, asked = figures.sums.candidate.failed, figures.sums.candidate.asked
    if asked:
        in_use = f"{figures.sums.champion.failed:,} in the version in use"
        yield ShadowFigure("Answers that failed", f"{failed:,} of {asked:,}", in_use)
    if figures.candidate_p50_ms is not None:
        yield ShadowFigure(
            "Half of the answers within",
            f"{figures.candidate_p50_ms:.1f} ms",
            _in_use(figures.champion_p50_ms, "{:.1f} ms"),
        )
    if figures.candidate_p95_ms is not None:
        yield ShadowFigure(
            "19 of 20 answers within",
            f"{figures.candidate_p95_ms:.1f} ms",
            _in_use(figures.champion_p95_ms, "{:.1f} ms"),
        )
    if figures.sums.dropped:
        told = "they were too old when their turn came, and count for nothing"
        yield ShadowFigure("Requests left out", f"{figures.sums.dropped:,}", told)


def _in_use(value: float | None, form: str) -> str:
    return "" if value is None else f"{form.format(value)} in the version in use"
