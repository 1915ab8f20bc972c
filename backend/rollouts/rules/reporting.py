"""What people are told of a rollout: its steps, who sees what, what comes next and what they may do."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from backend.core.text import signed_percent
from backend.rollouts.rules.judging import required
from backend.rollouts.rules.wording import MOVE_TITLES
from backend.rollouts.values import (
    LIVE_STATES,
    EntryKind,
    Metric,
    NextMove,
    Rollout,
    RolloutAction,
    RolloutMove,
    RolloutPlan,
    RolloutState,
    Split,
    StepKind,
    StepProgress,
    StepReport,
    TimelineEntry,
)

EVERYBODY: Final = 100

ACTIONS: Final[Mapping[RolloutState, tuple[RolloutAction, ...]]] = {
    RolloutState.DRAFT: (RolloutAction.START, RolloutAction.ABORT),
    RolloutState.SHADOW: (RolloutAction.STEP, RolloutAction.PAUSE, RolloutAction.ABORT),
    RolloutState.CANARY: (
        RolloutAction.STEP,
        RolloutAction.PAUSE,
        RolloutAction.PROMOTE,
        RolloutAction.UNDO,
    ),
    RolloutState.HOLD: (RolloutAction.PAUSE, RolloutAction.PROMOTE, RolloutAction.UNDO),
    RolloutState.PAUSED: (RolloutAction.RESUME, RolloutAction.UNDO),
    RolloutState.INCONCLUSIVE: (RolloutAction.PROMOTE, RolloutAction.UNDO),
    RolloutState.PROMOTED: (RolloutAction.UNDO,),
}

# What lets more visitors see a version; a shop may leave it to some of its people.
WIDENING: Final = frozenset(
    {RolloutAction.START, RolloutAction.RESUME, RolloutAction.STEP, RolloutAction.PROMOTE}
)


def offered_actions(rollout: Rollout, *, may_widen: bool, is_champion: bool) -> tuple[RolloutAction, ...]:
    """
    Return what a person may do with a rollout.

    :param may_widen: whether they may let more visitors see it; the way back is everybody's
    :param is_champion: whether its candidate is what the shop serves: a promotion is undone only then
    """
    if rollout.state is RolloutState.PROMOTED and not is_champion:
        return ()
    offered = ACTIONS.get(rollout.state, ())
    return tuple(one for one in offered if may_widen or one not in WIDENING)


def step_reports(rollout: Rollout, moves: Sequence[RolloutMove]) -> tuple[StepReport, ...]:
    """Return every step of a rollout's plan, with when it was reached."""
    plan = rollout.plan
    shadow = _step(rollout, moves, StepKind.SHADOW, 0, plan.shadow_hours, step=-1)
    shares = [
        _step(rollout, moves, StepKind.SHARE, percent, plan.dwell_hours, step=place)
        for place, percent in enumerate(plan.steps)
    ]
    if not plan.ab_days:
        return (shadow, *shares)
    half = max(place for place, percent in enumerate(plan.steps) if percent < EVERYBODY or place == 0)
    test = _step(rollout, moves, StepKind.AB_TEST, plan.steps[half], plan.ab_days * 24.0, step=half)
    return (shadow, *shares[: half + 1], test, *shares[half + 1 :])


def _step(
    rollout: Rollout,
    moves: Iterable[RolloutMove],
    kind: StepKind,
    percent: int,
    hours: float,
    *,
    step: int,
) -> StepReport:
    since = next((move.at for move in moves if _is_at(move.state, move.percent, kind, percent)), None)
    stands = rollout.former_state or rollout.state
    is_current = rollout.state in LIVE_STATES and _is_at(stands, rollout.percent, kind, percent)
    progress = StepProgress.CURRENT if is_current else StepProgress.DONE
    hours = 0.0 if percent == EVERYBODY else hours
    return StepReport(kind, percent, hours, progress if since else StepProgress.AHEAD, since)


def _is_at(state: RolloutState, at: int, kind: StepKind, percent: int) -> bool:
    if kind is StepKind.SHADOW:
        return state is RolloutState.SHADOW
    if kind is StepKind.AB_TEST:
        return state is RolloutState.HOLD
    shown = {RolloutState.CANARY, RolloutState.PROMOTED, RolloutState.INCONCLUSIVE}
    return state in shown and at == percent


def split(rollout: Rollout, *, holdout: int) -> Split | None:
    """Return who sees what now, in percent of all visitors; None once the rollout has ended."""
    if rollout.state not in LIVE_STATES:
        return None
    others = EVERYBODY - holdout
    candidate = rollout.percent * others / EVERYBODY
    control = min(rollout.percent, EVERYBODY - rollout.percent) * others / EVERYBODY
    return Split(candidate, control, others - candidate - control, float(holdout))


def next_move(rollout: Rollout) -> NextMove:
    """Return what comes next if nobody does anything."""
    plan = rollout.plan
    if rollout.state is RolloutState.SHADOW:
        words = (
            f"Next: {_shown(plan.steps[0])}, once {plan.shadow_requests:,} real requests were compared "
            "and its lists are as sound as those of the version in use."
        )
        return NextMove(words, rollout.entered_at + timedelta(hours=plan.shadow_hours))
    if rollout.state is RolloutState.CANARY and rollout.step + 1 < len(plan.steps):
        words = f"Next: {_after(rollout)}, once {_asked(plan)}."
        return NextMove(words, rollout.entered_at + timedelta(hours=plan.dwell_hours))
    if rollout.state is RolloutState.HOLD:
        words = f"Next: {_shown(EVERYBODY)}, once {_asked(plan)}."
        return NextMove(words, rollout.entered_at + timedelta(days=plan.ab_days))
    return NextMove(STANDS_STILL.get(rollout.state, ""))


STANDS_STILL: Final[Mapping[RolloutState, str]] = {
    RolloutState.DRAFT: "Next: the shadow. Nobody sees its lists there; they are compared.",
    RolloutState.CANARY: "Next: it is promoted, and the rollout ends.",
    RolloutState.PAUSED: "Nothing happens until you resume it. It still goes back by itself if it hurts.",
    RolloutState.INCONCLUSIVE: "Nothing happens until you decide: promote it, or go back.",
}


def _after(rollout: Rollout) -> str:
    following = rollout.plan.steps[rollout.step + 1]
    if rollout.plan.ab_days and following == EVERYBODY:
        return f"an experiment of at least {rollout.plan.ab_days} days"
    return _shown(following)


def _shown(percent: int) -> str:
    return "every visitor" if percent == EVERYBODY else f"{percent}% of visitors"


def _asked(plan: RolloutPlan) -> str:
    bound = required(Metric.REVENUE, plan)
    if bound >= 0:
        return "revenue per visitor is shown to be better"
    return f"revenue per visitor is shown to be no worse than {signed_percent(bound)}"


def move_entry(move: RolloutMove) -> TimelineEntry:
    """Return a move as the timeline tells it."""
    title = MOVE_TITLES[move.state].format(percent=move.percent)
    return TimelineEntry(move.at, EntryKind.MOVE, title, move.words, move.actor, move.state)
