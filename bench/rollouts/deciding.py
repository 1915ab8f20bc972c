"""
What production's rules decide over a history that is looked at every minute.

A look is a few hundred microseconds of decimals, and 2,000 histories of three weeks are sixty million looks.
So arrays first find the minutes in which any rule could decide at all, with a thousandth to spare, and the
rules themselves are asked at those, in order, until one ends the rollout. That nothing is missed so is a test
(tests/tools/test_bench_rollouts.py), which asks them at every minute.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.rollouts.rules import (
    RATIO_ALPHA,
    boundary,
    business_verdict,
    compare_metrics,
    metric_alpha,
    relative_difference,
    sample_ratio,
)
from backend.rollouts.values import ArmSums, Judged, Metric, Requirement, RolloutPlan, Verdict
from bench.rollouts.shop import MINUTES_A_DAY, ArmHistory, Column, History

SPARE = 0.999
ENDS = frozenset({Verdict.SUCCESS, Verdict.FAILED, Verdict.ERROR})
# Signals pause a rollout and a person lets it go on: here nobody does, and they only have to be counted.
NEVER_ENDS = Judged(Verdict.NOT_ENOUGH, "")

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Ended:
    """How a rollout ended, and on which minute; the last if nothing ended it."""

    judged: Judged
    minute: int

    @property
    def days(self) -> float:
        """How long it took."""
        return (self.minute + 1) / MINUTES_A_DAY


def run(history: History, plan: RolloutPlan) -> Ended:
    """Return how a rollout ends that is looked at every minute."""
    return first_end(history, plan, np.flatnonzero(may_end(history, plan)))


def first_end(history: History, plan: RolloutPlan, minutes: NDArray[np.int64]) -> Ended:
    """Return the first verdict of production's rules that ends it, at the given looks."""
    for minute in minutes:
        judged = look(history, plan, int(minute))
        if judged.verdict in ENDS:
            return Ended(judged, int(minute))
    return Ended(NEVER_ENDS, history.candidate.visitors.size - 1)


def look(history: History, plan: RolloutPlan, minute: int) -> Judged:
    """Return what production says at the end of a minute."""
    counts = [int(arm.visitors[minute]) for arm in (history.candidate, history.control)]
    return business_verdict(
        compare_metrics(history.at(minute), plan),
        ratio=sample_ratio(counts),
        plan=plan,
        elapsed_days=(minute + 1) / MINUTES_A_DAY,
    )


def may_end(history: History, plan: RolloutPlan) -> Flags:
    """Return the minutes in which the rules could end it; more, never fewer."""
    orders = history.candidate.totals[Metric.CONVERSION] + history.control.totals[Metric.CONVERSION]
    asked = 0.0 if plan.requirement is Requirement.BETTER else -plan.margin_percent / 100
    reach = SPARE * reach_by_look(history, metric_alpha(plan.alpha))
    worse = [deviations(history, metric) < -reach for metric in (Metric.CONVERSION, Metric.REVENUE)]
    enough = deviations(history, Metric.REVENUE, 1 + asked) > reach
    return (orders >= 2 * plan.min_orders) & (worse[0] | worse[1] | enough) | may_mismatch(history)


def reach_by_look(history: History, alpha: float) -> Column:
    """Return production's boundary at each minute, read off a fine table of it."""
    visitors = np.maximum(history.candidate.visitors + history.control.visitors, 1)
    table = np.geomspace(1, visitors[-1] + 1, 2_000)
    return np.interp(np.log(visitors), np.log(table), [boundary(many, alpha=alpha) for many in table])


def deviations(history: History, metric: Metric, factor: float = 1.0) -> Column:
    """Return how many standard errors the candidate's mean is above so much of the control's."""
    over, over_error = _mean_and_error(history.candidate, metric)
    under, under_error = _mean_and_error(history.control, metric)
    error = np.sqrt(over_error + factor**2 * under_error)
    gain = over - factor * under
    return np.divide(gain, error, out=np.zeros_like(gain), where=error > 0)


def _mean_and_error(arm: ArmHistory, metric: Metric) -> tuple[Column, Column]:
    many = np.maximum(arm.visitors, 2)
    mean = arm.totals[metric] / many
    return mean, (arm.squares[metric] / many - mean**2) / (many - 1)


def may_mismatch(history: History) -> Flags:
    """
    Return the minutes in which the sample-ratio test could find something.

    No alternative is likelier than the shares that were seen, so that the evidence is never above theirs.
    """
    counts = np.stack([history.candidate.visitors, history.control.visitors]).astype(float)
    total = np.maximum(counts.sum(axis=0), 1)
    shares = np.maximum(counts / total, 1e-300)
    likeliest: Column = (counts * np.log(shares / 0.5)).sum(axis=0)
    return np.asarray(likeliest >= -SPARE * math.log(RATIO_ALPHA))


def covers(history: History, metric: Metric, alpha: float, min_orders: int) -> bool:
    """Return whether a metric's sequence holds no difference at every minute from enough orders on."""
    orders = history.candidate.totals[Metric.CONVERSION] + history.control.totals[Metric.CONVERSION]
    near = np.abs(deviations(history, metric)) > SPARE * reach_by_look(history, alpha)
    minutes = np.flatnonzero(near & (orders >= 2 * min_orders))
    return all(holds_nothing(*history.at(int(minute))[metric], alpha) for minute in minutes)


def holds_nothing(candidate: ArmSums, control: ArmSums, alpha: float) -> bool:
    """Return whether an interval holds no difference."""
    found = relative_difference(candidate, control, alpha=alpha)
    return found is None or found.low <= 0 <= found.high
