"""
What a log tells of arrivals: which products are some, and how products with their words started.

Learned here, read in ``models.recommender.serving.arrivals``. Shapes in comments: I items, W words.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.recommender.log.arrays import DAY_US, Bools, Floats, Ints
from models.recommender.log.content import NOTHING_KNOWN, TokenMatrix, Vocabulary
from models.recommender.log.log import NEVER, Log
from models.recommender.serving.arrivals import Arrivals

NEW_DAYS = 90  # what found no buyer in a season is no arrival any more
MOST_ARRIVALS = 500  # the newest ones; more at once are an import, not arrivals

# Measured on Online Retail, on three cuts before any test: docs/recommender.md.
FIRST_DAYS = 60  # of a product's life, whose sales tell how it started
FEWEST_DAYS = 14  # a start is at least so long: one sale on the first day is no sale a day
MONTH_DAYS = 30.0
START_SHRINKAGE = 10.0  # of what words add to a start, in products


def is_arrival(log: Log) -> Bools:
    """
    Return of each item whether it counts as an arrival when a log ends, (I,).

    Such an item is listed, never sold, and was created in the last ``NEW_DAYS`` or nobody knows when.
    """
    until = int(log.at.max(initial=0))
    is_sold = np.bincount(log.purchases.item, minlength=log.items) > 0
    is_young = (log.created_at == NEVER) | (log.created_at >= until - NEW_DAYS * DAY_US)
    return np.asarray(log.is_listed & ~is_sold & is_young)


def learn_arrivals(log: Log, vocabulary: Vocabulary | None = None) -> Arrivals:
    """Return the arrivals of a log, told by the words of a vocabulary, or else of its own."""
    facts = log.facts or [NOTHING_KNOWN] * log.items
    vocabulary = Vocabulary.learn(facts) if vocabulary is None else vocabulary
    tokens = vocabulary.matrix(facts)
    new = np.flatnonzero(is_arrival(log))
    newest = new[np.argsort(log.created_at[new], kind="stable")[-MOST_ARRIVALS:]]
    words = _words_of_starts(log, tokens, len(vocabulary))
    return Arrivals(np.sort(newest), words, vocabulary.idf, tokens)


def _words_of_starts(log: Log, tokens: TokenMatrix, words: int) -> Floats:
    """
    Return what each word adds to the log of a product's first sales, (W,): ridge regression.

    Source: Hoerl & Kennard 1970, "Ridge Regression", equation 2.1.
    """
    sold, starts = _starts(log)
    if not len(sold) or not words:
        return np.zeros(words, dtype=np.float32)
    spread = sparse.csr_matrix((tokens.weights, tokens.rows, tokens.starts), shape=(log.items, words))[sold]
    # The damping is what each word's square is multiplied by, before it is squared.
    found = sparse.linalg.lsqr(
        spread.astype(np.float64), starts - starts.mean(), damp=math.sqrt(START_SHRINKAGE)
    )
    return np.asarray(found[0], dtype=np.float32)


def _starts(log: Log) -> tuple[Ints, NDArray[np.float64]]:
    """Return the items ever sold, and of each the log of how many a month it sold at first."""
    bought = log.purchases
    first = np.full(log.items, np.iinfo(np.int64).max)
    np.minimum.at(first, bought.item, bought.at)
    sold = np.unique(bought.item)
    if not log.has_clock:
        return sold, np.log1p(np.bincount(bought.item, minlength=log.items)[sold])
    is_early = bought.at - first[bought.item] <= FIRST_DAYS * DAY_US
    sales = np.bincount(bought.item[is_early], minlength=log.items)[sold]
    age = (int(log.at.max(initial=0)) - first[sold]) / DAY_US
    return sold, np.log1p(sales * MONTH_DAYS / np.clip(age, FEWEST_DAYS, FIRST_DAYS))
