"""How often shoppers act on the lists that they see, with how far chance alone could move it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Of fewer days their spread says nothing; of fewer acts the rate says nothing.
FEWEST_DAYS: Final = 5
FEWEST_ACTS: Final = 10
# The normal distribution's 97.5 % point.
Z: Final = 1.96


@dataclass(frozen=True, slots=True)
class Rate:
    """Acts a list that was seen, with a 95 % interval."""

    value: float
    low: float
    high: float


def rate(days: Sequence[tuple[int, int]]) -> Rate | None:
    """
    Return how often shoppers acted on a list, or None where too little happened to say.

    What one visitor does on a day hangs together, so whole days are the unit: a ratio of two sums over days.

    :param days: of each day the lists that were seen, and the acts

    Source: Cochran 1977, "Sampling techniques", equation 6.13, without the finite population's correction.
    """
    lists, acts = (sum(one[place] for one in days) for place in (0, 1))
    if len(days) < FEWEST_DAYS or acts < FEWEST_ACTS or not lists:
        return None
    value = acts / lists
    spread = sum((did - value * seen) ** 2 for seen, did in days) * len(days) / (len(days) - 1)
    reach = _student(len(days) - 1) * math.sqrt(spread) / lists
    return Rate(value, max(value - reach, 0.0), value + reach)


def _student(freedom: int) -> float:
    """
    Return the 97.5 % point of Student's distribution, 0.3 % too low at 4 degrees of freedom.

    Source: Abramowitz & Stegun 1964, equation 26.7.5.
    """
    terms = (
        Z,
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
    )
    return float(sum(term / freedom**power for power, term in enumerate(terms)))
