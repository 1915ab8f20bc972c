"""What both arms' sums say of a metric, and which times they are of."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import numpy as np
import pytest

from backend.rollouts.rules import compare_outcomes, compared_spans, keeps_apart, next_reading
from backend.rollouts.values import ArmOutcomes, ArmSums, Metric, RolloutMove, RolloutState, Span
from tests.backend.history import NOW

HOUR = timedelta(hours=1)


def moves(*told: tuple[int, RolloutState, int]) -> list[RolloutMove]:
    return [
        RolloutMove(uuid4(), NOW + hours * HOUR, state, 0, percent, "system", "")
        for hours, state, percent in told
    ]


def test_arms_are_compared_while_both_have_a_share_and_the_control_is_whole() -> None:
    told = moves(
        (0, RolloutState.SHADOW, 0),
        (1, RolloutState.CANARY, 5),
        (2, RolloutState.PAUSED, 5),
        (3, RolloutState.CANARY, 50),
        (4, RolloutState.CANARY, 51),
        (5, RolloutState.CANARY, 25),
        (6, RolloutState.ROLLED_BACK, 0),
    )

    spans = compared_spans(told, until=NOW + 9 * HOUR)

    assert spans == [
        Span(NOW + HOUR, NOW + 2 * HOUR, 5),
        Span(NOW + 2 * HOUR, NOW + 3 * HOUR, 5),
        Span(NOW + 3 * HOUR, NOW + 4 * HOUR, 50),
    ]
    assert compared_spans(told, until=NOW + HOUR) == []
    assert compared_spans(told[:2], until=NOW + 3 * HOUR) == [Span(NOW + HOUR, NOW + 3 * HOUR, 5)]
    assert compared_spans([], until=NOW) == []


def an_arm(spent: np.ndarray, past: np.ndarray) -> ArmOutcomes:
    total = {
        "revenue": spent, "revenue_squares": spent**2, "past": past, "past_squares": past**2,
        "past_of_buyers": past * (spent > 0), "past_by_revenue": past * spent,
    }  # fmt: skip
    return ArmOutcomes(
        visitors=len(spent),
        buyers=int((spent > 0).sum()),
        returning=int((past > 0).sum()),
        **{name: Decimal(repr(float(values.sum()))) for name, values in total.items()},
    )


def some_visitors(seed: int, visitors: int, *, share: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Return what visitors spent and had spent before: who spent before spends more."""
    chance = np.random.default_rng(seed)
    past = np.where(chance.random(visitors) < share, chance.lognormal(3, 1, visitors), 0.0)
    spent = np.where(
        chance.random(visitors) < 0.1 + 0.3 * (past > 0), 0.5 * past + chance.gamma(2, 10, visitors), 0.0
    )
    return np.round(spent, 2), np.round(past, 2)


def test_the_adjusted_sums_are_those_of_each_visitors_adjusted_value() -> None:
    (spent, past), (other_spent, other_past) = some_visitors(1, 3_000), some_visitors(2, 2_900)

    compared = compare_outcomes(an_arm(spent, past), an_arm(other_spent, other_past))

    revenue = next(one for one in compared if one.metric is Metric.REVENUE)
    centred = [(y - y.mean(), x - x.mean()) for y, x in ((spent, past), (other_spent, other_past))]
    slope = sum((y * x).sum() for y, x in centred) / sum((x * x).sum() for _, x in centred)
    mean = np.concatenate([past, other_past]).mean()
    assert revenue.slope == pytest.approx(slope)
    for sums, y, x in ((revenue.candidate, spent, past), (revenue.control, other_spent, other_past)):
        values = y - slope * (x - mean)
        assert float(sums.total) == pytest.approx(values.sum())
        assert float(sums.squares) == pytest.approx((values**2).sum())
        assert values.var() < 0.9 * y.var()


def test_the_difference_of_an_adjusted_metric_stays_what_it_is_on_average() -> None:
    chance, off = np.random.default_rng(7), []
    for _ in range(200):
        spent, past = some_visitors(int(chance.integers(1 << 30)), 4_000)
        arm = chance.random(4_000) < 0.5
        candidate, control = (
            an_arm(spent[side] * gain, past[side]) for side, gain in ((arm, 1.1), (~arm, 1.0))
        )
        revenue = compare_outcomes(candidate, control)[-1]
        means = [float(sums.total) / sums.visitors for sums in (revenue.candidate, revenue.control)]
        off.append(means[0] / means[1] - 1)

    # Three standard errors of their mean.
    assert np.mean(off) == pytest.approx(0.1, abs=3 * np.std(off) / np.sqrt(len(off)))


def test_where_few_come_back_nothing_is_adjusted() -> None:
    spent, past = some_visitors(3, 3_000, share=0.03)

    compared = compare_outcomes(an_arm(spent, past), an_arm(spent, past))

    assert [one.slope for one in compared] == [0, 0, 0, 0]
    assert float(compared[-1].candidate.total) == pytest.approx(spent.sum())


@pytest.mark.parametrize(("returning", "is_adjusted"), [(100, True), (99, False)])
def test_both_arms_need_a_hundred_who_had_bought_before(returning: int, is_adjusted: bool) -> None:
    chance, visitors = np.random.default_rng(4), 2_000
    past = np.where(np.arange(visitors) < returning, 20.0, 0.0)
    many = np.where(np.arange(visitors) < 500, 20.0, 0.0)
    spent = np.round(chance.gamma(2, 10, visitors), 2)

    compared = compare_outcomes(an_arm(spent + past, past), an_arm(spent + many, many))

    assert (compared[-1].slope != 0) is is_adjusted


def test_what_a_visitor_did_or_not_is_counted_once() -> None:
    arms = ArmOutcomes(visitors=9, clicked=4, added=3, buyers=2), ArmOutcomes(visitors=8)

    clicks, carts, conversion, _ = compare_outcomes(*arms)

    assert (clicks.candidate, clicks.control) == (ArmSums(9, Decimal(4), Decimal(4)), ArmSums(8))
    assert (carts.candidate.total, conversion.candidate.total) == (3, 2)


def test_arms_without_visitors_are_compared_without_harm() -> None:
    compared = compare_outcomes(ArmOutcomes(), ArmOutcomes())

    assert {one.candidate for one in compared} == {ArmSums()}


def test_a_reading_that_takes_long_comes_more_rarely() -> None:
    day = timedelta(days=1)

    assert next_reading(NOW, timedelta(seconds=1), day=day) == NOW + timedelta(minutes=1)
    assert next_reading(NOW, timedelta(seconds=30), day=day) == NOW + timedelta(minutes=10)
    assert keeps_apart(timedelta(days=50)) == timedelta(hours=6)
