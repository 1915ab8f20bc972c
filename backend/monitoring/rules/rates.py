"""Has a share fallen by more than a bar allows? Asked with an answer for "can't be told"."""

import math
from dataclasses import dataclass

from backend.monitoring.values import Count, Verdict

# Each bound is wrong once in 20 times, one-sided; the normal distribution's 95 % point.
ALPHA = 0.05
Z = 1.6449

# Below this many hits on either side the logarithm of their ratio is not nearly normal.
MIN_HITS = 10

# Halvings of what is left between two bounds of a share: more than a float's digits need.
HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Ratio:
    """One share divided by an earlier one, with one-sided 95 % bounds."""

    value: float
    low: float
    high: float


def ratio(before: Count, now: Count) -> Ratio | None:
    """
    Return how the share changed, or None where there were too few hits before, or nobody to hit now.

    Source: Katz, Baptista, Azen & Pike 1978, "Obtaining confidence intervals for the risk ratio in
    cohort studies", Biometrics 34, method C: the logarithm of the ratio is nearly normal.
    """
    if before.hits < MIN_HITS or not now.of:
        return None
    if now.hits < MIN_HITS:
        return _exact_ratio(before, now)
    value = now.rate / before.rate
    spread = Z * math.sqrt((1 - now.rate) / now.hits + (1 - before.rate) / before.hits)
    return Ratio(value, value * math.exp(-spread), value * math.exp(spread))


def _exact_ratio(before: Count, now: Count) -> Ratio:
    """
    Return how the share changed where few hits or none are left.

    Of the hits of both sides together the later ones are binomial. That holds for Poisson counts; those of
    shares vary less, so the bounds are right at least as often.

    Source: Przyborowski & Wilenski 1940, "Homogeneity of results in testing samples from Poisson series",
    Biometrika 31.
    """
    total, odds = before.hits + now.hits, before.of / now.of
    low = _binomial_share(now.hits - 1, total, chance=1 - ALPHA) if now.hits else 0.0
    high = _binomial_share(now.hits, total, chance=ALPHA)
    return Ratio(now.rate / before.rate, low / (1 - low) * odds, high / (1 - high) * odds)


def _binomial_share(most: int, total: int, *, chance: float) -> float:
    """Return the share at which no more than ``most`` of ``total`` are hits with this chance."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        share = (low + high) / 2
        found = sum(
            math.comb(total, hits) * share**hits * (1 - share) ** (total - hits) for hits in range(most + 1)
        )
        low, high = (share, high) if found > chance else (low, share)
    return low


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
