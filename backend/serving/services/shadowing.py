"""
The shadow: what a candidate would have answered to real requests, beside what was shown.

Nothing of it is on the path of an answer. A process of its own reads a share of the new decisions from the
ledger, which keeps what went into each, and asks both versions again. The ledger is the queue; what is older
than a minute when its turn comes is counted and left.
"""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from backend.audit import queries as audit
from backend.audit.values import Channel, DecisionRecord, DecisionShare, Surface
from backend.core.errors import describe
from backend.core.ids import made_at
from backend.registry.values import ArtifactRefused
from backend.rollouts.queries import shadow as rollouts
from backend.rollouts.services import shadow as rollout_services
from backend.rollouts.values import LiveArm
from backend.rollouts.values.shadow import Compared, Reanswer, Shadow, Skipped
from backend.serving import queries, rules
from backend.serving.gateway import Models, opine
from backend.serving.rules import recording
from backend.serving.rules.packing import Unreadable
from backend.serving.services.loading import open_models
from backend.serving.services.scoring import has_nothing_to_show
from backend.serving.values import Decided, Opinion, Query, Shelf
from models.recommender.api import NotFinite

log = structlog.get_logger(__name__)

# What is older tells of a world that is gone, and a queue that grows is no queue.
OLDEST: Final = timedelta(minutes=1)
# A decision is looked for once more for so long: its row may be committed after younger ones.
LATE: Final = timedelta(seconds=15)
# What a process that was away for longer has missed is counted hour by hour.
MOST_BEHIND: Final = timedelta(hours=1)
# Decisions that are read together.
BATCH: Final = 50
# For how long one shop keeps the others waiting.
TURN_SECONDS: Final = 2.0
# Over how long the decisions of a look are spread: a part of the time between two looks. One right after
# another they take the processors' caches and memory from every request that falls into the moment.
SPREAD_SECONDS: Final = 1.0
# Of so many decisions the champion answers one again too. It was asked when the shopper came; what is left to
# compare, latencies and scores, needs a sample, and to ask it each time costs nearly twice as much.
CHAMPION_EVERY: Final = 4
# How often the cursor of a shop without new decisions says that somebody looked.
IDLE: Final = timedelta(seconds=5)


class ShadowWorld:
    """
    The world of a recorded decision, as far as a candidate looks at it.

    What nobody asked for then is not on record: collections are read as they are now, and the words for
    reasons, which no shopper will read, are left out.
    """

    def __init__(self, recorded: recording.RecordedWorld, shop_id: int) -> None:
        self.shelf: Shelf = recorded.shelf
        self.shows_new_products = recorded.shows_new_products
        self.absent = recorded.absent
        self._recorded = recorded
        self._shop_id = shop_id

    def mates(self, product_id: int) -> Sequence[int]:
        """Return the products that share a collection with one, the closest first."""
        try:
            return self._recorded.mates(product_id)
        except recording.MissingInput:
            return queries.collection_mates(self._shop_id, product_id).product_ids

    @property
    def last_answer(self) -> Sequence[int]:
        """What stood in for the champion then; a candidate that gives nothing is seen to."""
        return ()

    def made_ahead(self, page: int | None) -> Sequence[int]:
        """Return nothing, for the same reason."""
        return ()

    def words(self, product_ids: Collection[int]) -> "ShadowWorld":
        """Return words that say nothing."""
        return self

    def has(self, product_id: int) -> bool:
        """Return whether the catalogue had the product, as far as that is known."""
        return self._recorded.has(product_id)

    def title(self, product_id: int) -> str | None:
        """Return no name."""
        return None

    def product_type(self, product_id: int) -> str:
        """Return no kind."""
        return ""


@dataclass(slots=True)
class _Follower:
    """How far one rollout's decisions were looked at by this process."""

    until: datetime
    looked_at: datetime
    begun_at: datetime = field(init=False)
    seen: set[UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        # What came late before this process began is not looked for: another one may have counted it.
        self.begun_at = self.until

    def since(self, now: datetime) -> datetime:
        """Return from which moment on decisions are looked for."""
        return max(self.begun_at, min(self.until, now - LATE))

    def advance(self, until: datetime, now: datetime, seen: Collection[UUID]) -> None:
        """Note what was looked at, and forget decisions that are not looked for any more."""
        self.until, self.looked_at = until, now
        since = self.since(now)
        self.seen = {one for one in {*self.seen, *seen} if made_at(one) >= since}


class ShadowScorer:
    """
    Answers a share of the shoppers' requests again, by a rollout's candidate and now and then its champion.

    :param champion_every: of so many decisions the champion is asked about one
    :param spread: seconds over which the decisions of a look at all shops are spread, where they take less
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        champion_every: int = CHAMPION_EVERY,
        spread: float = SPREAD_SECONDS,
    ) -> None:
        self.clock = clock
        self.champion_every = champion_every
        self.spread = spread
        # A candidate that can't be opened answers nobody, so nobody has to be told at once: it is counted.
        self.models: Models = open_models(clock, on_refused=lambda arm, why: None)
        self._followers: dict[UUID, _Follower] = {}

    def look(self) -> bool:
        """Compare what is new in every shop with a shadow, for a turn each; return whether more waits."""
        shadows = rollouts.shadows()
        live = {one.rollout_id for one in shadows}
        self._followers = {id_: one for id_, one in self._followers.items() if id_ in live}
        waits = [self._follow_forgivingly(shadow, spread=self.spread / len(shadows)) for shadow in shadows]
        return any(waits)

    def _follow_forgivingly(self, shadow: Shadow, *, spread: float) -> bool:
        try:
            return self._follow(shadow, spread=spread)
        except Exception:
            # What is wrong with one shop's ledger, or takes too long there, must not end the others' shadows.
            log.exception("shadow_waits", shop_id=shadow.shop_id)
            self._followers.pop(shadow.rollout_id, None)
            return False

    def _follow(self, shadow: Shadow, *, spread: float) -> bool:
        follower = self._followers.get(shadow.rollout_id) or self._begin(shadow)
        now = self.clock()
        if now - follower.until > MOST_BEHIND:
            return self._leave(shadow, follower, until=follower.until + MOST_BEHIND, now=now)
        since = follower.since(now)
        oldest = max(since, now - OLDEST)
        dropped = audit.count_drawn(_share(shadow), since=since, until=oldest) if since < oldest else 0
        found = audit.drawn(_share(shadow), since=oldest, until=now)
        new = [one for one in found if one not in follower.seen]
        if not new and not dropped and now - follower.looked_at < IDLE:
            return False
        requests = self._compare(shadow, new, pace=spread / max(len(new), 1))
        done = len(requests)
        until = made_at(new[done]) if done < len(new) else now
        if not self._add(shadow, follower, requests, dropped=dropped, until=until, now=now):
            return False
        follower.advance(until, now, new[:done])
        return done < len(new)

    def _leave(self, shadow: Shadow, follower: _Follower, *, until: datetime, now: datetime) -> bool:
        """Count what is far too old, an hour at a time: a week in one statement would take too long, ever."""
        dropped = audit.count_drawn(_share(shadow), since=follower.until, until=until)
        if not self._add(shadow, follower, [], dropped=dropped, until=until, now=now):
            return False
        follower.advance(until, now, [])
        return True

    def _add(
        self,
        shadow: Shadow,
        follower: _Follower,
        requests: Sequence[Compared | Skipped],
        *,
        dropped: int,
        until: datetime,
        now: datetime,
    ) -> bool:
        """Add to what is known; return whether no other process has counted the same."""
        is_added = rollout_services.add_shadow(
            shadow.shop_id,
            shadow.rollout_id,
            requests,
            dropped=dropped,
            since=follower.until,
            until=until,
            now=now,
        )
        if not is_added:
            log.warning("shadow_counted_elsewhere", shop_id=shadow.shop_id)
            del self._followers[shadow.rollout_id]
        return is_added

    def _begin(self, shadow: Shadow) -> _Follower:
        progress = rollouts.shadow_progress(shadow.shop_id, shadow.rollout_id)
        until = progress.until or shadow.since
        follower = _Follower(until, looked_at=progress.looked_at or until)
        self._followers[shadow.rollout_id] = follower
        return follower

    def _compare(self, shadow: Shadow, new: Sequence[UUID], *, pace: float) -> list[Compared | Skipped]:
        """Compare as many decisions as a turn lasts, the oldest first, one every ``pace`` seconds at most."""
        ends_at = time.monotonic() + TURN_SECONDS
        done: list[Compared | Skipped] = []
        while len(done) < len(new) and time.monotonic() < ends_at:
            some = new[len(done) : len(done) + BATCH]
            found = {
                decision.id: (decision, inputs) for decision, inputs in audit.recorded(shadow.shop_id, some)
            }
            for one in some:
                begun = time.monotonic()
                # The erasure of a shop may have taken some since they were drawn.
                done.append(
                    self._answer_again(shadow, *found[one])
                    if one in found
                    else Skipped(made_at(one), is_erased=True)
                )
                time.sleep(max(begun + pace - time.monotonic(), 0.0))
        return done

    def _answer_again(
        self, shadow: Shadow, decision: DecisionRecord, inputs: dict[str, bytes]
    ) -> Compared | Skipped:
        try:
            if inputs and recording.is_erased(inputs):
                return Skipped(decision.at, is_erased=True)
            query, noted = recording.read_query(decision, inputs)
            world = ShadowWorld(recording.read_world(inputs, noted), shadow.shop_id)
        except (recording.MissingInput, Unreadable, ValueError, LookupError):
            log.warning("shadow_unreadable", decision=str(decision.id), exc_info=True)
            return Skipped(decision.at, is_erased=False)
        shown = tuple(item.product_id for item in decision.items)
        answers = {
            arm.name: self._answer(arm, query, world, places=len(shown))
            for arm in self._asked(shadow, decision.id)
        }
        would, candidate = answers[shadow.candidate.name]
        if candidate.is_empty and shadow.champion.name not in answers:
            # A list that is empty is a fault where the champion has one.
            answers[shadow.champion.name] = self._answer(shadow.champion, query, world, places=len(shown))
        _, champion = answers.get(shadow.champion.name, ((), None))
        is_home = decision.surface is Surface.HOME_PAGE
        return Compared(decision.at, is_home, shown, would, champion, candidate)

    def _asked(self, shadow: Shadow, decision_id: UUID) -> tuple[LiveArm, ...]:
        """Return who is asked about a decision, in turn, as the chance at the end of its id has it."""
        chance = decision_id.int & 0xFFFF
        if chance % self.champion_every:
            return (shadow.candidate,)
        # Whoever comes second finds the processor's caches warm, so they take turns.
        pair = (shadow.champion, shadow.candidate)
        return pair if chance // self.champion_every % 2 else pair[::-1]

    def _answer(
        self, arm: LiveArm, query: Query, world: ShadowWorld, *, places: int
    ) -> tuple[tuple[int, ...], Reanswer]:
        asked = rules.to_model(query, world)
        try:
            scorer = self.models.get(arm)
            started = time.perf_counter()
            opinion = opine(scorer, asked)
            milliseconds = (time.perf_counter() - started) * 1000
            decided = rules.decide(query, world, opinion, reason="")
            is_empty = has_nothing_to_show(
                opinion, asked, available=world.shelf.available, ask_again=partial(opine, scorer)
            )
        except Exception as error:  # noqa: BLE001 -- whatever a sick model raises is what is looked for
            return (), fault(arm, error)
        told = _told(opinion, decided, world.shelf, milliseconds=milliseconds, places=places)
        told = replace(told, is_empty=is_empty)
        return tuple(item.product_id for item in decided.items), told


def fault(arm: LiveArm, error: Exception) -> Reanswer:
    """Return what a version's error counts as."""
    log.warning("shadow_failed", version=arm.version_number, error=describe(error), exc_info=error)
    return Reanswer(is_refused=isinstance(error, ArtifactRefused), is_finite=not isinstance(error, NotFinite))


def _share(shadow: Shadow) -> DecisionShare:
    version_id = shadow.champion.version_id
    return DecisionShare(shadow.shop_id, version_id, Channel.APP_PROXY, shadow.percent)


def _told(opinion: Opinion, decided: Decided, shelf: Shelf, *, milliseconds: float, places: int) -> Reanswer:
    first = opinion.preferences[:places]
    return Reanswer(
        milliseconds=milliseconds,
        is_finite=all(math.isfinite(one.score) for one in opinion.preferences),
        is_short=bool(decided.fallback),
        places=len(first),
        unavailable=sum(one.product_id not in shelf.available for one in first),
        score=first[0].score if first else None,
    )
