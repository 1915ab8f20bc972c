"""
From a log to training batches.

A user's purchases become one sequence; the order inside a basket carries no meaning and is drawn
anew each epoch. Sequences are cut into chunks of at most ``window`` at a random offset, sorted into
batches of like length and padded on the right.

A row is a position that predicts something: the last item of a basket predicts the next basket
("next"); a sampled share of the others predicts the rest of its own basket ("together").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.recommender.dataset import DAY_US, Ints, Log
from models.recommender.history import History, longest_history
from models.recommender.rankers import REPEAT_WIDTH, repeat_features

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

TREND_DAYS = (7.0, 30.0, 1e6)
TREND_PERIODS = 64  # moments at which popularity is written down for training
# Steps of a customer's only basket: it teaches what goes together, which a few steps tell as well as
# a wholesale guest's thousand lines, drawn anew each epoch.
LONE_BASKET_STEPS = 8
TARGET_LIMIT = 128  # items of one basket that count as targets


@dataclass(frozen=True)
class Visit:
    """One basket of one user as a target: what came before, and what was bought."""

    targets: Ints
    own: Ints  # distinct items of the history, ascending
    features: Floats  # (own, REPEAT_WIDTH)
    period: int


@dataclass(frozen=True)
class Batch:
    """Right-padded chunks and the rows in them. See the network's shape letters."""

    items: Ints  # (B, T)
    next_position: Ints  # (R,): b * T + t
    next_visits: list[Visit]
    together_position: Ints  # (R,)
    together_targets: list[Ints]
    together_period: Ints


def popularity_trends(log: Log, moments: Ints) -> Floats:
    """
    Return log sales of each item before each moment in the windows ``TREND_DAYS``.

    Shape (moments, items, TRENDS). Each column is centred over items, so that a quiet week and a
    busy one look alike.
    """
    out = np.empty((len(moments), log.items, len(TREND_DAYS)), dtype=np.float32)
    order = np.argsort(log.at, kind="stable")
    at, item = log.at[order], log.item[order]
    ends = np.searchsorted(at, moments)
    for column, days in enumerate(TREND_DAYS):
        starts = np.searchsorted(at, moments - int(days * DAY_US))
        for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
            sales = np.log1p(np.bincount(item[start:end], minlength=log.items))
            out[row, :, column] = sales - sales.mean()
    return out


def period_moments(log: Log) -> Ints:
    """Return the moments at which popularity is written down, ascending, the oldest purchase first."""
    count = max(min(TREND_PERIODS, int((log.at.max() - log.at.min()) // DAY_US)), 1)
    return np.linspace(log.at.min(), log.at.max(), count + 1).astype(np.int64)[:-1]


class Chunks:
    """All training examples of a log; ``epoch`` deals them out in a new order each time."""

    def __init__(self, log: Log, *, window: int, batch_tokens: int, together_share: float) -> None:
        self.log = log
        self.window = window
        self.batch_tokens = batch_tokens
        self.together_share = together_share
        self.moments = period_moments(log)
        self.trends = popularity_trends(log, self.moments)
        self.period = np.maximum(np.searchsorted(self.moments, log.at, side="right") - 1, 0)
        self.user_starts = log.user_starts()
        new_basket = np.ones(len(log), dtype=bool)
        new_basket[1:] = (np.diff(log.basket) != 0) | (np.diff(log.user) != 0)
        self.basket_starts = np.append(np.flatnonzero(new_basket), len(log))
        self.basket_of = np.cumsum(new_basket) - 1
        self.visits = self._visits()

    def _visits(self) -> dict[int, Visit]:
        """Return the target of each basket end, keyed by the number of the basket that ends."""
        visits = {}
        for basket, (start, end) in enumerate(pairwise(self.basket_starts)):
            user_start = self.user_starts[self.log.user[start]]
            if start == user_start:
                continue
            before = longest_history(History.of(self.log.item[user_start:start]))
            own, features = repeat_features(before.items)
            targets = np.unique(self.log.item[start:end])[:TARGET_LIMIT]
            visits[basket - 1] = Visit(targets, own, features, int(self.period[start]))
        return visits

    def epoch(self, chance: np.random.Generator) -> Iterator[Batch]:
        """Yield the batches of one epoch, chunks of like length together."""
        shuffled = np.lexsort((chance.random(len(self.log)), self.basket_of))
        starts, ends = self._cut(chance)
        lengths = ends - starts
        order = np.lexsort((chance.random(len(starts)), lengths))
        groups = self._groups(lengths[order])
        for group in chance.permutation(len(groups)):
            chosen = order[groups[group][0] : groups[group][1]]
            yield self._batch(shuffled, starts[chosen], ends[chosen], chance)

    def _cut(self, chance: np.random.Generator) -> tuple[Ints, Ints]:
        """Return the start and end of each chunk: user sequences cut at a random offset."""
        bounds = []
        for start, end in pairwise(self.user_starts):
            if start == end:
                continue
            if self.basket_of[start] == self.basket_of[end - 1]:
                bounds.append(np.array([start, min(end, start + LONE_BASKET_STEPS)]))
                continue
            if end - start <= self.window:
                bounds.append(np.array([start, end]))
                continue
            first = start + int(chance.integers(1, self.window + 1))
            bounds.append(np.unique(np.concatenate([[start], np.arange(first, end, self.window), [end]])))
        starts = np.concatenate([bound[:-1] for bound in bounds])
        ends = np.concatenate([bound[1:] for bound in bounds])
        is_real = ends > starts
        return starts[is_real], ends[is_real]

    def _groups(self, lengths: Ints) -> list[tuple[int, int]]:
        """Return slices of the length-sorted chunks that fill ``batch_tokens`` with padding counted."""
        groups, first = [], 0
        for index, length in enumerate(lengths):
            if first < index and (index - first + 1) * length > self.batch_tokens:
                groups.append((first, index))
                first = index
        if first < len(lengths):
            groups.append((first, len(lengths)))
        return groups

    def _batch(self, shuffled: Ints, starts: Ints, ends: Ints, chance: np.random.Generator) -> Batch:
        longest = int((ends - starts).max())
        place = starts[:, None] + np.arange(longest)[None, :]
        is_real = place < ends[:, None]
        place = np.where(is_real, place, starts[:, None])
        items = self.log.item[shuffled[place]]
        basket = self.basket_of[place]
        is_end = is_real & (place + 1 == self.basket_starts[basket + 1])
        next_rows = np.flatnonzero(is_end)
        next_rows = next_rows[[int(b) in self.visits for b in basket.ravel()[next_rows]]]
        inside = np.flatnonzero(is_real & ~is_end)
        # The first item of a chunk stands alone, like the product of a page: always worth a row.
        wanted = (inside % longest == 0) | (chance.random(len(inside)) < self.together_share)
        inside = inside[wanted]
        positions = place.ravel()[inside]
        stops = self.basket_starts[self.basket_of[positions] + 1]
        rest = [
            np.unique(self.log.item[shuffled[position + 1 : stop]])[:TARGET_LIMIT]
            for position, stop in zip(positions, stops, strict=True)
        ]
        return Batch(
            items=items,
            next_position=next_rows,
            next_visits=[self.visits[int(b)] for b in basket.ravel()[next_rows]],
            together_position=inside,
            together_targets=rest,
            together_period=self.period[positions],
        )


@dataclass(frozen=True)
class Rows:
    """The items that matter to each row in rectangles: targets and history, padded with item 0."""

    own: Ints  # (R, O)
    features: Floats  # (R, O, F)
    is_history: Bools  # (R, O)
    is_target: Bools  # (R, O)
    is_real: Bools  # (R, O), False on padding


def rows_of(visits: list[Visit]) -> Rows:
    """Return history and targets of each visit side by side, each item once."""
    width = max(len(visit.own) + len(visit.targets) for visit in visits)
    shape = (len(visits), width)
    rows = Rows(
        own=np.zeros(shape, dtype=np.int64),
        features=np.zeros((*shape, REPEAT_WIDTH), dtype=np.float32),
        is_history=np.zeros(shape, dtype=bool),
        is_target=np.zeros(shape, dtype=bool),
        is_real=np.zeros(shape, dtype=bool),
    )
    for index, visit in enumerate(visits):
        fresh = np.setdiff1d(visit.targets, visit.own, assume_unique=True)
        seen, total = len(visit.own), len(visit.own) + len(fresh)
        rows.own[index, :seen] = visit.own
        rows.own[index, seen:total] = fresh
        rows.features[index, :seen] = visit.features
        rows.is_history[index, :seen] = True
        rows.is_target[index, :seen] = np.isin(visit.own, visit.targets, assume_unique=True)
        rows.is_target[index, seen:total] = True
        rows.is_real[index, :total] = True
    return rows


def together_visits(batch: Batch) -> list[Visit]:
    """Return the in-basket rows as visits without a history: no copy head for the rest of a basket."""
    nothing = np.zeros(0, dtype=np.int64)
    features = np.zeros((0, REPEAT_WIDTH), dtype=np.float32)
    return [
        Visit(targets, nothing, features, int(period))
        for targets, period in zip(batch.together_targets, batch.together_period, strict=True)
    ]
