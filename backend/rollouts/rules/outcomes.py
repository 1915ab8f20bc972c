"""What both arms' sums say of each metric, and which visitors and times they are of."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Final

from backend.rollouts.values import ArmOutcomes, ArmSums, Comparison, Metric, RolloutMove, Span

# Fewer than these in each arm had bought before, and the slope would be that of a few people.
MIN_RETURNING: Final = 100
# Of the orders that came to something, the dearest of which one visitor's revenue is counted at.
BOUND_SHARE: Final = 0.995
# Of fewer orders the quantile is one order's chance: then none is cut below the dearest so far.
MIN_ORDERS_FOR_BOUND: Final = 200
# The largest share of the visitors beside which a control of the same size is left.
HALF: Final = 50
# Of a rollout's age: a plot of so many points to each doubling shows no step.
KEPT_APART: Final = 1 / 200
# Readings follow one another once a minute of the plan's day, and take no more than this share of a worker's
# time.
READINGS_A_DAY: Final = 24 * 60
SHARE_OF_TIME: Final = 1 / 20


def compared_spans(moves: Sequence[RolloutMove], *, until: datetime) -> list[Span]:
    """
    Return when which share of the visitors was in each of the two arms that are compared.

    They end where more than half see the candidate: visitors of the control begin to see it too, and what
    they do from then on is no control's any more.

    :param moves: of a rollout, the first one first
    :param until: now, or when it ended
    """
    compared = list(takewhile(lambda move: move.percent <= HALF, moves))
    ends = [move.at for move in moves[1:]] + [until]
    spans = [Span(move.at, min(end, until), move.percent) for move, end in zip(compared, ends, strict=False)]
    return [span for span in spans if span.percent > 0 and span.since < span.until]


def keeps_apart(age: timedelta) -> timedelta:
    """Return how far apart the kept readings of a rollout of an age are: near while it is young."""
    return age * KEPT_APART


def next_reading(read_at: datetime, took: timedelta, *, day: timedelta) -> datetime:
    """Return when the next reading is due: with millions of visitors more rarely than each minute."""
    return read_at + max(day / READINGS_A_DAY, took / SHARE_OF_TIME)


def compare_outcomes(candidate: ArmOutcomes, control: ArmOutcomes) -> list[Comparison]:
    """Return each metric's sums in both arms; those of orders adjusted by what visitors had bought before."""
    arms = candidate, control
    bought = [_counted(arm.visitors, arm.buyers) for arm in arms]
    paid = [ArmSums(arm.visitors, arm.revenue, arm.revenue_squares) for arm in arms]
    return [
        Comparison(
            Metric.CLICK_THROUGH,
            _counted(candidate.visitors, candidate.clicked),
            _counted(control.visitors, control.clicked),
        ),
        Comparison(
            Metric.ADD_TO_CART,
            _counted(candidate.visitors, candidate.added),
            _counted(control.visitors, control.added),
        ),
        _adjusted(Metric.CONVERSION, arms, bought, [arm.past_of_buyers for arm in arms]),
        _adjusted(Metric.REVENUE, arms, paid, [arm.past_by_revenue for arm in arms]),
    ]


def _counted(visitors: int, did: int) -> ArmSums:
    # A visitor did it or not: one squared is one.
    return ArmSums(visitors, Decimal(did), Decimal(did))


def _adjusted(
    metric: Metric,
    arms: tuple[ArmOutcomes, ArmOutcomes],
    sums: Sequence[ArmSums],
    products: Sequence[Decimal],
) -> Comparison:
    """
    Take from each visitor's value what their past explains of it.

    The value becomes ``y - slope * (x - mean of x)``, with one slope and one mean for both arms: neither
    knows the arm, so the difference stays what it was on average, and its variance falls.

    :param products: the sums of a visitor's value times their past

    Source: Deng, Xu, Kohavi & Walker 2013 (CUPED), equations 4 and 5.
    """
    slope, mean = _slope(arms, sums, products)
    if not slope:
        return Comparison(metric, sums[0], sums[1])
    candidate, control = (
        _shifted(arm, one, product, slope, mean)
        for arm, one, product in zip(arms, sums, products, strict=True)
    )
    return Comparison(metric, candidate, control, slope=float(slope))


def _slope(
    arms: Sequence[ArmOutcomes], sums: Sequence[ArmSums], products: Sequence[Decimal]
) -> tuple[Decimal, Decimal]:
    """Return the slope of a metric on the past within the arms, and the mean of the past over both."""
    nothing = Decimal(0), Decimal(0)
    if min(arm.returning for arm in arms) < MIN_RETURNING:
        return nothing
    spread = sum((arm.past_squares - arm.past * arm.past / arm.visitors for arm in arms), Decimal(0))
    if spread <= 0:
        return nothing
    # Around each arm's own means, so that a difference between the arms doesn't tilt it.
    together = sum(
        (
            product - arm.past * one.total / arm.visitors
            for arm, one, product in zip(arms, sums, products, strict=True)
        ),
        Decimal(0),
    )
    past = sum((arm.past for arm in arms), Decimal(0))
    return together / spread, past / sum(arm.visitors for arm in arms)


def _shifted(arm: ArmOutcomes, sums: ArmSums, product: Decimal, slope: Decimal, mean: Decimal) -> ArmSums:
    """Return the sums of ``y - slope * (x - mean)`` over an arm's visitors."""
    off = arm.past - mean * arm.visitors
    off_squares = arm.past_squares - 2 * mean * arm.past + mean * mean * arm.visitors
    off_products = product - mean * sums.total
    return ArmSums(
        sums.visitors,
        sums.total - slope * off,
        sums.squares - 2 * slope * off_products + slope * slope * off_squares,
    )
