"""
How far two arms are apart, with an interval that may be looked at as often as one likes.

An asymptotic confidence sequence covers the truth at all looks together with probability ``1 - alpha``; an
interval of a fixed sample size, looked at every minute, hardly covers anything in the end.

Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2021, arXiv:2103.06476, theorem 2.2.
"""

import math
from dataclasses import dataclass
from typing import Final

from backend.rollouts.values import ArmSums, Metric

# Visitors of both arms at which the interval is the tightest that it can be: where a shop of which 2 % buy
# has 200 orders in each arm. Fixed for all rollouts, because it must not depend on what was seen. At a tenth
# of it, or ten times, the interval is less than a quarter wider than one that was tuned for that size.
TUNING_VISITORS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference and its anytime-valid bounds."""

    estimate: float
    low: float
    high: float


def relative_difference(
    candidate: ArmSums, control: ArmSums, *, alpha: float, tuning: float = TUNING_VISITORS
) -> Interval | None:
    """
    Return how much the candidate's mean is above the control's, as a share of it; None while unbounded.

    The ratio lies in the interval exactly where the sequence of ``candidate - ratio * control``, which is a
    mean like any other, still holds nothing (Fieller 1954). The delta method puts a symmetric interval
    around a skewed estimate instead, and is off most where orders are few.

    Visitors who all did the same, nothing most likely, show no spread. Taken for certainty that would give an
    interval without a width, so no arm counts as less spread than one visitor makes it who does as is usual.
    """
    if min(candidate.visitors, control.visitors) < 2:
        return None
    reach = boundary(candidate.visitors + control.visitors, alpha=alpha, tuning=tuning) ** 2
    over, under = _mean(candidate), _mean(control)
    if under <= 0:
        return None
    usual = float(control.squares / control.total)
    over_error, under_error = (
        reach * max(_squared_error(arm), (usual / arm.visitors) ** 2) for arm in (candidate, control)
    )
    scale = under**2 - under_error
    if scale <= 0:
        return None
    middle = over * under / scale
    half = math.sqrt(over**2 * under_error + under**2 * over_error - over_error * under_error) / scale
    return Interval(over / under - 1, middle - half - 1, middle + half - 1)


def relative_error(candidate: ArmSums, control: ArmSums) -> float | None:
    """Return the relative difference's standard error by the delta method: for forecasts, not verdicts."""
    if min(candidate.visitors, control.visitors) < 2 or control.total <= 0:
        return None
    under = _mean(control)
    ratio = _mean(candidate) / under
    return math.sqrt(_squared_error(candidate) + ratio**2 * _squared_error(control)) / under


def boundary(visitors: float, *, alpha: float, tuning: float = TUNING_VISITORS) -> float:
    """Return how many standard errors the interval reaches to either side; 1.96 would do for one look."""
    grown = visitors * _rho_squared(alpha, tuning)
    return math.sqrt(2 * (grown + 1) / grown * math.log(math.sqrt(grown + 1) / alpha))


def metric_alpha(alpha: float) -> float:
    """
    Return the part of a rollout's chance of a false alarm that each metric's two-sided interval may spend.

    An alarm is one side of an interval, so that twice an equal part is left to both sides together.
    """
    return 2 * alpha / len(Metric)


def _rho_squared(alpha: float, tuning: float) -> float:
    # Equation 161: the mixture's width that is tightest at the tuning size.
    return (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tuning


def _mean(arm: ArmSums) -> float:
    return float(arm.total) / arm.visitors


def _squared_error(arm: ArmSums) -> float:
    # In decimals up to the difference, which floats would lose.
    spread = arm.squares - arm.total * arm.total / arm.visitors
    return float(spread) / (arm.visitors - 1) / arm.visitors
