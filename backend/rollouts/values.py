"""What crosses the boundary of rollouts."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from backend.core.errors import Refused

CHAMPION = "champion"
STANDBY = "standby"

# Every visitor of a surface, as the weight of its only arm.
FULL_WEIGHT = 100


class LostRace(Refused):
    """Someone else moved the surface first."""

    code = "lost_race"
    status = 409


class Decision(StrEnum):
    """What becomes of a candidate."""

    RELEASE = "RELEASE"
    REJECT = "REJECT"


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a version was on its test weeks: NDCG at 10 with its interval, of what it serves."""

    ndcg: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and the reason that goes into the ledger."""

    decision: Decision
    reason: str


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
