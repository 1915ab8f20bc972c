"""A fall is told from chance, or it is said that it can't be."""

import math

import numpy as np
import pytest

from backend.monitoring.rules import rates
from backend.monitoring.rules.rates import Ratio
from backend.monitoring.values import Count, Verdict


def test_the_ratio_has_the_bounds_of_katz() -> None:
    found = rates.ratio(Count(50, 1000), Count(40, 1000))

    # By hand: 0.8 times exp(±1.6449 sqrt(0.96/40 + 0.95/50)).
    spread = 1.6449 * math.sqrt(0.96 / 40 + 0.95 / 50)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(
        (0.8, 0.8 * math.exp(-spread), 0.8 * math.exp(spread))
    )
    assert (found.low, found.high) == pytest.approx((0.5688, 1.1252), abs=1e-4)


@pytest.mark.parametrize(("before", "now"), [(Count(9, 900), Count(50, 900)), (Count(50, 900), Count(0, 0))])
def test_too_few_hits_give_no_ratio(before: Count, now: Count) -> None:
    assert rates.ratio(before, now) is None


def test_a_share_that_fell_to_nothing_has_exact_bounds() -> None:
    found = rates.ratio(Count(50, 1000), Count(0, 2000))

    # By hand: of 50 hits none is a later one with a chance of 5 % where that share is 1 - 0.05^(1/50).
    share = 1 - 0.05 ** (1 / 50)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.0, 0.0, share / (1 - share) / 2))
    assert rates.judge(found, bar=0.97) is Verdict.FIRED


def test_few_hits_that_are_left_have_the_bounds_of_clopper_and_pearson() -> None:
    found = rates.ratio(Count(12, 1000), Count(3, 1000))

    # R: binom.test(3, 15, conf.level = 0.9) has 0.0568 to 0.4398.
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(
        (0.25, 0.0568 / 0.9432, 0.4398 / 0.5602), abs=1e-3
    )


@pytest.mark.parametrize("before", [12, 5_000])
def test_without_a_change_few_hits_fire_in_at_most_one_week_of_twenty(before: int) -> None:
    chance = np.random.default_rng(7)
    now = chance.binomial(10_000, 5 / 10_000, size=500)
    was = chance.binomial(before * 2_000, 5 / 10_000, size=500)

    fired = [_verdict(*pair, before * 2_000, 10_000) is Verdict.FIRED for pair in zip(was, now, strict=True)]

    assert np.mean(fired) <= 0.05


@pytest.mark.parametrize(
    ("case", "found", "verdict"),
    [
        ("nothing to compare", None, Verdict.NOT_ENOUGH_DATA),
        ("all of it under the bar", Ratio(0.90, 0.85, 0.96), Verdict.FIRED),
        ("touches the bar from below", Ratio(0.90, 0.85, 0.97), Verdict.NOT_ENOUGH_DATA),
        ("a drop that may be chance", Ratio(0.80, 0.57, 1.13), Verdict.NOT_ENOUGH_DATA),
        ("none of it under the bar", Ratio(1.01, 0.97, 1.05), Verdict.QUIET),
        ("a rise", Ratio(1.5, 1.2, 1.8), Verdict.QUIET),
    ],
)
def test_judge(case: str, found: Ratio | None, verdict: Verdict) -> None:
    assert rates.judge(found, bar=0.97) is verdict, case


@pytest.mark.parametrize("visitors", [1_000, 10_000, 100_000, 1_000_000])
def test_without_a_change_conversion_fires_in_at_most_one_week_of_twenty(visitors: int) -> None:
    # The plain rule, "down by more than 3 %", fires in 47, 38, 17 and 0.1 % of these weeks.
    chance = np.random.default_rng(7)
    weeks = chance.binomial(visitors, 0.02, size=(4_000, 2))

    fired = [_verdict(before, now, visitors, visitors) is Verdict.FIRED for before, now in weeks]

    assert np.mean(fired) <= 0.05


def test_a_drop_by_exactly_the_allowed_three_percent_fires_no_more_often() -> None:
    chance = np.random.default_rng(7)
    before = chance.binomial(200_000, 0.02, size=4_000)
    now = chance.binomial(200_000, 0.02 * 0.97, size=4_000)

    fired = [_verdict(*pair, 200_000, 200_000) is Verdict.FIRED for pair in zip(before, now, strict=True)]

    # The test's own level, give or take the simulation's noise of three standard errors.
    assert np.mean(fired) == pytest.approx(0.05, abs=0.011)


def test_a_drop_by_a_third_is_found_with_the_visitors_of_a_small_shop() -> None:
    chance = np.random.default_rng(7)
    before = chance.binomial(10_000, 0.02, size=2_000)
    now = chance.binomial(10_000, 0.02 * 2 / 3, size=2_000)

    fired = [_verdict(*pair, 10_000, 10_000) is Verdict.FIRED for pair in zip(before, now, strict=True)]

    assert np.mean(fired) > 0.9


def test_a_small_shop_hears_that_it_cannot_be_told_and_not_that_all_is_well() -> None:
    assert _verdict(200, 200, 10_000, 10_000) is Verdict.NOT_ENOUGH_DATA


def _verdict(before: int, now: int, of_before: int, of_now: int) -> Verdict:
    return rates.judge(rates.ratio(Count(before, of_before), Count(now, of_now)), bar=0.97)
