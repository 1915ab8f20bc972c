"""
The models as they score: NumPy only. Evaluation and serving run this same code.

Item numbers run from 0 in ascending order of product id. Shapes in comments: I items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from models.recommender.history import UNKNOWN_TIME, History

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

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
DAY_US = 86_400_000_000  # microseconds
EVENT_STRENGTHS = np.array([0.1, 0.3, 1.0])  # of a view and a cart beside a purchase; see ``Event``


BLOCK = 16  # scores whose best one is looked at first


def top_k(scores: NDArray[np.floating], k: int) -> Ints:
    """Return the ``k`` best item numbers, best first; equal scores go by item number."""
    if k >= len(scores):
        return np.argsort(-scores, kind="stable")
    near = _near(scores, k)
    near = near[scores[near] >= np.partition(scores[near], -k)[-k]]
    best: Ints = near[np.argsort(-scores[near], kind="stable")][:k]
    return best


def _near(scores: NDArray[np.floating], k: int) -> Ints:
    """
    Return the items, ascending, that may be among the ``k`` best.

    The k-th best of the blocks' best scores is reached by k items at least. Finding it looks at each
    score once, which takes a fifth of the time of a partition of 20,000 scores.
    """
    blocks = len(scores) // BLOCK
    if blocks <= k:
        return np.arange(len(scores))
    best: NDArray[np.floating] = scores[: blocks * BLOCK].reshape(BLOCK, blocks).max(axis=0)
    near: Ints = np.flatnonzero(scores >= np.partition(best, -k)[-k])
    return near


def spans(begins: NDArray[np.integer], ends: NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Return the places from each begin up to its end, one span after the other, and each span's length."""
    lengths = np.asarray(ends, dtype=np.int64) - begins
    before = np.cumsum(lengths) - lengths
    return np.repeat(begins - before, lengths) + np.arange(int(lengths.sum())), lengths


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
        strengths = EVENT_STRENGTHS[history.events]
        newer = np.cumsum(strengths[::-1])[::-1] - strengths
        weights: NDArray[np.float64] = strengths * np.exp2(-newer / self.steps)
        if self.days is not None and len(history) and (history.at != UNKNOWN_TIME).all():
            now = history.at[-1] if history.now == UNKNOWN_TIME else history.now
            weights *= np.exp2(-np.maximum(now - history.at, 0) / (self.days * DAY_US))
        return weights

    def by_item(self, history: History) -> tuple[Ints, NDArray[np.float64]]:
        """Return the distinct items of a history and the sum of the weights of each one's steps."""
        items, place = np.unique(history.items, return_inverse=True)
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

    def sums(self, items: Ints, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weighted sum of some items' rows, one number an item, (I,)."""
        places, lengths = spans(self.starts[items], self.starts[items + 1])
        strengths = self.values[places] * np.repeat(weights, lengths)
        return np.asarray(np.bincount(self.items[places], strengths, self.rows), dtype=np.float64)


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
class PersonalFrequency:
    """
    What this customer buys again: a sum over their steps, the older ones quieter.

    Popularity, scaled to ``popularity_weight`` purchases at its top, decides between items bought
    equally often and ranks those never bought.
    """

    popularity: NDArray[np.float64]  # (I,)
    decay: Decay
    popularity_weight: float
    name: ClassVar[str] = PERSONAL_FREQUENCY

    def scores(self, history: History) -> NDArray[np.float64]:
        scale = self.popularity_weight / max(float(self.popularity.max(initial=0.0)), 1.0)
        bought = np.bincount(history.items, self.decay.weights(history), len(self.popularity))
        return bought + self.popularity * scale

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
class ItemToItem:
    """
    A table of related items, summed over the history, the older steps quieter.

    The table is silent about most items; popularity orders those.
    """

    table: ItemTable
    popularity: NDArray[np.float64]  # (I,)
    decay: Decay
    name: str

    def scores(self, history: History) -> NDArray[np.float64]:
        items, weights = self.decay.by_item(history.newest(TABLE_STEPS))
        return self.table.sums(items, weights) + hint(self.popularity)

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
