"""What people are told of a rollout: its steps, who sees what, what comes next and what they may do."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from backend.core.text import signed_percent
from backend.rollouts.rules.judging import required
from backend.rollouts.rules.moves import (
    ACTS,
    WIDENING,
    earliest_at,
    hold_step,
    is_unseen,
    needs_business,
    next_stop,
)
from backend.rollouts.rules.wording import MOVE_TITLES
from backend.rollouts.values import (
    LIVE_STATES,
    EntryKind,
    Metric,
    Moment,
    NextMove,
    Rollout,
    RolloutAction,
    RolloutMove,
    RolloutState,
    Split,
    StepKind,
    StepProgress,
    StepReport,
    Stop,
    TimelineEntry,
)

EVERYBODY: Final = 100


def offered_actions(rollout: Rollout, *, may_widen: bool, is_champion: bool) -> tuple[RolloutAction, ...]:
    """
    Return what a person may do with a rollout.

    :param may_widen: whether they may let more visitors see it; the way back is everybody's
    :param is_champion: whether its candidate is what the shop serves: a promotion is undone only then
    """
    if rollout.state is RolloutState.PROMOTED and not is_champion:
        return ()
    # One word for the way back at a time: what nobody saw is called off, what somebody saw is undone.
    other = RolloutAction.UNDO if is_unseen(rollout) else RolloutAction.ABORT
    offered = (one for one in RolloutAction if rollout.state in ACTS[one] and one is not other)
    return tuple(one for one in offered if may_widen or one not in WIDENING)


def step_reports(rollout: Rollout, moves: Sequence[RolloutMove]) -> tuple[StepReport, ...]:
    """Return every step of a rollout's plan, with when it was reached."""
    plan = rollout.plan
    held = hold_step(plan)
    before = [_step(rollout, moves, StepKind.SHADOW, 0, plan.shadow_hours, step=-1)]
    if plan.interleave_days:
        before.append(_step(rollout, moves, StepKind.INTERLEAVING, 0, plan.dwell_hours, step=-1))
    shares = (
        _step(rollout, moves, StepKind.AB_TEST, percent, plan.ab_days * 24.0, step=place)
        if place == held
        else _step(rollout, moves, StepKind.SHARE, percent, plan.dwell_hours, step=place)
        for place, percent in enumerate(plan.steps)
    )
    return (*before, *shares)


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
    if kind is StepKind.INTERLEAVING:
        return state is RolloutState.INTERLEAVED
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


def coming(rollout: Rollout, moment: Moment) -> NextMove:
    """Return what comes next if nobody does anything."""
    to = next_stop(rollout)
    if to is None or rollout.state is RolloutState.DRAFT or to.state is RolloutState.PROMOTED:
        return NextMove(STANDS_STILL.get(rollout.state, ""))
    words = f"Next: {_shown_at(rollout, to)}, once {_asked(rollout, to)}."
    earliest = earliest_at(rollout, moment)
    return NextMove(words, earliest if earliest > moment.now else None)


STANDS_STILL: Final[Mapping[RolloutState, str]] = {
    RolloutState.DRAFT: "Next: the shadow. Nobody sees its lists there; they are compared.",
    RolloutState.CANARY: "Next: it is promoted, and the rollout ends.",
    RolloutState.PAUSED: "Nothing happens until you resume it. It still goes back by itself if it hurts.",
    RolloutState.INCONCLUSIVE: "Nothing happens until you decide: promote it, or go back.",
}


def _shown_at(rollout: Rollout, to: Stop) -> str:
    if to.state is RolloutState.INTERLEAVED:
        return "personal lists of products that both versions choose in turns"
    if to.state is RolloutState.HOLD:
        return f"an experiment of at least {rollout.plan.ab_days} days with {_shown(to.percent)}"
    return _shown(to.percent)


def _shown(percent: int) -> str:
    return f"{percent}% of visitors"


def _asked(rollout: Rollout, to: Stop) -> str:
    """Return what is asked of a rollout before it goes on, as ``next_move`` asks it."""
    plan = rollout.plan
    if rollout.state is RolloutState.SHADOW:
        compared = f"{plan.shadow_requests:,} real requests were compared"
        return f"{compared} and its lists are as sound as those of the version in use"
    if rollout.state is RolloutState.INTERLEAVED:
        return "visitors are shown to click its products first"
    if rollout.state is not RolloutState.HOLD and not needs_business(rollout, to):
        return "its answers are as sound and as quick as those of the version in use"
    bound = required(Metric.REVENUE, plan)
    if bound >= 0:
        return "revenue per visitor is shown to be better"
    return f"revenue per visitor is shown to be no worse than {signed_percent(bound)}"


def move_entry(move: RolloutMove) -> TimelineEntry:
    """Return a move as the timeline tells it."""
    title = MOVE_TITLES[move.state].format(percent=move.percent)
    return TimelineEntry(move.at, EntryKind.MOVE, title, move.words, move.actor, move.state)
