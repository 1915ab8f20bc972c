"""
What each surface of a storefront is asked: orders of a log, and what was known when they were made.

The lines of an order are one moment and have no order among themselves. An order counts whoever placed it:
a guest is a customer of one order, as the feature export has it.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

import numpy as np

from models.recommender.log.arrays import HOUR_US, Ints, changes
from models.recommender.log.history import Event, History, longest_history
from models.recommender.log.log import Log
from models.recommender.log.splits import Case

MOST_CASES = 2_000  # orders of a surface: more hardly narrow an interval, and each costs a ranking
VISIT_US = HOUR_US // 2  # of silence end a visit, as web analytics count them


class Surface(StrEnum):
    """Where a storefront recommends, by what is known there."""

    HOME = "home"  # a customer with a history, and nothing else
    PRODUCT_BASKET = "product_basket"  # a product's page: what else is in an order that holds it
    PRODUCT_VIEW = "product_view"  # a product's page: what is in the next order of who looked at it
    CART = "cart"  # some products of an order: the rest of it
    STRANGER = "stranger"  # nothing


def _nothing() -> Ints:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class SurfaceCase(Case):
    """
    One order, as a surface is asked for it.

    The history is what the customer did before, asked at the moment of the order (or of the view); it is
    empty for a guest and for a first order. ``bought`` leaves out what is on the page or in the cart.
    """

    page: int | None = None
    cart: Ints = field(default_factory=_nothing)

    @property
    def hidden(self) -> Ints:
        """What the surface never recommends: the page's product, or what lies in the cart."""
        return self.cart if self.page is None else np.array([self.page])

    @cached_property
    def told(self) -> History:
        """The history as a model is told it: what lies in the cart was laid there at this moment."""
        past, count = self.history, len(self.cart)
        if not count:
            return past
        laid = History(
            items=np.append(past.items, self.cart),
            at=np.append(past.at, np.full(count, past.now)),
            events=np.append(past.events, np.full(count, Event.CART, dtype=np.int8)),
            now=past.now,
        )
        return longest_history(laid)


def surface_cases(
    surface: Surface,
    log: Log,
    *,
    cut: int,
    seed: int,
    most: int = MOST_CASES,
    drops_seen: bool = False,
) -> list[SurfaceCase]:
    """
    Return the cases of a surface, one an order after a cut, at most so many, drawn by ``seed``.

    The product of a page is drawn from the order, each with the same chance: a page is asked about as
    often as orders hold its product, and a large order is no louder than a small one. Of a cart first
    the number of products is drawn, from one to all but one, then which. A view is drawn from those
    since the customer's former order; a log without views has no such cases.

    Without a common clock no moment cuts: the last order of every customer with a former one is asked.

    :param log: what came before the cut and after it
    :param cut: microseconds; an order is asked if all its lines are from then on
    :param drops_seen: whether what the customer bought before is out of the question
    """
    chance = np.random.default_rng(seed)
    orders = _Orders(log)
    cases: dict[int, SurfaceCase] = {}
    for order in chance.permutation(orders.asked(cut=cut)).tolist():
        if len(cases) == most:
            break
        case = _case(surface, orders, order, chance)
        if case is not None and drops_seen:
            case = replace(case, bought=np.setdiff1d(case.bought, case.seen, assume_unique=True))
        if case is not None and len(case.bought):
            cases[order] = case
    return [cases[order] for order in sorted(cases)]


class _Orders:
    """The orders of a log, by customer and then by number; N orders hold L lines."""

    def __init__(self, log: Log) -> None:
        bought = log.purchases
        line = np.lexsort((bought.at, bought.basket, bought.user))
        user, basket = bought.user[line], bought.basket[line]
        first = np.flatnonzero(changes(user, basket))
        self.log = log
        self.user: Ints = user[first]  # (N,)
        self.begins: Ints = bought.at[line][first]  # (N,) microseconds: the oldest line
        self._starts: Ints = np.append(first, len(line))  # (N + 1,)
        self._items: Ints = bought.item[line]  # (L,)
        self._steps: Ints = log.user_starts()

    def asked(self, *, cut: int) -> Ints:
        """Return the orders after a cut; without a common clock the last one of who had one before."""
        if self.log.has_clock:
            return np.flatnonzero(self.begins >= cut)
        bought = self.log.purchases
        newest, oldest = np.zeros((2, self.log.users), dtype=np.int64)
        # Sorted by time: the last one written of each customer stays.
        newest[bought.user] = bought.at
        oldest[bought.user[::-1]] = bought.at[::-1]
        return np.flatnonzero((self.begins == newest[self.user]) & (self.begins > oldest[self.user]))

    def lines(self, order: int) -> Ints:
        """Return the distinct items of an order, ascending."""
        return np.unique(self._items[self._starts[order] : self._starts[order + 1]])

    def steps_before(self, order: int) -> History:
        """Return all that the customer did before the moment of an order."""
        start, end = self._steps[self.user[order]], self._steps[self.user[order] + 1]
        moment = int(self.begins[order])
        past = slice(start, start + int(np.searchsorted(self.log.at[start:end], moment)))
        return History(self.log.item[past], self.log.at[past], self.log.event[past], moment)


def _case(surface: Surface, orders: _Orders, order: int, chance: np.random.Generator) -> SurfaceCase | None:
    """Return what a surface is asked for an order; None where it cannot be asked."""
    lines, steps, user = orders.lines(order), orders.steps_before(order), int(orders.user[order])
    if surface is Surface.PRODUCT_VIEW:
        return _after_a_view(steps, lines, user, chance)
    history = _before_visit(steps)
    match surface:
        case Surface.HOME:
            return _about(history, lines, user) if len(history) else None
        case Surface.STRANGER:
            return None if len(history) else _about(history, lines, user)
        case _:
            return _beside(surface, history, lines, user, chance) if len(lines) > 1 else None


def _beside(
    surface: Surface, history: History, lines: Ints, user: int, chance: np.random.Generator
) -> SurfaceCase:
    """Return the case of an order of which a page shows one product, or a cart holds some."""
    count = 1 if surface is Surface.PRODUCT_BASKET else int(chance.integers(1, len(lines)))
    told = np.sort(chance.choice(lines, count, replace=False))
    case = _about(history, np.setdiff1d(lines, told, assume_unique=True), user)
    return replace(case, page=int(told[0])) if surface is Surface.PRODUCT_BASKET else replace(case, cart=told)


def _after_a_view(steps: History, lines: Ints, user: int, chance: np.random.Generator) -> SurfaceCase | None:
    """Return the case of an order before which its customer looked at a product since the former one."""
    former = np.flatnonzero(steps.events == Event.PURCHASE).max(initial=-1)
    views = np.flatnonzero(steps.events == Event.VIEW)
    views = views[views > former]
    if not len(views):
        return None
    view = int(chance.choice(views))
    page, moment = int(steps.items[view]), int(steps.at[view])
    history = replace(steps.where(steps.at < moment), now=moment)
    return replace(_about(history, lines[lines != page], user), page=page)


def _about(history: History, bought: Ints, user: int) -> SurfaceCase:
    return SurfaceCase(longest_history(history), bought, np.unique(history.purchases), user)


def _before_visit(steps: History) -> History:
    """
    Return what a customer did before the visit in which they ordered, and all that they bought.

    Who orders has just looked at what they order and laid it into the cart: that would be the answer.
    """
    gaps = np.diff(np.append(steps.at, steps.now))
    begin = np.flatnonzero(gaps > VISIT_US).max(initial=-1) + 1
    return steps.where((np.arange(len(steps)) < begin) | (steps.events == Event.PURCHASE))
