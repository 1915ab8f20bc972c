"""What the gate asks of a version and says of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from backend.core.errors import Refused

# What a merchant may ask of a new version, in percent: from "a little worse" to "a fifth better".
LOWEST_BAR, DEFAULT_BAR, HIGHEST_BAR = -10.0, 2.0, 20.0


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
