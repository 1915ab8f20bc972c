"""What the business metrics of both arms come to: a verdict, in a sentence with an interval."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.core.text import signed_percent
from backend.rollouts.rules.power import assumed_distance, visitors_needed
from backend.rollouts.rules.ratio import SampleRatio
from backend.rollouts.rules.sequences import metric_alpha, relative_difference, relative_error
from backend.rollouts.values import (
    ArmSums,
    Difference,
    Judged,
    Metric,
    Requirement,
    RolloutPlan,
    Verdict,
)

# From signed orders: worse rolls back. The rest comes from events, which anybody can send: worse pauses.
GUARDRAILS: Final = (Metric.REVENUE, Metric.CONVERSION)


METRIC_NAMES: Final = {
    Metric.CLICK_THROUGH: "Visitors who click",
    Metric.ADD_TO_CART: "Visitors who add to the cart",
    Metric.CONVERSION: "Visitors who buy",
    Metric.REVENUE: "Revenue per visitor",
}


def compare_metrics(
    sums: Mapping[Metric, tuple[ArmSums, ArmSums]], plan: RolloutPlan
) -> tuple[Difference, ...]:
    """
    Return each metric of the candidate beside the control's.

    A metric says nothing before both arms together have twice ``plan.min_orders`` visitors who did it.
    Together: a candidate from which nobody buys would never have enough of its own.

    :param sums: by metric, the candidate's and the control's
    """
    return tuple(_compare(metric, *arms, did=_did(metric, sums), plan=plan) for metric, arms in sums.items())


def _did(metric: Metric, sums: Mapping[Metric, tuple[ArmSums, ArmSums]]) -> float:
    counted = Metric.CONVERSION if metric is Metric.REVENUE else metric
    return float(sum(arm.total for arm in sums.get(counted, ())))


def _compare(
    metric: Metric, candidate: ArmSums, control: ArmSums, *, did: float, plan: RolloutPlan
) -> Difference:
    unknown = Difference(metric, candidate, control)
    if did < 2 * plan.min_orders:
        return unknown
    found = relative_difference(candidate, control, alpha=metric_alpha(plan.alpha))
    if found is None:
        return unknown
    verdict = _judge_metric(metric, found.low * 100, found.high * 100, plan)
    return Difference(
        metric, candidate, control, found.estimate * 100, found.low * 100, found.high * 100, verdict
    )


def _judge_metric(metric: Metric, low: float, high: float, plan: RolloutPlan) -> Verdict:
    if high < 0:
        return Verdict.FAILED
    return Verdict.SUCCESS if low > required(metric, plan) else Verdict.NOT_ENOUGH


def required(metric: Metric, plan: RolloutPlan) -> float:
    """Return the bound that the lower end of a metric's interval must clear, in percent."""
    asks_better = plan.requirement is Requirement.BETTER and metric is Metric.REVENUE
    return 0.0 if asks_better else -plan.margin_percent


def business_verdict(
    differences: Sequence[Difference],
    *,
    ratio: SampleRatio,
    plan: RolloutPlan,
    elapsed_days: float,
    visitors_per_day: float | None = None,
) -> Judged:
    """
    Return what all metrics come to. The worst evidence wins, and no data is never success.

    Revenue decides on success; the others only stand in its way.

    :param ratio: of the visitors of the candidate and its control
    :param elapsed_days: since the candidate's first visitor
    :param visitors_per_day: of both arms, as they come now; on average until now if not given
    """
    evidence = _evidence(differences, ratio)
    if ratio.is_mismatched:
        return Judged(Verdict.ERROR, _mismatch(ratio), evidence)
    failed = [one for one in differences if one.verdict is Verdict.FAILED]
    for one in failed:
        if one.metric in GUARDRAILS:
            return Judged(Verdict.FAILED, f"Worse than the version in use. {interval_words(one)}", evidence)
    for one in failed:
        words = f"Look before it goes on. {interval_words(one)}"
        return Judged(Verdict.INCONCLUSIVE, words, evidence, pauses=True)
    left = days_left(differences, plan=plan, elapsed_days=elapsed_days, visitors_per_day=visitors_per_day)
    revenue = next((one for one in differences if one.metric is Metric.REVENUE), None)
    return _judge_revenue(revenue, plan=plan, elapsed_days=elapsed_days, left=left, evidence=evidence)


def _judge_revenue(
    revenue: Difference | None,
    *,
    plan: RolloutPlan,
    elapsed_days: float,
    left: float | None,
    evidence: Mapping[str, Any],
) -> Judged:
    words = interval_words(revenue) if revenue else "Nothing was measured yet."
    if revenue and revenue.verdict is Verdict.SUCCESS and elapsed_days >= plan.ab_days:
        return Judged(Verdict.SUCCESS, f"{words} {_cleared(plan)}", evidence, 0.0)
    if elapsed_days >= plan.max_days:
        told = f"{words} Not decided in {plan.max_days} days: that is for a person."
        return Judged(Verdict.INCONCLUSIVE, told, evidence)
    told = f"{words} {left_words(left, elapsed_days=elapsed_days, most_days=plan.max_days)}"
    return Judged(Verdict.NOT_ENOUGH, told, evidence, left)


def days_left(
    differences: Sequence[Difference],
    *,
    plan: RolloutPlan,
    elapsed_days: float,
    visitors_per_day: float | None = None,
) -> float | None:
    """
    Return the days until revenue clears what is required, at the difference seen so far; None if it won't.

    None too while too little came to say. Before there is an interval, the forecast is for a candidate as
    good as the champion.

    :param visitors_per_day: of both arms, as they come now; on average until now if not given
    """
    by_metric = {one.metric: one for one in differences}
    revenue, conversion = by_metric.get(Metric.REVENUE), by_metric.get(Metric.CONVERSION)
    error = revenue and relative_error(revenue.candidate, revenue.control)
    orders = conversion and float(conversion.candidate.total + conversion.control.total)
    if not (revenue and error and orders and elapsed_days > 0):
        return None
    visitors = revenue.candidate.visitors + revenue.control.visitors
    needed = visitors_needed(
        distance_to_clear(revenue.percent, plan),
        plan=plan,
        error=lambda many: error * math.sqrt(visitors / many),
        kept=0,
    )
    needed = max(needed, visitors * 2 * plan.min_orders / orders)
    if math.isinf(needed):
        return None
    pace = visitors_per_day or visitors / elapsed_days
    return max((needed - visitors) / pace, plan.ab_days - elapsed_days, 0.0)


def distance_to_clear(percent: float | None, plan: RolloutPlan) -> float:
    """Return how far revenue is above the bound that it must clear, as a share; assumed while unknown."""
    if percent is None:
        return assumed_distance(plan)
    return (percent - required(Metric.REVENUE, plan)) / 100


def interval_words(difference: Difference) -> str:
    """Return a metric's interval as a sentence."""
    name = METRIC_NAMES[difference.metric]
    if difference.low is None or difference.high is None:
        return f"{name}: too few orders to say anything yet."
    return f"{name} between {signed_percent(difference.low)} and {signed_percent(difference.high)}."


def outlasts(left: float | None, *, elapsed_days: float, most_days: int) -> bool:
    """Return whether something can't be judged in its longest time."""
    return left is not None and elapsed_days + left > most_days


def left_words(left: float | None, *, elapsed_days: float, most_days: int) -> str:
    """
    Return how long it still takes as a sentence; of what outlasts its longest time that it can't be decided.

    :param left: days until it is judged; None while nobody knows
    :param elapsed_days: since two arms were first compared
    """
    if left is None:
        return "How long it takes can't be told yet."
    if outlasts(left, elapsed_days=elapsed_days, most_days=most_days):
        return f"With this shop's traffic it can't be decided in {most_days} days."
    whole = math.ceil(left)
    return (
        f"Needs about {whole} more {'day' if whole == 1 else 'days'}." if whole else "Decided within a day."
    )


def _cleared(plan: RolloutPlan) -> str:
    if plan.requirement is Requirement.BETTER:
        return "Better than the version in use."
    return f"Not worse than the version in use by more than {plan.margin_percent:g}%."


def _mismatch(ratio: SampleRatio) -> str:
    candidate, control = ratio.counts
    return (
        f"Can't be measured: {candidate:,} visitors saw the new version and {control:,} the one in use, "
        "which should be as many."
    )


def _evidence(differences: Sequence[Difference], ratio: SampleRatio) -> dict[str, Any]:
    metrics = {
        one.metric.value: {
            "percent": one.percent,
            "low": one.low,
            "high": one.high,
            "visitors": [one.candidate.visitors, one.control.visitors],
            "verdict": one.verdict.value,
        }
        for one in differences
    }
    return {"metrics": metrics, "sample_ratio": {"counts": list(ratio.counts), "p": ratio.p_value}}
