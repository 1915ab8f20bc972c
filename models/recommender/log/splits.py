"""
Cutting a log into what models learn from and what they are asked.

Cut once for the test; cut what is left again for validation, and the test stays unseen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

import numpy as np

from models.recommender.log.arrays import DAY_US, Bools, Ints, changes
from models.recommender.log.history import Event, History, begins_moment, longest_history
from models.recommender.log.log import Log

MAX_CASES = 25_000  # more customers than this no longer narrow an interval in a useful way
MAX_SPAN_SHARE = 0.2  # the newest days are at most this share of the log's span
# Of all cuts. Online Retail as it was two weeks before the test: one cut of 734 cases 0.363 in 167 s, four of
# 2,372 cases 0.362 in 220 s. Older weeks teach less than cases of the newest ones.
ENOUGH_CASES = 600
MOST_CUTS = 5  # each costs a fit of every model
LEAST_LEFT = 0.5  # of the log before the oldest cut: who knows less says little of what will serve
FEWEST_TUNING = 100  # cases: parameters chosen by fewer are chosen by luck
FEWEST_WEIGHING = 20  # cases below which nothing can be learned of how models are weighed
PAGES = 0.5  # of the orders that are asked for their rest: one item is given, as on a page; else some


Drawn = TypeVar("Drawn")


class Kind(StrEnum):
    """How a log is cut."""

    LAST_DAYS = "last-days"  # one moment for everybody; what was bought after it is the question
    LEAVE_ONE_OUT = "leave-one-out"  # each customer's last order is the question


class Repeat(StrEnum):
    """Whether a model may answer with what the customer bought before."""

    KEEP = "keep"
    DROP = "drop"


class Asked(StrEnum):
    """What a case of a cut is."""

    CUSTOMERS = "customers"  # who were there before: what do they buy now?
    ORDERS = "orders"  # of a few of its items: what else is in it? For shops whose customers come once


class SplitInvalid(ValueError):
    """The words for a split cannot be understood."""


@dataclass(frozen=True)
class Split:
    """How the newest part of a log becomes the question."""

    kind: Kind = Kind.LAST_DAYS
    days: float = 14.0
    repeat: Repeat = Repeat.KEEP
    asked: Asked = Asked.CUSTOMERS

    @classmethod
    def parse(cls, words: str, repeat: str = Repeat.KEEP) -> "Split":
        """
        Return the split that ``leave-one-out`` or ``last-days:14`` asks for.

        :raises SplitInvalid: if it is neither, or the days are not a positive number
        """
        name, _, days = words.partition(":")
        if name == Kind.LEAVE_ONE_OUT and not days:
            return cls(Kind.LEAVE_ONE_OUT, repeat=Repeat(repeat))
        try:
            span = float(days) if days else cls.days
        except ValueError:
            span = 0.0
        if name != Kind.LAST_DAYS or not 0 < span < float("inf"):
            raise SplitInvalid(f"The split {words!r} is neither leave-one-out nor last-days:N with N days.")
        return cls(Kind.LAST_DAYS, span, Repeat(repeat))

    def of_orders(self) -> "Split":
        """Return the same cut that asks for the rest of orders: what is given is no answer."""
        return replace(self, asked=Asked.ORDERS, repeat=Repeat.DROP)

    @property
    def drops_seen(self) -> bool:
        """Whether what the customer bought before is out of the question."""
        return self.repeat is Repeat.DROP

    def __str__(self) -> str:
        return self.kind if self.kind is Kind.LEAVE_ONE_OUT else f"{self.kind}:{self.days:g}"


@dataclass(frozen=True)
class Case:
    """
    One customer at the cut: what came before it, and the set of items bought after it.

    Or one order after it: the items that are given, and the set of the others.
    """

    history: History
    bought: Ints
    seen: Ints  # every distinct item bought before, however long ago, or given
    user: int = -1  # the customer's number in the log; -1 where no single customer is asked


@dataclass(frozen=True)
class Division:
    """A log cut in two."""

    train: Log
    cases: list[Case]
    moment: int  # microseconds: when the questions are asked; the end of everything for leave-one-out


@dataclass(frozen=True)
class ValidationCut(Division):
    """A cut before the test. Its ``cases`` weigh the models; no case of any cut does both."""

    tuning: list[Case]  # by these the simple models are tuned and the transformer is stopped


def drawn(cases: Sequence[Drawn], most: int, *, seed: int | np.random.Generator) -> Sequence[Drawn]:
    """Return at most so many of the cases, in their order, drawn by ``seed``."""
    if len(cases) <= most:
        return cases
    chosen = np.random.default_rng(seed).choice(len(cases), most, replace=False)
    return [cases[index] for index in np.sort(chosen)]


def divide(log: Log, split: Split, *, seed: int) -> Division:
    """Return what to learn from and what to ask; customers beyond ``MAX_CASES`` are drawn by ``seed``."""
    if split.kind is Kind.LEAVE_ONE_OUT:
        return _leave_one_out(replace(log, has_clock=False), split, seed=seed)
    return at_moment(log, cut_before(log, days=split.days), split, seed=seed)


def validation_cuts(log: Log, split: Split, *, seed: int) -> list[ValidationCut]:
    """
    Return the cuts of a log on which its models are tuned, stopped and weighed, the oldest first.

    The newest part is the first question; where it asks too few customers to learn from, what was
    bought before it is cut again and again in the same way. There is always one cut, if it asks nobody.
    What a model was tuned or stopped on flatters it, so other cases weigh it beside the others.
    """
    cuts = [divide(log, split, seed=seed)]
    while len(cuts) < MOST_CUTS and sum(len(cut.cases) for cut in cuts) < ENOUGH_CASES:
        earlier = divide(cuts[-1].train, split, seed=seed)
        if not earlier.cases or len(earlier.train) < LEAST_LEFT * len(log):
            break
        cuts.append(earlier)
    return _parted(cuts[::-1], seed=seed)


def _parted(cuts: Sequence[Division], *, seed: int) -> list[ValidationCut]:
    """
    Return the cuts with their cases parted: the oldest tune, the newer weigh.

    Where whole cuts leave one of both too few, half of the customers tune in every cut, the others weigh.
    Where there are too few for that too, the oldest cut only stops the transformer.
    """
    asked = np.cumsum([len(cut.cases) for cut in cuts])
    total = int(asked[-1])
    leaves_enough = (asked >= FEWEST_TUNING) & (total - asked >= FEWEST_TUNING)
    if not leaves_enough.any() and total >= 2 * FEWEST_TUNING:
        return _parted_by_customer(cuts, seed=seed)
    if not leaves_enough.any():
        leaves_enough = total - asked >= FEWEST_WEIGHING
    older = int(np.argmax(leaves_enough)) + 1 if leaves_enough.any() else 0
    return [
        ValidationCut(cut.train, [], cut.moment, cut.cases)
        if number < older
        else ValidationCut(cut.train, cut.cases, cut.moment, [])
        for number, cut in enumerate(cuts)
    ]


def _parted_by_customer(cuts: Sequence[Division], *, seed: int) -> list[ValidationCut]:
    customers = np.unique([case.user for cut in cuts for case in cut.cases])
    chosen = np.random.default_rng(seed).permutation(customers)[: len(customers) // 2]
    tunes = set(chosen.tolist())
    return [
        ValidationCut(
            cut.train,
            cases=[case for case in cut.cases if case.user not in tunes],
            moment=cut.moment,
            tuning=[case for case in cut.cases if case.user in tunes],
        )
        for cut in cuts
    ]


def cut_before(log: Log, *, days: float) -> int:
    """Return the moment that leaves the newest ``days`` (or a fifth of a short log) after it."""
    if not len(log):
        return 0
    newest, oldest = int(log.at.max()), int(log.at.min())
    span = min(days * DAY_US, (newest - oldest) * MAX_SPAN_SHARE)
    return newest - int(span)


def at_moment(log: Log, moment: int, split: Split, *, seed: int) -> Division:
    """Return the division that asks every customer who was there before for what they bought after."""
    is_after = log.at >= moment
    if split.asked is Asked.ORDERS:
        return Division(log.before(moment), _orders(log.where(is_after).purchases, seed=seed), moment)
    return Division(log.before(moment), _cases(log, is_after, split, now=moment, seed=seed), moment)


def _orders(bought: Log, *, seed: int) -> list[Case]:
    """Return a case of each order of two items or more, guests' too: a few drawn items, and the others."""
    chance = np.random.default_rng(seed)
    rows = np.unique(bought.basket * bought.items + bought.item, return_index=True)[1]
    orders = np.split(rows, np.flatnonzero(changes(bought.basket[rows]))[1:])
    cases = []
    for lines in drawn([lines for lines in orders if len(lines) > 1], MAX_CASES, seed=chance):
        items = chance.permutation(bought.item[lines])
        count = 1 if chance.random() < PAGES else int(chance.integers(1, len(items)))
        given, others = np.split(items, [count])
        now = int(bought.at[lines[0]])
        history = History.of(given, [now] * len(given), now=now)
        cases.append(Case(history, np.sort(others), np.sort(given), int(bought.user[lines[0]])))
    return cases


def _leave_one_out(log: Log, split: Split, *, seed: int) -> Division:
    """
    Leave the last order of each customer with two or more for the question, with what follows it.

    An order is what was bought at one moment. One product of it left out alone could be told from the others
    by whatever orders them in the file.
    """
    moment = np.cumsum(begins_moment(log.at, log.user)) - 1
    orders = np.unique(moment[log.event == Event.PURCHASE])
    first = np.searchsorted(moment, orders)
    owner = log.user[first]
    last = np.full(log.users, len(log), dtype=np.int64)
    last[owner] = first  # ascending: the newest order of each customer stays
    last[np.bincount(owner, minlength=log.users) < 2] = len(log)
    is_after = np.arange(len(log)) >= last[log.user]
    cases = _cases(log, is_after, split, now=log.end, seed=seed)
    return Division(log.where(~is_after), cases, log.end)


def _cases(log: Log, is_after: Bools, split: Split, *, now: int, seed: int) -> list[Case]:
    starts = log.user_starts()
    is_question = is_after & (log.event == Event.PURCHASE)
    asked = np.bincount(log.user[is_question], minlength=log.users)
    after = np.bincount(log.user[is_after], minlength=log.users)
    users = np.flatnonzero((asked > 0) & (np.diff(starts) > after))
    cases = []
    for user in drawn(users.tolist(), MAX_CASES, seed=seed):
        # A customer's steps are in time order, so the cut splits them in two.
        middle, end = starts[user + 1] - after[user], starts[user + 1]
        before = slice(starts[user], middle)
        history = History(log.item[before], log.at[before], log.event[before], _asked_at(log, middle, now))
        seen = np.unique(history.purchases)
        bought = np.unique(log.item[middle:end][is_question[middle:end]])
        if split.drops_seen:
            bought = np.setdiff1d(bought, seen, assume_unique=True)
        if len(bought):
            cases.append(Case(longest_history(history), bought, seen, user))
    return cases


def _asked_at(log: Log, first_after: int, now: int) -> int:
    """Return when a customer is asked: at the cut, or, without a common clock, at their own next step."""
    return now if log.has_clock else int(log.at[first_after])
