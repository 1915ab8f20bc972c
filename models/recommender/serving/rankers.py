"""
The models as they score: NumPy only. Evaluation and serving run this same code.

Item numbers run from 0 in ascending order of product id. Shapes in comments: I items.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import DAY_US, Floats, Ints, Reals, spans
from models.recommender.log.history import REMEMBERED, UNKNOWN_TIME, History, begins_moment, distinct, newer

POPULARITY = "popularity"
PERSONAL_FREQUENCY = "personal_frequency"
MARKOV = "markov"
ITEM_KNN = "item_knn"
SESSION_KNN = "session_knn"
EASE = "ease"
CONTENT_KNN = "content_knn"
TRANSFORMER = "transformer"

Settings = dict[str, Any]  # what a manifest says of a model: JSON
Arrays = Mapping[str, NDArray[Any]]  # what an artifact stores of a model

HINT = 1e-9  # score of the most popular item where only popularity speaks
TABLE_STEPS = 100  # newest steps whose related items are summed; measured: more changes nothing
EVENT_STRENGTHS = np.array([0.1, 0.3, 1.0])  # of a view and a cart beside a purchase; see ``Event``


FEW_TO_SORT = 4  # times as many scores as are wanted are sorted sooner than parted
FEWEST_BLOCKS = 256  # of scores whose best one is looked at first


def top_k(scores: NDArray[np.floating], k: int) -> Ints:
    """Return the ``k`` best item numbers, best first; equal scores go by item number."""
    if k >= len(scores):
        return np.argsort(-scores, kind="stable")
    near = _near(scores, k)
    found = scores[near]
    if len(near) > FEW_TO_SORT * k:
        is_near = found >= np.partition(found, -k)[-k]
        near, found = near[is_near], found[is_near]
    best: Ints = near[np.argsort(-found, kind="stable")[:k]]
    return best


def _near(scores: NDArray[np.floating], k: int) -> Ints:
    """
    Return the items, ascending, that may be among the ``k`` best.

    The k-th best of the blocks' best scores is reached by k items at least. Finding it looks at each
    score once, which takes a tenth of the time of a partition of 20,000 scores.
    """
    blocks = max(3 * k, FEWEST_BLOCKS)
    if len(scores) < 2 * blocks:
        return np.arange(len(scores))
    whole = len(scores) // blocks * blocks
    best: NDArray[np.floating] = scores[:whole].reshape(-1, blocks).max(axis=0)
    near: Ints = np.flatnonzero(scores >= np.partition(best, -k)[-k])
    return near


class Model(Protocol):
    """Anything that scores every item for a history, and that an artifact can keep."""

    @property
    def name(self) -> str:
        """One of the names above."""

    def scores(self, history: History) -> NDArray[np.floating]:
        """Return one score an item, (I,), finite, higher is better; an empty history is allowed."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that an artifact stores."""

    def settings(self) -> Settings:
        """Return what the manifest says of the model beside its arrays, in JSON."""


@lru_cache(maxsize=REMEMBERED)
def _strengths(history: History) -> tuple[Reals, Reals]:
    """Return the strength of each step of a history, and of what came after it."""
    strengths = EVENT_STRENGTHS[history.events]
    return strengths, newer(strengths, begins_moment(history.at))


@dataclass(frozen=True)
class Decay:
    """
    How fast what a customer did stops to count: by half every so many steps, and every so many days.

    A view or a cart is a fraction of a step, so looking around does not wash a purchase away.
    """

    steps: float
    days: float | None = None  # None: the clock does not matter

    def weights(self, history: History) -> NDArray[np.float64]:
        """Return the weight of each step of a history, 1 for a purchase just now."""
        strengths, after = _strengths(history)
        weights: NDArray[np.float64] = strengths * np.exp2(-after / self.steps)
        if self.days is not None and len(history) and (history.at != UNKNOWN_TIME).all():
            now = history.at[-1] if history.now == UNKNOWN_TIME else history.now
            weights *= np.exp2(-np.maximum(now - history.at, 0) / (self.days * DAY_US))
        return weights

    def by_item(self, history: History) -> tuple[Ints, NDArray[np.float64]]:
        """Return the distinct items of a history and the sum of the weights of each one's steps."""
        items, place = distinct(history)
        return items, np.asarray(np.bincount(place, self.weights(history), len(items)), dtype=np.float64)

    def settings(self) -> Settings:
        return {"half_life": self.steps, "half_life_days": self.days}

    @classmethod
    def restore(cls, settings: Settings) -> Self:
        return cls(settings["half_life"], settings["half_life_days"])


@dataclass(frozen=True)
class ItemTable:
    """A sparse item-to-item matrix: row ``i`` is ``items[starts[i]:starts[i + 1]]``, strongest first."""

    starts: Ints
    items: NDArray[np.int32]
    values: Floats

    @classmethod
    def empty(cls, rows: int) -> "ItemTable":
        """Return a table that relates nothing to anything."""
        return cls(np.zeros(rows + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))

    @classmethod
    def stacked(cls, tables: "Sequence[ItemTable]") -> "ItemTable":
        """Return one table with the rows of all, in order."""
        lengths = np.concatenate([np.diff(table.starts) for table in tables] or [np.zeros(0, np.int64)])
        return cls(
            starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            items=np.concatenate([table.items for table in tables] or [np.zeros(0, np.int32)]),
            values=np.concatenate([table.values for table in tables] or [np.zeros(0, np.float32)]),
        )

    def without_self(self) -> "ItemTable":
        """Return the table in which no item is related to itself."""
        owner = np.repeat(np.arange(self.rows), np.diff(self.starts))
        keep = self.items != owner
        kept_before = np.concatenate([[0], np.cumsum(keep)])
        return ItemTable(kept_before[self.starts].astype(np.int64), self.items[keep], self.values[keep])

    @property
    def rows(self) -> int:
        """How many items have a row, empty ones included."""
        return len(self.starts) - 1

    def row(self, item: int) -> tuple[NDArray[np.int32], Floats]:
        """Return an item's related items and their strengths, strongest first."""
        span = slice(int(self.starts[item]), int(self.starts[item + 1]))
        return self.items[span], self.values[span]

    def addends(self, items: Ints, weights: NDArray[np.float64]) -> "Entries":
        """Return what some items, ascending, add to others: their rows, weighed."""
        places, lengths = spans(self.starts[items], self.starts[items + 1])
        strengths = np.repeat(weights, lengths)
        strengths *= self.values[places]
        return Entries(self.items[places], strengths, items, lengths, self.rows)


class Addends(Protocol):
    """What each item of a history adds to the scores of others."""

    def of(self, met: Ints, items: Ints) -> NDArray[np.float64]:
        """Return what each of some items of the history, ascending, adds to some items, (items, met)."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Addends, one entry for each item and item of the history; a pair without one adds nothing."""

    items: NDArray[np.integer]  # (E,), by item of the history
    strengths: NDArray[np.float64]  # (E,)
    met: Ints  # the items of the history
    lengths: Ints  # how many entries each of them has
    count: int  # I

    def total(self) -> NDArray[np.float64]:
        """Return what all items of the history add to each item, (I,)."""
        return np.bincount(self.items, self.strengths, self.count).astype(np.float64, copy=False)

    def of(self, met: Ints, items: Ints) -> NDArray[np.float64]:
        """Return what each of some items of the history, ascending, adds to some items, (items, met)."""
        row_of = np.full(max(self.count, int(items.max(initial=0)) + 1), -1, dtype=np.int32)
        row_of[items] = np.arange(len(items))
        column = places_among(met, self.met)
        entries, column = self._entries_of(column)
        row = row_of[self.items[entries]]
        asked = np.flatnonzero(row >= 0)
        cells = row[asked] * len(met) + column[asked]
        added = np.bincount(cells, self.strengths[entries][asked], len(items) * len(met))
        return added.reshape(len(items), len(met)).astype(np.float64, copy=False)

    def _entries_of(self, column: Ints) -> tuple[Ints | slice, Ints]:
        """Return the entries of those items of the history that have a column, and the column of each."""
        has_column = column >= 0
        if has_column.all():
            return slice(None), np.repeat(column, self.lengths)
        ends = np.cumsum(self.lengths)[has_column]
        entries, lengths = spans(ends - self.lengths[has_column], ends)
        return entries, np.repeat(column[has_column], lengths)


def places_among(ascending: Ints, wanted: Ints) -> Ints:
    """Return the place of each wanted number among ascending ones, -1 for one that is not there."""
    if not len(ascending):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    return np.where(ascending[at] == wanted, at, -1)


Told = tuple[NDArray[np.floating], Addends]  # scores, (I,), and what each item of the history adds to them


class Sum(ABC):
    """A model whose scores are a sum over the items of a history, so that the part of each can be told."""

    def scores(self, history: History) -> NDArray[np.floating]:
        """Return one score an item, (I,)."""
        return self.told(history)[0]

    @abstractmethod
    def told(self, history: History) -> Told:
        """Return one score an item, (I,), and what each item of the history adds to them."""


@dataclass(frozen=True)
class Popularity:
    """The same list for everybody: recent sales, then all sales, then newest items."""

    scores_by_item: NDArray[np.float64]
    name: ClassVar[str] = POPULARITY

    def scores(self, history: History) -> NDArray[np.float64]:
        return self.scores_by_item

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"scores": self.scores_by_item}

    def settings(self) -> Settings:
        return {}

    @classmethod
    def restore(cls, arrays: Arrays, settings: Settings) -> Self:
        return cls(arrays["scores"])


@dataclass(frozen=True)
class PersonalFrequency(Sum):
    """
    What this customer buys again: a sum over their steps, the older ones quieter.

    Popularity, scaled to ``popularity_weight`` purchases at its top, decides between items bought
    equally often and ranks those never bought.
    """

    popularity: NDArray[np.float64]  # (I,)
    decay: Decay
    popularity_weight: float
    name: ClassVar[str] = PERSONAL_FREQUENCY

    def told(self, history: History) -> tuple[NDArray[np.float64], Addends]:
        items, weights = self.decay.by_item(history)
        addends = Entries(items, weights, items, np.ones_like(items), len(self.popularity))
        scores = addends.total()
        scores += self._usual
        return scores, addends

    @cached_property
    def _usual(self) -> NDArray[np.float64]:
        """What popularity adds for everybody, (I,)."""
        scale = self.popularity_weight / max(float(self.popularity.max(initial=0.0)), 1.0)
        return self.popularity * scale

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"popularity": self.popularity}

    def settings(self) -> Settings:
        return {**self.decay.settings(), "popularity_weight": self.popularity_weight}

    @classmethod
    def restore(cls, arrays: Arrays, settings: Settings) -> Self:
        return cls(arrays["popularity"], Decay.restore(settings), settings["popularity_weight"])


def hint(popularity_I: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return popularity so small that it only orders items which nothing else tells apart."""
    return popularity_I * (HINT / max(float(popularity_I.max(initial=0.0)), 1.0))


@dataclass(frozen=True)
class ItemToItem(Sum):
    """
    A table of related items, summed over the history, the older steps quieter.

    The table is silent about most items; popularity orders those.
    """

    table: ItemTable
    popularity: NDArray[np.float64]  # (I,)
    decay: Decay
    name: str

    def told(self, history: History) -> tuple[NDArray[np.float64], Addends]:
        addends = self.table.addends(*self.decay.by_item(history.newest(TABLE_STEPS)))
        scores = addends.total()
        scores += self._hint
        return scores, addends

    @cached_property
    def _hint(self) -> NDArray[np.float64]:
        return hint(self.popularity)

    def arrays(self) -> dict[str, NDArray[Any]]:
        table = self.table
        return {
            "popularity": self.popularity,
            "starts": table.starts,
            "items": table.items,
            "values": table.values,
        }

    def settings(self) -> Settings:
        return {**self.decay.settings(), "name": self.name}

    @classmethod
    def restore(cls, arrays: Arrays, settings: Settings) -> Self:
        table = ItemTable(arrays["starts"], arrays["items"], arrays["values"])
        return cls(table, arrays["popularity"], Decay.restore(settings), settings["name"])
