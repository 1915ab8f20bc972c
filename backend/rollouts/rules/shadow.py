"""Whether a candidate that answered nobody yet may be seen."""

from collections.abc import Iterator
from typing import Final

from backend.rollouts.rules.ranking import overlap, rank_biased_overlap
from backend.rollouts.values import Judged, RolloutPlan, Verdict
from backend.rollouts.values.shadow import DiffSummary, PageDiff, PageLists, Scoring, ShadowFigures

# Before so many were answered, a share of failures or a 95th percentile says nothing.
FEWEST: Final = 100
# A version that fails on more than one request of a hundred, where the champion does not, is broken.
MOST_FAILED: Final = 0.01
# Both versions answer the same requests in one process. Below so many milliseconds more, no shopper can tell.
SLOWER_BY: Final = 1.5
SLOWER_MS: Final = 5.0
# A shop whose shoppers would need longer than so many times the plan's hours is quiet: its pages stand in.
PATIENCE: Final = 4


def judge(
    figures: ShadowFigures, pages: DiffSummary, plan: RolloutPlan, *, hours: float, hours_needed: float
) -> Judged:
    """
    Return whether a shadow has shown enough, and nothing that would hurt.

    What a model says differently is no harm: only shoppers can tell. Harm is a list that can't be shown, an
    error, or an answer that comes later than the champion's.

    :param hours: for which the shadow has been looked at; ``hours_needed``: for which it has to be
    """
    evidence = _evidence(figures, pages)
    harm = next(_harms(figures), "")
    if harm:
        return Judged(Verdict.FAILED, harm, evidence)
    if hours < hours_needed:
        return Judged(Verdict.NOT_ENOUGH, _waiting(figures, plan, hours_needed - hours), evidence)
    if figures.sums.compared >= plan.shadow_requests:
        return Judged(Verdict.SUCCESS, _told(figures), evidence)
    if not _is_quiet(figures, plan, hours=hours, hours_needed=hours_needed):
        return Judged(Verdict.NOT_ENOUGH, _waiting(figures, plan, 0.0), evidence)
    if figures.sums.compared + pages.pages >= plan.shadow_requests or pages.is_complete:
        return Judged(Verdict.SUCCESS, _told_by_pages(figures, pages), evidence)
    words = f"Few shoppers come, so the lists of all pages are compared too: {pages.pages:,} so far."
    return Judged(Verdict.NOT_ENOUGH, words, evidence)


def _harms(figures: ShadowFigures) -> Iterator[str]:
    """Yield what is wrong with a candidate, the worst first."""
    candidate, champion = figures.sums.candidate, figures.sums.champion
    if candidate.refused:
        yield "The new model's files could not be opened."
    if candidate.not_finite:
        yield "The new model gave scores that are no numbers."
    if candidate.empty > champion.empty:
        yield "The new model knew no product where the one that is live does."
    if candidate.asked >= FEWEST and _failed(candidate) > _failed(champion) + MOST_FAILED:
        yield f"The new model failed on {_failed(candidate):.1%} of the requests."
    if _is_slower(figures):
        now, then = figures.candidate_p95_ms, figures.champion_p95_ms
        yield f"The new model is slower: {now:.1f} ms at the 95th percentile against {then:.1f} ms."


def _failed(scoring: Scoring) -> float:
    return scoring.failed / scoring.asked if scoring.asked else 0.0


def _is_slower(figures: ShadowFigures) -> bool:
    now, then = figures.candidate_p95_ms, figures.champion_p95_ms
    if now is None or then is None or sum(figures.sums.champion.latency) < FEWEST:
        return False
    return now > SLOWER_BY * then and now > then + SLOWER_MS


def _is_quiet(figures: ShadowFigures, plan: RolloutPlan, *, hours: float, hours_needed: float) -> bool:
    """Return whether a shop's shoppers would take too long to send the requests that the plan asks for."""
    expected = figures.sums.compared / hours * PATIENCE * hours_needed if hours else 0.0
    return expected < plan.shadow_requests


def _waiting(figures: ShadowFigures, plan: RolloutPlan, hours: float) -> str:
    compared = figures.sums.compared
    if compared < plan.shadow_requests:
        return f"Compared on {compared:,} of {plan.shadow_requests:,} requests."
    return f"Compared on {compared:,} requests; needs {_span(hours)} more."


def _span(hours: float) -> str:
    minutes = max(1, round(hours * 60))
    if minutes < 90:
        return "about a minute" if minutes == 1 else f"about {minutes} minutes"
    return f"about {round(hours)} hours"


def _told(figures: ShadowFigures) -> str:
    alike = f"{figures.overlap:.0%} of the products are the same" if figures.overlap is not None else ""
    return f"Compared on {figures.sums.compared:,} requests without a fault: {alike}."


def _told_by_pages(figures: ShadowFigures, pages: DiffSummary) -> str:
    shoppers = figures.sums.compared
    came = f"Only {shoppers:,} requests came" if shoppers else "No request came"
    return f"{came}, so the lists of {pages.pages:,} pages were compared in their place, without a fault."


def _evidence(figures: ShadowFigures, pages: DiffSummary) -> dict[str, object]:
    sums = figures.sums
    told = {
        "compared": sums.compared,
        "dropped": sums.dropped,
        "scored_share": figures.scored_share,
        "overlap": figures.overlap,
        "rank_biased_overlap": figures.alike,
        "not_finite": sums.candidate.not_finite,
        "empty": sums.candidate.empty,
        "refused": sums.candidate.refused,
        "failed": sums.candidate.failed,
        "candidate_p95_ms": figures.candidate_p95_ms,
        "champion_p95_ms": figures.champion_p95_ms,
        "candidate_unavailable": figures.candidate_unavailable,
        "candidate_products": figures.candidate_products,
        "champion_products": figures.champion_products,
        "pages": pages.pages,
        "pages_changed": pages.changed,
    }
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in told.items()}


def page_diff(lists: PageLists) -> PageDiff:
    """Return what would change on one page."""
    before = {product: place for place, product in enumerate(lists.champion)}
    after = {product: place for place, product in enumerate(lists.candidate)}
    return PageDiff(
        lists=lists,
        overlap=overlap(lists.champion, lists.candidate),
        alike=rank_biased_overlap(lists.champion, lists.candidate),
        came=tuple(one for one in lists.candidate if one not in before),
        went=tuple(one for one in lists.champion if one not in after),
        moved={one: before[one] - after[one] for one in lists.candidate if one in before},
    )
