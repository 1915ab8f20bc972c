"""What a rollout is: its states, its plan, its moves and what it is judged by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from backend.core.errors import Refused


class RolloutState(StrEnum):
    """Where a rollout stands."""

    DRAFT = "DRAFT"  # waits for its start, or for the live one to end
    SHADOW = "SHADOW"  # answers nobody: its answers are compared with what was shown
    INTERLEAVED = "INTERLEAVED"  # has no share: personal lists hold products of both versions
    CANARY = "CANARY"  # answers the share of its step
    HOLD = "HOLD"  # an A/B test: the share stays until the days are over and the difference is known
    PAUSED = "PAUSED"  # the share stays, and only the way back is open
    INCONCLUSIVE = "INCONCLUSIVE"  # its longest time is over without a verdict: a person decides
    PROMOTED = "PROMOTED"
    ROLLED_BACK = "ROLLED_BACK"
    SUPERSEDED = "SUPERSEDED"  # a newer candidate took its place before anybody saw it
    ABORTED = "ABORTED"  # ended by a person before anybody saw it


# One of a shop at a time.
LIVE_STATES: Final = frozenset(
    {
        RolloutState.SHADOW,
        RolloutState.INTERLEAVED,
        RolloutState.CANARY,
        RolloutState.HOLD,
        RolloutState.PAUSED,
        RolloutState.INCONCLUSIVE,
    }
)
ENDED_STATES: Final = frozenset(
    {
        RolloutState.PROMOTED,
        RolloutState.ROLLED_BACK,
        RolloutState.SUPERSEDED,
        RolloutState.ABORTED,
    }
)


class Verdict(StrEnum):
    """What a measurement says. Only the first lets a rollout go on: no data is never success."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"  # measured, and worse
    ERROR = "ERROR"  # could not be measured
    INCONCLUSIVE = "INCONCLUSIVE"  # measured long enough, and neither
    NOT_ENOUGH = "NOT_ENOUGH"  # not measured long enough yet


class Standing(StrEnum):
    """What a version is to its shop, by the pointer, its moves, the rollouts and the gate; kept nowhere."""

    CANDIDATE = "CANDIDATE"  # the gate has not spoken
    REJECTED = "REJECTED"  # its files are damaged
    HELD = "HELD"  # did not prove itself at the gate; a person may roll it out all the same
    STAGED = "STAGED"  # may be rolled out
    WAITING = "WAITING"  # its rollout has not begun
    ROLLING_OUT = "ROLLING_OUT"
    ROLLED_BACK = "ROLLED_BACK"  # its rollout was taken back, its promotion too
    LIVE = "LIVE"  # the champion
    RETIRED = "RETIRED"  # was the champion, and can be again


# What a person may open a rollout with: it was kept back, it waits for one, or it came back from one.
OPENABLE: Final = frozenset({Standing.HELD, Standing.STAGED, Standing.ROLLED_BACK})


class Requirement(StrEnum):
    """What a promotion asks of the difference between the arms."""

    NO_WORSE = "NO_WORSE"  # its lower end lies above the margin
    BETTER = "BETTER"  # its lower end lies above nothing


class Metric(StrEnum):
    """What visitors of both arms did, each visitor counted once, from their first exposure on."""

    CLICK_THROUGH = "CLICK_THROUGH"  # informs: events are unsigned
    ADD_TO_CART = "ADD_TO_CART"  # informs
    CONVERSION = "CONVERSION"  # decides: from signed orders
    REVENUE = "REVENUE"  # decides: net of refunds, winsorised at a bound that the plan fixes


class Autonomy(StrEnum):
    """How far a rollout may go before it asks a person."""

    NOTHING = "NOTHING"  # a person starts the shadow too
    SHADOW = "SHADOW"
    FIRST_STEP = "FIRST_STEP"
    HALF = "HALF"  # up to the step at which both arms are half
    PROMOTE = "PROMOTE"


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """
    How a rollout goes on, fixed when it is opened.

    :param steps: shares of the visitors in percent, ascending, the last 100
    :param dwell_hours: the shortest time at each step
    :param shadow_percent: of the real requests that are compared
    :param shadow_requests: compared at least, before anybody sees a list
    :param interleave_days: how long personal lists of both versions are compared at most, before the first
        step; 0 for none
    :param ab_days: how long an A/B test lasts at least; 0 for none
    :param margin_percent: a loss of revenue per visitor up to this is "no worse"
    :param alpha: the chance of a false alarm over all metrics and all looks
    :param min_orders: in each arm before business metrics say anything
    :param window_days: from a visitor's first exposure, in which their orders count
    :param max_days: after these a rollout without a verdict is inconclusive
    """

    steps: tuple[int, ...] = (5, 25, 50, 100)
    dwell_hours: float = 24.0
    shadow_percent: int = 10
    shadow_requests: int = 500
    shadow_hours: float = 1.0
    interleave_days: int = 0
    ab_days: int = 0
    requirement: Requirement = Requirement.NO_WORSE
    margin_percent: float = 5.0
    alpha: float = 0.05
    min_orders: int = 200
    window_days: int = 7
    max_days: int = 60
    autonomy: Autonomy = Autonomy.PROMOTE


@dataclass(frozen=True, slots=True)
class Freeze:
    """Days of the shop's calendar, both included, on which nothing widens."""

    first: date
    last: date
    name: str = ""


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """
    What a shop says of its releases.

    :param is_off: no rollout opens or widens, and the running one has gone back
    :param promoters: ids of the merchant's people who may start, widen and promote; empty for everyone
    """

    is_off: bool = False
    plan: RolloutPlan = RolloutPlan()
    freezes: tuple[Freeze, ...] = ()
    promoters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollout:
    """
    One rollout as other apps see it.

    :param number: counts a shop's rollouts from 1
    :param step: the place in ``plan.steps``; -1 before the first
    :param percent: of the visitors whom the candidate answers now
    :param entered_at: when it came to its state and step
    :param words: why it stands where it stands
    :param waits_for: why it does not go on, in words for the merchant; empty where it just needs time
    :param shown_at: when a visitor could first be shown what the candidate chose
    :param is_looked_at: a person let it go on, though something that can't decide looks bad
    """

    id: UUID
    shop_id: int
    number: int
    candidate_id: UUID
    candidate_number: int
    champion_id: UUID
    champion_number: int
    state: RolloutState
    step: int
    percent: int
    plan: RolloutPlan
    opened_at: datetime
    entered_at: datetime
    ended_at: datetime | None
    revision: int
    words: str = ""
    waits_for: str = ""
    former_state: RolloutState | None = None  # of a paused one
    shown_at: datetime | None = None
    is_looked_at: bool = False


@dataclass(frozen=True, slots=True)
class RolloutMove:
    """One move of a rollout, with who, why and on which evidence. Rows are added, never changed."""

    rollout_id: UUID
    at: datetime
    state: RolloutState
    step: int
    percent: int
    actor: str
    words: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArmSums:
    """
    One metric in one arm: sums over its visitors, each counted once whether or not they did anything.

    :param total: of the values; winsorised, in the shop's currency, for revenue
    :param squares: of the values
    """

    visitors: int = 0
    total: Decimal = Decimal(0)
    squares: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Difference:
    """
    A metric of the candidate beside the control's, relative, in percent, with its anytime-valid interval.

    ``low`` and ``high`` are None where there is not enough to say anything.
    """

    metric: Metric
    candidate: ArmSums
    control: ArmSums
    percent: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict = Verdict.NOT_ENOUGH


@dataclass(frozen=True, slots=True)
class Judged:
    """
    A verdict over everything that one judge looked at, in words, and what it rests on.

    :param days_left: about, until there is a verdict; None where nobody knows
    :param pauses: something that can't decide looks bad: the rollout pauses until a person has looked
    """

    verdict: Verdict
    words: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    days_left: float | None = None
    pauses: bool = False


class ForbiddenRolloutMove(Refused):
    """A rollout may not go from its state to the one asked for."""

    code = "forbidden_move"
    status = 409


class OldPage(Refused):
    """A person asks for a move by what they saw, and the rollout has moved since: they look again."""

    code = "moved_since"
    status = 409


class UnknownRollout(Refused):
    """No such rollout in this shop."""

    code = "unknown_rollout"
    status = 404


class ReleasesOff(Refused):
    """The shop has switched its releases off."""

    code = "releases_off"
    status = 409


class NotAllowedToPromote(Refused):
    """The shop's settings leave this to others."""

    code = "not_allowed"
    status = 403


class BadPlan(Refused):
    """A plan outside what is offered."""

    code = "bad_plan"
