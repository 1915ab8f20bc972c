"""How well products without a sale are found, and what their place in a list costs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.recommender.learning.starts import learn_arrivals
from models.recommender.log.arrays import Bools, Ints
from models.recommender.log.log import NEVER, Log
from models.recommender.log.splits import Case
from models.recommender.metrics.intervals import gain_interval
from models.recommender.metrics.ranking import CUTOFF, judge, rank
from models.recommender.serving.arrivals import Arrivals, with_arrival
from models.recommender.serving.rankers import Model, top_k
from models.recommender.values import ColdStart

PLACED_CASES = 2_000  # customers, at least half as many, on whom the price of an arrival's place is measured
DRAWS = 7  # seed of its bootstrap: nothing is chosen by it


def cold_start(
    model: Model, popularity: Model, known: Log, cases: Sequence[Case], *, moment: int, drop_seen: bool
) -> ColdStart | None:
    """
    Return how well items without a sale in ``known`` are found; None if nobody bought one.

    Those that were in the catalogue before ``moment``, microseconds, are asked about, whether they then
    sold or not. Where no item was, because the log says not when items came or says it by their sales,
    all that sold later are taken as new: a simulation, in which every new item sells.

    Recall is the share of such items found among ten, averaged over the customers who bought one.
    """
    known, is_cold, is_simulated = _as_of(known, moment)
    asked = [(case, case.bought[is_cold[case.bought]]) for case in cases]
    asked = [(case, wanted) for case, wanted in asked if len(wanted)]
    if not asked:
        return None
    arrivals = learn_arrivals(known)
    buyers = [case for case, _ in asked]
    ours = rank(model.scores, buyers, items=known.items, drop_seen=drop_seen).tops
    popular = rank(popularity.scores, buyers, items=known.items, drop_seen=drop_seen).tops
    among_cold = [top_k(np.where(is_cold, model.scores(case.history), -np.inf), CUTOFF) for case in buyers]

    def recall(lists: Sequence[Ints]) -> float:
        found = [np.isin(wanted, top).mean() for (_, wanted), top in zip(asked, lists, strict=True)]
        return float(np.mean(found))

    change, low, high = _change_by_place(model, arrivals, cases, items=known.items, drop_seen=drop_seen)
    return ColdStart(
        items=len(np.unique(np.concatenate([wanted for _, wanted in asked]))),
        customers=len(asked),
        recall_at_10=recall(ours),
        popularity_recall_at_10=recall(popular),
        recall_among_cold_at_10=recall(among_cold),
        recall_with_place_at_10=recall(_with_place(ours, buyers, arrivals)),
        chance_with_place_at_10=_by_chance(popular, [wanted for _, wanted in asked], arrivals),
        place_ndcg_change=change,
        place_ndcg_low=low,
        place_ndcg_high=high,
        is_simulated=is_simulated,
    )


def _as_of(known: Log, moment: int) -> tuple[Log, Bools, bool]:
    """Return a log with the catalogue of a moment, which items had not sold, and whether it is simulated."""
    is_unsold = np.bincount(known.purchases.item, minlength=known.items) == 0
    is_there = known.is_listed & (known.created_at != NEVER) & (known.created_at < moment)
    if not (is_there & is_unsold).any():
        return known, is_unsold, True
    return replace(known, is_listed=is_there), is_unsold & is_there, False


def _with_place(tops: Sequence[Ints], cases: Sequence[Case], arrivals: Arrivals) -> list[Ints]:
    """Return the lists with their last place given to the arrival that suits each customer best."""
    choices = [arrivals.choose(case.history, np.ones(len(arrivals), dtype=np.bool_)) for case in cases]
    return [
        top if choice is None else with_arrival(top, choice.item, arrivals.items)
        for top, choice in zip(tops, choices, strict=True)
    ]


ANY = -1  # stands for no item: an arrival that is yet to be drawn


def _by_chance(tops: Sequence[Ints], wanted: Sequence[Ints], arrivals: Arrivals) -> float:
    """Return the recall to expect where the place goes to any arrival, each with the same chance."""
    shares = []
    for top, some in zip(tops, wanted, strict=True):
        placed = with_arrival(top, ANY, arrivals.items) if len(arrivals) else top
        drawn = np.isin(some, arrivals.items).mean() / len(arrivals) if placed is not top else 0.0
        shares.append(np.isin(some, placed).mean() + drawn)
    return float(np.mean(shares))


def _change_by_place(
    model: Model, arrivals: Arrivals, cases: Sequence[Case], *, items: int, drop_seen: bool
) -> tuple[float, float, float]:
    """Return what the place changes in NDCG@10, relative, and the interval's ends."""
    some = cases[:: 1 + len(cases) // PLACED_CASES]
    without = rank(model.scores, some, items=items, drop_seen=drop_seen)
    with_place = judge(_with_place(without.tops, some, arrivals), some, items=items)
    return gain_interval(with_place.ndcg, without.ndcg, seed=DRAWS)
