"""
The frozen list's models, each as its paper has it. C counts cases, U users, I items.

A model is fitted with what is learned and asked with how a history is read; both are tuned. Scores are of
all items for some of the cases, (rows, I).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import linalg, sparse

from bench.peers.exchange import ROWS_AT_ONCE, Ints, PeerCases, Purchases, Reals
from bench.recommender.simple.orders import Matrix, Recency, Units, matrix, order_numbers, told

Score = Callable[[slice], Reals]
Read = Callable[..., Score]  # of an ``PeerCases``, with what is tuned of reading
Grid = Mapping[str, Sequence[Any]]

MOST_EASE_ITEMS = 12_500  # the most bought; the inverse of more takes minutes and gigabytes
READINGS = tuple(Recency(per_order) for per_order in (0.8, 1.0, 0.9, 0.6, 0.3, 0.0))
DAYS = tuple(Recency(half_life_days=days) for days in (90.0, 30.0))  # likewise, with a common clock
UNITS = ("customer", "order")
FRESH_DAYS = (None, 60.0, 20.0)


@dataclass(frozen=True)
class Simple:
    """One kind of simple model."""

    fit: Callable[..., Read]
    learned: Grid = field(default_factory=dict)
    read: Grid = field(default_factory=dict)
    while_tuning: Mapping[str, Any] = field(default_factory=dict)  # what makes a fit of the grid cheaper


def popularity(units: Units, *, fresh_days: float | None) -> Read:
    """Rank by sales, newer ones counting more."""
    counts = units.popularity(fresh_days)

    def read(asked: PeerCases) -> Score:
        return lambda rows: np.tile(counts, (rows.stop - rows.start, 1))

    return read


def personal_frequency(units: Units) -> Read:
    """
    Rank what the customer bought by how often, newer orders counting more; then by popularity.

    Source: Li et al. 2023, "A next basket recommendation reality check", arXiv:2109.14233, P-TopFreq and
    GP-TopFreq, with a decay.
    """
    hint = units.hint()

    def read(asked: PeerCases, *, reading: Recency) -> Score:
        weights = told(asked, reading)
        return lambda rows: weights[rows].toarray() + hint

    return read


def markov(units: Units, *, reach: int, per_step: float, shrink: float, fresh_days: float | None) -> Read:
    """
    Rank by what customers bought in the orders after such a product, up to ``reach`` orders on.

    Source: Rendle et al. 2010, "Factorizing personalized Markov chains", section 4.1, not factorised; higher
    orders with a decay, and chances shrunk by so many purchases.
    """
    items = units.of("order")
    orders = items.shape[0]
    owner = np.zeros(orders, dtype=np.int64)
    owner[units.order] = units.train.bought.who
    steps = range(1, min(reach, orders - 1) + 1)
    firsts = [np.flatnonzero(owner[:-step] == owner[step:]) for step in steps]
    later = np.concatenate([first + step for step, first in zip(steps, firsts, strict=True)])
    sizes = [len(first) for first in firsts]
    decay = np.repeat([per_step ** (step - 1) for step in steps], sizes)
    # Row by row what was bought before an order: one product of matrices instead of one a step.
    before = matrix(later, np.concatenate(firsts), decay, (orders, orders)) @ items
    follows = sparse.csr_array(before.T @ units.of("order", fresh_days))
    return _through(_shrunk(follows, follows.sum(axis=1), shrink), units)


def association(units: Units, *, shrink: float, fresh_days: float | None) -> Read:
    """
    Rank by confidence: how many of a product's orders hold the other one, shrunk by so many orders.

    Source: Agrawal et al. 1993, "Mining association rules between sets of items in large databases".
    """
    held, fresh = units.of("order"), units.of("order", fresh_days)
    together = _without_diagonal(held.T @ fresh)
    return _through(_shrunk(together, held.sum(axis=0), shrink), units)


def item_knn(
    units: Units, *, unit: str, measure: str, neighbours: int, itself: bool, fresh_days: float | None
) -> Read:
    """
    Rank by how alike the buyers (or orders) of two products are.

    Source: Deshpande & Karypis 2004, "Item-based top-N recommendation algorithms"; BM25 as in implicit.
    """
    alike = _alike(units, unit, measure, fresh_days)
    return _through(_strongest(alike if itself else _without_diagonal(alike), neighbours), units)


@lru_cache(maxsize=1)
def _alike(units: Units, unit: str, measure: str, fresh_days: float | None) -> Matrix:
    """Return how alike the buyers (or orders) of products are, (I, I); kept while the rest is tuned."""
    weights = units.of(unit, fresh_days)
    if measure == "bm25":
        weights = _bm25(weights)
    else:
        norms = np.sqrt(weights.multiply(weights).sum(axis=0))
        weights = weights @ sparse.diags_array((1.0 / np.maximum(norms, 1e-9)).astype(np.float32))
    return sparse.csr_array(weights.T @ weights)


def session_knn(units: Units, *, unit: str, fresh_days: float | None) -> Read:
    """
    Rank by what the sessions (orders, or whole customers) most like the history hold.

    Source: Jannach & Ludewig 2017, "When recurrent neural networks meet the neighborhood for session-based
    recommendation", section 3.2; newer sessions count more.
    """
    held = units.of(unit)
    held.data[:] = 1.0
    lengths = np.sqrt(np.maximum(held.sum(axis=1), 1.0))
    fresh = units.of(unit, fresh_days).max(axis=1).toarray().ravel()
    index = (sparse.diags_array(fresh / lengths) @ held).T.tocsr()
    hint = units.hint()

    def read(asked: PeerCases, *, reading: Recency, neighbours: int) -> Score:
        weights = told(asked, reading)

        def score(rows: slice) -> Reals:
            near = _strongest(sparse.csr_array(weights[rows] @ index), neighbours)
            found: Reals = (near @ held).toarray() + hint
            return found

        return score

    return read


def ease(
    units: Units, *, unit: str, ridge: float, fresh_days: float | None, most_items: int = MOST_EASE_ITEMS
) -> Read:
    """
    Rank by a linear model of all products at once, without a product's weight on itself.

    Source: Steck 2019, arXiv:1905.03375, equation 8.
    """
    sales = units.popularity()
    kept = np.argsort(-sales, kind="stable")[: min(most_items, np.count_nonzero(sales))]
    weights = units.of(unit, fresh_days)[:, kept]
    gram = (weights.T @ weights).toarray()
    gram[np.diag_indices_from(gram)] += ridge
    precision = linalg.lapack.spotri(linalg.cholesky(gram, overwrite_a=True, check_finite=False))[0]
    precision = np.triu(precision) + np.triu(precision, 1).T
    linear = precision / -np.diag(precision)
    linear[np.diag_indices_from(linear)] = 0.0
    hint = units.hint()

    def read(asked: PeerCases, *, reading: Recency) -> Score:
        history = told(asked, reading)[:, kept]

        def score(rows: slice) -> Reals:
            scores = np.tile(hint, (rows.stop - rows.start, 1))
            scores[:, kept] += history[rows] @ linear
            return scores

        return score

    return read


def tifu_knn(units: Units, *, within: float, between: float, groups: int) -> Read:
    """
    Rank by a customer's own decayed frequency mixed with that of the nearest customers.

    Source: Hu et al. 2020, "Modeling personalized item frequency information for next-basket
    recommendation", arXiv:2006.00556, equations 1 to 4.
    """
    train = units.train
    vectors = frequency_vectors(
        train.bought, (train.users, train.items), within=within, between=between, groups=groups
    )
    squares = np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel()
    hint = units.hint()

    def read(asked: PeerCases, *, neighbours: int, own: float) -> Score:
        mine = frequency_vectors(
            asked.history, (asked.cases, asked.items), within=within, between=between, groups=groups
        )

        def score(rows: slice) -> Reals:
            nearness = 2.0 * (mine[rows] @ vectors.T).toarray() - squares
            users = asked.users[rows]
            known = np.flatnonzero(users >= 0)
            nearness[known, users[known]] = -np.inf  # nobody is their own neighbour
            near = _chosen(nearness, neighbours)
            found: Reals = own * mine[rows].toarray() + (1 - own) * (near @ vectors).toarray() + hint
            return found

        return score

    return read


def frequency_vectors(
    bought: Purchases, shape: tuple[int, int], *, within: float, between: float, groups: int
) -> Matrix:
    """
    Return the personal item frequency of each user or case, (users, I).

    A history is parted into at most ``groups`` groups of orders, as equal as can be, the older ones shorter.
    An order counts ``within`` less for each newer order of its group, and a group ``between`` less for each
    newer group; both are averaged.
    """
    order = order_numbers(bought)
    first = np.searchsorted(bought.who, bought.who)
    number = order - order[first] if len(order) else order
    count = np.zeros(shape[0], dtype=np.int64)
    np.maximum.at(count, bought.who, number + 1)
    orders = count[bought.who]
    parts = np.minimum(groups, orders)
    # Counted from the newest, so that group 0 is the newest.
    back = orders - 1 - number
    group = back * parts // np.maximum(orders, 1)
    starts = -(-group * orders // np.maximum(parts, 1))
    sizes = -(-(group + 1) * orders // np.maximum(parts, 1)) - starts
    weights = within ** (back - starts) / sizes * between**group / parts
    once = np.unique(np.stack([order, bought.item]), axis=1, return_index=True)[1]
    return matrix(bought.who[once], bought.item[once], weights[once], shape)


def _through(table: Matrix, units: Units) -> Read:
    """Return how a table of items by items is read: the rows of a history's items, weighted and added."""
    hint = units.hint()

    def read(asked: PeerCases, *, reading: Recency) -> Score:
        weights = told(asked, reading)
        return lambda rows: (weights[rows] @ table).toarray() + hint

    return read


def _shrunk(counts: Matrix, totals: Reals, shrink: float) -> Matrix:
    shares = (1.0 / np.maximum(totals + shrink, 1e-9)).astype(np.float32)
    return sparse.csr_array(sparse.diags_array(shares) @ counts)


def _bm25(weights: Matrix) -> Matrix:
    """Return BM25 weights of items in units, k1 = 1.2 and b = 0.75 (Robertson & Zaragoza 2009)."""
    found = weights.tocoo()
    sizes = np.asarray(weights.sum(axis=1)).ravel()
    norm = 1.2 * (0.25 + 0.75 * sizes / max(sizes.mean(), 1e-9))
    rarity = np.log1p(weights.shape[0]) - np.log1p(np.bincount(found.col, minlength=weights.shape[1]))
    values = found.data * 2.2 / (found.data + norm[found.row]) * rarity[found.col]
    return matrix(found.row, found.col, values, weights.shape)


def _without_diagonal(table: Matrix) -> Matrix:
    found = table.tocoo()
    kept = found.row != found.col
    return matrix(found.row[kept], found.col[kept], found.data[kept], table.shape)


def _strongest(table: Matrix, count: int) -> Matrix:
    """Return a table with the largest values of each row."""
    rows, columns = table.shape
    count = min(count, columns)
    parts = []
    for start in range(0, rows, ROWS_AT_ONCE):
        block = table[start : start + ROWS_AT_ONCE].toarray()
        best = np.argpartition(-block, count - 1, axis=1)[:, :count]
        row = np.repeat(np.arange(len(block)), count)
        values = block[row, best.ravel()]
        parts.append(matrix(row, best.ravel(), values, block.shape))
    found = sparse.csr_array(sparse.vstack(parts))
    found.eliminate_zeros()
    return found


def _chosen(nearness: Reals, count: int) -> Matrix:
    """Return a row a case with 1 / count at its nearest users."""
    count = min(count, nearness.shape[1] - 1)
    near: Ints = np.argpartition(-nearness, count - 1, axis=1)[:, :count]
    rows = np.repeat(np.arange(len(near)), count)
    return matrix(rows, near.ravel(), np.full(near.size, 1.0 / count), nearness.shape)


POPULARITY = "popularity"
# Listed from the plainest: it wins a tie.
MODELS = {
    POPULARITY: Simple(popularity, {"fresh_days": (None, 60.0, 20.0, 7.0)}),
    "personal_frequency": Simple(personal_frequency, read={"reading": READINGS}),
    "markov": Simple(
        markov,
        {"reach": (1, 3, 10), "per_step": (0.6, 0.9), "shrink": (1.0, 10.0), "fresh_days": FRESH_DAYS},
        {"reading": READINGS},
    ),
    "association": Simple(
        association, {"shrink": (1.0, 10.0, 50.0), "fresh_days": FRESH_DAYS}, {"reading": READINGS}
    ),
    "item_knn": Simple(
        item_knn,
        {
            "unit": UNITS,
            "measure": ("cosine", "bm25"),
            "fresh_days": FRESH_DAYS,
            "neighbours": (50, 300),
            "itself": (False, True),
        },
        {"reading": READINGS},
    ),
    "session_knn": Simple(
        session_knn,
        {"unit": UNITS, "fresh_days": (None, 60.0, 20.0, 7.0)},
        {"reading": READINGS, "neighbours": (50, 200, 1000)},
    ),
    "ease": Simple(
        ease,
        {"unit": UNITS, "ridge": (30.0, 200.0, 1000.0), "fresh_days": FRESH_DAYS},
        {"reading": READINGS},
        {"most_items": 3_000},
    ),
    "tifu_knn": Simple(
        tifu_knn,
        {"within": (0.9, 1.0), "between": (0.7, 0.9), "groups": (3, 7)},
        {"neighbours": (100, 300, 900), "own": (0.2, 0.5, 0.8)},
    ),
}
STRANGER = "stranger"  # of whom nothing is known: only popularity answers
