"""Has a share fallen by more than a bar allows? Asked with an answer for "can't be told"."""

import math
from dataclasses import dataclass

from backend.monitoring.values import Count, Verdict

# The normal distribution's 95 % point: each bound is right 19 times of 20, one-sided.
Z = 1.6449

# Below this many hits on either side the logarithm of their ratio is not nearly normal.
MIN_HITS = 10


@dataclass(frozen=True, slots=True)
class Ratio:
    """One share divided by an earlier one, with one-sided 95 % bounds."""

    value: float
    low: float
    high: float


def ratio(before: Count, now: Count) -> Ratio | None:
    """
    Return how the share changed, or None where there were too few hits for bounds.

    Source: Katz, Baptista, Azen & Pike 1978, "Obtaining confidence intervals for the risk ratio in
    cohort studies", Biometrics 34, method C: the logarithm of the ratio is nearly normal.
    """
    if min(before.hits, now.hits) < MIN_HITS:
        return None
    value = now.rate / before.rate
    spread = Z * math.sqrt((1 - now.rate) / now.hits + (1 - before.rate) / before.hits)
    return Ratio(value, value * math.exp(-spread), value * math.exp(spread))


def judge(found: Ratio | None, *, bar: float) -> Verdict:
    """
    Decide whether a share has fallen below ``bar`` times what it was.

    FIRED when all of the ratio's interval lies under the bar, QUIET when none of it does. In between,
    the data can't tell a drop from chance, and says so.
    """
    if found is None:
        return Verdict.NOT_ENOUGH_DATA
    if found.high < bar:
        return Verdict.FIRED
    return Verdict.QUIET if found.low >= bar else Verdict.NOT_ENOUGH_DATA
