"""Forecasts by the sequence that will decide."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.rollouts.rules import days_to_decision, forecast, metric_alpha, visitors_per_day
from backend.rollouts.rules.power import KEPT
from backend.rollouts.rules.sequences import boundary
from backend.rollouts.values import Requirement, RolloutPlan, Span, Traffic

PLAN = RolloutPlan()
# 3 % of 60,000 visitors a day buy for 80 on average, spread as widely.
LARGE = Traffic(60_000, 0.03, 2.4, 0.03 * 2 * 80**2 - 2.4**2)


def test_a_small_shop_is_told_that_a_step_cannot_be_judged() -> None:
    steps = forecast(replace(LARGE, visitors_per_day=500), PLAN)

    assert [(step.percent, step.can_be_judged) for step in steps] == [(5, False), (25, False), (50, False)]
    assert steps[0].days > PLAN.max_days


def test_wider_steps_take_fewer_days_and_the_last_compares_nothing() -> None:
    steps = forecast(LARGE, PLAN)

    assert [step.percent for step in steps] == [5, 25, 50]
    assert steps[0].days == pytest.approx(5 * steps[1].days) == pytest.approx(10 * steps[2].days)
    assert steps[2].can_be_judged


def test_the_forecast_is_where_the_sequence_clears_the_margin() -> None:
    days = days_to_decision(LARGE, PLAN, percent=50)
    visitors = days * LARGE.visitors_per_day
    error = 2 * math.sqrt(LARGE.revenue_variance / visitors) / LARGE.revenue_mean

    reached = (boundary(visitors, alpha=metric_alpha(PLAN.alpha)) + KEPT) * error

    assert reached == pytest.approx(PLAN.margin_percent / 100, rel=1e-3)


def test_orders_are_waited_for_where_values_hardly_differ() -> None:
    even = replace(LARGE, revenue_variance=0.0)

    days = days_to_decision(even, PLAN, percent=50)

    assert days * LARGE.visitors_per_day * LARGE.conversion == pytest.approx(2 * PLAN.min_orders)


def test_an_experiment_takes_its_days_at_least() -> None:
    even = replace(LARGE, revenue_variance=0.0)

    assert days_to_decision(even, replace(PLAN, ab_days=7), percent=50) == 7


@pytest.mark.parametrize("field", ["visitors_per_day", "conversion", "revenue_mean"])
def test_a_shop_without_traffic_never_decides(field: str) -> None:
    assert days_to_decision(replace(LARGE, **{field: 0.0}), PLAN, percent=50) == math.inf


def test_better_is_forecast_for_a_gain() -> None:
    better = replace(PLAN, requirement=Requirement.BETTER)

    assert days_to_decision(LARGE, better, percent=50) == days_to_decision(LARGE, PLAN, percent=50)
    assert days_to_decision(LARGE, replace(PLAN, margin_percent=0.0), percent=50) == math.inf


def test_visitors_come_faster_once_a_rollout_has_widened() -> None:
    day, since = timedelta(days=1), datetime(2026, 11, 1, tzinfo=UTC)
    narrow = Span(since, since + 10 * day, 5)
    wide = Span(since + 10 * day, since + 12 * day, 25)

    assert visitors_per_day(10_000, [narrow], day=day) == pytest.approx(1_000)
    assert visitors_per_day(20_000, [narrow, wide], day=day) == pytest.approx(5_000)
    assert visitors_per_day(0, [], day=day) is None
