"""What the gate asks of a version and says of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from backend.core.errors import Refused

# What a merchant may ask of a new version beside the best simple model, in percent: from "a little worse"
# to "a fifth better".
LOWEST_BAR, DEFAULT_BAR, HIGHEST_BAR = -10.0, 2.0, 20.0


# How far the lower end of the gain over the champion may lie below nothing, in percent: a fair twin's
# interval always reaches below it, and a rollout finds out what this much does to shoppers.
GATE_MARGIN = 2.0


# Fewer customers, or orders, than this say nothing about two versions, whatever the interval looks like.
MIN_CUSTOMERS = 100


class DamagedVersion(Refused):
    """A version's files are damaged or missing: it can't answer anybody."""

    code = "damaged_version"
    status = 409


class NotReleasable(Refused):
    """A version of this standing is not to be released."""

    code = "not_releasable"
    status = 409


class GateVerdict(StrEnum):
    """What the gate says of a candidate. ``LETS_THROUGH`` are those that let it through."""

    FIRST = "FIRST"  # nothing that had learned from orders was live before
    PASSED = "PASSED"  # better than the best simple model by the bar, and no worse than the champion
    FAILED = "FAILED"  # measured, and not both
    NOT_ENOUGH_DATA = "NOT_ENOUGH_DATA"  # could not be measured; that is never a success
    DAMAGED = "DAMAGED"  # its files can't be read: it can answer nobody
    OVERRIDDEN = "OVERRIDDEN"  # a person, or the shop's settings, let it through all the same


LETS_THROUGH = frozenset({GateVerdict.FIRST, GateVerdict.PASSED, GateVerdict.OVERRIDDEN})


@dataclass(frozen=True, slots=True)
class Baseline:
    """
    A candidate beside the best simple model of its training, in percent, with the 95 % interval.

    :param asked: what ``customers`` counts: "customers", or "orders" where few customers come back
    """

    label: str
    customers: int
    gain_percent: float
    low_percent: float
    high_percent: float
    asked: str = "customers"


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    A candidate beside the champion, on the same customers, or orders, of the newest days.

    Gains are relative, in percent; ``low`` and ``high`` bound the 95 % paired-bootstrap interval. They
    are None, and ``reason`` says why, when there is not enough data.

    :param baseline: how it does beside the best simple model; None where that was not measured
    :param asked: what ``customers`` counts: "customers", or "orders" where few customers come back
    """

    customers: int = 0
    since: datetime | None = None
    until: datetime | None = None
    gain_percent: float | None = None
    low_percent: float | None = None
    high_percent: float | None = None
    reason: str = ""
    baseline: Baseline | None = None
    asked: str = "customers"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what it means, in words for the merchant and the ledger."""

    verdict: GateVerdict
    words: str


@dataclass(frozen=True, slots=True)
class GateRecord:
    """
    One decision of the gate, as other apps see it.

    :param bar_percent: the gain that was asked for
    :param margin_percent: how far below the champion it might lie; None of a decision by the former rule,
        whose bar was one over the champion
    :param champion: the number of the version it was compared with
    """

    version_id: UUID
    verdict: GateVerdict
    bar_percent: float
    margin_percent: float | None
    evidence: Evidence
    champion: int | None
    words: str
    actor: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ReleaseNotes:
    """
    What the run log keeps of releases.

    :param tags: what the gate said of one version; nothing of one that it never judged
    :param aliases: the version that each names now: staging, challenger, champion; None where it names none
    """

    tags: dict[str, str]
    aliases: dict[str, UUID | None]


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """
    What a shop asks of a new version.

    :param min_gain_percent: over the best simple model
    :param updated_at: None while nobody changed the defaults
    """

    min_gain_percent: float = DEFAULT_BAR
    release_without_evidence: bool = False
    updated_at: datetime | None = None
    updated_by: str = ""
