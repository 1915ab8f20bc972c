"""
From a log to training batches.

A user's steps become one sequence; those of one moment are a basket, in which order carries no meaning
and is drawn anew each epoch. Sequences are cut into chunks of at most ``window`` at a random offset,
sorted into batches of like length and padded on the right.

A row is a position that predicts something: the last step of a basket predicts the next purchase
("next"); a sampled share of the others predicts the rest of its own basket ("together").
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.recommender.log.arrays import DAY_US, Bools, Floats, Ints, spans
from models.recommender.log.history import (
    HISTORY_LIMIT,
    UNKNOWN_TIME,
    Event,
    History,
    begins_moment,
    moment_starts,
    newest_steps,
)
from models.recommender.log.log import Log
from models.recommender.serving.features import (
    UNKNOWN_GAP,
    Own,
    Steps,
    customer_features,
    gap_buckets,
    own_items,
)
from models.recommender.serving.transformer import item_trends

TREND_PERIODS = 64  # moments at which popularity is written down for training
TREND_NUMBERS = 2**22  # and fewer where they would fill more memory than this
# Steps of a customer's only basket: it teaches what goes together, which a few steps tell as well as
# a wholesale guest's thousand lines, drawn anew each epoch.
LONE_BASKET_STEPS = 8
TARGET_LIMIT = 128  # items of one basket that count as targets
UNTIMED_SHARE = 0.05  # of chunks whose moments are hidden, so that not knowing them is learned
ASKED_EARLIER_US = 14 * DAY_US  # a row is asked at most this long before what it predicts


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of a batch are asked, ascending by period. Rows own items and targets end to end."""

    own: Own
    own_starts: Ints  # (R + 1,)
    target_items: Ints
    target_starts: Ints  # (R + 1,)
    since: Ints  # (R,)
    customer: Floats  # (R, CUSTOMER_FEATURES)
    period: Ints  # (R,)

    def __len__(self) -> int:
        return len(self.period)


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded chunks and the rows in them. See the network's shape letters."""

    items: Ints  # (B, T)
    events: Ints  # (B, T)
    gaps: Ints  # (B, T)
    next_position: Ints  # (R,): b * T + t
    next: Rows
    together_position: Ints  # (R,)
    together: Rows


def period_moments(log: Log) -> Ints:
    """Return the moments at which trends are written down, ascending, the oldest step first."""
    days = int((log.at.max() - log.at.min()) // DAY_US) if log.has_clock else 1
    count = max(min(TREND_PERIODS, days, TREND_NUMBERS // max(log.items, 1)), 1)
    return np.linspace(log.at.min(), log.at.max(), count + 1).astype(np.int64)[:-1]


def starts_of(owner: Ints, rows: int) -> Ints:
    """Return where each row's entries start in an ascending list of owners, with the end appended."""
    return np.searchsorted(owner, np.arange(rows + 1)).astype(np.int64)


class Chunks:
    """
    All training examples of a log; ``epoch`` deals them out in a new order each time.

    With a log that is ``known`` already, only the chunks that hold anything newer.
    """

    def __init__(
        self,
        log: Log,
        *,
        window: int,
        batch_tokens: int,
        together_share: float,
        prices: Floats,
        drops_seen: bool = False,
        known: Log | None = None,
    ) -> None:
        self.log = log
        self.window = window
        self.batch_tokens = batch_tokens
        self.together_share = together_share
        self.prices = prices
        self.moments = period_moments(log)
        self.trends = item_trends(log, self.moments)
        self.user_starts = log.user_starts()
        # Each user's first steps are the known ones: time goes on for all of them.
        self.new_starts = self.user_starts[:-1] + (0 if known is None else np.diff(known.user_starts()))
        new_basket = begins_moment(log.at, log.user)  # two orders of one moment have no order either
        self.basket_starts = moment_starts(new_basket)
        self.basket_of = np.cumsum(new_basket) - 1
        self.is_wanted = _is_first(log) if drops_seen else log.event == Event.PURCHASE
        self.next_basket = self._next_baskets()

    def _next_baskets(self) -> Ints:
        """Return for each basket the same user's next one that has something to predict, or -1."""
        baskets = len(self.basket_starts) - 1
        has_target = np.bincount(self.basket_of, self.is_wanted, baskets) > 0
        found = np.where(has_target, np.arange(baskets), baskets)
        following = np.append(np.minimum.accumulate(found[::-1])[::-1][1:], baskets)
        user = np.append(self.log.user[self.basket_starts[:-1]], -1)
        return np.where(user[following] == user[:-1], following, -1)

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

    def batches(self) -> int:
        """Return about how many batches an epoch has; the cuts, and so the count, vary a little."""
        starts, ends = self._cut(np.random.default_rng(0))
        return len(self._groups(np.sort(ends - starts)))

    def _cut(self, chance: np.random.Generator) -> tuple[Ints, Ints]:
        """Return the start and end of each chunk: user sequences cut at a random offset."""
        starts, ends = self.user_starts[:-1], self.user_starts[1:]
        is_there = ends > self.new_starts
        starts, ends, new_starts = starts[is_there], ends[is_there], self.new_starts[is_there]
        is_lone = self.basket_of[starts] == self.basket_of[ends - 1]
        ends = np.where(is_lone, np.minimum(ends, starts + LONE_BASKET_STEPS), ends)
        is_long = ends - starts > self.window
        bounds = [
            np.unique(np.concatenate([[start], np.arange(start + first, end, self.window), [end]]))
            for start, end, first in zip(
                starts[is_long],
                ends[is_long],
                chance.integers(1, self.window + 1, int(is_long.sum())),
                strict=True,
            )
        ]
        # The chunks of a long sequence that end before its first new step hold nothing new.
        bounds = [
            bound[max(int(np.searchsorted(bound, new, side="right")) - 1, 0) :]
            for bound, new in zip(bounds, new_starts[is_long], strict=True)
        ]
        return (
            np.concatenate([starts[~is_long], *(bound[:-1] for bound in bounds)]),
            np.concatenate([ends[~is_long], *(bound[1:] for bound in bounds)]),
        )

    def _groups(self, lengths: Ints) -> list[tuple[int, int]]:
        """Return slices of the length-sorted chunks that fill ``batch_tokens`` with padding counted."""
        groups, first = [], 0
        for index, length in enumerate(lengths.tolist()):
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
        step = shuffled[np.where(is_real, place, starts[:, None])]
        is_untimed = chance.random(len(starts)) < UNTIMED_SHARE
        gaps = np.zeros(step.shape, dtype=np.int64)
        gaps[:, 1:] = gap_buckets(self.log.at[step[:, :-1]], self.log.at[step[:, 1:]])
        gaps[is_untimed] = UNKNOWN_GAP
        basket = self.basket_of[step]
        is_end = is_real & (place + 1 == self.basket_starts[basket + 1])
        asks = np.flatnonzero(is_end & (self.next_basket[basket] >= 0))
        inside = np.flatnonzero(is_real & ~is_end)
        # The first item of a chunk stands alone, like the product of a page: always worth a row.
        inside = inside[(inside % longest == 0) | (chance.random(len(inside)) < self.together_share)]
        asks, following = self._next_rows(
            asks, basket.ravel()[asks], is_untimed[asks // longest], shuffled, chance
        )
        inside, together = self._together_rows(inside, place.ravel()[inside], shuffled)
        return Batch(
            items=self.log.item[step],
            events=self.log.event[step].astype(np.int64),
            gaps=gaps,
            next_position=asks,
            next=following,
            together_position=inside,
            together=together,
        )

    def _next_rows(
        self, positions: Ints, basket: Ints, is_untimed: Bools, shuffled: Ints, chance: np.random.Generator
    ) -> tuple[Ints, Rows]:
        """Return the rows that predict the next purchase after each of these baskets, by period."""
        following = self.next_basket[basket]
        last, first = self.basket_starts[basket + 1] - 1, self.basket_starts[following]
        now = self._asked_at(self.log.at[last], self.log.at[first], chance)
        period = self._period(now)
        order = np.argsort(period, kind="stable")
        now = np.where(is_untimed, UNKNOWN_TIME, now)[order]
        steps = self._histories(last[order], now, shuffled)
        return positions[order], self._rows(
            steps,
            period[order],
            self.basket_starts[following[order]],
            self.basket_starts[following[order] + 1],
            shuffled,
        )

    def _asked_at(self, last: Ints, following: Ints, chance: np.random.Generator) -> Ints:
        """Return a moment between two purchases: customers are asked before they come, not as they pay."""
        is_known = (last != UNKNOWN_TIME) & (following != UNKNOWN_TIME)
        wait = np.minimum(np.where(is_known, following - np.where(is_known, last, 0), 0), ASKED_EARLIER_US)
        asked = following - (chance.random(len(last)) * wait).astype(np.int64)
        return np.where(is_known, asked, UNKNOWN_TIME)

    def _period(self, moments: Ints) -> Ints:
        if len(self.moments) == 1:
            return np.zeros(len(moments), dtype=np.int64)
        return np.maximum(np.searchsorted(self.moments, moments, side="right") - 1, 0)

    def _histories(self, last: Ints, now: Ints, shuffled: Ints) -> Steps:
        """Return what each user did up to a step, as scoring will see it; moments hidden where now is."""
        starts = self.user_starts[self.log.user[last]]
        place, lengths = newest_steps(self.basket_starts, starts, last + 1, most=HISTORY_LIMIT)
        owner = np.repeat(np.arange(len(last)), lengths)
        step = shuffled[place]
        at = np.where(now[owner] == UNKNOWN_TIME, UNKNOWN_TIME, self.log.at[step])
        return Steps(owner, self.log.item[step], at, self.log.event[step], now)

    def _rows(self, steps: Steps, period: Ints, first: Ints, end: Ints, shuffled: Ints) -> Rows:
        own = own_items(steps)
        target_owner, target = self._targets(first, end, shuffled)
        return Rows(
            own=own,
            own_starts=starts_of(own.owner, len(steps)),
            target_items=target,
            target_starts=starts_of(target_owner, len(steps)),
            since=steps.since(),
            customer=customer_features(steps, self.prices),
            period=period,
        )

    def _targets(self, first: Ints, end: Ints, shuffled: Ints) -> tuple[Ints, Ints]:
        """Return owner and item of what is wanted among the steps from ``first`` to ``end`` of each row."""
        place, lengths = spans(first, end)
        owner = np.repeat(np.arange(len(first)), lengths)
        is_wanted = self.is_wanted[shuffled[place]]
        owner, items = owner[is_wanted], self.log.item[shuffled[place[is_wanted]]]
        # The order inside a basket is drawn, so the first ones are a fair sample.
        is_kept = np.arange(len(owner)) - starts_of(owner, len(first))[owner] < TARGET_LIMIT
        keys = np.unique(owner[is_kept] * self.log.items + items[is_kept])
        return keys // self.log.items, keys % self.log.items

    def _together_rows(self, positions: Ints, place: Ints, shuffled: Ints) -> tuple[Ints, Rows]:
        """Return the rows that predict the rest of a basket, by period: no history counts for them."""
        stops = self.basket_starts[self.basket_of[place] + 1]
        asked = np.unique(self._targets(place + 1, stops, shuffled)[0])
        period = self._period(self.log.at[place[asked]])
        order = np.argsort(period, kind="stable")
        asked = asked[order]
        untold = Steps.of([History.of([])] * len(asked))
        return positions[asked], self._rows(untold, period[order], place[asked] + 1, stops[asked], shuffled)


def _is_first(log: Log) -> Bools:
    """Return whether each purchase is the user's first of that item."""
    is_first = np.zeros(len(log), dtype=bool)
    bought = np.flatnonzero(log.event == Event.PURCHASE)
    keys = log.user[bought] * log.items + log.item[bought]
    is_first[bought[np.unique(keys, return_index=True)[1]]] = True
    return is_first
