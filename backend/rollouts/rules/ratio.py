"""
Whether the arms have as many visitors as the draw gives them, looked at as often as one likes.

Arms whose sizes are not what was drawn are counted differently, and then nothing that is compared between
them means anything. A chi-square test that is looked at every minute finds that in healthy rollouts too.

Source: Lindon & Malek 2020, arXiv:2011.03567, equation 11, averaged over how far off the shares may be: an
average of fair bets is a fair bet.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# How firmly each alternative expects shares near the drawn ones: for two equal arms within five points, one
# and a half, and half a point. The last alone, which its authors use, takes a thousand visitors to see that
# one arm is twice the other; the first alone takes a quarter longer where one visitor in fifty is lost.
CONCENTRATIONS: Final = (100, 1_000, 10_000)


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
    found = [log_evidence(counts, shares, concentration=firm) for firm in CONCENTRATIONS]
    most = max(found)
    average = sum(math.exp(one - most) for one in found) / len(found)
    return SampleRatio(tuple(counts), most + math.log(average))


def log_evidence(counts: Sequence[int], shares: Sequence[float], *, concentration: float) -> float:
    """Return the log of the Bayes factor of one alternative against the drawn shares."""
    evidence = math.lgamma(concentration) - math.lgamma(concentration + sum(counts))
    for count, share in zip(counts, shares, strict=True):
        expected = concentration * share
        evidence += math.lgamma(expected + count) - math.lgamma(expected) - count * math.log(share)
    return evidence
