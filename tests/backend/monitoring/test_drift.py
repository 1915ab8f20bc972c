"""Drift: known figures, no cry of wolf, and no answer where there are too few rows."""

import math

import numpy as np
import pytest
from scipy import stats

from backend.monitoring.rules import drift
from backend.monitoring.rules.drift import DAY_US, Feature, Floats, Measured
from backend.monitoring.values import Verdict

NOW = 20_000 * DAY_US


def chance(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


def of_numbers(reference: Floats, windows: list[Floats]) -> Measured:
    [measured] = drift.measure([Feature("numbers", reference, tuple(windows))])
    return measured


def measured(drifted: int) -> Measured:
    return Measured("x", (500, 500, 500), (0.0,) * 3, (0.0,) * 3, (1.0,) * 3, drifted)


# The statistics


def test_psi_of_two_bins_by_hand() -> None:
    # Half a row more in each bin: 50.5/101 against 30.5/101 and 70.5/101.
    p, low, high = 0.5, 30.5 / 101, 70.5 / 101
    expected = (low - p) * math.log(low / p) + (high - p) * math.log(high / p)

    assert drift.psi(np.array([50.0, 50.0]), np.array([30.0, 70.0])) == pytest.approx(expected)
    assert drift.psi(np.array([50.0, 50.0]), np.array([50.0, 50.0])) == 0.0


def test_an_empty_bin_leaves_psi_finite() -> None:
    assert math.isfinite(drift.psi(np.array([500.0, 0.0]), np.array([0.0, 500.0])))


@pytest.mark.parametrize(("sizes", "shift"), [((600, 500), 0.0), ((600, 500), 0.1), ((5_000, 700), 0.05)])
def test_ks_agrees_with_scipy(sizes: tuple[int, int], shift: float) -> None:
    ours, theirs = chance().normal(size=sizes[0]), chance(8).normal(shift, size=sizes[1])

    distance = drift.ks_distance(ours, theirs)

    expected = stats.ks_2samp(ours, theirs, method="asymp")
    assert distance == pytest.approx(expected.statistic)
    # SciPy's "asymp" leaves out the small-sample term that Stephens adds.
    assert drift.ks_p(distance, *sizes) == pytest.approx(expected.pvalue, abs=0.02)


def test_ks_of_one_and_the_same_sample_is_certain_of_nothing() -> None:
    values = chance().normal(size=500)

    assert (drift.ks_distance(values, values), drift.ks_p(0.0, 500, 500)) == (0.0, 1.0)


def test_ties_count_as_ties() -> None:
    assert drift.ks_distance(np.array([1.0, 1, 2, 2]), np.array([1.0, 2, 2, 2])) == 0.25


def test_categories_are_put_into_bins_of_nearly_equal_weight_the_unknown_into_the_last() -> None:
    sold = np.repeat(np.arange(100), np.arange(100, 0, -1))
    weights = np.ones(len(sold))

    categories, bins = drift.category_bins(sold, weights)

    mass = np.bincount(drift.bins_of(sold, categories, bins), minlength=drift.BINS)
    assert mass.min() > 0.8 * len(sold) / drift.BINS
    assert drift.bins_of(np.array([0, 99, 12_345]), categories, bins).tolist() == [0, 9, 9]


def test_p_values_are_corrected_for_every_test_of_the_look() -> None:
    windows = [chance(seed).normal(0.12, size=600) for seed in range(3)]
    reference = chance(9).normal(size=2_000)

    feature = Feature("a", reference, tuple(windows))
    [alone] = drift.measure([feature])
    first, _ = drift.measure([feature, feature])

    assert first.p == pytest.approx([min(1.0, 2 * p) for p in alone.p])


# The sample rules


def test_windows_are_as_short_as_their_rows_allow() -> None:
    at = np.arange(NOW - 30 * DAY_US, NOW, DAY_US // 300, dtype=np.int64)  # 300 a day

    edges = drift.find_edges(at, since=NOW - 30 * DAY_US, until=NOW)

    assert edges is not None
    assert ((NOW - edges) // DAY_US).tolist() == [6, 4, 2, 0]


@pytest.mark.parametrize(
    ("case", "rows_a_day", "days"),
    [("too few rows in the longest windows", 71, 60), ("too few days since the training", 499, 5)],
)
def test_without_three_windows_of_500_rows_there_is_no_answer(case: str, rows_a_day: int, days: int) -> None:
    at = np.arange(NOW - days * DAY_US, NOW, DAY_US // rows_a_day, dtype=np.int64)

    assert drift.find_edges(at, since=NOW - days * DAY_US, until=NOW) is None, case


def test_fifty_rows_are_insufficient_though_psi_would_be_alarmed_by_chance() -> None:
    at = np.arange(NOW - 21 * DAY_US, NOW, 21 * DAY_US // 150, dtype=np.int64)
    reference = np.bincount(chance().integers(10, size=5_000), minlength=10).astype(float)
    samples = [np.bincount(chance(seed).integers(10, size=50), minlength=10) for seed in range(400)]
    alarms = np.mean([drift.psi(reference, sample.astype(float)) > drift.PSI_BAR for sample in samples])

    edges = drift.find_edges(at, since=NOW - 21 * DAY_US, until=NOW)

    assert alarms > 0.2
    assert edges is None
    assert drift.judge([None]) is Verdict.NOT_ENOUGH_DATA


def test_a_reference_has_the_weekdays_of_its_windows() -> None:
    edges = np.array([NOW - 3 * DAY_US, NOW - 2 * DAY_US, NOW - DAY_US, NOW])
    days_ago = np.arange(1, 15)

    kept = days_ago[drift.same_weekdays(NOW - days_ago * DAY_US, edges)]

    assert kept.tolist() == [1, 2, 3, 8, 9, 10]


# No cry of wolf


def test_without_drift_500_rows_are_quiet() -> None:
    reference = chance().normal(size=2_000)

    drifted = [
        of_numbers(reference, [chance(seed * 3 + one).normal(size=500) for one in range(3)]).is_drifted
        for seed in range(300)
    ]

    assert np.mean(drifted) == 0.0


def test_a_shift_of_a_fiftieth_stays_quiet_at_50_000_rows() -> None:
    reference = chance().normal(size=50_000)
    windows = [chance(seed).normal(0.02, size=50_000) for seed in (1, 2, 3)]

    found = of_numbers(reference, windows)

    assert min(found.p) < 0.05, "the p-value alone would call it drift"
    assert not found.is_drifted


def test_a_shift_of_half_a_deviation_is_drift() -> None:
    found = of_numbers(chance().normal(size=2_000), [chance(s).normal(0.5, size=500) for s in (1, 2, 3)])

    assert (found.drifted, found.is_drifted) == (3, True)


def test_one_strange_window_of_three_is_not_drift_and_two_are() -> None:
    reference = chance().normal(size=2_000)
    usual, strange = chance(1).normal(size=500), chance(2).normal(1.0, size=500)

    assert not of_numbers(reference, [usual, strange, usual]).is_drifted
    assert of_numbers(reference, [strange, usual, strange]).is_drifted


def test_new_bestsellers_are_drift_of_items() -> None:
    sold = chance().integers(100, size=2_000)
    weights = np.ones(2_000)
    categories, bins = drift.category_bins(sold, weights)
    # A third of what is sold are now products that the reference never saw.
    later = np.where(chance(1).random(600) < 0.33, 777, chance(2).integers(100, size=600))

    def feature(current: np.ndarray) -> Feature:
        before, after = (drift.bins_of(one, categories, bins).astype(float) for one in (sold, current))
        return Feature("items", before, (after,) * 3, is_number=False)

    [changed], [same] = (drift.measure([feature(x)]) for x in (later, chance(3).integers(100, size=600)))

    assert (changed.is_drifted, same.is_drifted) == (True, False)
    assert min(changed.psi) > 0.2


@pytest.mark.parametrize(
    ("case", "parts", "verdict"),
    [
        ("all quiet", [[measured(0)], [measured(1)]], Verdict.QUIET),
        ("one part drifted", [[measured(0)], [measured(2)]], Verdict.FIRED),
        ("drift beside a part that can't be told", [None, [measured(3)]], Verdict.FIRED),
        ("one part can't be told", [[measured(0)], None], Verdict.NOT_ENOUGH_DATA),
        ("nothing can be told", [None, None], Verdict.NOT_ENOUGH_DATA),
    ],
)
def test_judge(case: str, parts: list[list[Measured] | None], verdict: Verdict) -> None:
    assert drift.judge(parts) is verdict, case
