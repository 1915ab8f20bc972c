"""What alternated pairs prove."""

from collections.abc import Sequence
from math import comb

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2_000

# What was measured with something on, and without it beside it.
Pair = tuple[Sequence[float], Sequence[float]]


def pooled_ratio(
    pairs: Sequence[Pair], share: float, confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """
    Return a quantile with something on over the quantile without, of all pairs together, and its interval.

    The worst hundredth of one half of a pair is a few requests; of all halves it is a hundred or more. Whole
    pairs are drawn again, because what is slow comes in moments and not in single requests.

    Source: the cluster bootstrap, percentile interval; Davison & Hinkley 1997, section 3.8.
    """
    arrays = [tuple(np.asarray(half) for half in pair) for pair in pairs]
    chance = np.random.default_rng(7)

    def ratio(places: Sequence[int]) -> float:
        halves = ([arrays[place][side] for place in places] for side in (0, 1))
        with_it, without = (float(np.quantile(np.concatenate(half), share)) for half in halves)
        return with_it / without

    drawn = [ratio(chance.integers(len(arrays), size=len(arrays)).tolist()) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return ratio(range(len(arrays))), float(low), float(high)


def interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """
    Return an interval of the median that holds for any distribution: two of the values themselves.

    Of fewer than six the smallest and the largest, which hold it less often.

    Source: the binomial chance that more values lie on one side; Conover, Practical Nonparametric Statistics,
    section 3.2.
    """
    ordered, count = sorted(values), len(values)
    outside, place = 0.0, 0
    while place < count // 2:
        outside += 2 * comb(count, place) / 2**count
        if outside > 1 - confidence:
            break
        place += 1
    place = max(place - 1, 0)
    return ordered[place], ordered[-1 - place]
