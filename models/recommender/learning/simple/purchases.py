"""
The purchases that simple models learn from: the newest of each customer, and of those the newest of the shop.

One giant customer must not rule, and a log of any length is fitted in bounded time and memory.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.recommender.log.arrays import DAY_US, Floats, Ints, changes
from models.recommender.log.history import begins_moment, moment_starts, newest_steps
from models.recommender.log.log import Log

LONGEST_HISTORY = 500  # newest purchases of one customer that count
MOST_PURCHASES = 2_000_000  # newest purchases of a shop that tables learn from
FULL_BASKET = 1.5  # items in the mean basket from which on baskets say what goes together


@dataclass(frozen=True)
class Bought:
    """The purchases that tables learn from, in columns sorted by (user, at, basket, item)."""

    user: Ints
    item: Ints
    at: Ints
    basket: Ints
    users: int
    items: int
    has_clock: bool

    @classmethod
    def of(cls, log: Log, *, most: int = MOST_PURCHASES) -> "Bought":
        """Return the newest purchases of each customer, and of those the newest ``most``."""
        log = log.purchases
        starts, moments = log.user_starts(), moment_starts(begins_moment(log.at, log.user))
        rows, _ = newest_steps(moments, starts[:-1], starts[1:], most=LONGEST_HISTORY)
        if len(rows) > most:
            rows = np.sort(rows[np.argsort(log.at[rows], kind="stable")[-most:]])
        user, item, at, basket = (column[rows] for column in (log.user, log.item, log.at, log.basket))
        return cls(user, item, at, basket, log.users, log.items, log.has_clock)

    def __len__(self) -> int:
        return len(self.user)

    @property
    def has_baskets(self) -> bool:
        """Whether baskets hold more than their one item often enough to learn from."""
        baskets = int((changes(self.basket, self.user)).sum())
        return len(self) >= FULL_BASKET * max(baskets, 1)

    def freshness(self, half_life_days: float | None) -> Floats:
        """Return what each purchase counts for its age: 1 for the newest, half after so many days."""
        if half_life_days is None or not self.has_clock or not len(self):
            return np.ones(len(self), dtype=np.float32)
        days = (int(self.at.max()) - self.at) / DAY_US
        return np.exp2(-days / half_life_days).astype(np.float32)

    def matrix(self, *, by_basket: bool, fresh_days: float | None) -> sparse.csr_matrix:
        """Return what each basket, or else each customer, bought, (rows, items); repeats add up."""
        rows, count = self.user, self.users
        if by_basket and self.has_baskets:
            rows = np.cumsum(changes(self.basket, self.user)) - 1
            count = int(rows[-1]) + 1
        return sparse.csr_matrix((self.freshness(fresh_days), (rows, self.item)), shape=(count, self.items))
