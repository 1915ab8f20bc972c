"""What answers a surface."""

from dataclasses import dataclass
from uuid import UUID

CHAMPION = "champion"
CANDIDATE = "candidate"
CONTROL = "control"  # the champion, for as many visitors as the candidate has: what it is compared with
STANDBY = "standby"
HOLDOUT = "holdout"


# Every visitor of a surface, as the weight of its only arm.
FULL_WEIGHT = 100


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
