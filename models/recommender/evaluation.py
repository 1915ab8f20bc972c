"""
Evaluation on days that training has not seen: full ranking over all items, repeats allowed.

A case is one customer: what they had bought before the cut, and the set they bought after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.recommender.dataset import DAY_US, Ints, Log
from models.recommender.rankers import longest_history, top_k

Floats = NDArray[np.float64]
ScoreAll = Callable[[Ints], NDArray[np.floating]]

CUTOFF = 10
RESAMPLES = 1000  # bootstrap samples: the 95 % interval's ends are then stable to about 2 %
MIN_CASES = 20  # below this an interval is wider than any difference between models
MAX_CASES = 20_000  # more customers than this no longer narrow the interval in a useful way
MAX_SPAN_SHARE = 0.2  # the test days are at most this share of the shop's history


@dataclass(frozen=True)
class Case:
    """One customer at the cut: item numbers before it, oldest first, and the set bought after it."""

    history: Ints
    bought: Ints


@dataclass(frozen=True)
class Ranking:
    """Figures of one model, one row a case. Sums are left to the reader: intervals need rows."""

    ndcg: Floats
    recall: Floats
    hit: Floats
    reciprocal_rank: Floats
    coverage: float

    @property
    def ndcg_mean(self) -> float:
        """The mean over the cases; 0 where there are none."""
        return float(self.ndcg.mean()) if len(self.ndcg) else 0.0


def cut_before(log: Log, *, days: float) -> int:
    """Return the moment that leaves the newest ``days`` (or a fifth of a short log) after it."""
    if not len(log):
        return 0
    newest, oldest = int(log.at.max()), int(log.at.min())
    span = min(days * DAY_US, (newest - oldest) * MAX_SPAN_SHARE)
    return newest - int(span)


def customer_cases(log: Log, *, cut: int, seed: int) -> list[Case]:
    """Return a case for each customer who bought both before and after ``cut``."""
    starts = log.user_starts()
    is_after = log.at >= cut
    after = np.bincount(log.user[is_after], minlength=log.users)
    total = np.diff(starts)
    users = np.flatnonzero((after > 0) & (total > after))
    if len(users) > MAX_CASES:
        users = np.sort(np.random.default_rng(seed).choice(users, MAX_CASES, replace=False))
    cases = []
    for user in users:
        # A customer's purchases are in time order, so the cut splits them in two.
        split = starts[user + 1] - after[user]
        cases.append(
            Case(
                history=longest_history(log.item[starts[user] : split]),
                bought=np.unique(log.item[split : starts[user + 1]]),
            )
        )
    return cases


def basket_cases(log: Log, *, cut: int, seed: int, limit: int = 2000) -> list[Case]:
    """
    Return cases of item-to-item recommendation: one item of a basket after ``cut``, and the rest.

    One item is drawn from each basket of two or more, which stands for the product page that a
    shopper looks at.
    """
    chance = np.random.default_rng(seed)
    newest = log.where(log.at >= cut)
    order = np.argsort(newest.basket, kind="stable")
    _, starts = np.unique(newest.basket[order], return_index=True)
    baskets = [np.unique(items) for items in np.split(newest.item[order], starts[1:])]
    baskets = [items for items in baskets if len(items) > 1]
    if len(baskets) > limit:
        chosen = np.sort(chance.choice(len(baskets), limit, replace=False))
        baskets = [baskets[index] for index in chosen]
    cases = []
    for items in baskets:
        seen = int(chance.integers(len(items)))
        cases.append(Case(history=items[seen : seen + 1], bought=np.delete(items, seen)))
    return cases


def rank(score: ScoreAll, cases: Sequence[Case], *, items: int) -> Ranking:
    """Rank all ``items`` for each case by ``score(history)`` and compare with what was bought."""
    tops = [top_k(score(case.history), CUTOFF) for case in cases]
    return judge(tops, cases, items=items)


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
    return Ranking(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], float(shown.mean()) if items else 0.0)


def interval(values: Floats, *, seed: int) -> tuple[float, float]:
    """Return the 95 % percentile-bootstrap interval of the mean, resampling cases."""
    low, high = np.percentile(_resampled_means(values, seed=seed), (2.5, 97.5))
    return float(low), float(high)


def _resampled_means(values: Floats, *, seed: int) -> Floats:
    chance = np.random.default_rng(seed)
    count = len(values)
    means = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        means[index] = values[chance.integers(count, size=count)].mean()
    return means
