"""Which arm answers a visitor, and which version does where that arm can't."""

import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from backend.rollouts import queries as rollouts
from backend.rollouts.values import (
    CANDIDATE,
    FULL_WEIGHT,
    INTERLEAVED,
    OVERRIDE,
    STANDBY,
    AnswerOutcome,
    ArmAnswer,
    LiveArm,
    LiveArms,
    RolloutDraw,
)
from backend.serving import rules
from backend.serving.gateway import DEADLINE_SECONDS, LOADING_SECONDS, Models
from backend.serving.services.guarding import Guard
from backend.serving.values import (
    NO_OPINION,
    Ask,
    BadAsk,
    ModelQuery,
    Opinion,
    Override,
    PageDraw,
    Rival,
    ScoringUnavailable,
)

log = structlog.get_logger(__name__)

NO_ARM: Final = "none"

HasList = Callable[[], bool]


def _has_none() -> bool:
    return False


# Why the champion's list is shown in place of a candidate's that the shop can show nothing of.
EMPTY: Final = "empty"


@dataclass(frozen=True, slots=True)
class Chosen:
    """
    The arm of one visitor.

    :param draw: of the rollout that chose it; None where none did
    :param bucket: of the visitor, where they were drawn
    :param is_override: whether somebody asked to see it, so that the answer counts nowhere
    """

    arm: LiveArm
    draw: RolloutDraw | None = None
    bucket: int | None = None
    is_override: bool = False

    @property
    def name(self) -> str:
        """What a decision calls the arm."""
        return OVERRIDE if self.is_override else self.arm.name

    @property
    def is_interleaved(self) -> bool:
        """Whether the visitor's lists are drafted by both versions of the rollout."""
        return self.draw is not None and self.draw.is_interleaved and self.bucket is not None

    @property
    def rollout_id(self) -> UUID | None:
        """The rollout that chose the arm."""
        return self.draw.rollout_id if self.draw else None


@dataclass(frozen=True, slots=True)
class Scored:
    """
    What a model gave: the version that answered, what it says, and why the arm's own may be missing.

    :param name: what a decision calls the arm
    :param rival: the candidate that drafts the list with the version that answered, where both could
    """

    arm: LiveArm | None
    opinion: Opinion
    reason: str
    name: str
    rival: Rival | None = None


@dataclass(frozen=True, slots=True)
class _Given:
    """What came of asking a version: what it says or why it could not, and the milliseconds that it took."""

    opinion: Opinion | None
    reason: str
    milliseconds: float


def choose_arm(live: LiveArms, ask: Ask) -> Chosen | None:
    """
    Return the arm of a visitor, or None before the first release.

    A browser that keeps no id can't be shown the same arm twice. It sees the champion, outside the rollout.

    :raises BadAsk: if an arm is asked for of a rollout that is not on
    """
    _refuse_other_rollouts(live.draw, ask.override)
    if not live.arms:
        return None
    champion, draw = live.arms[0], live.draw
    if draw is None:
        return Chosen(champion)
    wanted = _overridden(live, draw, ask.override)
    if wanted is not None:
        return Chosen(wanted, draw, is_override=True)
    known = _as_on_page(draw, ask.drawn)
    if ask.visitor is None or known is None:
        return Chosen(champion)
    name, bucket = rollouts.drawn_arm(known, ask.visitor)
    return Chosen(live.find(name) or champion, draw, bucket)


def _as_on_page(draw: RolloutDraw, drawn: PageDraw | None) -> RolloutDraw | None:
    """
    Return the draw that a page and we know, or None where the page belongs to no rollout that is on.

    A page from a cache may know a narrower one. What is asked for has to agree with what it shows. Pages are
    told of a rollout once it has a share; before, they show the champion's lists and can't disagree.
    """
    if drawn is None or (not draw.percent and drawn.rollout_id is None):
        return draw
    if drawn.rollout_id != draw.rollout_id:
        return None
    return replace(draw, percent=min(draw.percent, drawn.percent))


def _refuse_other_rollouts(draw: RolloutDraw | None, override: Override | None) -> None:
    named = override.rollout_id if override else None
    if named is not None and (draw is None or draw.rollout_id != named):
        raise BadAsk("The canary's rollout is over.", field="canary")


def _overridden(live: LiveArms, draw: RolloutDraw, override: Override | None) -> LiveArm | None:
    """Return the arm that somebody may see because they asked to."""
    if override is None:
        return None
    is_shown = override.arm != CANDIDATE or draw.percent > 0
    return live.find(override.arm) if is_shown or override.is_signed else None


def has_nothing_to_show(
    opinion: Opinion,
    asked: ModelQuery,
    *,
    available: AbstractSet[int],
    ask_again: Callable[[ModelQuery], Opinion],
) -> bool:
    """
    Return whether a version names nothing that the shop can show, which counts against it.

    A request says itself what to leave out, and anybody may send one: a version that has something for it
    otherwise is blamed for nothing.

    :param ask_again: asks the same version
    """
    if not rules.is_empty(opinion, available=available):
        return False
    if not asked.exclude:
        return True
    return rules.is_empty(ask_again(replace(asked, exclude=frozenset())), available=available)


class ArmScorer:
    """Asks the version of a visitor's arm, and another where it fails, so that a visitor has a list."""

    def __init__(self, models: Models, guard: Guard) -> None:
        self.models = models
        self.guard = guard

    def score(
        self,
        live: LiveArms,
        chosen: Chosen,
        asked: ModelQuery,
        *,
        available: AbstractSet[int],
        asker: str | None = None,
        has_list: HasList = _has_none,
    ) -> Scored:
        """
        Return what the arm's version says, or what stands in for it.

        :param available: the products that the shop can show
        :param asker: the visitor's pseudonym, where there is one
        :param has_list: whether a list is at hand that can stand in for a version that is not loaded yet
        """
        given = self._ask(live, chosen, asked, asker, has_list)
        if given.opinion is None:
            self._note_missing(chosen, given)
            return self._stand_in(live, chosen, asked, reason=given.reason)
        if chosen.arm.name == CANDIDATE and rules.is_empty(given.opinion, available=available):
            instead = self._stand_in(live, chosen, asked, reason=EMPTY)
            if not rules.is_empty(instead.opinion, available=available):
                self._note(chosen, self._blame(chosen, given.opinion, asked, available), given.milliseconds)
                return instead
        self._note(chosen, AnswerOutcome.ANSWERED, given.milliseconds)
        return Scored(chosen.arm, given.opinion, "", chosen.name)

    def score_both(
        self,
        live: LiveArms,
        chosen: Chosen,
        asked: ModelQuery,
        *,
        available: AbstractSet[int],
        asker: str | None,
        is_candidate_first: bool,
        has_list: HasList = _has_none,
    ) -> Scored:
        """
        Return what the champion says or what stands in for it, and what the candidate says beside it.

        One after the other, each within its own deadline: of one budget a slow candidate would leave the
        champion nothing. Where the candidate fails the champion's list is shown.

        :param chosen: the champion, for a visitor whose lists both versions draft
        :param is_candidate_first: whoever comes second finds the processor's caches warm, so they take turns
        """
        other = replace(chosen, arm=live.get(CANDIDATE))
        order = (other, chosen) if is_candidate_first else (chosen, other)
        given = {one.arm.name: self._ask(live, one, asked, asker, has_list) for one in order}
        own, others = given[chosen.arm.name].opinion, given[CANDIDATE].opinion
        is_shown = own is not None and not rules.is_empty(own, available=available)
        lacks = others is not None and is_shown and rules.is_empty(others, available=available)
        for one in order:
            self._note_given(one, given[one.arm.name], asked, available, is_candidates_fault=lacks)
        if own is None:
            return self._stand_in(live, chosen, asked, reason=given[chosen.arm.name].reason)
        if others is None or not is_shown or lacks:
            return Scored(chosen.arm, own, "", chosen.name)
        return Scored(chosen.arm, own, "", INTERLEAVED, Rival(other.arm.version_id, others))

    def _ask(
        self, live: LiveArms, chosen: Chosen, asked: ModelQuery, asker: str | None, has_list: HasList
    ) -> _Given:
        began = time.perf_counter()
        # Nobody waits for a version to be loaded where a former answer or the page's own list can serve.
        is_at_hand = self.models.is_loaded(chosen.arm) or not has_list()
        patience = _patience(live, chosen) if is_at_hand else 0.0
        try:
            opinion = self.models.score(chosen.arm, asked, patience=patience, asker=asker)
        except ScoringUnavailable as error:
            log.warning(
                "scoring_unavailable",
                version=chosen.arm.version_number,
                reason=error.reason,
                error=error.message,
            )
            return _Given(None, error.reason, _milliseconds_since(began))
        return _Given(opinion, "", _milliseconds_since(began))

    def _note_given(
        self,
        chosen: Chosen,
        given: _Given,
        asked: ModelQuery,
        available: AbstractSet[int],
        *,
        is_candidates_fault: bool,
    ) -> None:
        """Count what came of one of two versions that were asked the same."""
        if given.opinion is None:
            self._note_missing(chosen, given)
            return
        outcome = AnswerOutcome.ANSWERED
        if is_candidates_fault and chosen.arm.name == CANDIDATE:
            outcome = self._blame(chosen, given.opinion, asked, available)
        self._note(chosen, outcome, given.milliseconds)

    def _note_missing(self, chosen: Chosen, given: _Given) -> None:
        if rules.was_asked(given.reason):
            self._note(chosen, rules.outcome_of(given.reason), given.milliseconds)

    def _blame(
        self, chosen: Chosen, opinion: Opinion, asked: ModelQuery, available: AbstractSet[int]
    ) -> AnswerOutcome:
        """Return what a list without anything to show counts as."""
        ask_again = partial(self.models.score, chosen.arm, patience=0.0)
        try:
            is_fatal = has_nothing_to_show(opinion, asked, available=available, ask_again=ask_again)
        except ScoringUnavailable as error:
            return rules.outcome_of(error.reason)
        return AnswerOutcome.FATAL if is_fatal else AnswerOutcome.ANSWERED

    def keep_warm(self, live: LiveArms) -> None:
        """Have every version in memory that may be asked within a second."""
        others = (live.find(CANDIDATE), live.standby)
        self.models.keep_warm(arm for arm in others if arm is not None)

    def _stand_in(self, live: LiveArms, chosen: Chosen, asked: ModelQuery, *, reason: str) -> Scored:
        """Let another version answer, where there is one and it can. A candidate never stands in."""
        name = OVERRIDE if chosen.is_override else STANDBY
        for arm in _stand_ins(live, chosen):
            try:
                opinion = self.models.score(arm, asked, patience=DEADLINE_SECONDS)
            except ScoringUnavailable:
                continue
            return Scored(arm, opinion, f"{STANDBY}_{reason}", name)
        return Scored(None, NO_OPINION, reason, OVERRIDE if chosen.is_override else NO_ARM)

    def _note(self, chosen: Chosen, outcome: AnswerOutcome, milliseconds: float) -> None:
        """Count an answer of an arm, where the visitor was drawn into it."""
        if chosen.draw is None or chosen.bucket is None:
            return
        # In lists of both versions the candidate is asked for every visitor.
        percent = FULL_WEIGHT if chosen.is_interleaved else chosen.draw.percent
        answer = ArmAnswer(chosen.arm.name, chosen.bucket, percent, outcome, milliseconds)
        self.guard.note(chosen.arm.shop_id, chosen.draw.rollout_id, answer)


def _stand_ins(live: LiveArms, chosen: Chosen) -> Iterator[LiveArm]:
    champion = live.arms[0]
    if champion.version_id != chosen.arm.version_id:
        yield champion
    if live.standby is not None:
        yield live.standby


def _patience(live: LiveArms, chosen: Chosen) -> float:
    """Return how long a visitor may wait for a version to be loaded: no longer than for who stands in."""
    if chosen.arm.version_id != live.arms[0].version_id:
        return 0.0
    return DEADLINE_SECONDS if live.standby else LOADING_SECONDS


def _milliseconds_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
