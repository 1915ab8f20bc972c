"""What moves a rollout: the moment, what is known of it, and what follows from both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from backend.rollouts.values.rollout import Judged, RolloutState, Verdict

NOT_JUDGED = Judged(Verdict.NOT_ENOUGH, "Nothing is known yet.")


@dataclass(frozen=True, slots=True)
class Moment:
    """
    When a rollout is looked at.

    :param today: the day of the shop's own calendar
    :param day: how long a day of a plan lasts; a demo's is short
    """

    now: datetime
    today: date
    day: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """
    What the judges say of a rollout.

    :param confounders: what else changed in the shop, in words, so that the arms can't be compared
    :param lists: whether the shop's pages hold the candidate's lists and are told of its step. Publishing
        judges it, which stands above rollouts: who asks for a wider step brings its word along
    """

    shadow: Judged = NOT_JUDGED
    guards: Judged = NOT_JUDGED
    business: Judged = NOT_JUDGED
    confounders: tuple[str, ...] = ()
    lists: Judged = NOT_JUDGED
    interleaving: Judged = NOT_JUDGED


@dataclass(frozen=True, slots=True)
class Stop:
    """A place on the way of a rollout: its state, its step and the share that the candidate answers there."""

    state: RolloutState
    step: int
    percent: int


@dataclass(frozen=True, slots=True)
class Move:
    """Where a rollout goes now, why, and what that rests on."""

    to: Stop
    words: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """A rollout stays where it is. Words say for what, where more than time is missing."""

    words: str = ""
