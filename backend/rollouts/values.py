"""What crosses the boundary of rollouts."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from backend.core.errors import Refused

CHAMPION = "champion"
STANDBY = "standby"
HOLDOUT = "holdout"

# Every visitor of a surface, as the weight of its only arm.
FULL_WEIGHT = 100

# What a merchant may ask of a new version, in percent: from "a little worse" to "a fifth better".
LOWEST_BAR, DEFAULT_BAR, HIGHEST_BAR = -10.0, 2.0, 20.0

# The share of visitors that a merchant may hold out, in percent.
LOWEST_HOLDOUT, HIGHEST_HOLDOUT = 1, 10

# Fewer than these in either group, and chance alone decides which of the two bought more.
MIN_VISITORS = 500
MIN_BUYERS = 20

# Fewer customers than this say nothing about two versions, whatever the interval looks like.
MIN_CUSTOMERS = 100


class DamagedVersion(Refused):
    """A version's files are damaged or missing: it can't answer anybody."""

    code = "damaged_version"
    status = 409


class NotReleasable(Refused):
    """A version in this state is not a person's to release."""

    code = "not_releasable"
    status = 409


class BadHoldout(Refused):
    """A share of visitors that can't be held out."""

    code = "bad_holdout"


class GateVerdict(StrEnum):
    """What the gate says of a candidate. Only the first two and the last let it through."""

    FIRST = "FIRST"  # nothing that had learned from orders was live before
    PASSED = "PASSED"  # the lower end of its gain clears the bar
    FAILED = "FAILED"  # measured, and not proven better by the bar
    NOT_ENOUGH_DATA = "NOT_ENOUGH_DATA"  # could not be measured; that is never a success
    OVERRIDDEN = "OVERRIDDEN"  # a person, or the shop's settings, let it through all the same


LETS_THROUGH = frozenset({GateVerdict.FIRST, GateVerdict.PASSED, GateVerdict.OVERRIDDEN})


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    A candidate beside the champion, on the same customers of the newest days.

    Gains are relative, in percent; ``low`` and ``high`` bound the 95 % paired-bootstrap interval. They
    are None, and ``reason`` says why, when there is not enough data.
    """

    customers: int = 0
    since: datetime | None = None
    until: datetime | None = None
    gain_percent: float | None = None
    low_percent: float | None = None
    high_percent: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what it means, in words for the merchant and the ledger."""

    verdict: GateVerdict
    words: str


@dataclass(frozen=True, slots=True)
class GateRecord:
    """One decision of the gate, as other apps see it. ``champion`` is the number it was compared with."""

    version_id: UUID
    verdict: GateVerdict
    bar_percent: float
    evidence: Evidence
    champion: int | None
    words: str
    actor: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GateTags:
    """What the run log keeps of a gate's decision, and whether no newer version was let through."""

    tags: dict[str, str]
    is_staged: bool


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """What a shop asks of a new version. ``updated_at`` is None while nobody changed the defaults."""

    min_gain_percent: float = DEFAULT_BAR
    release_without_evidence: bool = False
    updated_at: datetime | None = None
    updated_by: str = ""


@dataclass(frozen=True, slots=True)
class LiveArm:
    """One version that answers a surface, with its share of the visitors."""

    shop_id: int
    name: str
    weight: int
    version_id: UUID
    version_number: int
    artifact: str
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class LiveArms:
    """
    What answers a surface at one revision. No arms: nothing was released yet.

    ``standby`` is the version that was live before: it answers again when the
    champion's files turn out to be broken.
    """

    revision: int
    arms: tuple[LiveArm, ...] = ()
    standby: LiveArm | None = None


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
