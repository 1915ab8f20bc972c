"""The share of visitors that sees popular products, and what that proves."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from backend.core.errors import Refused

# The share of visitors that a merchant may hold out, in percent.
LOWEST_HOLDOUT, HIGHEST_HOLDOUT = 1, 10


# Fewer than these in either group, and chance alone decides which of the two bought more. From a hundred
# buyers on, intervals of uncut revenue hold as often as they say, all looks together; from twenty they don't.
MIN_VISITORS = 500


MIN_BUYERS = 100


class BadHoldout(Refused):
    """A share of visitors that can't be held out."""

    code = "bad_holdout"


@dataclass(frozen=True, slots=True)
class HoldoutPolicy:
    """
    The share of a shop's visitors that sees popular products instead of a model's, for good.

    A visitor is held out while ``core.bucketing.bucket(salt, browser's own id)`` lies below ``percent``
    hundredths of all buckets: the same ones after every change of the share, as far as it reaches.

    :param percent: 0 while nobody is
    :param since: when the share was last changed; None if it never was
    """

    percent: int = 0
    salt: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class GroupSales:
    """
    What one group of visitors bought, each visitor counted once whether or not they bought.

    :param revenue: of all, in the shop's currency
    :param squares: the sum of the squares of each visitor's revenue
    """

    visitors: int = 0
    buyers: int = 0
    revenue: Decimal = Decimal(0)
    squares: Decimal = Decimal(0)


class Unproven(StrEnum):
    """Why two groups can't be compared."""

    FEW_VISITORS = "FEW_VISITORS"
    FEW_BUYERS = "FEW_BUYERS"
    WRONG_SHARES = "WRONG_SHARES"  # the groups' sizes are not what the draw gives: one is counted worse


@dataclass(frozen=True, slots=True)
class Incremental:
    """
    What the recommendations added beside what visitors would have bought anyway.

    ``amount`` is the difference of the two groups' revenue per visitor, for all who saw recommendations;
    ``low`` and ``high`` bound its 95 % interval. All three are None, and ``reason`` says why, where the
    groups can't be compared.
    """

    held_out: GroupSales
    shown: GroupSales
    percent: int
    since: datetime
    amount: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    reason: Unproven | None = None
