"""Markov chain: what is bought after what."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.recommender.learning.simple.item_tables import item_to_item, top_rows
from models.recommender.learning.simple.purchases import Bought
from models.recommender.log.arrays import Ints
from models.recommender.log.history import begins_moment
from models.recommender.log.log import Log
from models.recommender.serving.rankers import MARKOV, ItemTable, ItemToItem

PAIRS_AT_ONCE = 16_000_000  # transitions that are counted together, which bounds memory


def fit_markov(
    log: Log,
    *,
    reach: int,
    decay: float,
    shrink: float,
    fresh_days: float | None,
    half_life: float,
    half_life_days: float | None = None,
) -> ItemToItem:
    """
    Return the model of what is bought after what, up to ``reach`` orders later.

    A pair ``n`` orders apart counts ``decay ** (n - 1)``, less if it is old, and as a share of the later
    order: one of a hundred lines says as much as one of a single line. What lies in one order follows
    nothing of it. Rows are divided by their sum plus ``shrink``, so an item seen twice does not outshout
    one seen a thousand times.
    """
    table = transitions(log, reach=reach, decay=decay, shrink=shrink, fresh_days=fresh_days)
    return item_to_item(log, table, MARKOV, half_life, half_life_days)


def transitions(log: Log, *, reach: int, decay: float, shrink: float, fresh_days: float | None) -> ItemTable:
    """Return the table of ``fit_markov``."""
    bought = Bought.of(log)
    if not len(bought):
        return ItemTable.empty(log.items)
    begins = begins_moment(bought.at, bought.user)
    first = np.flatnonzero(begins)
    lines = (np.ones(len(bought), np.float32), (np.cumsum(begins) - 1, bought.item))
    held = sparse.csr_matrix(lines, shape=(len(first), log.items))
    held.data[:] = 1.0  # twice in one order is once
    share = bought.freshness(fresh_days)[first] / np.diff(held.indptr).astype(np.float32)
    later = _later(bought.user[first], reach=reach, decay=decay)
    following = sparse.csr_matrix(later @ sparse.diags_array(share) @ held)
    holders = sparse.csr_matrix(held.T)
    tables = []
    for start, end in _blocks(holders @ np.diff(following.indptr), PAIRS_AT_ONCE):
        counts = holders[start:end] @ following
        totals = np.asarray(counts.sum(axis=1)).ravel() + shrink
        shares = sparse.diags_array(1.0 / totals).astype(np.float32) @ counts
        tables.append(top_rows(sparse.csr_matrix(shares)))
    return ItemTable.stacked(tables)


def _later(user: Ints, *, reach: int, decay: float) -> sparse.csr_matrix:
    """Return what each order of the same customer counts after each other one, (orders, orders)."""
    orders = len(user)
    later = sparse.csr_matrix((orders, orders), dtype=np.float32)
    for apart in range(1, min(reach, orders - 1) + 1):
        is_same = (user[apart:] == user[:-apart]).astype(np.float32)
        weights = is_same * np.float32(decay) ** (apart - 1)
        later += sparse.diags_array(weights, offsets=apart, shape=(orders, orders))
    later.eliminate_zeros()
    return later


def _blocks(sizes: NDArray[np.number], most: int) -> list[tuple[int, int]]:
    """Return ranges of rows whose sizes add up to at most ``most``, one row if it alone is larger."""
    ends = np.cumsum(sizes)
    blocks, first = [], 0
    while first < len(sizes):
        done = ends[first - 1] if first else 0
        end = max(int(np.searchsorted(ends, done + most, side="right")), first + 1)
        blocks.append((first, end))
        first = end
    return blocks
