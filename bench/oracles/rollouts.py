"""
Write what gbstats and ssrm-test say of a range of sums, as JSON: tests/backend/rollouts/oracles.json.

gbstats bounds a relative difference by the delta method, which the product doesn't. So the ratio's bounds
are found with gbstats' interval of the absolute difference alone: they are the two factors on the control at
which that interval stops holding nothing.
"""

import itertools
import json
from typing import Any

import numpy as np
from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
from gbstats.models.statistics import SampleMeanStatistic
from scipy.optimize import brentq
from ssrm_test.ssrm_test import sequential_posteriors

VISITORS = (500, 30_000, 1_000_000)
ALPHAS = (0.05, 0.025, 0.001)
TUNINGS = (5_000, 20_000)
# Mean and standard deviation of a visitor's value: clicks, orders, and revenue with a heavy tail.
VALUES = ((0.2, 0.4), (0.02, 0.14), (3.1, 24.0))
RATIOS = ((1_000, 1_000), (10_300, 9_700), (512, 4_801), (98_765, 101_001))


def main() -> None:
    """Print all vectors."""
    chance = np.random.default_rng(20)
    sequences = [
        _sequence(visitors, alpha, tuning, mean, spread, chance)
        for visitors, alpha, tuning, (mean, spread) in itertools.product(VISITORS, ALPHAS, TUNINGS, VALUES)
    ]
    ratios = [_ratio(counts, shares) for counts in RATIOS for shares in ((0.5, 0.5), (0.1, 0.9))]
    print(json.dumps({"sequences": sequences, "ratios": ratios}, indent=1))


def _sequence(
    visitors: int, alpha: float, tuning: int, mean: float, spread: float, chance: np.random.Generator
) -> dict[str, Any]:
    candidate = _arm(
        visitors + int(chance.integers(visitors // 10)), mean * float(chance.uniform(0.8, 1.2)), spread
    )
    control = _arm(visitors, mean, spread)
    low, high = _interval(candidate, control, 1.0, alpha, tuning)
    return {
        "candidate": candidate,
        "control": control,
        "alpha": alpha,
        "tuning": tuning,
        "half_width": (high - low) / 2,
        "relative": _relative(candidate, control, alpha, tuning),
    }


def _arm(visitors: int, mean: float, spread: float) -> dict[str, Any]:
    # Whole cents and their squares, so that the sums are the same decimals wherever they are read.
    total = round(visitors * mean, 2)
    squares = round((visitors - 1) * spread**2 + total**2 / visitors, 4)
    return {"visitors": visitors, "total": str(total), "squares": str(squares)}


def _interval(
    candidate: dict[str, Any], control: dict[str, Any], factor: float, alpha: float, tuning: int
) -> list[float]:
    test = SequentialTwoSidedTTest(
        _statistic(control, factor),
        _statistic(candidate, 1.0),
        SequentialConfig(alpha=alpha, difference_type="absolute", sequential_tuning_parameter=tuning),
    )
    return [float(bound) for bound in test.confidence_interval]


def _statistic(arm: dict[str, Any], factor: float) -> SampleMeanStatistic:
    return SampleMeanStatistic(
        n=arm["visitors"], sum=float(arm["total"]) * factor, sum_squares=float(arm["squares"]) * factor**2
    )


def _relative(
    candidate: dict[str, Any], control: dict[str, Any], alpha: float, tuning: int
) -> list[float] | None:
    """Return the bounds of the ratio less one; None where it is unbounded."""
    ratio = float(candidate["total"]) / candidate["visitors"] / float(control["total"]) * control["visitors"]

    def low(factor: float) -> float:
        return _interval(candidate, control, factor, alpha, tuning)[0]

    def high(factor: float) -> float:
        return _interval(candidate, control, factor, alpha, tuning)[1]

    # Far out the interval's sign no longer changes: a control whose mean may be nothing bounds no ratio.
    if high(1e6) >= 0:
        return None
    exact = {"xtol": 1e-14, "rtol": 1e-14}
    return [brentq(low, -1e6, ratio, **exact) - 1, brentq(high, ratio, 1e6, **exact) - 1]


def _ratio(counts: tuple[int, int], shares: tuple[float, float]) -> dict[str, Any]:
    last = sequential_posteriors(np.array([counts]), np.array(shares))[-1]
    return {
        "counts": counts,
        "shares": shares,
        "log_evidence": float(last["log_bayes_factor"]),
        "p_value": float(last["p_value"]),
    }


if __name__ == "__main__":
    main()
