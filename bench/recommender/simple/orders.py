"""Orders and histories as sparse matrices. C counts cases, O orders, U users, I items."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bench.peers.exchange import Ints, PeerCases, Purchases, Reals, Train

Matrix = Any  # a scipy.sparse.csr_array: SciPy has no types
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Recency:
    """How much an older order of a history counts, by the orders since or by the days since."""

    per_order: float = 1.0
    half_life_days: float | None = None

    def weights(self, back: Ints, age_days: Reals) -> Reals:
        """Return the weight of purchases so many orders and days old."""
        if self.half_life_days is None:
            found: Reals = np.power(self.per_order, back)
            return found
        return half_life(age_days, self.half_life_days)


def half_life(age_days: Reals, days: float | None) -> Reals:
    """Return weights that halve with so many days; 1 where no half-life is given."""
    if days is None:
        return np.ones(len(age_days))
    found: Reals = np.exp2(-np.maximum(age_days, 0.0) / days)
    return found


def order_numbers(bought: Purchases) -> Ints:
    """Return the number of the order of each purchase, ascending: lines of one moment are one order."""
    begins = np.ones(len(bought.who), dtype=np.int64)
    begins[1:] = (np.diff(bought.who) != 0) | (np.diff(bought.at) != 0)
    return np.cumsum(begins) - 1


def orders_back(bought: Purchases) -> Ints:
    """Return how many orders of the same user or case are newer than each purchase."""
    order = order_numbers(bought)
    newest = np.zeros(int(bought.who.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(newest, bought.who, order)
    back: Ints = newest[bought.who] - order
    return back


def matrix(rows: Ints, columns: Ints, values: Reals, shape: tuple[int, int]) -> Matrix:
    """Return a sparse matrix in which equal places are summed."""
    return sparse.csr_array((np.asarray(values, dtype=np.float32), (rows, columns)), shape=shape)


def told(asked: PeerCases, reading: Recency) -> Matrix:
    """Return how much each item of each case's history counts, (C, I)."""
    history = asked.history
    age = (asked.now[history.who] - history.at) / DAY_US
    weights = reading.weights(orders_back(history), age)
    return matrix(history.who, history.item, weights, (asked.cases, asked.items))


@dataclass(frozen=True, eq=False)
class Units:
    """What is learned from: the items of each order or of each customer, with their weights, (O or U, I)."""

    train: Train

    @cached_property
    def order(self) -> Ints:
        """The order of each purchase."""
        return order_numbers(self.train.bought)

    @cached_property
    def age_days(self) -> Reals:
        """Days from each purchase to the newest; 0 without a common clock."""
        at = self.train.bought.at
        age: Reals = (at.max(initial=0) - at) / DAY_US
        return age if self.train.has_clock else np.zeros(len(at))

    def of(self, unit: str, fresh_days: float | None = None) -> Matrix:
        """Return the items of each ``order`` or ``customer``; newer ones count more with ``fresh_days``."""
        rows = self.order if unit == "order" else self.train.bought.who
        weights = half_life(self.age_days, fresh_days)
        shape = (int(rows.max(initial=-1)) + 1, self.train.items)
        return matrix(rows, self.train.bought.item, weights, shape)

    def popularity(self, fresh_days: float | None = None) -> NDArray[np.float64]:
        """Return the weighted sales of each item, (I,)."""
        weights = half_life(self.age_days, fresh_days)
        return np.bincount(self.train.bought.item, weights, self.train.items).astype(np.float64)

    def hint(self) -> NDArray[np.float32]:
        """Return popularity so small that it only orders what a model says nothing of, (I,)."""
        counts = self.popularity()
        found: NDArray[np.float32] = (1e-7 * counts / max(counts.max(initial=0.0), 1.0)).astype(np.float32)
        return found
