"""Figures of ranked lists: what a model puts first for a case, over all items, beside what was bought."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Ints, Reals
from models.recommender.log.history import History
from models.recommender.log.splits import Case
from models.recommender.serving.rankers import top_k

ScoreAll = Callable[[History], NDArray[np.floating]]
CUTOFF = 10
MIN_CASES = 20  # below this an interval is wider than any difference between models


@dataclass(frozen=True)
class Ranking:
    """Figures of one model, one row a case. Sums are left to the reader: intervals need rows."""

    ndcg: Reals
    recall: Reals
    hit: Reals
    reciprocal_rank: Reals
    coverage: float
    tops: Sequence[Ints] = ()  # of each case, best first

    @property
    def ndcg_mean(self) -> float:
        """The mean over the cases; 0 where there are none."""
        return float(self.ndcg.mean()) if len(self.ndcg) else 0.0


def rank(score: ScoreAll, cases: Sequence[Case], *, items: int, drop_seen: bool = False) -> Ranking:
    """
    Rank all ``items`` for each case by ``score(history)`` and compare with what was bought.

    :param drop_seen: leave out what the customer bought before
    """
    tops = [top_of(score(case.history), case, drop_seen=drop_seen) for case in cases]
    return judge(tops, cases, items=items)


def top_of(scores: NDArray[np.floating], case: Case, *, drop_seen: bool) -> Ints:
    """Return the best items of one case, best first, fewer only where fewer are in question."""
    return best_without(scores, case.seen) if drop_seen else top_k(scores, CUTOFF)


def best_without(scores: NDArray[np.floating], hidden: Ints) -> Ints:
    """Return the best items that are not hidden, best first, fewer only where fewer are left."""
    scores = np.array(scores)
    scores[hidden] = -np.inf
    best = top_k(scores, CUTOFF)
    return best[scores[best] > -np.inf]


def judge(tops: Sequence[Ints], cases: Sequence[Case], *, items: int) -> Ranking:
    """
    Return the figures of ranked lists, best first, at most ``CUTOFF`` long.

    NDCG: gain 1 for a bought item, discount 1 / log2(rank + 1), divided by the best possible list
    (Jarvelin & Kekalainen 2002). Recall: share of the bought set found.
    """
    discounts = 1.0 / np.log2(np.arange(2, CUTOFF + 2))
    ideal = np.cumsum(discounts)
    rows = np.zeros((len(cases), 4))
    shown = np.zeros(items, dtype=bool)
    for row, (top, case) in enumerate(zip(tops, cases, strict=True)):
        hits = np.isin(top, case.bought)
        shown[top] = True
        first = np.append(np.flatnonzero(hits), -1)[0] + 1
        rows[row] = (
            discounts[: len(top)][hits].sum() / ideal[min(len(case.bought), CUTOFF) - 1],
            hits.sum() / len(case.bought),
            hits.any(),
            1.0 / first if first else 0.0,
        )
    coverage = float(shown.mean()) if items else 0.0
    return Ranking(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], coverage, tops)
