"""
A shop whose visitors are drawn into two arms, minute by minute, as sums that the rules read.

Orders come late, some visitors order twice, some orders are refunded days later, a few are huge: what a
visitor is worth is not known when they come, and may fall again. Revenue is winsorised by visitor.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.rollouts.values import ArmSums, Metric

MINUTES_A_DAY = 1440

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Shop:
    """
    How a shop's visitors behave, and how long they are watched.

    :param visitors_per_day: of the whole shop, who are new
    :param steps: days at each share, in percent
    :param spread: of the log of an order's value: at 1.2 one order in a hundred is sixteen times the median
    :param bound: at which a visitor's revenue is cut, fixed beforehand
    :param window_days: from the first exposure, in which orders count
    """

    visitors_per_day: float = 16_000
    steps: tuple[tuple[float, int], ...] = ((3, 5), (4, 25), (14, 50))
    conversion: float = 0.03
    order_median: float = 40.0
    spread: float = 1.2
    bound: float = 640.0
    orders_twice: float = 0.25
    refunded: float = 0.08
    clicks: float = 0.15
    adds_to_cart: float = 0.08
    window_days: float = 7.0

    @property
    def days(self) -> float:
        """How long it is watched."""
        return sum(days for days, _ in self.steps)


@dataclass(frozen=True)
class ArmHistory:
    """One arm's running sums at the end of each minute."""

    visitors: Column
    totals: dict[Metric, Column]
    squares: dict[Metric, Column]

    def sums(self, metric: Metric, minute: int) -> ArmSums:
        """Return what production would read at the end of a minute."""
        total, squares = self.totals[metric][minute], self.squares[metric][minute]
        return ArmSums(int(self.visitors[minute]), Decimal(float(total)), Decimal(float(squares)))


@dataclass(frozen=True)
class History:
    """Both arms of one rollout."""

    candidate: ArmHistory
    control: ArmHistory

    def at(self, minute: int) -> dict[Metric, tuple[ArmSums, ArmSums]]:
        """Return every metric's sums of both arms at the end of a minute."""
        return {
            metric: (self.candidate.sums(metric, minute), self.control.sums(metric, minute))
            for metric in self.candidate.totals
        }


def watch(shop: Shop, chance: np.random.Generator, *, candidate: Shop | None = None) -> History:
    """
    Return one rollout's history.

    :param candidate: how visitors behave who see the candidate; as all do if not given
    """
    return History(_arm(candidate or shop, chance), _arm(shop, chance))


def arrivals(shop: Shop) -> Column:
    """Return the visitors to expect of one arm in each minute: more by day than by night."""
    day = 1 + 0.8 * np.sin(2 * np.pi * (np.arange(MINUTES_A_DAY) / MINUTES_A_DAY - 0.3))
    share = [np.full(round(days * MINUTES_A_DAY), min(at, 100 - at) / 100) for days, at in shop.steps]
    every = np.concatenate(share)
    return shop.visitors_per_day / MINUTES_A_DAY * every * np.resize(day, every.size)


def worth(shop: Shop, chance: np.random.Generator, buyers: int = 50_000) -> float:
    """Return what a buyer is worth on average once the window is over and goods went back."""
    _, revenue, _ = _spend(shop, np.zeros(buyers), MINUTES_A_DAY * 40, chance)
    return float(revenue[-1]) / buyers


@cache
def worth_times(shop: Shop, factor: float) -> Shop:
    """Return a shop whose buyers are worth so many times as much, winsorised, by other prices."""
    wanted = factor * worth(shop, np.random.default_rng(1))
    low, high = 0.0, 4 * factor
    while high - low > 1e-4:
        middle = (low + high) / 2
        repriced = replace(shop, order_median=shop.order_median * middle)
        is_enough = worth(repriced, np.random.default_rng(1)) >= wanted
        low, high = (low, middle) if is_enough else (middle, high)
    return replace(shop, order_median=shop.order_median * high)


def _arm(shop: Shop, chance: np.random.Generator) -> ArmHistory:
    came = chance.poisson(arrivals(shop))
    buyers = chance.binomial(came, shop.conversion)
    minutes = np.repeat(np.arange(came.size), buyers) + chance.random(buyers.sum())
    bought, revenue, squares = _spend(shop, minutes, came.size, chance)
    once: dict[Metric, Column] = {
        Metric.CLICK_THROUGH: _added_up(chance.binomial(came, shop.clicks)),
        Metric.ADD_TO_CART: _added_up(chance.binomial(came, shop.adds_to_cart)),
        Metric.CONVERSION: bought,
    }
    totals, all_squares = once | {Metric.REVENUE: revenue}, once | {Metric.REVENUE: squares}
    return ArmHistory(_added_up(came), totals, all_squares)


def _spend(
    shop: Shop, exposed: Column, minutes: int, chance: np.random.Generator
) -> tuple[Column, Column, Column]:
    """
    Return running counts of buyers, and sums of what each visitor is worth by then and its square.

    As production counts: orders of the window alone, and what goes back whenever it does. Whoever has
    nothing left is no buyer.
    """
    many = exposed.size
    quickly = chance.random(many) < 0.6
    first = np.where(quickly, chance.exponential(20, many), chance.exponential(1.5 * MINUTES_A_DAY, many))
    second = first + chance.exponential(2 * MINUTES_A_DAY, many)
    second[chance.random(many) >= shop.orders_twice] = np.inf
    refund = first + chance.exponential(3 * MINUTES_A_DAY, many)
    refund[chance.random(many) >= shop.refunded] = np.inf
    values = shop.order_median * np.exp(shop.spread * chance.standard_normal((2, many)))
    times = np.stack([first, second, refund], axis=1)
    times[:, :2][times[:, :2] > shop.window_days * MINUTES_A_DAY] = np.inf
    # What is not ordered within the window doesn't go back either.
    times[np.isinf(times[:, 0]), 2] = np.inf
    order = np.argsort(times, axis=1, kind="stable")
    amounts = np.stack([values[0], values[1], -values[0]], axis=1)
    worth = np.cumsum(np.take_along_axis(amounts, order, axis=1), axis=1).clip(0, shop.bound)
    left = np.minimum(np.cumsum(np.array([1, 1, -1])[order], axis=1), 1)
    at = exposed[:, None] + np.take_along_axis(times, order, axis=1)
    counted = at < minutes
    minute = at[counted].astype(np.int64)
    return (
        _running(minute, np.diff(left, axis=1, prepend=0)[counted], minutes),
        _running(minute, np.diff(worth, axis=1, prepend=0)[counted], minutes),
        _running(minute, np.diff(worth**2, axis=1, prepend=0)[counted], minutes),
    )


def _running(minute: NDArray[np.int64], amounts: NDArray[Any], minutes: int) -> Column:
    return _added_up(np.bincount(minute, amounts, minlength=minutes))


def _added_up(by_minute: NDArray[Any]) -> Column:
    return np.cumsum(by_minute, dtype=np.float64)
