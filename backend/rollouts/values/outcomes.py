"""What visitors did from their first exposure to a rollout on, added up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from backend.rollouts.values.rollout import ArmSums, Metric


@dataclass(frozen=True, slots=True)
class Span:
    """
    A time in which the two arms that are compared had the same share of the visitors.

    :param percent: of the visitors, of each of the two
    """

    since: datetime
    until: datetime
    percent: int


@dataclass(frozen=True, slots=True)
class Estimand:
    """
    What a rollout's revenue is measured by, fixed before anybody saw it.

    :param window: from a visitor's first exposure, in which their orders count
    :param past: before a visitor's first exposure, in which their orders make both arms comparable
    :param bound: what one visitor's revenue counts at most; None where there were no orders to choose it from
    :param currency: orders in others count as conversions and not as revenue
    :param orders: of the shop, of which the bound was chosen
    """

    window: timedelta
    past: timedelta
    bound: Decimal | None
    currency: str
    orders: int = 0


@dataclass(frozen=True, slots=True)
class ArmOutcomes:
    """
    What one arm's visitors did, as sums over visitors, each counted once whether or not they did anything.

    ``past`` is what a visitor's browser had bought before their first exposure, winsorised like the revenue.

    :param buyers: of whose orders something is left after refunds and cancellations
    :param returning: who had bought before
    :param in_both_arms: who was drawn into the other arm later, and saw both lists, which makes any
        difference between the arms look smaller
    """

    visitors: int = 0
    clicked: int = 0
    added: int = 0
    buyers: int = 0
    revenue: Decimal = Decimal(0)
    revenue_squares: Decimal = Decimal(0)
    returning: int = 0
    past: Decimal = Decimal(0)
    past_squares: Decimal = Decimal(0)
    past_of_buyers: Decimal = Decimal(0)
    past_by_revenue: Decimal = Decimal(0)
    in_both_arms: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    One metric in both arms, as it is judged.

    :param slope: of the metric on what visitors had bought before, by which sums were adjusted; 0 for none
    """

    metric: Metric
    candidate: ArmSums
    control: ArmSums
    slope: float = 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """What was known of a metric at one moment: relative, in percent."""

    at: datetime
    percent: float | None
    low: float | None
    high: float | None
    visitors: int


@dataclass(frozen=True, slots=True)
class History:
    """
    How a metric's interval moved.

    :param boundary_percent: what its lower end has to pass for a promotion; None where it only informs
    """

    metric: Metric
    boundary_percent: float | None
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Exposures:
    """
    How many visitors of each compared arm met a rollout, as it was last read; None before that.

    :param in_both_arms: of them, who was drawn into the other arm too: their browser's storage was cleared
    :param is_mismatched: their numbers are not what the draw gives: one arm is counted worse
    """

    candidate: int = 0
    control: int = 0
    read_at: datetime | None = None
    is_mismatched: bool = False
    in_both_arms: int = 0
