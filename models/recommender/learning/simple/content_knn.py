"""Content-kNN: what says the same of itself."""

import numpy as np
from scipy import sparse

from models.recommender.learning.simple.item_tables import item_to_item, top_products
from models.recommender.log.content import Vocabulary
from models.recommender.log.log import Log
from models.recommender.serving.rankers import CONTENT_KNN, ItemTable, ItemToItem

MOST_PRODUCTS = 200_000_000  # multiplications for alike contents, about 5 s on one core


def fit_content_knn(log: Log, *, half_life: float, half_life_days: float | None = None) -> ItemToItem:
    """
    Return items alike in what they say of themselves: the cosine of their weighted tokens.

    The only simple model that can name a product before its first sale. It is silent where the log
    holds no side information.
    """
    return item_to_item(log, likenesses(log), CONTENT_KNN, half_life, half_life_days)


def likenesses(log: Log) -> ItemTable:
    """Return the table of ``fit_content_knn``."""
    if not log.facts:
        return ItemTable.empty(log.items)
    vocabulary = Vocabulary.learn(log.facts)
    known = vocabulary.matrix(log.facts)
    weights = sparse.csc_matrix((known.weights, known.rows, known.starts), shape=(len(vocabulary), log.items))
    return top_products(_without_commonplaces(sparse.csr_matrix(weights)))


def _without_commonplaces(weights: sparse.csr_matrix) -> sparse.csr_matrix:
    """
    Return the tokens' rows without the commonest where comparing all items by them takes too long.

    What every tenth of 100,000 products says of itself tells none of them apart, and a token of ``n``
    items costs ``n * n`` multiplications.
    """
    sizes = np.diff(weights.indptr).astype(np.int64)
    order = np.argsort(sizes, kind="stable")
    is_kept = np.zeros(len(sizes), dtype=np.bool_)
    is_kept[order[np.cumsum(sizes[order] ** 2) <= MOST_PRODUCTS]] = True
    return weights[is_kept]
