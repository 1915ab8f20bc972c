"""What crosses the boundary of monitoring."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

# How long a shop is left alone after a training. Six days at most, or the weekly one would never come.
DEFAULT_COOL_DOWN_HOURS, LONGEST_COOL_DOWN_HOURS = 24, 144

# Hit rate as a share of what it was at promotion, in percent; below it the model is trained again.
LOWEST_ACCURACY, DEFAULT_ACCURACY, HIGHEST_ACCURACY = 50.0, 82.0, 100.0

WEEK = timedelta(days=7)
DAY = timedelta(days=1)


class Kind(StrEnum):
    """What can ask for a training."""

    TIMETABLE = "TIMETABLE"  # every week
    CONVERSION = "CONVERSION"  # fewer of those who saw recommendations bought
    METRIC = "METRIC"  # the live version hits less often than it did
    DRIFT = "DRIFT"  # what is sold, who buys or what is answered has changed
    UNREADABLE = "UNREADABLE"  # this release of ours can't read the live version's files
    MANUAL = "MANUAL"  # a person


class Verdict(StrEnum):
    """What came of looking."""

    FIRED = "FIRED"  # there was a reason, and a training was asked for
    QUIET = "QUIET"  # enough data, and no reason
    NOT_ENOUGH_DATA = "NOT_ENOUGH_DATA"  # can't be told; never taken for "quiet"
    COOLING_DOWN = "COOLING_DOWN"  # there was a reason, so soon after a training that none was asked for


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What a look at the data says. ``subject`` names the data: a reason found in it is acted on once.

    Its verdict is never COOLING_DOWN: whether a training ran lately is not in the data.
    """

    verdict: Verdict
    words: str
    subject: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of what a look rests on, in words."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """One recorded look. ``run_id`` is the training that it asked for, ``version_id`` what that one made."""

    id: UUID
    kind: Kind
    verdict: Verdict
    words: str
    subject: str
    evidence: dict[str, Any]
    run_id: UUID | None
    created_at: datetime
    version_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """Where one kind of trigger stands. No verdict: nobody has looked yet."""

    kind: Kind
    title: str
    verdict: Verdict | None
    words: str
    looked_at: datetime | None
    last_fired_at: datetime | None


@dataclass(frozen=True, slots=True)
class TriggerPolicy:
    """How a shop wants to be watched. ``updated_at`` is None while nobody changed the defaults."""

    cool_down_hours: int = DEFAULT_COOL_DOWN_HOURS
    min_accuracy_percent: float = DEFAULT_ACCURACY
    updated_at: datetime | None = None
    updated_by: str = ""

    @property
    def cool_down(self) -> timedelta:
        """How long a shop is left alone after a training."""
        return timedelta(hours=self.cool_down_hours)


@dataclass(frozen=True, slots=True)
class Count:
    """How often something happened: ``hits`` of ``of``."""

    hits: int
    of: int

    @property
    def rate(self) -> float:
        """The share, 0..1; 0 where there was no chance at all."""
        return self.hits / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time: ``since`` belongs to it, ``until`` does not."""

    since: datetime
    until: datetime
