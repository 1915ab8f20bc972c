"""The way of a rollout: which moves there are, and which one follows from what is known."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backend.audit.values import ActorKind
from backend.core.text import storable
from backend.rollouts.values import (
    Autonomy,
    Freeze,
    Judged,
    Moment,
    Move,
    RefusedAction,
    Rollout,
    RolloutAction,
    RolloutPlan,
    RolloutSettings,
    RolloutState,
    Stop,
    Verdict,
    Verdicts,
    Wait,
)

State: Final = RolloutState
_BACK: Final = frozenset({State.ROLLED_BACK})
_UNSEEN_ENDS: Final = frozenset({State.SUPERSEDED, State.ABORTED})
_STOPPED: Final = frozenset({State.PAUSED, State.INCONCLUSIVE})
_GOES_ON: Final = frozenset({State.SHADOW, State.INTERLEAVED, State.CANARY, State.HOLD})

# Every move there is. The database holds the states; nothing but ``services.moving`` writes one.
MOVES: Final[Mapping[RolloutState, frozenset[RolloutState]]] = {
    State.DRAFT: frozenset({State.SHADOW}) | _UNSEEN_ENDS,
    State.SHADOW: frozenset({State.INTERLEAVED, State.CANARY, State.HOLD}) | _STOPPED | _BACK | _UNSEEN_ENDS,
    State.INTERLEAVED: frozenset({State.CANARY, State.HOLD}) | _STOPPED | _BACK,
    State.CANARY: frozenset({State.CANARY, State.HOLD, State.PROMOTED}) | _STOPPED | _BACK,
    State.HOLD: frozenset({State.CANARY, State.PROMOTED}) | _STOPPED | _BACK,
    State.PAUSED: frozenset({State.SHADOW, State.INTERLEAVED, State.CANARY, State.HOLD})
    | _BACK
    | _UNSEEN_ENDS,
    State.INCONCLUSIVE: frozenset({State.PROMOTED}) | _BACK | _UNSEEN_ENDS,
    State.PROMOTED: _BACK,  # undone by a person, while the former champion stands by
    State.ROLLED_BACK: frozenset(),
    State.SUPERSEDED: frozenset(),
    State.ABORTED: frozenset(),
}

# From which states a person may ask for what. A paused rollout goes on only from where it was paused.
ACTS: Final[Mapping[RolloutAction, frozenset[RolloutState]]] = {
    RolloutAction.START: frozenset({State.DRAFT}),
    RolloutAction.PAUSE: _GOES_ON,
    RolloutAction.RESUME: frozenset({State.PAUSED}),
    RolloutAction.STEP: _GOES_ON,
    RolloutAction.PROMOTE: frozenset({State.CANARY, State.HOLD, State.INCONCLUSIVE}),
    RolloutAction.UNDO: _GOES_ON | _STOPPED | {State.PROMOTED},
    RolloutAction.ABORT: frozenset({State.DRAFT, State.SHADOW}) | _STOPPED,
}

# The acts that show a candidate to more visitors. The others make it fewer, or leave it as it is.
WIDENING: Final = frozenset(
    {RolloutAction.START, RolloutAction.RESUME, RolloutAction.STEP, RolloutAction.PROMOTE}
)

# At most this share, and the arms of a comparison are as large as they can be.
HALF: Final = 50

# A week has its own rhythm: an A/B test sees each weekday.
LEAST_AB_DAYS: Final = 7

ORDER: Final = tuple(Autonomy)


def plan_span(days: float, moment: Moment) -> timedelta:
    """Return how long some days of a plan last."""
    return days * moment.day


def days_since(since: datetime, moment: Moment) -> float:
    """Return how many days of a plan passed since a moment."""
    return (moment.now - since) / moment.day


def is_unseen(rollout: Rollout) -> bool:
    """Return whether no visitor was ever shown what the candidate chose."""
    return rollout.shown_at is None


def is_interleaved(rollout: Rollout) -> bool:
    """Return whether the candidate's products are shown in lists of both versions, and nowhere else."""
    return rollout.ended_at is None and not is_unseen(rollout) and rollout.step < 0


def answered_percent(rollout: Rollout) -> int:
    """Return the candidate's part of all answers in percent: where both draft each list it is half."""
    return HALF if is_interleaved(rollout) else rollout.percent


def hold_step(plan: RolloutPlan) -> int | None:
    """Return the step of an A/B test, the widest with two arms of equal size; None where there is no test."""
    if not plan.ab_days:
        return None
    return max((at for at, share in enumerate(plan.steps) if share <= HALF), default=None)


def next_stop(rollout: Rollout) -> Stop | None:
    """Return where a rollout goes if all is well; None where only a person can say."""
    if rollout.state is State.DRAFT:
        return Stop(State.SHADOW, -1, 0)
    if rollout.state not in _GOES_ON:
        return None
    if rollout.state is State.SHADOW and rollout.plan.interleave_days:
        return Stop(State.INTERLEAVED, rollout.step, 0)
    step = rollout.step + 1
    if step >= len(rollout.plan.steps):
        return Stop(State.PROMOTED, rollout.step, 100)
    state = State.HOLD if step == hold_step(rollout.plan) else State.CANARY
    return Stop(state, step, rollout.plan.steps[step])


def earliest_at(rollout: Rollout, moment: Moment) -> datetime:
    """Return when a rollout may leave the place where it is, if all is well."""
    plan = rollout.plan
    if rollout.state is State.SHADOW:
        days = plan.shadow_hours / 24
    elif rollout.state is State.HOLD:
        days = max(plan.ab_days, LEAST_AB_DAYS)
    else:
        days = plan.dwell_hours / 24
    return rollout.entered_at + plan_span(days, moment)


def freeze_on(today: date, freezes: tuple[Freeze, ...]) -> Freeze | None:
    """Return the freeze that a day lies in, or None."""
    return next((one for one in freezes if one.first <= today <= one.last), None)


def why_frozen(settings: RolloutSettings, moment: Moment) -> str:
    """Return in words which freeze holds a shop now; empty where none does."""
    freeze = freeze_on(moment.today, settings.freezes)
    if freeze is None:
        return ""
    named = f" ({freeze.name})" if freeze.name else ""
    return f"Nothing widens until {freeze.last:%-d %B %Y} is over{named}."


def may_go_alone(plan: RolloutPlan, to: Stop) -> bool:
    """Return whether a plan lets a rollout go somewhere without a person."""
    if to.state is State.SHADOW:
        needed = Autonomy.SHADOW
    elif to.step <= 0 and to.state is not State.PROMOTED:
        needed = Autonomy.FIRST_STEP
    elif to.percent <= HALF:
        needed = Autonomy.HALF
    else:
        needed = Autonomy.PROMOTE
    return ORDER.index(plan.autonomy) >= ORDER.index(needed)


def next_move(rollout: Rollout, settings: RolloutSettings, verdicts: Verdicts, moment: Moment) -> Move | Wait:
    """
    Decide what follows for a rollout from what is known of it.

    Harm ends a rollout in any state that lives; what looks bad and can't decide pauses it, until a person has
    looked; health must last for the plan's time, and be proven where it counts, before it buys the next step.
    """
    if rollout.ended_at is not None:
        return Wait()
    back = _way_back(rollout, settings, verdicts)
    if back is not None:
        return back
    if rollout.state is State.PAUSED:
        return Wait("A person lets it go on or takes it back.")
    if rollout.state is State.INCONCLUSIVE:
        return Wait("Not decided in its time: a person promotes it or takes it back.")
    pause = _pause(rollout, verdicts)
    return pause or _way_on(rollout, settings, verdicts, moment)


def _way_back(rollout: Rollout, settings: RolloutSettings, verdicts: Verdicts) -> Move | None:
    if settings.is_off:
        to = State.ABORTED if rollout.state is State.DRAFT else State.ROLLED_BACK
        return Move(end(rollout, to), "Releases were switched off.")
    if rollout.state is State.DRAFT:
        return None
    for name, judged in _judges(verdicts).items():
        if judged.verdict is Verdict.FAILED:
            return Move(end(rollout, State.ROLLED_BACK), judged.words, evidence_of(verdicts, name))
    return None


def _judges(verdicts: Verdicts) -> dict[str, Judged]:
    """Return the judges who may take a rollout back, by name."""
    return {
        "shadow": verdicts.shadow,
        "interleaving": verdicts.interleaving,
        "guards": verdicts.guards,
        "business": verdicts.business,
    }


def _pause(rollout: Rollout, verdicts: Verdicts) -> Move | None:
    if rollout.is_looked_at or rollout.state is State.DRAFT:
        return None
    for judged in _judges(verdicts).values():
        if judged.pauses:
            return Move(stay(rollout, State.PAUSED), judged.words, evidence_of(verdicts))
    return None


def _way_on(rollout: Rollout, settings: RolloutSettings, verdicts: Verdicts, moment: Moment) -> Move | Wait:
    to = next_stop(rollout)
    if to is None:
        return Wait()
    unproven = _unproven(rollout, to, verdicts)
    if unproven is not None:
        return _give_up(rollout, unproven, verdicts, moment) or Wait(unproven.words)
    if moment.now < earliest_at(rollout, moment) and rollout.state is not State.DRAFT:
        return Wait()
    held = why_held(rollout, to, settings, verdicts.confounders, moment)
    if held:
        return Wait(held)
    if not may_go_alone(rollout.plan, to):
        return Wait("Its plan asks a person before it goes on.")
    return Move(to, _words(rollout, to, verdicts), evidence_of(verdicts))


def _unproven(rollout: Rollout, to: Stop, verdicts: Verdicts) -> Judged | None:
    """Return the judge who does not yet let a rollout go somewhere, or None. No data is never success."""
    asked: list[Judged] = []
    if rollout.state is State.SHADOW:
        asked.append(verdicts.shadow)
    if rollout.state is State.INTERLEAVED:
        asked.append(verdicts.interleaving)
    if rollout.state in {State.INTERLEAVED, State.CANARY, State.HOLD}:
        asked.append(verdicts.guards)
    if rollout.state is State.HOLD or needs_business(rollout, to):
        asked.append(verdicts.business)
    # Where visitors can't be measured they are not sent on either, whatever the step asks.
    elif verdicts.business.verdict is Verdict.ERROR:
        return verdicts.business
    if needs_lists(rollout, to):
        asked.append(verdicts.lists)
    return next((one for one in asked if one.verdict is not Verdict.SUCCESS), None)


def needs_business(rollout: Rollout, to: Stop) -> bool:
    """
    Return whether a step has to be earned with visitors' orders.

    It is the last one that leaves something to compare with: behind it everybody sees the candidate.
    """
    return to.percent == 100 and rollout.percent < 100 and rollout.state is not State.SHADOW


def is_wider(rollout: Rollout, to: Stop) -> bool:
    """Return whether more visitors see what the candidate chose from a step on, or all of them for good."""
    is_first = to.state is State.INTERLEAVED and is_unseen(rollout)
    return is_first or needs_lists(rollout, to)


def needs_lists(rollout: Rollout, to: Stop) -> bool:
    """Return whether pages show more visitors the candidate's lists from a step on, or all for good."""
    return to.percent > rollout.percent or to.state is State.PROMOTED


def _give_up(rollout: Rollout, unproven: Judged, verdicts: Verdicts, moment: Moment) -> Move | None:
    since = rollout.shown_at or rollout.entered_at
    is_late = days_since(since, moment) >= rollout.plan.max_days
    if rollout.state is State.DRAFT or not (is_late or _is_undecided(unproven)):
        return None
    words = unproven.words if _is_undecided(unproven) else f"Its longest time is over. {unproven.words}"
    return Move(stay(rollout, State.INCONCLUSIVE), words, evidence_of(verdicts))


def _is_undecided(judged: Judged) -> bool:
    return judged.verdict is Verdict.INCONCLUSIVE and not judged.pauses


def why_held(
    rollout: Rollout,
    to: Stop,
    settings: RolloutSettings,
    confounders: tuple[str, ...],
    moment: Moment,
) -> str:
    """Return why nobody, a person included, may widen a rollout now; empty where they may."""
    if not is_wider(rollout, to):
        return ""
    frozen = why_frozen(settings, moment)
    if frozen:
        return frozen
    if to.percent == 100 and confounders:
        return f"The versions can't be compared at the moment: {' '.join(confounders)}"
    return ""


def _words(rollout: Rollout, to: Stop, verdicts: Verdicts) -> str:
    if to.state is State.SHADOW:
        return "It is compared with what visitors see, and shown to nobody."
    if rollout.state is State.SHADOW:
        return verdicts.shadow.words
    if rollout.state is State.INTERLEAVED:
        return verdicts.interleaving.words
    if to.state is State.PROMOTED:
        return "It was shown to 100% of visitors, and all was well."
    return verdicts.business.words if needs_business(rollout, to) else verdicts.guards.words


def stay(rollout: Rollout, state: RolloutState) -> Stop:
    """Return another state at the same step and share."""
    return Stop(state, rollout.step, rollout.percent)


def end(rollout: Rollout, state: RolloutState) -> Stop:
    """Return an end at which the candidate answers nobody."""
    return Stop(state, rollout.step, 0)


def evidence_of(verdicts: Verdicts, decided: str = "") -> dict[str, Any]:
    """Return everything that was known at a move, as JSON carries it; the judge who decided by name."""
    judges = _judges(verdicts) | {"lists": verdicts.lists}
    told: dict[str, Any] = {
        name: {"verdict": one.verdict.value, "words": one.words, "evidence": dict(one.evidence)}
        for name, one in judges.items()
    }
    told["confounders"] = list(verdicts.confounders)
    return told | ({"decided": decided} if decided else {})


def asked_move(
    act: RolloutAction,
    rollout: Rollout,
    settings: RolloutSettings,
    verdicts: Verdicts,
    moment: Moment,
    *,
    reason: str,
) -> Move | Wait:
    """
    Decide what a person's act does to a rollout.

    A person may go on without the time and the orders that a plan asks for. Nobody may show a candidate that
    did not pass its shadow or whose lists are not on the pages, or widen it in a freeze.

    :returns: words why not, where the act can't be done now
    """
    if rollout.state not in ACTS[act]:
        return Wait(f"A rollout that is {rollout.state.replace('_', ' ').lower()} can't be asked for this.")
    if act is RolloutAction.ABORT and not is_unseen(rollout):
        return Wait("Visitors have seen it: it can only be taken back.")
    to = _asked_stop(act, rollout)
    if to is None:
        return Wait("There is no next step.")
    if act in WIDENING:
        refused = _why_refused(rollout, to, settings, verdicts, moment)
        if refused:
            return Wait(refused)
    return Move(to, reason, evidence_of(verdicts))


def refusals(
    offered: Iterable[RolloutAction],
    rollout: Rollout,
    settings: RolloutSettings,
    verdicts: Verdicts,
    moment: Moment,
) -> tuple[RefusedAction, ...]:
    """Return which offered acts would be refused now, so that people read why before they ask."""
    asked = ((act, asked_move(act, rollout, settings, verdicts, moment, reason="")) for act in offered)
    return tuple(RefusedAction(act, outcome.words) for act, outcome in asked if isinstance(outcome, Wait))


def _asked_stop(act: RolloutAction, rollout: Rollout) -> Stop | None:
    match act:
        case RolloutAction.START | RolloutAction.STEP:
            return next_stop(rollout)
        case RolloutAction.PAUSE:
            return stay(rollout, State.PAUSED)
        case RolloutAction.RESUME:
            return stay(rollout, rollout.former_state) if rollout.former_state else None
        case RolloutAction.PROMOTE:
            return Stop(State.PROMOTED, rollout.step, 100)
        case RolloutAction.UNDO:
            return end(rollout, State.ROLLED_BACK)
        case RolloutAction.ABORT:
            return end(rollout, State.ABORTED)


def _why_refused(
    rollout: Rollout, to: Stop, settings: RolloutSettings, verdicts: Verdicts, moment: Moment
) -> str:
    if settings.is_off:
        return "Releases are switched off."
    is_shown = to.percent > 0 or to.state is State.INTERLEAVED
    if is_shown and is_unseen(rollout) and verdicts.shadow.verdict is not Verdict.SUCCESS:
        return f"It has not passed its shadow yet. {verdicts.shadow.words}"
    # Else it would answer personally while every page shows the champion: two lists for one visitor.
    if needs_lists(rollout, to) and verdicts.lists.verdict is not Verdict.SUCCESS:
        return verdicts.lists.words
    return why_held(rollout, to, settings, (), moment)


def supersedes(live: Rollout) -> bool:
    """Return whether a newer candidate takes the place of a live rollout; else it waits for its end."""
    return is_unseen(live)


def may_promote(settings: RolloutSettings, *, kind: ActorKind, account: str) -> bool:
    """
    Return whether somebody may show a candidate to more visitors.

    People of ours never may: what a shop shows is the shop's to say.

    :param account: Shopify's number of a merchant's person
    """
    if kind is ActorKind.STAFF:
        return False
    return kind is ActorKind.SYSTEM or not settings.promoters or account in settings.promoters


def shop_day(now: datetime, timezone: str) -> date:
    """Return the day that it is in a shop. One whose time zone nobody knows lives by UTC."""
    try:
        return now.astimezone(ZoneInfo(timezone)).date()
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return now.astimezone(UTC).date()


def storable_evidence(evidence: Any) -> Any:
    """Return evidence as JSON can hold it: harm must be undone, whatever figures it was read from."""
    if isinstance(evidence, Mapping):
        return {str(name): storable_evidence(value) for name, value in evidence.items()}
    if isinstance(evidence, list | tuple | set | frozenset):
        return [storable_evidence(value) for value in evidence]
    if isinstance(evidence, float):
        return evidence if math.isfinite(evidence) else str(evidence)
    if evidence is None or isinstance(evidence, bool | int):
        return evidence
    return storable(str(evidence))
