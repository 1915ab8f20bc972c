"""Pure decisions of rollouts: what the gate says of a candidate, and what a holdout proves."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from statistics import NormalDist
from typing import Any, Final

from backend.core.bucketing import is_in_share
from backend.core.text import signed_percent
from backend.events.values import DrawnClient
from backend.rollouts.values import (
    MIN_BUYERS,
    MIN_CUSTOMERS,
    MIN_VISITORS,
    Evidence,
    GateVerdict,
    GroupSales,
    Incremental,
    Judgement,
    Unproven,
)

FIRST = "Goes live: no version that learned from orders was live before it."


def judge(
    evidence: Evidence, *, champion: int | None, bar_percent: float, unreadable: int | None = None
) -> Judgement:
    """
    Decide whether a candidate may be released.

    The first version of a shop may: before it there is no model at all. A later one may only if the
    lower end of its gain over the champion clears the bar. A tie does not, and neither does a
    comparison that could not be made: no data is never success.

    :param champion: the number of the version to beat; None when there is none
    :param bar_percent: the smallest gain that the shop asks for; negative allows a small loss
    :param unreadable: the number of the version that would be the champion, if its files could be read
    """
    if champion is None:
        return Judgement(GateVerdict.FIRST, _first(unreadable))
    if evidence.reason or evidence.low_percent is None or evidence.customers < MIN_CUSTOMERS:
        return Judgement(GateVerdict.NOT_ENOUGH_DATA, _not_compared(evidence, champion))
    told = f"{_told(evidence)} The bar is {signed_percent(bar_percent)}."
    if evidence.low_percent >= bar_percent:
        return Judgement(GateVerdict.PASSED, f"Better than version {champion} by enough: {told}")
    if evidence.high_percent is not None and evidence.high_percent < 0:
        return Judgement(GateVerdict.FAILED, f"Worse than version {champion}: {told}")
    return Judgement(GateVerdict.FAILED, f"Not proven better than version {champion} by enough: {told}")


def _first(unreadable: int | None) -> str:
    if unreadable is None:
        return FIRST
    return f"Goes live: the files of version {unreadable}, which was live before it, can no longer be read."


def read_evidence(gate: Mapping[str, Any] | None, *, champion: str) -> Evidence:
    """
    Return what a training measured of its candidate beside the champion.

    A comparison with another version than the one that is live now proves nothing about this one.

    :param champion: the id of the version to beat
    """
    if gate is None:
        return Evidence(reason="the training compared it with no other version")
    if gate["champion_id"] != champion:
        return Evidence(reason="it was compared with a version that is no longer live")
    gain, low, high = (_percent_of(gate[name]) for name in ("gain", "low", "high"))
    return Evidence(
        customers=gate["customers"],
        since=datetime.fromisoformat(gate["since"]),
        until=datetime.fromisoformat(gate["until"]),
        gain_percent=gain,
        low_percent=low,
        high_percent=high,
        reason=str(gate["reason"] or "").removeprefix("not enough data: ").removesuffix("."),
    )


def _percent_of(share: float | None) -> float | None:
    return None if share is None else share * 100


def _not_compared(evidence: Evidence, champion: int) -> str:
    few = f"{evidence.customers} customers bought in the newest days, {MIN_CUSTOMERS} are needed"
    return f"Not enough data to compare it with version {champion}: {evidence.reason or few}."


def _told(evidence: Evidence) -> str:
    gain, low, high = evidence.gain_percent, evidence.low_percent, evidence.high_percent
    return (
        f"{signed_percent(gain)} for {evidence.customers:,} customers of the newest days, "
        f"with 95% certainty between {signed_percent(low)} and {signed_percent(high)}."
    )


CENT: Final = Decimal("0.01")
CONFIDENCE: Final = 0.95
# A draw gives sizes that are further off than this, in standard deviations, once in a thousand times.
MOST_DEVIATIONS: Final = NormalDist().inv_cdf(1 - 0.001 / 2)


def add_up(
    visitors: Iterable[DrawnClient], spent: Mapping[str, Decimal], *, percent: int
) -> tuple[GroupSales, GroupSales]:
    """
    Return what those bought who are held out, and those who saw recommendations.

    :param spent: by visitor, of those who bought
    """
    held_out: list[Decimal] = []
    shown: list[Decimal] = []
    for visitor in visitors:
        group = held_out if is_in_share(visitor.bucket, percent) else shown
        group.append(spent.get(visitor.client_key, Decimal(0)))
    return _summed(held_out), _summed(shown)


def _summed(amounts: Sequence[Decimal]) -> GroupSales:
    return GroupSales(
        visitors=len(amounts),
        buyers=sum(amount > 0 for amount in amounts),
        revenue=sum(amounts, Decimal(0)),
        squares=sum((amount * amount for amount in amounts), Decimal(0)),
    )


def compare_sales(held_out: GroupSales, shown: GroupSales, *, percent: int, since: datetime) -> Incremental:
    """
    Return what recommendations added: the difference of revenue per visitor, for all who saw them.

    Visitors who bought nothing count. Nothing is said where a group is too small, or where the groups' sizes
    are not what the draw of ``percent`` gives: then one of them is counted worse than the other.

    Source: Welch 1947, unequal variances, degrees of freedom by Welch and Satterthwaite.
    """
    told = Incremental(held_out, shown, percent, since, reason=_why_unproven(held_out, shown, percent))
    if told.reason:
        return told
    gain = _mean(shown) - _mean(held_out)
    errors = [_variance(group) / group.visitors for group in (held_out, shown)]
    within = math.sqrt(sum(errors)) * t_quantile(0.5 + CONFIDENCE / 2, _freedom(errors, held_out, shown))
    amount, low, high = (_for_all(shown, one) for one in (gain, gain - within, gain + within))
    return Incremental(held_out, shown, percent, since, amount, low, high)


def _why_unproven(held_out: GroupSales, shown: GroupSales, percent: int) -> Unproven | None:
    if min(held_out.visitors, shown.visitors) < MIN_VISITORS:
        return Unproven.FEW_VISITORS
    share, visitors = percent / 100, held_out.visitors + shown.visitors
    off = abs(held_out.visitors - visitors * share) / math.sqrt(visitors * share * (1 - share))
    if off > MOST_DEVIATIONS:
        return Unproven.WRONG_SHARES
    return Unproven.FEW_BUYERS if min(held_out.buyers, shown.buyers) < MIN_BUYERS else None


def _mean(group: GroupSales) -> float:
    return float(group.revenue) / group.visitors


def _variance(group: GroupSales) -> float:
    # In decimals up to the difference, which floats would lose.
    spread = group.squares - group.revenue * group.revenue / group.visitors
    return float(spread) / (group.visitors - 1)


def _freedom(errors: list[float], *groups: GroupSales) -> float:
    parts = [error**2 / (group.visitors - 1) for error, group in zip(errors, groups, strict=True)]
    return sum(errors) ** 2 / sum(parts)


def _for_all(shown: GroupSales, per_visitor: float) -> Decimal:
    return (Decimal(per_visitor) * shown.visitors).quantize(CENT)


def t_quantile(share: float, freedom: float) -> float:
    """
    Return the quantile of Student's t, right to four digits from 100 degrees of freedom on.

    Source: Abramowitz & Stegun 1964, 26.7.5.
    """
    z = NormalDist().inv_cdf(share)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2
