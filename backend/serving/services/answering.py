"""
Answer a storefront: flow 3.

An answer counts as served once its decision is on disk. Whatever else fails
on the way only makes the answer plainer.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from backend.audit import services as audit
from backend.audit.values import Channel, DecisionRecord, ShownItem
from backend.core import database
from backend.core.crypto import pseudonym_under
from backend.core.database import DATABASE_DOWN
from backend.core.errors import describe
from backend.core.ids import uuid7
from backend.core.spool import SpoolUnavailable
from backend.features import queries as features
from backend.features.values import NO_PAST
from backend.rollouts import queries as rollouts
from backend.rollouts.values import CHAMPION, HOLDOUT, LiveArms
from backend.serving import queries, rules
from backend.serving.services.drafting import draft
from backend.serving.services.gathering import LiveWorld
from backend.serving.services.guarding import Guard
from backend.serving.services.loading import ANSWERS_FIRST, Warmer, open_models
from backend.serving.services.remembering import LastAnswers
from backend.serving.services.scoring import NO_ARM, ArmScorer, Chosen, Scored, choose_arm
from backend.serving.services.timing import StageTimer
from backend.serving.values import NO_OPINION, Answer, Ask, Card, Decided, Health, MadeAhead, Query, Stage
from backend.shops import queries as shops
from backend.shops import services as shop_services
from backend.shops.values import ShopInfo, ShopState

log = structlog.get_logger(__name__)

# Before the reasons of fallbacks, where a process counts them.
FALLBACK: Final = "fallback."

# Answers whose latency one process remembers.
WINDOW: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Visitor:
    """Who asks, as far as we may know: pseudonyms."""

    key: str | None
    customer_key: str | None  # where they are logged in


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question, with all that its answer looks at."""

    query: Query
    visitor: _Visitor
    world: LiveWorld
    live: LiveArms
    chosen: Chosen | None
    explores: bool  # whether the merchant lets chance change an order a little, and nobody asked to see one

    @property
    def rollout(self) -> str:
        """The rollout that chose what is shown; empty where none did."""
        is_chosen = self.chosen is not None and not self.query.is_held_out
        return str(self.chosen.rollout_id or "") if self.chosen and is_chosen else ""


class _Counts:
    """How often some things happened in this process."""

    def __init__(self) -> None:
        self._counter: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str) -> None:
        with self._lock:
            self._counter[name] += 1

    def of(self, name: str) -> int:
        return self._counter[name]

    def under(self, prefix: str) -> dict[str, int]:
        with self._lock:
            counted = dict(self._counter)
        return {name.removeprefix(prefix): n for name, n in counted.items() if name.startswith(prefix)}


class Desk:
    """What one web process needs to answer: its models, its clock and its recent latencies."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.models = open_models(clock)
        self.warmer = Warmer(self.models)
        self.guard = Guard(clock)
        self.arms = ArmScorer(self.models, self.guard)
        self.last_answers = LastAnswers()
        self._latencies: deque[float] = deque(maxlen=WINDOW)
        self._counts = _Counts()

    def answer(self, ask: Ask, *, timer: StageTimer, request_id: str) -> Answer | None:
        """
        Return what a storefront shows, or None where it should keep its default.

        :param timer: since the request came
        """
        with database.ANSWER:
            return self._answer(ask, timer=timer, request_id=request_id)

    def _answer(self, ask: Ask, *, timer: StageTimer, request_id: str) -> Answer | None:
        shop = shops.find_shop_by_domain(ask.shop_domain)
        if shop is None or shop.state is not ShopState.INSTALLED:
            return None
        asked = self._look_around(shop, ask, timer)
        query, visitor, world = asked.query, asked.visitor, asked.world
        decision_id = uuid7(query.now)
        scored = self._score(asked, decision_id)
        timer.end(Stage.SCORE)
        decided = _decide(asked, scored, decision_id)
        timer.end(Stage.DECIDE)
        if not decided.items:
            return None
        decision = DecisionRecord(
            id=decision_id,
            shop_id=shop.id,
            at=query.now,
            surface=query.surface,
            channel=Channel.APP_PROXY,
            arm=scored.name,
            items=decided.items,
            requested=query.limit,
            latency_ms=timer.milliseconds,
            visitor_key=visitor.key,
            version_id=scored.arm.version_id if scored.arm else None,
            version_number=scored.arm.version_number if scored.arm else None,
            context_product_id=query.context_product_id,
            fallback=decided.fallback,
            request_id=request_id,
            **world.recorded(
                query,
                scored.opinion,
                decided,
                reason=scored.reason,
                rollout=asked.rollout,
                rival=scored.rival,
            ),
        )
        self._record(decision, visitor)
        timer.end(Stage.RECORD)
        self._remember(asked, scored, decided)
        return Answer(
            decision_id=decision.id,
            surface=query.surface,
            items=tuple((item, world.cards[item.product_id]) for item in decided.items),
            version_number=decision.version_number,
            fallback=decision.fallback,
            is_personal=decided.is_personal,
        )

    def _remember(self, asked: _Asked, scored: Scored, decided: Decided) -> None:
        """Count what stood in for a model, and keep what may stand in for the next."""
        why = scored.reason or decided.fallback
        if why and not asked.query.is_held_out:
            self._counts.add(f"{FALLBACK}{why}")
        elif decided.is_personal and asked.visitor.key and scored.name in ANSWERS_FIRST:
            shown = tuple(item.product_id for item in decided.items)
            self.last_answers.keep(asked.world.shop_id, asked.visitor.key, asked.query, shown)

    def _record(self, decision: DecisionRecord, visitor: _Visitor) -> None:
        """
        Put a decision where it outlives this process: into the ledger, or on disk while that is away.

        :raises SpoolUnavailable: if neither takes it
        """
        customer = visitor.customer_key
        try:
            with database.LEDGER:
                # Whoever was redacted since the request came must not be tied again by its record.
                redacted = shop_services.suppression_of(decision.shop_id, customer) if customer else None
                audit.record_decision(decision, untied_if=redacted)
        except DATABASE_DOWN as error:
            log.warning("decision_spooled", error=describe(error))
            try:
                audit.spool_decision(decision)
            except SpoolUnavailable:
                self._counts.add("unrecorded")
                raise
            self._counts.add("spooled")

    def stand_in(self, ask: Ask) -> Answer | None:
        """
        Return the page's list made ahead, where no answer could be made or recorded; None where it has none.

        Its own decision is on record since it was made, so nothing is written. What must not be shown is
        left out, and nothing else fills its place.
        """
        shop = shops.find_shop_by_domain(ask.shop_domain)
        if shop is None or shop.state is not ShopState.INSTALLED or _is_held_out(shop.id, ask.visitor):
            return None
        with database.FRESHNESS:
            ahead = queries.made_ahead(shop.id, ask.context_product_id)
            shown = _still_shown(shop.id, ahead, ask)
        if not shown or ahead.decision_id is None:
            return None
        self._counts.add(f"{FALLBACK}stand_in")
        items = tuple(
            (ShownItem(card.product_id, None, rules.WHY_MADE_AHEAD, place), card)
            for place, card in enumerate(shown, start=1)
        )
        number = ahead.version_number
        return Answer(ahead.decision_id, ask.surface, items, number, fallback="stand_in", is_personal=False)

    def note_latency(self, milliseconds: float) -> None:
        """Remember how long one answer took, from the first byte read to the last one made."""
        self._latencies.append(milliseconds)

    def health(self) -> Health:
        """Return the versions in memory and the latency of the last answers of this process."""
        latencies = sorted(self._latencies)
        return Health(
            is_ready=self.warmer.is_warm,
            versions=tuple(self.models.loaded()),
            answers=len(latencies),
            p50_ms=rules.percentile(latencies, 0.50),
            p99_ms=rules.percentile(latencies, 0.99),
            spooled=self._counts.of("spooled"),
            unrecorded=self._counts.of("unrecorded"),
            fallbacks=self._counts.under(FALLBACK),
        )

    def _look_around(self, shop: ShopInfo, ask: Ask, timer: StageTimer) -> _Asked:
        live = rollouts.live_arms(shop.id)
        self.arms.keep_warm(live)
        chosen = choose_arm(live, ask)
        timer.end(Stage.ARM)
        visitor = _visitor(shop.id, ask)
        # Whoever asks to see an arm sees it, held out or not.
        is_held_out = _is_held_out(shop.id, ask.visitor) and not (chosen and chosen.is_override)
        query = _query(shop.id, ask, visitor, now=self.clock(), is_held_out=is_held_out)
        timer.end(Stage.PAST)
        world = LiveWorld(
            shop.id,
            shows_new_products=shop.shows_new_products,
            find_last_answer=partial(self.last_answers.find, shop.id, visitor.key, query),
        )
        explores = shop.explores_since is not None and ask.override is None
        return _Asked(query, visitor, world, live, chosen, explores)

    def _score(self, asked: _Asked, decision_id: UUID) -> Scored:
        query, world = asked.query, asked.world
        if query.is_held_out:
            return Scored(None, NO_OPINION, HOLDOUT, HOLDOUT)
        if asked.chosen is None:
            return Scored(None, NO_OPINION, "no_model", NO_ARM)
        to_model = rules.to_model(query, world)
        score = self.arms.score
        if asked.chosen.is_interleaved:
            score = partial(self.arms.score_both, is_candidate_first=bool(decision_id.int & 1))
        return score(
            asked.live,
            asked.chosen,
            to_model,
            available=world.shelf.available,
            asker=asked.visitor.key,
            has_list=lambda: bool(world.last_answer or world.made_ahead(query.context_product_id)),
        )


def _decide(asked: _Asked, scored: Scored, decision_id: UUID) -> Decided:
    query, world = asked.query, asked.world
    if scored.rival is None:
        decided = rules.decide(query, world, scored.opinion, reason=scored.reason)
        # While versions are compared nothing else may tell their lists apart, not even alike.
        is_champions = scored.name == CHAMPION and asked.live.draw is None
        return rules.explore(decided, decision_id=decision_id) if asked.explores and is_champions else decided
    return draft(query, world, scored.opinion, scored.rival.opinion, decision_id=decision_id)


def _still_shown(shop_id: int, ahead: MadeAhead, ask: Ask) -> list[Card]:
    """Return the products of a list made ahead that may be shown to who asks, as many as they ask for."""
    available = queries.shelf(shop_id).available
    hidden = {*ask.cart, *ask.exclude, ask.context_product_id}
    left = [one for one in ahead.product_ids if one in available and one not in hidden][: ask.limit]
    cards = queries.cards(shop_id, left)
    return [cards[one] for one in left if one in cards]


def _visitor(shop_id: int, ask: Ask) -> _Visitor:
    customer = _customer(shop_id, ask.customer_id) if ask.customer_id else None
    browser = _pseudonym(shop_id, ask.visitor) if ask.visitor else None
    return _Visitor(customer or browser, customer)


def _customer(shop_id: int, customer_id: int) -> str | None:
    try:
        with database.FRESHNESS:
            return shop_services.find_visitor_pseudonym(shop_id, customer_id)
    except DATABASE_DOWN as error:
        # Whether they were redacted can't be known now, so nothing is made for them.
        log.warning("customer_unknown", error=describe(error))
        return None


def _query(shop_id: int, ask: Ask, visitor: _Visitor, *, now: datetime, is_held_out: bool) -> Query:
    return Query(
        surface=ask.surface,
        limit=ask.limit,
        now=now,
        context_product_id=ask.context_product_id,
        past=features.recent_past(shop_id, visitor.key) if visitor.key else NO_PAST,
        recent=ask.recent,
        cart=ask.cart,
        exclude=ask.exclude,
        is_held_out=is_held_out,
    )


def _is_held_out(shop_id: int, browser_id: str | None) -> bool:
    """Return whether a browser sees what is popular. Its page drew by the same function before it asked."""
    policy = rollouts.holdout(shop_id)
    return bool(policy.percent and browser_id) and rules.is_held_out(policy, browser_id or "")


def _pseudonym(shop_id: int, visitor: str) -> str:
    """Return a browser's own id as a pseudonym of this shop, which no other shop's equals."""
    # The prefix keeps browsers and customers apart should their ids ever look alike.
    return pseudonym_under(shops.pseudonym_key(shop_id), f"visitor:{visitor}")
