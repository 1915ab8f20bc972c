"""What an estimate is, and how far it reaches."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

# How many standard deviations a two-sided 95 % interval of a normal distribution reaches to either side.
Z_95: Final = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float
