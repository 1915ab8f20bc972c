"""How alike two rankings are."""

from collections.abc import Sequence
from typing import Final

# The first ten places carry 86 % of the weight: as many as a carousel shows (Webber et al., equation 21).
PERSISTENCE: Final = 0.9


def overlap(left: Sequence[int], right: Sequence[int]) -> float:
    """Return which share of the longer of two lists stands in both; nothing of two empty ones."""
    longest = max(len(left), len(right))
    return len({*left} & {*right}) / longest if longest else 0.0


def rank_biased_overlap(left: Sequence[int], right: Sequence[int], *, p: float = PERSISTENCE) -> float:
    """
    Return how alike two rankings are, 0 to 1; the first places weigh most.

    What lies beyond the end of a list is taken to agree as much as what was seen of it.

    :param left: without repeats, the best first; ``right`` likewise, and either may be longer
    :param p: the chance that a reader goes on from one place to the next

    Source: Webber, Moffat & Zobel 2010, "A similarity measure for indefinite rankings", equation 32.
    """
    short, long = sorted((left, right), key=len)
    if not short:
        return 0.0
    common = _common(short, long)
    s, depth = len(short), len(long)
    within = sum(common[d] / d * p**d for d in range(1, depth + 1))
    beyond = sum(common[s] * (d - s) / (s * d) * p**d for d in range(s + 1, depth + 1))
    rest = (common[depth] - common[s]) / depth + common[s] / s
    return (1 - p) / p * (within + beyond) + rest * p**depth


def _common(short: Sequence[int], long: Sequence[int]) -> list[int]:
    """Return how many products two lists have in common down to each depth, from depth 0."""
    counts, of_short, of_long = [0], set[int](), set[int]()
    for depth in range(len(long)):
        of_long.add(long[depth])
        of_short.update(short[depth : depth + 1])
        counts.append(len(of_short & of_long))
    return counts
