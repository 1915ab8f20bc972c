"""For whom a model does well, by how often they bought before, and how popular what it shows is."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from models.recommender.log.arrays import Ints
from models.recommender.log.history import Event
from models.recommender.log.log import Log
from models.recommender.log.splits import Case
from models.recommender.metrics.intervals import interval
from models.recommender.metrics.ranking import MIN_CASES, Ranking
from models.recommender.values import PopularityBias, Slice

# Orders before the cut, the least of each slice.
SLICES = {"bought once before": 1, "2 to 4 orders before": 2, "5 orders or more": 5}


def slices(ranking: Ranking, cases: Sequence[Case], *, seed: int) -> list[Slice]:
    """Return the figures of customers by their orders before the cut; a handful of them says nothing."""
    edges = [*SLICES.values()]
    place = np.searchsorted(edges, [_orders(case) for case in cases], side="right") - 1
    found = []
    for number, name in enumerate(SLICES):
        rows = ranking.ndcg[place == number]
        if len(rows) >= MIN_CASES:
            low, high = interval(rows, seed=seed)
            found.append(Slice(name, len(rows), float(rows.mean()), low, high))
    return found


def _orders(case: Case) -> int:
    """Return how many moments a customer bought at, as far as models look back."""
    history = case.history
    return len(np.unique(history.at[history.events == Event.PURCHASE]))


def popularity_bias(ranking: Ranking, cases: Sequence[Case], known: Log) -> PopularityBias | None:
    """
    Return how popular what is shown is, beside what the same customers then bought; None without cases.

    Popularity is an item's percentile by its sales before the cut, of all items: 1 is the best seller.
    Each customer counts once.
    """
    shown = [top for top in ranking.tops if len(top)]
    if not shown:
        return None
    sales = np.bincount(known.purchases.item, minlength=known.items)
    percentile = rankdata(sales) / known.items

    def mean(lists: Sequence[Ints]) -> float:
        return float(np.mean([percentile[items].mean() for items in lists]))

    return PopularityBias(mean(shown), mean([case.bought for case in cases]))
