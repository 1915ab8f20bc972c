"""A rollout as people are told of it: where it stands, what it showed, and what happens next."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from backend.rollouts.values.rollout import Metric, Rollout, RolloutState, Verdict
from backend.rollouts.values.time_machine import LookBack


class RolloutAction(StrEnum):
    """What a person may do with a rollout, in the order in which it is offered."""

    START = "START"
    RESUME = "RESUME"
    STEP = "STEP"  # to the next step of the plan, now
    PAUSE = "PAUSE"
    PROMOTE = "PROMOTE"  # to every visitor, now
    UNDO = "UNDO"  # back to the former version, also after a promotion
    ABORT = "ABORT"  # ends what nobody saw


class StepKind(StrEnum):
    """What a step of a rollout is."""

    SHADOW = "SHADOW"
    INTERLEAVING = "INTERLEAVING"
    SHARE = "SHARE"
    AB_TEST = "AB_TEST"


class StepProgress(StrEnum):
    """How far a step is."""

    DONE = "DONE"
    CURRENT = "CURRENT"
    AHEAD = "AHEAD"


@dataclass(frozen=True, slots=True)
class StepReport:
    """
    One step of the plan.

    :param percent: of the visitors who see the candidate
    :param hours: the shortest time at it
    :param since: when it was reached; None if it never was
    """

    kind: StepKind
    percent: int
    hours: float
    progress: StepProgress
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Who sees what now, in percent of all visitors. The control sees what the rest sees, and is compared."""

    candidate: float
    control: float
    rest: float
    holdout: float


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """What was known of a difference at one moment, in percent."""

    at: datetime
    percent: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MetricReport:
    """
    One metric of the candidate beside the control's.

    :param is_deciding: whether it lets a rollout go on; the others only inform
    :param bound: the least that the low end must reach, in percent; None where nothing is asked
    """

    metric: Metric
    name: str
    is_deciding: bool
    bound: float | None
    candidate_visitors: int
    control_visitors: int
    percent: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    words: str
    history: tuple[MetricPoint, ...] = ()


@dataclass(frozen=True, slots=True)
class GuardReport:
    """
    One technical guardrail.

    :param candidate: what was counted of it: "3 of 1,204"
    :param champion: the same of the version beside it, at the same moments
    :param notice_seconds: how long it takes at the shop's own rate to see clear harm; None where nobody
        asks the candidate
    """

    name: str
    verdict: Verdict
    candidate: str
    champion: str
    notice_seconds: float | None


@dataclass(frozen=True, slots=True)
class DetectionTime:
    """How soon harm is found where the whole shop asks so often: in half of all cases, and in 99 of 100."""

    requests_per_second: int
    median_seconds: float
    p99_seconds: float


@dataclass(frozen=True, slots=True)
class Detection:
    """
    How soon the technical guardrails find harm, for whoever has no traffic of their own to tell it from yet.

    :param percent: of the visitors whom the candidate answers
    :param median_answers: the candidate's answers that it takes in half of all cases
    :param p99_answers: and in 99 of 100
    """

    percent: int
    median_answers: int
    p99_answers: int
    times: tuple[DetectionTime, ...]


@dataclass(frozen=True, slots=True)
class ShadowFigure:
    """One thing that the shadow measured, as people read it."""

    name: str
    value: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What was compared before anybody saw it."""

    compared: int
    wanted: int
    verdict: Verdict
    words: str
    figures: tuple[ShadowFigure, ...] = ()


@dataclass(frozen=True, slots=True)
class InterleavingReport:
    """Visitors by the version whose product they clicked first in a list of both, and what that says."""

    candidate: int
    champion: int
    verdict: Verdict
    words: str


class EntryKind(StrEnum):
    """What an entry of a rollout's timeline is."""

    MOVE = "MOVE"
    CHANGE = "CHANGE"  # something else that changed in the shop meanwhile


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened while a rollout was open. ``actor`` is the ledger's name of who did it."""

    at: datetime
    kind: EntryKind
    title: str
    words: str
    actor: str = ""
    state: RolloutState | None = None


@dataclass(frozen=True, slots=True)
class NextMove:
    """
    What happens next, if nobody does anything.

    :param at: the earliest moment; None where no moment is known
    """

    words: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RolloutSummary:
    """
    A rollout in a few sentences.

    :param headline: where it stands: "Shown to 5% of visitors since Tuesday."
    :param finding: what it showed: "Revenue per visitor between 0.2% and 3.0%."
    :param outlook: how long it takes: "Needs about 6 more days."
    """

    rollout: Rollout
    headline: str
    finding: str
    outlook: str
    next_move: NextMove


@dataclass(frozen=True, slots=True)
class RefusedAction:
    """An act that is offered where a rollout stands, and why it can't be done now."""

    action: RolloutAction
    words: str


@dataclass(frozen=True, slots=True)
class RolloutReport:
    """
    Everything that people are told of a rollout.

    :param measured_at: when its visitors were last counted; None before that
    """

    summary: RolloutSummary
    actions: tuple[RolloutAction, ...]
    refused: tuple[RefusedAction, ...]
    steps: tuple[StepReport, ...]
    split: Split | None
    metrics: tuple[MetricReport, ...]
    measured_at: datetime | None
    sample_words: str
    guards: tuple[GuardReport, ...]
    detection: Detection | None
    shadow: ShadowReport | None
    interleaving: InterleavingReport | None
    look_back: LookBack | None
    advice: tuple[str, ...]
    timeline: tuple[TimelineEntry, ...]


@dataclass(frozen=True, slots=True)
class VersionOffer:
    """A version that a person may open a rollout for, or go back to."""

    version_id: UUID
    number: int
    created_at: datetime
    words: str
