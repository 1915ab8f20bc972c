import numpy as np
import pytest

from models.recommender.metrics.intervals import gain_interval, interval


def test_the_interval_brackets_the_mean_and_repeats_with_its_seed() -> None:
    values = np.random.default_rng(5).random(400)

    low, high = interval(values, seed=1)

    # The bootstrap's standard error is 0.289 / sqrt(400) = 0.0144; 1.96 of them each way.
    assert (low, high) == pytest.approx((values.mean() - 0.0283, values.mean() + 0.0283), abs=0.004)
    assert interval(values, seed=1) == (low, high)


def test_a_paired_gain_is_told_apart_where_single_intervals_overlap() -> None:
    chance = np.random.default_rng(2)
    champion = chance.random(300)
    candidate = champion * 1.05 + chance.normal(0, 0.005, 300)

    gain, low, high = gain_interval(candidate, champion, seed=1)

    assert gain == pytest.approx(candidate.mean() / champion.mean() - 1)
    assert 0.045 < low < gain < high < 0.055
    assert interval(candidate, seed=1)[0] < interval(champion, seed=1)[1]


@pytest.mark.parametrize(
    ("case", "candidate", "gain"),
    [("neither found anything", [0.0, 0.0], 0.0), ("only the new one did", [0.5, 0.5], float("inf"))],
)
def test_a_gain_over_nothing_is_still_a_number_or_infinite(
    case: str, candidate: list[float], gain: float
) -> None:
    assert gain_interval(np.array(candidate), np.zeros(2), seed=1)[0] == gain, case
