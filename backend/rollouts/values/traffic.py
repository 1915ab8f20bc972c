"""What a shop's own visitors do, as far as it decides how long a comparison takes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traffic:
    """
    A shop's visitors, who count once from their first exposure on.

    :param visitors_per_day: who are new to a comparison, over all arms
    :param conversion: the share of them who order within the window
    :param revenue_mean: per visitor, those who buy nothing included; in the shop's currency, winsorised
    :param revenue_variance: of the same
    :param clickers_per_day: visitors who clicked a product of a personal list
    """

    visitors_per_day: float
    conversion: float
    revenue_mean: float
    revenue_variance: float
    clickers_per_day: float = 0.0
