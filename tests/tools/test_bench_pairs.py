"""What alternated pairs of measurements prove."""

import numpy as np

from bench.rollouts.pairs import interval, pooled_ratio


def test_the_interval_of_twelve_leaves_two_out_at_each_end() -> None:
    assert interval([float(value) for value in range(12)]) == (2.0, 9.0)


def test_a_pooled_ratio_holds_the_truth_and_is_narrower_than_that_of_the_pairs() -> None:
    chance = np.random.default_rng(1)
    pairs = [(1.2 * chance.lognormal(2, 0.5, 1_000), chance.lognormal(2, 0.5, 1_000)) for _ in range(12)]

    ratio, low, high = pooled_ratio([(on.tolist(), off.tolist()) for on, off in pairs], 0.99)

    single = interval([float(np.quantile(on, 0.99) / np.quantile(off, 0.99)) for on, off in pairs])
    assert low < 1.2 < high
    assert low < ratio < high
    assert high - low < single[1] - single[0]
