"""How long a comparison takes on a shop's own traffic, by the very sequence that will decide it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import NormalDist
from typing import Final

from backend.rollouts.rules.sequences import boundary, metric_alpha
from backend.rollouts.values import Requirement, RolloutPlan, Span, Traffic

# A forecast that is kept in four rollouts of five.
KEPT: Final = NormalDist().inv_cdf(0.8)


# What "better" is forecast for: nobody can say how long it takes to prove a gain of nothing.
ASSUMED_GAIN: Final = 0.05


# Beyond any shop's visitors of a rollout.
MOST_VISITORS: Final = 1e12


@dataclass(frozen=True, slots=True)
class StepForecast:
    """Days until a step can be judged, if the candidate is as good as the champion; infinite if never."""

    percent: int
    days: float
    can_be_judged: bool


def forecast(traffic: Traffic, plan: RolloutPlan) -> tuple[StepForecast, ...]:
    """Return how long each step takes at which there are two arms to compare."""
    days = {percent: days_to_decision(traffic, plan, percent=percent) for percent in plan.steps}
    return tuple(
        StepForecast(percent, days[percent], can_be_judged=days[percent] <= plan.max_days)
        for percent in plan.steps
        if percent < 100
    )


def days_to_decision(traffic: Traffic, plan: RolloutPlan, *, percent: int) -> float:
    """
    Return the days after which four rollouts of five can be promoted, at one share; infinite if never.

    "No worse" is forecast for a candidate that is as good as the champion, "better" for one that earns
    5 % more.
    """
    daily = traffic.visitors_per_day * 2 * min(percent, 100 - percent) / 100
    if min(daily, traffic.conversion, traffic.revenue_mean) <= 0:
        return math.inf
    spread = 2 * math.sqrt(traffic.revenue_variance) / traffic.revenue_mean
    needed = visitors_needed(
        assumed_distance(plan), plan=plan, error=lambda visitors: spread / math.sqrt(visitors)
    )
    needed = max(needed, 2 * plan.min_orders / traffic.conversion)
    return max(needed / daily, float(plan.ab_days))


def visitors_per_day(visitors: int, spans: Sequence[Span], *, day: timedelta) -> float | None:
    """
    Return how many visitors of both arms come a day at the newest share, by those of all shares until now.

    :param spans: in which they came
    """
    came = sum((span.until - span.since) / day * span.percent for span in spans)
    return visitors * spans[-1].percent / came if came else None


def assumed_distance(plan: RolloutPlan) -> float:
    """Return how far a candidate is above the bound that it must clear, if it is as one hopes."""
    return ASSUMED_GAIN if plan.requirement is Requirement.BETTER else plan.margin_percent / 100


def visitors_needed(
    distance: float, *, plan: RolloutPlan, error: Callable[[float], float], kept: float = KEPT
) -> float:
    """
    Return the visitors of both arms from which a difference this far from the bar is seen to clear it.

    :param error: the relative difference's standard error by visitors
    :param kept: standard errors to spare; 0 if the difference is what was seen
    """
    alpha = metric_alpha(plan.alpha)

    def clears(visitors: float) -> bool:
        return (boundary(visitors, alpha=alpha) + kept) * error(visitors) <= distance

    if distance <= 0 or not clears(MOST_VISITORS):
        return math.inf
    few, many = 1.0, MOST_VISITORS
    while many / few > 1.001:
        middle = math.sqrt(few * many)
        few, many = (few, middle) if clears(middle) else (middle, many)
    return many
