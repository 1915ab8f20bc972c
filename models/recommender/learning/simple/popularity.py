"""Popularity: what sold most of late."""

import numpy as np
from numpy.typing import NDArray

from models.recommender.learning.simple.purchases import Bought
from models.recommender.log.arrays import DAY_US, Ints
from models.recommender.log.log import NEVER, Log
from models.recommender.serving.rankers import Popularity

HINT_DAYS = 30.0  # sales of so many days order what a model is silent about


def fit_popularity(log: Log, *, window_days: float | None = HINT_DAYS) -> Popularity:
    """
    Return the sales of each item in the newest days, then older sales, then newest items first.

    :param window_days: None counts everything alike, as for a log without a common clock
    """
    bought = Bought.of(log, most=len(log))
    ever = np.bincount(bought.item, minlength=log.items)
    recent = ever
    if window_days is not None and bought.has_clock and len(bought):
        is_recent = bought.at > int(bought.at.max()) - window_days * DAY_US
        recent = np.bincount(bought.item[is_recent], minlength=log.items)
    return Popularity(scores_by_item=_ranked(recent, ever, log.created_at))


def _ranked(recent: Ints, ever: Ints, created_at: Ints) -> NDArray[np.float64]:
    """
    Return one score an item that orders by recent sales, then all sales, then newest creation.

    The whole part is the recent sales; what is below 1 only breaks ties, so that a shop without
    any order serves its newest items first.
    """
    order = np.lexsort((np.where(created_at == NEVER, np.iinfo(np.int64).min, created_at), ever, recent))
    place = np.empty(len(order), dtype=np.float64)
    place[order] = np.arange(len(order))
    ranked: NDArray[np.float64] = recent + place / (len(order) + 1.0)
    return ranked
