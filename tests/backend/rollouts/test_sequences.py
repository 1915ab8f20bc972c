"""Confidence sequences beside gbstats', whose numbers lie in oracles.json (bench/oracles)."""

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rollouts.rules import boundary, metric_alpha, relative_difference
from backend.rollouts.rules.sequences import TUNING_VISITORS, relative_error
from backend.rollouts.values import ArmSums, Metric

ORACLES = json.loads(Path(__file__).with_name("oracles.json").read_text(encoding="utf-8"))["sequences"]


def sums(arm: dict[str, Any]) -> ArmSums:
    return ArmSums(arm["visitors"], Decimal(arm["total"]), Decimal(arm["squares"]))


def buyers(visitors: int, orders: int) -> ArmSums:
    return ArmSums(visitors, Decimal(orders), Decimal(orders))


def squared_error(arm: ArmSums) -> float:
    return float((arm.squares - arm.total**2 / arm.visitors) / (arm.visitors - 1) / arm.visitors)


@pytest.mark.parametrize("oracle", ORACLES)
def test_the_boundary_is_that_of_gbstats(oracle: dict[str, Any]) -> None:
    candidate, control = sums(oracle["candidate"]), sums(oracle["control"])
    error = math.sqrt(squared_error(candidate) + squared_error(control))

    reach = boundary(candidate.visitors + control.visitors, alpha=oracle["alpha"], tuning=oracle["tuning"])

    assert reach * error == pytest.approx(oracle["half_width"], rel=1e-9)


@pytest.mark.parametrize("oracle", ORACLES)
def test_the_ratio_ends_where_gbstats_interval_holds_nothing(oracle: dict[str, Any]) -> None:
    found = relative_difference(
        sums(oracle["candidate"]), sums(oracle["control"]), alpha=oracle["alpha"], tuning=oracle["tuning"]
    )

    bounds = None if found is None else [found.low, found.high]
    assert bounds == (oracle["relative"] and pytest.approx(oracle["relative"], rel=1e-9, abs=1e-9))


def test_the_oracles_hold_ratios_without_bounds_too() -> None:
    unbounded = [oracle for oracle in ORACLES if oracle["relative"] is None]

    assert 0 < len(unbounded) < len(ORACLES)


@pytest.mark.parametrize(
    ("candidate", "control"),
    [
        (ArmSums(), ArmSums()),
        (buyers(1, 1), buyers(5_000, 200)),
        (buyers(5_000, 200), ArmSums(5_000)),
        (buyers(50, 3), buyers(50, 2)),
    ],
)
def test_a_control_that_may_be_nothing_bounds_no_ratio(candidate: ArmSums, control: ArmSums) -> None:
    assert relative_difference(candidate, control, alpha=0.05) is None


def test_the_error_of_a_ratio_is_that_of_the_delta_method() -> None:
    candidate, control = buyers(1_000, 60), buyers(2_000, 40)

    error = relative_error(candidate, control)

    # Three times the control's mean: its own error counts three times as much.
    expected = math.sqrt(squared_error(candidate) + 3**2 * squared_error(control)) / 0.02
    assert error == pytest.approx(expected)
    assert relative_error(candidate, ArmSums(2_000)) is None


def test_a_candidate_from_which_nobody_buys_is_seen() -> None:
    found = relative_difference(ArmSums(20_000), buyers(20_000, 400), alpha=0.05)

    assert found is not None
    assert found.low < found.estimate == -1.0 < found.high < -0.5


@pytest.mark.parametrize("orders", [40, 200, 400])
def test_nobody_s_buying_is_no_certainty(orders: int) -> None:
    found = relative_difference(ArmSums(20_000), buyers(20_000, orders), alpha=0.05)

    assert found is None or found.low < -1.0 < found.high


def test_everybody_s_doing_it_is_no_certainty_either() -> None:
    found = relative_difference(buyers(500, 500), buyers(500, 500), alpha=0.05)

    assert found is not None
    assert found.low < 0 < found.high


def test_where_nobody_bought_nothing_is_known() -> None:
    assert relative_difference(ArmSums(20_000), ArmSums(20_000), alpha=0.05) is None


def test_nobody_s_spending_is_as_uncertain_as_one_usual_order() -> None:
    orders = 400
    control = ArmSums(20_000, Decimal(80 * orders), Decimal(80 * 80 * orders))
    one = ArmSums(20_000, Decimal(80), Decimal(80 * 80))

    nobody, somebody = (relative_difference(arm, control, alpha=0.05) for arm in (ArmSums(20_000), one))

    assert nobody is not None
    assert somebody is not None
    assert nobody.high - nobody.low == pytest.approx(somebody.high - somebody.low, rel=0.01)


@given(st.integers(1, 10_000_000), st.floats(1e-4, 0.2))
def test_more_certainty_reaches_further(visitors: int, alpha: float) -> None:
    assert boundary(visitors, alpha=alpha / 2) > boundary(visitors, alpha=alpha) > 1.0


@given(st.integers(100, 5_000), st.integers(0, 2_000))
def test_the_estimate_lies_between_its_bounds_and_grows_with_orders(control: int, candidate: int) -> None:
    fewer, more = (
        relative_difference(buyers(100_000, orders), buyers(100_000, control), alpha=0.05)
        for orders in (candidate, candidate + 1)
    )

    if fewer and more:
        assert fewer.low <= fewer.estimate <= fewer.high
        assert more.estimate > fewer.estimate
        assert more.high > fewer.high


def test_the_interval_is_tightest_about_its_tuning_size() -> None:
    def width(visitors: float, tuning: float) -> float:
        return boundary(visitors, alpha=0.025, tuning=tuning)

    for away in (0.1, 10.0):
        loss = width(TUNING_VISITORS * away, TUNING_VISITORS) / width(
            TUNING_VISITORS * away, TUNING_VISITORS * away
        )
        assert 1 < loss < 1.25


def test_all_metrics_together_spend_the_whole_chance_of_an_alarm() -> None:
    assert len(Metric) * metric_alpha(0.05) / 2 == pytest.approx(0.05)


def test_a_hundred_looks_at_no_difference_hardly_ever_exclude_it() -> None:
    chance = np.random.default_rng(7)
    visitors = np.arange(10_000, 510_000, 5_000)
    rates = 0.02
    steps = [
        np.cumsum(chance.binomial(np.diff(visitors, prepend=0), rates, (200, 100)), axis=1) for _ in range(2)
    ]

    wrong = 0
    for candidate, control in zip(*steps, strict=True):
        found = [
            relative_difference(buyers(int(size), int(one)), buyers(int(size), int(other)), alpha=0.05)
            for size, one, other in zip(visitors, candidate, control, strict=True)
        ]
        wrong += any(each is not None and not each.low <= 0 <= each.high for each in found)

    assert wrong <= 0.05 * 200
