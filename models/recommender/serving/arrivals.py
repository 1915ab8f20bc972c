"""
A place for products that never sold. NumPy only.

What is learned from sales leaves a product without any at the end of every list, where it stays
without sales. So a list may keep its last place for the arrival that suits its customer best, told by
words alone: those that it shares with what the customer met, and how products with its words sold when
they were new. Shapes in comments: I items, A arrivals, N tokens of all arrivals, W words of the
vocabulary, U words of any arrival.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Bools, Floats, Ints, spans
from models.recommender.log.content import TokenMatrix
from models.recommender.log.history import History
from models.recommender.serving.newcomers import Content
from models.recommender.serving.rankers import Decay

FEWEST_PLACES = 4  # of a list that keeps one for an arrival: a shorter one has none to spare

# Measured on Online Retail, on three cuts before any test: docs/recommender.md.
TASTE = Decay(300.0)  # half-life in steps of what a customer met; words need more of it than sales do
DOUBT = 0.5  # of the mean affinity, added under the logarithm: no shared word is no proof of dislike


@dataclass(frozen=True, slots=True)
class _OwnWords:
    """The words of the arrivals, numbered among themselves."""

    owner: Ints  # (N,) which arrival
    column: Ints  # (N,) which of the U words
    weights: NDArray[np.float64]  # (N,)
    column_of: Ints  # (W,) -1 for a word that no arrival has
    count: int  # U
    expected: NDArray[np.float64]  # (A,) log of first sales, beside the mean product


@dataclass(frozen=True, slots=True)
class ChosenArrival:
    """The arrival that suits a customer best."""

    item: int  # its number
    suit: float  # in logs; compares arrivals for one customer only
    cause: int | None  # what the customer met that wins it the place, if a single item does


@dataclass(frozen=True)
class Arrivals:
    """The arrivals of a shop, and how well each suits a customer."""

    items: Ints  # (A,) item numbers, ascending
    words: Floats  # (W,): added to the log of a month's first sales by a token of weight 1
    rarity: Floats  # (W,) the vocabulary's weights: a rare word that is shared says more
    tokens: TokenMatrix  # of all items

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what an artifact stores beside its content."""
        return {"items": self.items, "words": self.words}

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]] | None, content: Content) -> Self:
        """Return the arrivals whose ``arrays`` these are; none of an artifact from before there were any."""
        nothing = {"items": np.zeros(0, np.int64), "words": np.zeros(len(content.vocabulary), np.float32)}
        return cls(**(arrays or nothing), rarity=content.vocabulary.idf, tokens=content.tokens)

    def __len__(self) -> int:
        return len(self.items)

    def with_products(self, tokens: TokenMatrix) -> "Arrivals":
        """Return these arrivals and products created after training. :param tokens: of the latter"""
        newcomers = len(self.tokens) + np.arange(len(tokens))
        return replace(
            self,
            items=np.concatenate([self.items, newcomers]),
            tokens=TokenMatrix(
                starts=np.concatenate([self.tokens.starts, self.tokens.starts[-1] + tokens.starts[1:]]),
                rows=np.concatenate([self.tokens.rows, tokens.rows]),
                weights=np.concatenate([self.tokens.weights, tokens.weights]),
            ),
        )

    def prepared(self) -> Self:
        """Return the same arrivals, ready: the first customer need not wait."""
        _ = self._own
        return self

    def choose(self, history: History, offered: Bools) -> ChosenArrival | None:
        """
        Return the arrival for a customer, the newest of equal ones; None if there is none to offer.

        What the customer met is new to them no more.

        :param offered: which arrivals may be shown, (A,)
        """
        if not len(self):
            return None
        taste = self._taste(history)
        offered = offered & ~self._met(taste.items)
        if not offered.any():
            return None
        suit = self._suit(taste.words)
        place = _best(suit, offered)
        cause = self._cause(taste, place, offered) if len(history) else None
        return ChosenArrival(int(self.items[place]), float(suit[place]), cause)

    def _met(self, items: Ints) -> Bools:
        """Return which arrivals are among some items, (A,)."""
        place = np.minimum(np.searchsorted(self.items, items), len(self) - 1)
        met = np.zeros(len(self), dtype=np.bool_)
        met[place[self.items[place] == items]] = True
        return met

    def suit(self, history: History) -> NDArray[np.float64]:
        """Return how well each arrival suits a customer, (A,), in logs; higher is better."""
        return self._suit(self._taste(history).words)

    def _taste(self, history: History) -> "_Taste":
        """Return how much a customer met of each word that an arrival has."""
        items, weights = TASTE.by_item(history)
        step, rows, strengths = self._words_of(items)
        column = self._own.column_of[rows]
        is_shared = column >= 0
        step, column = step[is_shared], column[is_shared]
        strengths = strengths[is_shared] * weights[step]
        words = np.bincount(column, strengths, self._own.count).astype(np.float64)
        return _Taste(items, step, column, strengths, words)

    def _suit(self, words: NDArray[np.float64]) -> NDArray[np.float64]:
        # The root: ten candles do not make a customer ten times as fond of candles.
        own = self._own
        affinity = np.bincount(own.owner, own.weights * np.sqrt(words)[own.column], len(self))
        mean = float(affinity.mean()) if len(self) else 0.0
        return np.asarray(np.log(affinity / (mean or 1.0) + DOUBT) + own.expected, dtype=np.float64)

    def _cause(self, taste: "_Taste", place: int, offered: Bools) -> int | None:
        """Return the item without which another arrival would suit better, None if no single one is."""
        own, wanted = self._own, np.zeros(self._own.count)
        is_its = own.owner == place
        wanted[own.column[is_its]] = own.weights[is_its]
        shared = np.bincount(taste.step, taste.strengths * wanted[taste.column], len(taste.items))
        loudest = int(shared.argmax())
        if not shared[loudest] > 0:
            return None
        lost = taste.step == loudest
        # All else stays as it is: that later steps would count a little more changes no place.
        left = taste.words - np.bincount(taste.column[lost], taste.strengths[lost], own.count)
        is_held = _best(self._suit(np.maximum(left, 0.0)), offered) != place
        return int(taste.items[loudest]) if is_held else None

    def _words_of(self, items: Ints) -> tuple[Ints, Ints, NDArray[np.floating]]:
        """Return the tokens of some items: the place in ``items`` of its owner, the word, the weight."""
        places, lengths = spans(self.tokens.starts[items], self.tokens.starts[items + 1])
        owner = np.repeat(np.arange(len(items)), lengths)
        return owner, self.tokens.rows[places], self.tokens.weights[places]

    @cached_property
    def _own(self) -> "_OwnWords":
        owner, rows, weights = self._words_of(self.items)
        used, column = np.unique(rows, return_inverse=True)
        column_of = np.full(len(self.rarity), -1, dtype=np.int64)
        column_of[used] = np.arange(len(used))
        expected = np.bincount(owner, weights * self.words[rows], len(self)).astype(np.float64)
        # Doubles: counting with single floats casts them anew for each customer.
        rare = (weights * self.rarity[rows]).astype(np.float64)
        return _OwnWords(owner, column, rare, column_of, len(used), expected)


@dataclass(frozen=True, slots=True)
class _Taste:
    """What a customer met of the words that arrivals have."""

    items: Ints  # the distinct items of the history, ascending
    step: Ints  # of each token that counts: whose it is, a place in ``items``
    column: Ints  # which of the U words it is
    strengths: NDArray[np.floating]
    words: NDArray[np.float64]  # (U,) their sums


def _best(suit: NDArray[np.float64], offered: Bools) -> int:
    """Return the last of the best places that are offered: the newest of equal arrivals."""
    backwards = np.where(offered, suit, -np.inf)[::-1]
    return len(suit) - 1 - int(backwards.argmax())


def with_arrival(top: Ints, arrival: int, arrivals: Ints) -> Ints:
    """
    Return a ranked list, best first, whose last place goes to an arrival.

    A list that holds one already, or is shorter than ``FEWEST_PLACES``, stays as it is.

    :param arrivals: all that there are
    """
    if len(top) < FEWEST_PLACES or np.isin(top, arrivals).any():
        return top
    return np.append(top[:-1], arrival)
