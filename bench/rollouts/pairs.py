"""What alternated pairs prove."""

from collections.abc import Sequence
from math import comb

CONFIDENCE = 0.95


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
