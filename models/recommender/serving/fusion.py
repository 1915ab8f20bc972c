"""
Putting what goes with some products beside what suits a customer: reciprocal rank fusion. NumPy only.

Shapes in comments: I items.
"""

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Ints
from models.recommender.log.history import UNKNOWN_TIME, Event, History
from models.recommender.serving.rankers import ItemTable, hint, top_k

# How much louder than the customer the product of a page is, and what lies in a cart, in versions from
# before it was chosen by what it finds.
RELATED_SHARE = 2.0
CART_SHARE = 0.0  # the model reads the cart's products as the last steps of the history, and nothing else
ALONE = 1e4  # a share that leaves to the customer only what goes with nothing
RANK_DAMPING = 60.0  # of reciprocal rank fusion: Cormack, Clarke & Buettcher 2009, section 2
FUSED = 200  # candidates of each list that are fused


def related_to(items: Ints, table: ItemTable) -> Ints:
    """Return what goes with one or more items together, best first, none of them among it."""
    if len(items) == 1:
        return table.row(int(items[0]))[0][:FUSED].astype(np.int64)
    scores = table.addends(np.unique(items), np.ones(len(np.unique(items)))).total()
    scores[items] = 0.0
    best = top_k(scores, FUSED)
    return best[scores[best] > 0]


def fused(
    related: Ints, personal: NDArray[np.floating], popularity: NDArray[np.float64], *, share: float
) -> NDArray[np.float64]:
    """
    Return one score an item, (I,), for a list of related items and the scores for a customer.

    :param personal: (I,); all zero for a customer of whom nothing is known
    :param share: how much louder the related items are than the customer's; alone they always speak
    """
    scores = hint(popularity)
    is_known = bool(personal.any())
    loudness = share if share or is_known else RELATED_SHARE
    scores[related] += loudness / (RANK_DAMPING + 1 + np.arange(len(related)))
    if is_known:
        best = top_k(personal, FUSED)
        scores[best] += 1.0 / (RANK_DAMPING + 1 + np.arange(len(best)))
    return scores


def in_cart(history: History) -> Ints:
    """Return what lies in the cart now: a history tells it as steps of the moment that is asked about."""
    if history.now == UNKNOWN_TIME:
        return np.zeros(0, dtype=np.int64)
    return np.unique(history.items[(history.events == Event.CART) & (history.at == history.now)])


def closest(item: int, among: Ints, table: ItemTable) -> int | None:
    """Return which of some products an item goes with most, None if with none of them."""
    strengths = [values[items == item].sum() for items, values in map(table.row, among.tolist())]
    best = int(np.argmax(strengths))
    return int(among[best]) if strengths[best] > 0 else None
