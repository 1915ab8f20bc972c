"""A candidate over the last weeks, as it would have served."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.core.errors import Refused


class AlreadyLookingBack(Refused):
    """The rollout's look back is under way."""

    code = "already_looking_back"
    status = 409


class LookBackState(StrEnum):
    """Where a look back stands."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class LookBackRound:
    """One of the weeks: NDCG@10 of both sides over the customers who bought in it."""

    since: datetime
    until: datetime
    customers: int
    candidate: float
    champion: float


@dataclass(frozen=True, slots=True)
class LookBack:
    """
    How a candidate's way of learning would have done over the last 30 days beside what was live.

    Gains are relative, in percent, with their 95 % interval; None where there is nothing to tell, and then
    ``words`` say why.

    :param progress: the share that is done, 0 to 1
    """

    state: LookBackState
    progress: float
    words: str
    asked_at: datetime
    customers: int = 0
    gain_percent: float | None = None
    low_percent: float | None = None
    high_percent: float | None = None
    rounds: tuple[LookBackRound, ...] = ()
