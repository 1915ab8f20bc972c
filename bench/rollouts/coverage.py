"""Whether the sequence holds the truth at all looks, for revenue with a heavy tail."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import numpy as np

from backend.rollouts.rules import compare_outcomes
from backend.rollouts.values import ArmOutcomes, Metric, RolloutPlan
from bench.rollouts.deciding import covers, holds_nothing
from bench.rollouts.runs import chance, every, scaled, share
from bench.rollouts.shop import Column, Shop, watch, worth_times

ALPHA: Final = 0.05
MIN_ORDERS: Final = RolloutPlan().min_orders
# One order in a hundred is thirty times the median, and the bound cuts only one buyer in some hundreds.
HEAVY: Final = Shop(spread=1.5, bound=2_000.0)
# Of those who order once and keep it, an order's value is all that differs: then as many are worth as much at
# any age, and half as many twice as dear are too.
ONCE: Final = replace(HEAVY, orders_twice=0.0, refunded=0.0)

# Of one arm, and how many looks at it there are; of visitors, who had bought before.
VISITORS: Final = 60_000
LOOKS: Final = 200
RETURNING: Final = 0.1


def measure(scale: float) -> dict[str, Any]:
    """Return the share of the histories in which no look's interval misses."""
    covered = every(is_covered, scaled(scale))
    return {
        "runs": len(covered),
        "all_looks": share(covered),
        "half_as_many_twice_as_dear": share(every(is_unlike_covered, scaled(scale))),
        "adjusted_by_the_past": share(every(is_adjusted_covered, scaled(scale))),
    }


def is_covered(number: int) -> bool:
    """Return whether one history's intervals of 95 % all hold the truth, which is no difference."""
    history = watch(HEAVY, chance("coverage", number))
    return covers(history, Metric.REVENUE, ALPHA, MIN_ORDERS)


def is_unlike_covered(number: int) -> bool:
    """Return the same where the candidate sells half as often for twice as much: the arms' tails differ."""
    fewer = replace(worth_times(ONCE, 2.0), conversion=ONCE.conversion / 2)
    history = watch(ONCE, chance("coverage unlike", number), candidate=fewer)
    return covers(history, Metric.REVENUE, ALPHA, MIN_ORDERS)


def is_adjusted_covered(number: int) -> bool:
    """Return the same where revenue is adjusted by what visitors had bought before, by each look's slope."""
    drawn = chance("coverage adjusted", number)
    candidate, control = (_running(*_visitors(drawn)) for _ in range(2))
    enough = np.searchsorted(candidate["buyers"] + control["buyers"], 2 * MIN_ORDERS)
    looks = np.geomspace(enough + 1, VISITORS, LOOKS).astype(int) - 1
    return all(_is_held(_outcomes(candidate, look), _outcomes(control, look)) for look in looks)


def _visitors(drawn: np.random.Generator) -> tuple[Column, Column]:
    """Return what visitors spend and had spent before; who had spends oftener, and more the more it was."""
    past = np.where(drawn.random(VISITORS) < RETURNING, drawn.lognormal(3.7, HEAVY.spread, VISITORS), 0.0)
    often = HEAVY.conversion * np.where(past > 0, 6, 1)
    spent = 0.5 * past + drawn.lognormal(3.7, HEAVY.spread, VISITORS)
    spent = np.where(drawn.random(VISITORS) < often, spent, 0.0)
    return spent.clip(0, HEAVY.bound), past.clip(0, HEAVY.bound)


def _running(spent: Column, past: Column) -> dict[str, Column]:
    bought, came_back = spent > 0, past > 0
    columns = {
        "buyers": bought, "revenue": spent, "revenue_squares": spent**2, "returning": came_back, "past": past,
        "past_squares": past**2, "past_of_buyers": past * bought, "past_by_revenue": past * spent,
    }  # fmt: skip
    return {name: np.cumsum(column, dtype=np.float64) for name, column in columns.items()}


def _outcomes(arm: dict[str, Column], look: int) -> ArmOutcomes:
    told: dict[str, Any] = {
        name: int(column[look]) if name in {"buyers", "returning"} else Decimal(float(column[look]))
        for name, column in arm.items()
    }
    return ArmOutcomes(visitors=look + 1, **told)


def _is_held(candidate: ArmOutcomes, control: ArmOutcomes) -> bool:
    revenue = compare_outcomes(candidate, control)[-1]
    return holds_nothing(revenue.candidate, revenue.control, ALPHA)
