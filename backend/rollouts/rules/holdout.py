"""What a holdout proves."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from statistics import NormalDist
from typing import Final

from backend.core.bucketing import is_in_share
from backend.events.values import DrawnClient
from backend.rollouts.values import (
    MIN_BUYERS,
    MIN_VISITORS,
    GroupSales,
    Incremental,
    Unproven,
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
