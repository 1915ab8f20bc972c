"""Item-kNN: what the same baskets or customers bought."""

import numpy as np
from scipy import sparse

from models.recommender.learning.simple.item_tables import item_to_item, top_products
from models.recommender.learning.simple.purchases import Bought
from models.recommender.log.log import Log
from models.recommender.serving.rankers import ITEM_KNN, ItemTable, ItemToItem

BM25_K1 = 1.2
BM25_B = 0.75


def fit_item_knn(
    log: Log,
    *,
    by_basket: bool,
    fresh_days: float | None,
    half_life: float,
    half_life_days: float | None = None,
) -> ItemToItem:
    """
    Return BM25-weighted item neighbours over baskets or customers (guests are customers of one basket).

    Source: Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework", equation 3.15, with
    items as documents and baskets or customers as terms.
    """
    table = neighbours(log, by_basket=by_basket, fresh_days=fresh_days)
    return item_to_item(log, table, ITEM_KNN, half_life, half_life_days)


def neighbours(log: Log, *, by_basket: bool, fresh_days: float | None) -> ItemTable:
    """Return the table of ``fit_item_knn``."""
    return top_products(_bm25(Bought.of(log).matrix(by_basket=by_basket, fresh_days=fresh_days)))


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
