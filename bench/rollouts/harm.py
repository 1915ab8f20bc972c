"""Candidates that hurt: how soon each kind of harm is undone."""

import math
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np

from backend.rollouts.values import RolloutPlan, Verdict
from bench.rollouts import guards
from bench.rollouts.deciding import Ended, run
from bench.rollouts.runs import chance, every, scaled, share
from bench.rollouts.shop import MINUTES_A_DAY, Shop, arrivals, watch

LOST = 0.2
PLAN = RolloutPlan()


def measure(scale: float) -> dict[str, Any]:
    """Return when each kind of harm is undone, in answers, seconds and days."""
    found: dict[str, Any] = {kind: guards.measure_harm(kind, scale) for kind in guards.HARMS}
    return found | {"conversion": _conversion(scale)}


def _conversion(scale: float) -> dict[str, Any]:
    ended = every(one, scaled(scale))
    undone = [end.judged.verdict is Verdict.FAILED for end in ended]
    days = [end.days if is_undone else math.inf for end, is_undone in zip(ended, undone, strict=True)]
    return {
        "runs": len(ended),
        "undone": share(undone),
        "median_days": round(float(np.median(days)), 2),
        "t_test_days": round(t_test_days(Shop()), 2),
        "t_test_waits_days": Shop().window_days,
    }


def one(number: int) -> Ended:
    """Return how a rollout ends of whose visitors a fifth fewer buy."""
    fewer = replace(Shop(), conversion=Shop().conversion * (1 - LOST))
    return run(watch(Shop(), chance("conversion", number), candidate=fewer), PLAN)


def t_test_days(shop: Shop, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """
    Return when as many visitors came as a t-test needs that is looked at once, for this loss.

    It has to wait for their orders then, as long as the window; the sequence does not.
    """
    certain = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    rates = shop.conversion, shop.conversion * (1 - LOST)
    needed = certain**2 * sum(rate * (1 - rate) for rate in rates) / (rates[0] - rates[1]) ** 2
    minute = int(np.searchsorted(np.cumsum(arrivals(shop)), needed))
    return (minute + 1) / MINUTES_A_DAY
