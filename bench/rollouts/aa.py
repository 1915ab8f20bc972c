"""Candidates that are the champion itself: whatever is found between the arms is false."""

from typing import Any

from backend.rollouts.values import Requirement, RolloutPlan, Verdict
from bench.rollouts import guards
from bench.rollouts.deciding import run
from bench.rollouts.runs import chance, every, scaled, share
from bench.rollouts.shop import Shop, watch

# "Better" is asked for, so that no rollout ends because it is no worse, and all are watched to their end.
PLAN = RolloutPlan(requirement=Requirement.BETTER)


def measure(scale: float) -> dict[str, Any]:
    """Return how often a rollout of no difference ends as if there were one."""
    ended = every(one, scaled(scale))
    return {
        "runs": len(ended),
        "false_rollback": share([verdict is Verdict.FAILED for verdict in ended]),
        "false_better": share([verdict is Verdict.SUCCESS for verdict in ended]),
        "false_mismatch": share([verdict is Verdict.ERROR for verdict in ended]),
        "guards": guards.measure_healthy(scale),
        "swings": guards.measure_swings(scale),
    }


def one(number: int) -> Verdict:
    """Return how one rollout ends."""
    return run(watch(Shop(), chance("aa", number)), PLAN).judged.verdict
