"""Item-to-item tables: the strongest neighbours of each item."""

from itertools import pairwise

import numpy as np
from scipy import sparse

from models.recommender.learning.simple.popularity import fit_popularity
from models.recommender.log.log import Log
from models.recommender.serving.rankers import Decay, ItemTable, ItemToItem, top_k

TABLE_WIDTH = 200  # neighbours kept an item: beyond them scores are noise and files grow
CELLS_AT_ONCE = 8_000_000  # of an item-to-item matrix, whole rows at a time, which bounds memory


def item_to_item(
    log: Log, table: ItemTable, name: str, half_life: float, half_life_days: float | None
) -> ItemToItem:
    """Return the model over a table; where the table is silent, popularity orders."""
    hints = fit_popularity(log).scores_by_item
    return ItemToItem(table, hints, Decay(half_life, half_life_days), name)


def top_products(weights: sparse.csr_matrix) -> ItemTable:
    """Return the strongest cosine neighbours of each column, itself left out."""
    norms = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=0)).ravel())
    unit = weights @ sparse.diags_array(1.0 / np.maximum(norms, 1e-9)).astype(np.float32)
    unit = sparse.csr_matrix(unit)
    by_item = sparse.csr_matrix(unit.T)
    at_once = max(CELLS_AT_ONCE // max(by_item.shape[0], 1), 1)
    tables = []
    for start in range(0, by_item.shape[0], at_once):
        rows = sparse.csr_matrix(by_item[start : start + at_once] @ unit).tocoo()
        other = rows.col != rows.row + start
        shape = rows.shape
        tables.append(
            top_rows(sparse.csr_matrix((rows.data[other], (rows.row[other], rows.col[other])), shape=shape))
        )
    return ItemTable.stacked(tables)


def top_rows(matrix: sparse.csr_matrix) -> ItemTable:
    """Return the strongest ``TABLE_WIDTH`` entries of each row, strongest first."""
    matrix.sort_indices()
    related, values = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.float32)]
    starts = np.zeros(matrix.shape[0] + 1, dtype=np.int64)
    for row, (first, end) in enumerate(pairwise(matrix.indptr.tolist())):
        strengths = matrix.data[first:end]
        best = top_k(strengths, TABLE_WIDTH)
        related.append(matrix.indices[first:end][best])
        values.append(strengths[best])
        starts[row + 1] = starts[row] + len(best)
    return ItemTable(
        starts, np.concatenate(related).astype(np.int32), np.concatenate(values).astype(np.float32)
    )
