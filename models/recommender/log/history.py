"""What one customer did before a moment, as every model reads it. NumPy only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Events, Ints

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN_TIME = int(np.iinfo(np.int64).min)  # a moment that nobody wrote down
REMEMBERED = 16  # newest histories of which is kept what was worked out: one answer of each thread
HISTORY_LIMIT = 500  # newest steps that any model reads; older ones change no top ten


class Event(IntEnum):
    """What a customer did with a product, the weaker sign of interest first."""

    VIEW = 0
    CART = 1
    PURCHASE = 2


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """
    Steps of one customer, oldest first, in columns of equal length.

    Times are microseconds since 1970, UTC; ``UNKNOWN_TIME`` where nobody wrote them down. The order
    of steps with the same moment, one basket, carries no meaning. A history equals only itself: what
    is worked out for one can be remembered by it.
    """

    items: Ints  # item numbers
    at: Ints
    events: Events
    now: int  # the moment that is asked about

    @classmethod
    def of(
        cls,
        items: "Sequence[int] | Ints",
        at: "Sequence[int] | Ints | None" = None,
        events: "Sequence[int] | Events | None" = None,
        *,
        now: int = UNKNOWN_TIME,
    ) -> "History":
        """Return a history of these items: purchases at unknown moments unless told otherwise."""
        numbers = np.asarray(items, dtype=np.int64)
        return cls(
            items=numbers,
            at=np.full(len(numbers), UNKNOWN_TIME) if at is None else np.asarray(at, dtype=np.int64),
            events=np.full(len(numbers), Event.PURCHASE, dtype=np.int8)
            if events is None
            else np.asarray(events, dtype=np.int8),
            now=now,
        )

    def __len__(self) -> int:
        return len(self.items)

    @property
    def purchases(self) -> Ints:
        """The items that were bought, oldest first."""
        bought: Ints = self.items[self.events == Event.PURCHASE]
        return bought

    def newest(self, steps: int) -> "History":
        """Return the history of the newest steps only; itself where it has no more."""
        if len(self) <= steps:
            return self
        kept = slice(len(self) - steps, None)
        return replace(self, items=self.items[kept], at=self.at[kept], events=self.events[kept])

    def where(self, keep: NDArray[np.bool_]) -> "History":
        """Return the history with the marked steps only; itself where all are marked."""
        if keep.all():
            return self
        return replace(self, items=self.items[keep], at=self.at[keep], events=self.events[keep])

    def without(self, item: int) -> "History":
        """Return the history as if the customer had never met one item."""
        return self.where(self.items != item)


@lru_cache(maxsize=REMEMBERED)
def distinct(history: History) -> tuple[Ints, Ints]:
    """Return the distinct items of a history, ascending, and the place of each step's item among them."""
    items, place = np.unique(history.items, return_inverse=True)
    return items, place


def longest_history(history: History) -> History:
    """
    Return the part of a history that models read: the newest steps.

    The same step twice at one moment, or at moments nobody knows, counts once: two lines of one order.
    """
    if len(history) > 1:
        columns = (history.items, history.events, history.at)
        is_same = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
        history = history.where(np.concatenate([[True], ~is_same]))
    return history.newest(HISTORY_LIMIT)


def moment_of(words: str) -> int:
    """Return an ISO 8601 moment as microseconds since 1970; one without a zone is UTC."""
    moment = datetime.fromisoformat(words)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)
