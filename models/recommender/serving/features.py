"""
What the transformer reads beside items: gaps, repeats, affinities and customer features. NumPy only.

Training and serving both call these functions, so the two cannot drift apart. They read many
histories laid end to end. Shapes in comments: R histories, N steps of all of them, M distinct items
of each, all together, F repeat features, C customer features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import DAY_US, HOUR_US, Floats, Ints, Reals
from models.recommender.log.history import REMEMBERED, UNKNOWN_TIME, Event, History, begins_moment

# Edges of the gap buckets, doubling from an hour to eleven months.
GAP_EDGES = HOUR_US * 2 ** np.arange(14, dtype=np.int64)
UNKNOWN_GAP = 0
GAPS = len(GAP_EDGES) + 2  # the unknown one, and one more bucket than edges

# Half-lives in steps of the decayed counts that the repeat head reads.
REPEAT_HALF_LIVES = (10.0, 60.0, 300.0)
REPEAT_FLOOR = 0.01  # added under the logarithm: a purchase that has decayed away counts as 0
REPEAT_WIDTH = 5 + len(REPEAT_HALF_LIVES)
IS_BOUGHT = 0  # the repeat column that says whether an item was bought before
AFFINITY_HALF_LIFE = 60.0  # steps
# What counts beside a purchase when tastes are averaged.
AFFINITY_OF_EVENT = np.array([0.1, 0.3, 1.0])
CUSTOMER_FEATURES = 10
CUSTOMER_SIZES = (1, 2, 3, 4, 5, 6, 8)  # columns of logarithms, each divided by its scale
CUSTOMER_SCALES = np.array([4.0, 2.0, 4.0, 4.0, 4.0, 2.0, 4.0])


NOTHING = History.of([])


@dataclass(frozen=True, slots=True)
class Steps:
    """Many histories laid end to end, each oldest first."""

    owner: Ints  # (N,) ascending: which history a step belongs to
    items: Ints  # (N,)
    at: Ints  # (N,)
    events: NDArray[np.int8]  # (N,)
    now: Ints  # (R,)

    @classmethod
    def of(cls, histories: Sequence[History]) -> Self:
        """Return these histories laid end to end."""
        parts = [NOTHING, *histories]  # concatenation needs one part
        return cls(
            owner=np.repeat(np.arange(len(histories)), [len(history) for history in histories]),
            items=np.concatenate([part.items for part in parts]),
            at=np.concatenate([part.at for part in parts]),
            events=np.concatenate([part.events for part in parts]),
            now=np.array([history.now for history in histories], dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.now)

    def age(self) -> Reals:
        """Return how many steps came after each step in its history, (N,); half the others of its moment."""
        moment = np.cumsum(begins_moment(self.at, self.owner)) - 1
        size = np.bincount(moment)
        ends = np.cumsum(np.bincount(self.owner, minlength=len(self)))
        age: Reals = ends[self.owner] - np.cumsum(size)[moment] + (size[moment] - 1) / 2
        return age

    def since(self) -> Ints:
        """Return the bucket of the gap between each history's last step and now, (R,)."""
        last = np.full(len(self), UNKNOWN_TIME)
        last[self.owner] = self.at  # the newest step of each history stays
        return gap_buckets(last, self.now)


def gap_buckets(earlier: Ints, later: Ints) -> Ints:
    """Return the bucket of each gap between two moments; ``UNKNOWN_GAP`` where either is unknown."""
    is_known = (earlier != UNKNOWN_TIME) & (later != UNKNOWN_TIME)
    # An unknown moment, the smallest number, makes a gap that wraps around; it is not read.
    bucket = 1 + np.searchsorted(GAP_EDGES, later - earlier, side="right")
    return np.where(is_known, bucket, UNKNOWN_GAP)


def step_gaps(history: History) -> Ints:
    """Return the bucket of the gap before each step; it is unknown before the first."""
    return gap_buckets(np.concatenate([[UNKNOWN_TIME], history.at[:-1]])[: len(history)], history.at)


@dataclass(frozen=True, slots=True)
class Own:
    """The distinct items of each history, ascending, with what the customer did with them."""

    owner: Ints  # (M,) ascending
    items: Ints  # (M,)
    features: Floats  # (M, F)
    affinity: Floats  # (M,) sums to 1 over a history: how much of the customer's taste an item is


def own_items(steps: Steps) -> Own:
    """
    Return the distinct items of each history, how each was bought before, and its share of the taste.

    Repeat columns: 1 if it was ever bought, log of 1 + purchases, log decayed purchases, log of 1 +
    days since the last purchase (0 where unknown), whether it was in the last basket, log decayed
    views and carts.
    """
    span = int(steps.items.max(initial=0)) + 1
    keys = steps.owner * span + steps.items
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
    owner, items = keys[first] // span, keys[first] % span
    sums = np.add.reduceat(_tallies(steps)[:, order], first, axis=1)
    days, is_newest = _last_bought(steps, order, first, owner)
    count, looked, taste, decayed = sums[0], sums[1], sums[2], sums[3:]
    features = np.empty((len(items), REPEAT_WIDTH), dtype=np.float32)
    features[:, IS_BOUGHT] = count > 0
    features[:, 1] = np.log1p(count)
    features[:, 2:-3] = np.log1p(decayed / REPEAT_FLOOR).T
    features[:, -3] = np.log1p(days)
    features[:, -2] = is_newest
    features[:, -1] = np.log1p(looked / REPEAT_FLOOR)
    taste /= np.bincount(owner, taste, len(steps))[owner]
    return Own(owner, items, features, taste.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Reading:
    """One history as it is read: its steps and its distinct items."""

    steps: Steps
    own: Own


@lru_cache(maxsize=REMEMBERED)
def reading(history: History) -> Reading:
    """Return the reading of a history, worked out once for all models that ask in one answer."""
    steps = Steps.of([history])
    return Reading(steps, own_items(steps))


def _tallies(steps: Steps) -> NDArray[np.float64]:
    """Return what each step adds to its item's purchases, looks, taste and decayed purchases, (6, N)."""
    age, is_bought = steps.age(), steps.events == Event.PURCHASE
    out = np.empty((3 + len(REPEAT_HALF_LIVES), len(age)))
    out[0] = is_bought
    out[1] = ~is_bought * np.exp2(-age / REPEAT_HALF_LIVES[0])
    out[2] = AFFINITY_OF_EVENT[steps.events] * np.exp2(-age / AFFINITY_HALF_LIFE)
    for row, half_life in enumerate(REPEAT_HALF_LIVES, start=3):
        out[row] = is_bought * np.exp2(-age / half_life)
    return out


def _last_bought(
    steps: Steps, order: Ints, first: Ints, owner: Ints
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """
    Return days since each own item was last bought (0: unknown), and whether the last basket had it.

    :param order: of the steps, by item
    :param first: the first step of each own item in that order
    :param owner: of each own item
    """
    bought_at = np.where(steps.events == Event.PURCHASE, steps.at, UNKNOWN_TIME)
    last = np.maximum.reduceat(bought_at[order], first)
    newest = np.full(len(steps), UNKNOWN_TIME)
    np.maximum.at(newest, owner, last)
    now = steps.now[owner]
    is_timed = (last != UNKNOWN_TIME) & (now != UNKNOWN_TIME)
    days = np.maximum(np.where(is_timed, now, 0) - np.where(is_timed, last, 0), 0) / DAY_US
    return days, (last == newest[owner]) & (last != UNKNOWN_TIME)


def customer_features(steps: Steps, prices: Floats, usual: float | None = None) -> Floats:
    """
    Return what is known of each customer at ``now``, (R, C), from purchases only, about unit size.

    Columns: whether moments are known, log of 1 + days since the last order, log of orders, of items
    and of distinct items, log of an order's mean value in medians of the shop's prices, log of an
    order's mean items, share of repeats among items, log of 1 + mean days between orders, share of
    views and carts among all steps. Purchases of one moment are one order; of unknown moments, each is.

    :param prices: of each item, (I,), NaN where unknown: its value then counts as the median
    :param usual: the median of these prices, where the caller knows it
    """
    bought = steps.events == Event.PURCHASE
    owner, items, at = steps.owner[bought], steps.items[bought], steps.at[bought]
    rows = len(steps)
    is_first = begins_moment(at, owner)
    count = np.bincount(owner, minlength=rows).astype(np.float64)
    orders = np.bincount(owner, is_first, rows).astype(np.float64)
    usual = usual_price(prices) if usual is None else usual
    value = np.bincount(owner, _relative(prices[items], usual), rows)
    distinct = _distinct(owner, items, rows)
    recency, between, is_timed = _rhythm(steps, owner, at, orders)
    every = np.maximum(np.bincount(steps.owner, minlength=rows), 1)
    some, some_orders = np.maximum(count, 1), np.maximum(orders, 1)
    sizes = [recency, orders, count, distinct, value / some_orders, count / some_orders, between]
    out = np.empty((rows, CUSTOMER_FEATURES), dtype=np.float32)
    out[:, 0] = is_timed
    out[:, CUSTOMER_SIZES] = (np.log1p(sizes) / CUSTOMER_SCALES[:, None]).T
    out[:, 7] = 1 - distinct / some
    out[:, 9] = 1 - count / every
    return out


def _distinct(owner: Ints, items: Ints, rows: int) -> Ints:
    """Return how many distinct items each history has, (R,)."""
    span = int(items.max(initial=0)) + 1
    keys = np.sort(owner * span + items)
    is_new = np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)]
    return np.bincount(keys[is_new] // span, minlength=rows)


def usual_price(prices: Floats) -> float:
    """Return the median of the known prices; 1 without any."""
    is_known = np.isfinite(prices) & (prices > 0)
    return float(np.median(prices[is_known])) if is_known.any() else 1.0


def _relative(prices: Floats, usual: float) -> NDArray[np.float64]:
    """Return prices in units of the usual one; 1 where unknown."""
    return np.where(np.isfinite(prices) & (prices > 0), prices, usual) / usual


def _rhythm(
    steps: Steps, owner: Ints, at: Ints, orders: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return days since the last order, mean days between orders, and whether moments are known."""
    first, last = np.full(len(steps), UNKNOWN_TIME), np.full(len(steps), UNKNOWN_TIME)
    last[owner] = at  # ascending: the newest stays
    first[owner[::-1]] = at[::-1]
    is_timed = (first != UNKNOWN_TIME) & (last != UNKNOWN_TIME) & (steps.now != UNKNOWN_TIME)
    now, last, first = (np.where(is_timed, moment, 0) for moment in (steps.now, last, first))
    recency = np.maximum(now - last, 0) / DAY_US
    between = np.maximum(last - first, 0) / DAY_US / np.maximum(orders - 1, 1)
    return recency, between, is_timed
