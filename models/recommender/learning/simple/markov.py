"""Markov chain: what is bought after what."""

import numpy as np
from scipy import sparse

from models.recommender.learning.simple.item_tables import item_to_item, top_rows
from models.recommender.learning.simple.purchases import Bought
from models.recommender.log.arrays import Ints
from models.recommender.log.log import Log
from models.recommender.serving.rankers import MARKOV, ItemTable, ItemToItem

PAIRS_AT_ONCE = 4_000_000  # transitions that are counted together, which bounds memory


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
    Return the model of what is bought after what, up to ``reach`` steps later.

    A pair ``s`` steps apart counts ``decay ** (s - 1)``, less if it is old; rows are divided by
    their sum plus ``shrink``, so an item seen twice does not outshout one seen a thousand times.
    """
    table = transitions(log, reach=reach, decay=decay, shrink=shrink, fresh_days=fresh_days)
    return item_to_item(log, table, MARKOV, half_life, half_life_days)


def transitions(log: Log, *, reach: int, decay: float, shrink: float, fresh_days: float | None) -> ItemTable:
    """Return the table of ``fit_markov``."""
    bought = Bought.of(log)
    if not len(bought):
        return ItemTable.empty(log.items)
    by_item = np.argsort(bought.item, kind="stable")
    starts = np.searchsorted(bought.item[by_item], np.arange(log.items + 1))
    fresh = bought.freshness(fresh_days)
    weights = np.float32(decay) ** np.arange(reach, dtype=np.float32)
    tables = []
    for first, end in _blocks(np.diff(starts) * reach, PAIRS_AT_ONCE):
        here = by_item[starts[first] : starts[end], None]
        there = np.minimum(here + np.arange(1, reach + 1), len(bought) - 1)
        is_pair = (bought.user[there] == bought.user[here]) & (there > here + np.arange(reach))
        rows = np.broadcast_to(bought.item[here] - first, there.shape)[is_pair]
        values = (fresh[there] * weights)[is_pair]
        counts = sparse.csr_matrix(
            (values, (rows, bought.item[there[is_pair]])), shape=(end - first, log.items)
        )
        totals = np.asarray(counts.sum(axis=1)).ravel() + shrink
        tables.append(
            top_rows(sparse.csr_matrix(sparse.diags_array(1.0 / totals).astype(np.float32) @ counts))
        )
    return ItemTable.stacked(tables)


def _blocks(sizes: Ints, most: int) -> list[tuple[int, int]]:
    """Return ranges of rows whose sizes add up to at most ``most``, one row if it alone is larger."""
    ends = np.cumsum(sizes)
    blocks, first = [], 0
    while first < len(sizes):
        done = ends[first - 1] if first else 0
        end = max(int(np.searchsorted(ends, done + most, side="right")), first + 1)
        blocks.append((first, end))
        first = end
    return blocks
