"""
Whether the arms have as many visitors as the draw gives them, looked at as often as one likes.

Arms whose sizes are not what was drawn are counted differently, and then nothing that is compared between
them means anything. A chi-square test that is looked at every minute finds that in healthy rollouts too.

Source: Lindon & Malek 2020, arXiv:2011.03567, equation 11.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# How firmly the alternative expects shares near the drawn ones: within half a point for two equal arms.
CONCENTRATION: Final = 10_000


# A healthy rollout is called mismatched, at any look, less often than this.
RATIO_ALPHA: Final = 0.001


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """
    What the arms' sizes say about the draw.

    :param log_evidence: log of the Bayes factor against the drawn shares
    """

    counts: tuple[int, ...]
    log_evidence: float

    @property
    def is_mismatched(self) -> bool:
        """Whether sizes so far apart come up, over all looks of a healthy rollout, hardly ever."""
        return self.log_evidence >= -math.log(RATIO_ALPHA)

    @property
    def p_value(self) -> float:
        """An anytime-valid p-value: for the record, never for the merchant."""
        return min(1.0, math.exp(-self.log_evidence))


def sample_ratio(counts: Sequence[int], shares: Sequence[float] = (0.5, 0.5)) -> SampleRatio:
    """
    Return the evidence against a draw that gives each arm its share.

    :param counts: visitors by arm, each at their first exposure
    :param shares: what was drawn, of 1 altogether
    """
    evidence = math.lgamma(CONCENTRATION) - math.lgamma(CONCENTRATION + sum(counts))
    for count, share in zip(counts, shares, strict=True):
        expected = CONCENTRATION * share
        evidence += math.lgamma(expected + count) - math.lgamma(expected) - count * math.log(share)
    return SampleRatio(tuple(counts), evidence)
