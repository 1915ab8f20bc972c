"""Whether the sequence holds the truth at all looks, for revenue with a heavy tail."""

from typing import Any

from backend.rollouts.values import Metric, RolloutPlan
from bench.rollouts.deciding import covers
from bench.rollouts.runs import chance, every, scaled, share
from bench.rollouts.shop import Shop, watch

ALPHA = 0.05
# One order in a hundred is thirty times the median, and the bound cuts only one buyer in some hundreds.
HEAVY = Shop(spread=1.5, bound=2_000.0)


def measure(scale: float) -> dict[str, Any]:
    """Return the share of the histories in which no minute's interval misses."""
    covered = every(is_covered, scaled(scale))
    return {"runs": len(covered), "all_looks": share(covered)}


def is_covered(number: int) -> bool:
    """Return whether one history's intervals of 95 % all hold the truth, which is no difference."""
    history = watch(HEAVY, chance("coverage", number))
    return covers(history, Metric.REVENUE, ALPHA, RolloutPlan().min_orders)
