"""
What the customers of one shop did, in columns.

A ``Log`` holds columns of equal length, sorted by (user, at, basket, item, event). Users, items and
baskets are numbered from 0; ``item_ids`` leads back to the shop's product ids.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress

import numpy as np

from models.recommender.log.arrays import Bools, Events, Floats, Ints, changes
from models.recommender.log.content import ItemFacts
from models.recommender.log.history import Event

STEP_COLUMNS = ("user", "item", "at", "basket", "event", "quantity", "price")
NEVER = np.iinfo(np.int64).min  # created_at of an item whose creation is unknown: oldest of all


@dataclass(frozen=True)
class Log:
    """What the customers of one shop did, in columns; see the module for order and numbering."""

    user: Ints
    item: Ints
    at: Ints  # microseconds since 1970, UTC
    basket: Ints
    event: Events  # values of ``Event``
    quantity: Floats
    price: Floats  # of one piece, NaN where it is not known
    item_ids: Ints  # ascending; every item on sale or ever sold
    created_at: Ints  # of each item, microseconds
    is_listed: Bools  # of each item: still in the catalogue
    users: int
    data_hash: str
    until: str
    facts: tuple[ItemFacts, ...] = field(default=(), repr=False)  # one an item, or none at all
    item_names: tuple[str, ...] | None = field(default=None, repr=False)  # where ids are not numbers
    has_clock: bool = True  # whether moments of different customers can be compared

    def __len__(self) -> int:
        return len(self.user)

    @property
    def items(self) -> int:
        """How many items the shop has or ever sold."""
        return len(self.item_ids)

    @property
    def end(self) -> int:
        """The moment after the newest step, microseconds; 0 without any."""
        return int(self.at.max()) + 1 if len(self) else 0

    def where(self, keep: Bools) -> "Log":
        """Return the log with only the steps that ``keep`` marks; numbering stays."""
        columns = {name: getattr(self, name)[keep] for name in STEP_COLUMNS}
        return replace(self, **columns)

    def before(self, moment: int) -> "Log":
        """Return the log as it was at a moment, microseconds: everything older."""
        return self.where(self.at < moment)

    def of_buyers(self) -> "Log":
        """Return the steps of whoever bought, numbered anew: an export holds no others, who teach nothing."""
        has_bought = np.bincount(self.user[self.event == Event.PURCHASE], minlength=self.users) > 0
        kept = self.where(has_bought[self.user])
        return replace(kept, user=(np.cumsum(has_bought) - 1)[kept.user], users=int(has_bought.sum()))

    def with_items_of(self, moment: int) -> "Log":
        """Return the log of what was in the catalogue or sold before a moment, microseconds, alone."""
        is_known = self.is_listed & (self.created_at < moment)
        is_known[self.item[self.at < moment]] = True
        kept = self.where(is_known[self.item])
        return replace(
            kept,
            item=(np.cumsum(is_known) - 1)[kept.item],
            item_ids=self.item_ids[is_known],
            created_at=self.created_at[is_known],
            is_listed=self.is_listed[is_known],
            facts=tuple(compress(self.facts, is_known)),
            item_names=self.item_names and tuple(compress(self.item_names, is_known)),
        )

    @cached_property
    def purchases(self) -> "Log":
        """The log without what was only looked at or laid into a cart."""
        return self.where(self.event == Event.PURCHASE)

    @cached_property
    def sequences(self) -> "Log":
        """The log without a repeated item inside one basket: what a sequence of steps is."""
        return self.where(changes(self.basket, self.item, self.user, self.event))

    def user_starts(self) -> Ints:
        """Return where each user's purchases start, with the end of the last one appended."""
        return np.searchsorted(self.user, np.arange(self.users + 1)).astype(np.int64)
