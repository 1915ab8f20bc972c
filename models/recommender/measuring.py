"""What a finished ranking is asked beside its quality: cold items, milliseconds."""

import time
from collections.abc import Sequence

import numpy as np

from models.recommender.dataset import Ints, Log
from models.recommender.evaluation import CUTOFF
from models.recommender.rankers import Model, top_k
from models.recommender.splits import Case
from models.recommender.values import ColdStart

TIMED_CASES = 200
WARM_UP = 20  # answers before the clock counts: runtimes plan their memory in the first ones


def cold_start(
    model: Model, popularity: Model, known: Log, cases: Sequence[Case], *, drop_seen: bool
) -> ColdStart | None:
    """
    Return how well items without a sale in ``known`` are found; None if nobody bought one.

    Recall is the share of such items found among ten, averaged over the customers who bought one.
    Items that popularity cannot tell apart come in the order of their numbers; ten drawn by chance
    would find ``chance_among_cold_at_10``.
    """
    is_cold = np.bincount(known.purchases.item, minlength=known.items) == 0
    asked = [(case, case.bought[is_cold[case.bought]]) for case in cases]
    asked = [(case, wanted) for case, wanted in asked if len(wanted)]
    if not asked:
        return None
    found = np.array(
        [
            [
                _recall(rival.scores(case.history), wanted, hidden)
                for rival in (model, popularity)
                for hidden in (case.seen if drop_seen else case.seen[:0], ~is_cold)
            ]
            for case, wanted in asked
        ]
    ).mean(axis=0)
    return ColdStart(
        items=len(np.unique(np.concatenate([wanted for _, wanted in asked]))),
        customers=len(asked),
        recall_at_10=float(found[0]),
        recall_among_cold_at_10=float(found[1]),
        popularity_recall_at_10=float(found[2]),
        popularity_recall_among_cold_at_10=float(found[3]),
        chance_among_cold_at_10=min(1.0, CUTOFF / int(is_cold.sum())),
    )


def _recall(scores: np.ndarray[tuple[int], np.dtype[np.floating]], wanted: Ints, hidden: Ints) -> float:
    scores = np.array(scores)
    scores[hidden] = -np.inf
    return float(np.isin(wanted, top_k(scores, CUTOFF)).mean())


def time_answers(model: Model, cases: Sequence[Case]) -> tuple[float, float] | None:
    """Return the median and 99th percentile of ranking all items for one customer, milliseconds."""
    spent = []
    for case in cases[: TIMED_CASES + WARM_UP]:
        begun = time.perf_counter()
        top_k(model.scores(case.history), CUTOFF)
        spent.append((time.perf_counter() - begun) * 1000)
    if len(spent) <= WARM_UP:
        return None
    p50, p99 = np.percentile(spent[WARM_UP:], (50, 99))
    return float(p50), float(p99)
