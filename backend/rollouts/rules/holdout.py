"""What a holdout proves."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.core.bucketing import is_in_share
from backend.events.values import DrawnClient
from backend.rollouts.rules.ratio import sample_ratio
from backend.rollouts.rules.sequences import boundary
from backend.rollouts.values import (
    MIN_BUYERS,
    MIN_VISITORS,
    GroupSales,
    Incremental,
    Unproven,
)

CENT: Final = Decimal("0.01")


CONFIDENCE: Final = 0.95


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

    Both are looked at every day for years, so both hold at all looks together: the interval is a confidence
    sequence, and the sizes are tested by a sequential test.
    """
    told = Incremental(held_out, shown, percent, since, reason=_why_unproven(held_out, shown, percent))
    if told.reason:
        return told
    gain = _mean(shown) - _mean(held_out)
    errors = [_variance(group) / group.visitors for group in (held_out, shown)]
    reach = boundary(held_out.visitors + shown.visitors, alpha=1 - CONFIDENCE)
    within = math.sqrt(sum(errors)) * reach
    amount, low, high = (_for_all(shown, one) for one in (gain, gain - within, gain + within))
    return Incremental(held_out, shown, percent, since, amount, low, high)


def _why_unproven(held_out: GroupSales, shown: GroupSales, percent: int) -> Unproven | None:
    if min(held_out.visitors, shown.visitors) < MIN_VISITORS:
        return Unproven.FEW_VISITORS
    share = percent / 100
    if sample_ratio((held_out.visitors, shown.visitors), (share, 1 - share)).is_mismatched:
        return Unproven.WRONG_SHARES
    return Unproven.FEW_BUYERS if min(held_out.buyers, shown.buyers) < MIN_BUYERS else None


def _mean(group: GroupSales) -> float:
    return float(group.revenue) / group.visitors


def _variance(group: GroupSales) -> float:
    # In decimals up to the difference, which floats would lose.
    spread = group.squares - group.revenue * group.revenue / group.visitors
    return float(spread) / (group.visitors - 1)


def _for_all(shown: GroupSales, per_visitor: float) -> Decimal:
    return (Decimal(per_visitor) * shown.visitors).quantize(CENT)
