"""What one customer did before a moment, as every model reads it. NumPy only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Bools, Events, Ints, Reals, changes, spans

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
        """
        Return the history of the newest steps only, at most so many; itself where it has no more.

        A moment that does not fit whole is thinned; see ``newest_steps``.
        """
        return self if len(self) <= steps else _newest(self, steps)

    def where(self, keep: Bools) -> "History":
        """Return the history with the marked steps only; itself where all are marked."""
        return self if keep.all() else self.taken(keep)

    def arranged(self, *keys: NDArray[np.number]) -> "History":
        """Return the history with the steps of each moment ordered by these keys, the first one first."""
        moment = np.cumsum(begins_moment(self.at))
        return self.taken(np.lexsort((*reversed(keys), moment)))

    def taken(self, places: Bools | Ints) -> "History":
        """Return the history of the steps at some places."""
        return replace(self, items=self.items[places], at=self.at[places], events=self.events[places])

    def without(self, item: int) -> "History":
        """Return the history as if the customer had never met one item."""
        return self.where(self.items != item)


def begins_moment(at: Ints, owner: Ints | None = None) -> Bools:
    """
    Return whether each step begins another moment than the step before it.

    Steps of one moment, a basket, have no order among them. A step at an unknown moment has one of its own.

    :param owner: ascending, where the steps of several customers are laid end to end
    """
    begins = np.ones(len(at), dtype=np.bool_)
    begins[1:] = (at[1:] != at[:-1]) | (at[1:] == UNKNOWN_TIME)
    if owner is not None:
        begins[1:] |= owner[1:] != owner[:-1]
    return begins


def moment_starts(begins: Bools) -> Ints:
    """Return where each moment starts, with the end of the last one appended."""
    return np.append(np.flatnonzero(begins), len(begins))


def newest_steps(moments: Ints, starts: Ints, ends: Ints, *, most: int) -> tuple[Ints, Ints]:
    """
    Return the places of the newest steps of each span, at most so many, and how many each has.

    Of a moment that does not fit whole, steps evenly spread over it stay: what lies last in a moment is no
    newer, it has the higher product id.

    :param moments: where each starts, with the end appended
    """
    first = np.maximum(starts, ends - most)
    after = np.searchsorted(moments, first, side="right")
    begins = np.maximum(starts, moments[after - 1])
    stops = np.minimum(ends, moments[np.minimum(after, len(moments) - 1)])
    places, lengths = spans(begins, ends)
    within = places - np.repeat(begins, lengths)
    wanted, among = np.repeat(stops - first, lengths), np.repeat(stops - begins, lengths)
    before = (within * wanted + among // 2) // among
    is_kept = (within >= among) | (((within + 1) * wanted + among // 2) // among > before)
    return places[is_kept], ends - first


def newer(weights: Reals, begins: Bools) -> Reals:
    """
    Return the weight of all steps after each step; of the others of its own moment, half.

    Half is what an order drawn by lot gives on average: the mid-rank of ties.

    Source: Kendall 1945, "The treatment of ties in ranking problems".
    """
    moment = np.cumsum(begins) - 1
    total = np.bincount(moment, weights)
    after = np.cumsum(total[::-1])[::-1] - total
    found: Reals = after[moment] + (total[moment] - weights) / 2
    return found


@lru_cache(maxsize=REMEMBERED)
def _newest(history: History, steps: int) -> History:
    """Return the newest steps of a longer history; one for all models, which remember it by itself."""
    moments, end = moment_starts(begins_moment(history.at)), np.array([len(history)])
    return history.taken(newest_steps(moments, np.zeros_like(end), end, most=steps)[0])


@lru_cache(maxsize=REMEMBERED)
def distinct(history: History) -> tuple[Ints, Ints]:
    """Return the distinct items of a history, ascending, and the place of each step's item among them."""
    items, place = np.unique(history.items, return_inverse=True)
    return items, place


def longest_history(history: History) -> History:
    """
    Return the part of a history that models read: the newest steps, those of one moment by item.

    The same step twice at one moment, or one after the other at moments nobody knows, counts once: two
    lines of one order.
    """
    if len(history) > 1:
        history = history.arranged(history.items, history.events)
        history = history.where(changes(history.items, history.events, history.at))
    return history.newest(HISTORY_LIMIT)


def moment_of(words: str) -> int:
    """Return an ISO 8601 moment as microseconds since 1970; one without a zone is UTC."""
    moment = datetime.fromisoformat(words)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def iso_of(moment: int) -> str:
    """Return microseconds since 1970 as an ISO 8601 moment in UTC; see ``moment_of``."""
    return (EPOCH + timedelta(microseconds=moment)).isoformat()
