"""Versions that were trained anew at the gate: as good as the champion, or worse by its margin."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from backend.rollouts.rules.gate import judge
from backend.rollouts.values import DEFAULT_BAR, GATE_MARGIN, Baseline, Evidence, GateVerdict
from bench.rollouts.runs import chance, every, scaled, share
from models.recommender.log.arrays import Reals
from models.recommender.metrics.intervals import gain_interval

# Known customers who bought in the test's days: of a small, a middling and a large shop.
CUSTOMERS: Final = (500, 3_000, 10_000)

# Of the champion's customers NDCG@10 is nothing for half; two trainings of one recipe on one shop give most
# of them the same list.
FOUND: Final = 0.5
ALIKE: Final = 0.9
# How far the best simple model lies below: most of what it finds the others find too.
SIMPLE: Final = 0.9
SIMPLE_ALIKE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Asked:
    """Each customer's NDCG@10 by three versions."""

    candidate: Reals
    champion: Reals
    simple: Reals


def measure(scale: float) -> dict[str, Any]:
    """Return how often a rollout of a twin may begin, and of what is worse, by how many are asked."""
    runs = scaled(scale, 200)
    worse = 1 - GATE_MARGIN / 100
    return {
        "runs": runs,
        "customers": list(CUSTOMERS),
        "twin_opens": [share(every(partial(opens, 1.0, many), runs)) for many in CUSTOMERS],
        "worse_opens": [share(every(partial(opens, worse, many), runs)) for many in CUSTOMERS],
    }


def opens(quality: float, customers: int, number: int) -> bool:
    """Return whether production's gate lets a candidate through that finds so much of its champion's."""
    asked = ask(quality, customers, chance(f"gate {quality} {customers}", number))
    gained, least, most = gain_interval(asked.candidate, asked.simple, seed=number)
    gain, low, high = gain_interval(asked.candidate, asked.champion, seed=number)
    evidence = Evidence(
        customers=customers,
        gain_percent=100 * gain,
        low_percent=100 * low,
        high_percent=100 * high,
        baseline=Baseline("popularity", customers, 100 * gained, 100 * least, 100 * most),
    )
    return judge(evidence, champion=1, bar_percent=DEFAULT_BAR).verdict is GateVerdict.PASSED


def ask(quality: float, customers: int, drawn: np.random.Generator) -> Asked:
    """Return what three versions reach with the same customers, the candidate so much of the champion's."""
    champion = _reached(customers, drawn)
    return Asked(
        candidate=_beside(champion, ALIKE, quality, drawn),
        champion=champion,
        simple=_beside(champion, SIMPLE_ALIKE, SIMPLE, drawn),
    )


def _beside(champion: Reals, alike: float, quality: float, drawn: np.random.Generator) -> Reals:
    """Return a version that gives some customers the champion's list, and others nothing that they buy."""
    other = np.where(drawn.random(len(champion)) < alike, champion, _reached(len(champion), drawn))
    return np.where(drawn.random(len(champion)) < quality, other, 0.0)


def _reached(customers: int, drawn: np.random.Generator) -> Reals:
    places = drawn.integers(1, 11, customers)
    return np.where(drawn.random(customers) < FOUND, 1 / np.log2(places + 1), 0.0)
