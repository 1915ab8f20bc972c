"""
The simple models: fitted here, scored in ``models.recommender.rankers``.

Each fit takes a log cut at a moment and gives what serves, so what is evaluated is what a shopper
sees.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.recommender.dataset import DAY_US, NEVER, Ints, Log
from models.recommender.rankers import (
    ItemTable,
    PersonalFrequency,
    Popularity,
)

TABLE_WIDTH = 200  # neighbours kept an item: beyond them scores are noise and files grow
LONGEST_HISTORY = 500  # newest purchases of one customer that count: one giant user must not rule
ROWS_AT_ONCE = 512  # items whose neighbours are computed together, which bounds memory

BM25_K1 = 1.2
BM25_B = 0.75


def fit_popularity(log: Log, *, window_days: float) -> Popularity:
    """Return the sales of each item in the newest days, then older sales, then newest items first."""
    newest = int(log.at.max()) if len(log) else 0
    recent = np.bincount(log.item[log.at > newest - window_days * DAY_US], minlength=log.items)
    ever = np.bincount(log.item, minlength=log.items)
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


def fit_personal_frequency(
    popularity: Popularity, *, half_life: float, popularity_weight: float
) -> PersonalFrequency:
    """Return the model that offers again what the customer bought, newest and most often first."""
    return PersonalFrequency(
        popularity=popularity.scores_by_item, half_life=half_life, popularity_weight=popularity_weight
    )


def fit_markov(log: Log, *, reach: int, decay: float, shrink: float) -> ItemTable:
    """
    Return transition strengths from each purchase to those up to ``reach`` steps later.

    A pair ``s`` steps apart counts ``decay ** (s - 1)``; rows are divided by their sum plus
    ``shrink``, so an item seen twice does not outshout one seen a thousand times.
    """
    counts = sparse.csr_matrix((log.items, log.items), dtype=np.float32)
    for step in range(1, min(reach, len(log)) + 1):
        same_user = log.user[step:] == log.user[:-step]
        pairs = (log.item[:-step][same_user], log.item[step:][same_user])
        weight = np.full(len(pairs[0]), decay ** (step - 1), dtype=np.float32)
        counts = counts + sparse.csr_matrix((weight, pairs), shape=counts.shape)
    totals = np.asarray(counts.sum(axis=1)).ravel() + shrink
    scaled = sparse.diags_array(1.0 / totals).astype(np.float32) @ counts
    return _top_rows(sparse.csr_matrix(scaled))


def fit_item_knn(log: Log) -> ItemTable:
    """
    Return BM25-weighted item neighbours over customers (guests are customers of one basket).

    Source: Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework", equation 3.15, with
    items as documents and customers as terms.
    """
    newest = _newest_of_each_user(log)
    bought = sparse.csr_matrix(
        (np.ones(len(newest), dtype=np.float32), (newest.user, newest.item)), shape=(log.users, log.items)
    )
    return _top_products(_bm25(bought))


def _newest_of_each_user(log: Log) -> Log:
    ends = log.user_starts()[1:]
    return log.where(ends[log.user] - np.arange(len(log)) <= LONGEST_HISTORY)


def _bm25(bought: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the BM25 weight of each customer (a term) in each item (a document); same shape."""
    counts = bought.tocoo()
    lengths = np.asarray(bought.sum(axis=0)).ravel()
    buyers_items = np.bincount(counts.row, minlength=bought.shape[0])
    rarity = np.log1p((bought.shape[1] - buyers_items + 0.5) / (buyers_items + 0.5))
    length_norm = 1 - BM25_B + BM25_B * lengths / max(float(lengths.sum()) / max(len(lengths), 1), 1e-9)
    saturated = counts.data * (BM25_K1 + 1) / (counts.data + BM25_K1 * length_norm[counts.col])
    values = (saturated * rarity[counts.row]).astype(np.float32)
    return sparse.csr_matrix((values, (counts.row, counts.col)), shape=bought.shape)


def _top_products(weights: sparse.csr_matrix) -> ItemTable:
    """Return the strongest cosine neighbours of each column, itself left out."""
    norms = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=0)).ravel())
    unit = weights @ sparse.diags_array(1.0 / np.maximum(norms, 1e-9)).astype(np.float32)
    unit = sparse.csr_matrix(unit)
    by_item = sparse.csr_matrix(unit.T)
    tables = []
    for start in range(0, by_item.shape[0], ROWS_AT_ONCE):
        rows = sparse.csr_matrix(by_item[start : start + ROWS_AT_ONCE] @ unit).tocoo()
        other = rows.col != rows.row + start
        shape = rows.shape
        tables.append(
            _top_rows(sparse.csr_matrix((rows.data[other], (rows.row[other], rows.col[other])), shape=shape))
        )
    return ItemTable.stacked(tables)


def _top_rows(matrix: sparse.csr_matrix) -> ItemTable:
    """Return the strongest ``TABLE_WIDTH`` entries of each row, strongest first."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    place = np.arange(len(rows)) - matrix.indptr[rows]
    kept = order[place < TABLE_WIDTH]
    starts = np.zeros(matrix.shape[0] + 1, dtype=np.int64)
    np.cumsum(np.minimum(np.diff(matrix.indptr), TABLE_WIDTH), out=starts[1:])
    return ItemTable(
        starts=starts,
        items=matrix.indices[kept].astype(np.int32),
        values=matrix.data[kept].astype(np.float32),
    )
