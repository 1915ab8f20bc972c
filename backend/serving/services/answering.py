"""
Answer a storefront: flow 3.

An answer counts as served once its decision is on disk. Whatever else fails
on the way only makes the answer plainer.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from django.db import DatabaseError, connection

from backend.audit import services as audit
from backend.audit.values import Channel, DecisionRecord, Event
from backend.core.crypto import pseudonym_under
from backend.core.errors import describe
from backend.core.ids import uuid7
from backend.core.queue import Job, enqueue
from backend.features import queries as features
from backend.features.values import NO_PAST
from backend.monitoring.values import Kind as TriggerKind
from backend.registry import queries as registry
from backend.rollouts import queries as rollouts
from backend.rollouts.values import HOLDOUT, LiveArm
from backend.serving import rules
from backend.serving.gateway import DEADLINE_SECONDS, LOADING_SECONDS, MOST_LOADED, Models
from backend.serving.services.gathering import LiveWorld
from backend.serving.values import (
    NO_OPINION,
    Answer,
    Ask,
    Health,
    ModelQuery,
    Opinion,
    Query,
    ScoringUnavailable,
)
from backend.shops import queries as shops
from backend.shops import services as shop_services
from backend.shops.values import ShopInfo, ShopState
from models.recommender.api import NewProduct, Scorer

log = structlog.get_logger(__name__)

# Answers whose latency one process remembers.
WINDOW: Final = 2_000

NO_ARM: Final = "none"


@dataclass(frozen=True, slots=True)
class _Visitor:
    """Who asks, as far as we may know: pseudonyms, but for what draws the arm."""

    key: str | None
    customer_key: str | None  # where they are logged in
    arm_key: str


@dataclass(frozen=True, slots=True)
class _Scored:
    """What a model gave: the arm that answered, its opinion, and why that may be missing."""

    arm: LiveArm | None
    opinion: Opinion
    reason: str


def open_models(
    clock: Callable[[], datetime], *, on_refused: Callable[[LiveArm, str], None] | None = None
) -> Models:
    """
    Return an empty set of models.

    It loads from the registry and learns of new products from the catalogue.

    :param on_refused: hears of refused artifacts; else the ledger does, and the shop is looked after at once
    """

    def open_scorer(arm: LiveArm) -> Scorer:
        return registry.open_scorer(arm.artifact, manifest_sha256=arm.manifest_sha256)

    def find_new(arm: LiveArm, scorer: Scorer) -> list[NewProduct]:
        try:
            return features.new_products(arm.shop_id, scorer)
        finally:
            connection.close()

    def report(arm: LiveArm, why: str) -> None:
        try:
            audit.record(
                Event.ARTIFACT_REFUSED,
                shop_id=arm.shop_id,
                subject=f"version {arm.version_number}",
                reason=why,
                now=clock(),
                details={"version": str(arm.version_id)},
            )
            # Nothing good answers this shop now; the hourly look would leave it so for up to an hour.
            enqueue(Job.WATCH_SHOP, shop_id=arm.shop_id, kind=TriggerKind.UNREADABLE.value)
        finally:
            # A loading thread meets the database here and there; it must not hold a connection for good.
            connection.close()

    return Models(open_scorer, find_new=find_new, on_refused=on_refused or report)


class Desk:
    """What one web process needs to answer: its models, its clock and its recent latencies."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.models = open_models(clock)
        self.is_warm = False
        self._latencies: deque[float] = deque(maxlen=WINDOW)
        self._warming = threading.Lock()

    def answer(self, ask: Ask, *, started: float, request_id: str) -> Answer | None:
        """
        Return what a storefront shows, or None where it should keep its default.

        :param started: ``time.perf_counter()`` when the request came
        """
        shop = shops.find_shop_by_domain(ask.shop_domain)
        if shop is None or shop.state is not ShopState.INSTALLED:
            return None
        visitor = _visitor(shop.id, ask)
        query = _query(shop.id, ask, visitor, now=self.clock())
        world = LiveWorld(shop.id, shows_new_products=shop.shows_new_products)
        scored = self._score(shop, visitor, query, world)
        decided = rules.decide(query, world, scored.opinion, reason=scored.reason)
        if not decided.items:
            return None
        decision = DecisionRecord(
            id=uuid7(query.now),
            shop_id=shop.id,
            at=query.now,
            surface=query.surface,
            channel=Channel.APP_PROXY,
            arm=_arm_name(query, scored),
            items=decided.items,
            requested=query.limit,
            latency_ms=(time.perf_counter() - started) * 1000,
            visitor_key=visitor.key,
            version_id=scored.arm.version_id if scored.arm else None,
            version_number=scored.arm.version_number if scored.arm else None,
            context_product_id=query.context_product_id,
            fallback=decided.fallback,
            request_id=request_id,
            **world.recorded(query, scored.opinion, decided, reason=scored.reason),
        )
        customer = visitor.customer_key
        # Whoever was redacted since the request came must not be tied again by its record.
        redacted = shop_services.suppression_of(shop.id, customer) if customer else None
        audit.record_decision(decision, untied_if=redacted)
        return Answer(
            decision_id=decision.id,
            surface=query.surface,
            items=tuple((item, world.cards[item.product_id]) for item in decided.items),
            version_number=decision.version_number,
            fallback=decision.fallback,
            is_personal=decided.is_personal,
        )

    def note_latency(self, milliseconds: float) -> None:
        """Remember how long one answer took, from the first byte read to the last one made."""
        self._latencies.append(milliseconds)

    def health(self) -> Health:
        """Return the versions in memory and the latency of the last answers of this process."""
        latencies = sorted(self._latencies)
        return Health(
            is_ready=self.is_warm,
            versions=tuple(self.models.loaded()),
            answers=len(latencies),
            p50_ms=rules.percentile(latencies, 0.50),
            p99_ms=rules.percentile(latencies, 0.99),
        )

    def warm_up(self) -> None:
        """Load the models of the shops whose pointer moved last, once, before shoppers ask for them."""
        with self._warming:
            if self.is_warm:
                return
            for shop_id in rollouts.live_shops(limit=MOST_LOADED):
                for arm in rollouts.live_arms(shop_id).arms:
                    self.models.prepare(arm)
            self.is_warm = True

    def warm_up_behind(self) -> threading.Thread:
        """Warm up in a thread, and return it: whoever begins may wait for it as long as it can afford."""
        thread = threading.Thread(target=self._warm_up_forgivingly, name="warm-up", daemon=True)
        thread.start()
        return thread

    def _warm_up_forgivingly(self) -> None:
        try:
            self.warm_up()
        except DatabaseError as error:
            # The readiness probe asks again; until then each model is loaded by its first shopper.
            log.warning("warm_up_failed", error=describe(error))
        finally:
            connection.close()

    def _score(self, shop: ShopInfo, visitor: _Visitor, query: Query, world: LiveWorld) -> _Scored:
        if query.is_held_out:
            return _Scored(None, NO_OPINION, HOLDOUT)
        live = rollouts.live_arms(shop.id)
        if not live.arms:
            return _Scored(None, NO_OPINION, "no_model")
        arm = rules.choose_arm(
            live.arms,
            visitor=visitor.arm_key,
            experiment=rules.experiment_of(query.surface, live.arms),
            salt=str(shop.uuid),
        )
        asked = rules.to_model(query, world)
        try:
            patience = DEADLINE_SECONDS if live.standby else LOADING_SECONDS
            return _Scored(arm, self.models.score(arm, asked, patience=patience), "")
        except ScoringUnavailable as error:
            log.warning(
                "scoring_unavailable", version=arm.version_number, reason=error.reason, error=error.message
            )
            return self._stand_in(live.standby, asked, reason=error.reason)

    def _stand_in(self, standby: LiveArm | None, asked: ModelQuery, *, reason: str) -> _Scored:
        """Let the version that was live before answer, where there is one and it can."""
        if standby is None:
            return _Scored(None, NO_OPINION, reason)
        try:
            return _Scored(
                standby, self.models.score(standby, asked, patience=DEADLINE_SECONDS), f"standby_{reason}"
            )
        except ScoringUnavailable:
            return _Scored(None, NO_OPINION, reason)


def _visitor(shop_id: int, ask: Ask) -> _Visitor:
    customer = shop_services.find_visitor_pseudonym(shop_id, ask.customer_id) if ask.customer_id else None
    browser = _pseudonym(shop_id, ask.visitor) if ask.visitor else None
    return _Visitor(
        key=customer or browser,
        customer_key=customer,
        # The browser first: logging in must not move a visitor to another arm.
        arm_key=ask.visitor or customer or "",
    )


def _query(shop_id: int, ask: Ask, visitor: _Visitor, *, now: datetime) -> Query:
    return Query(
        surface=ask.surface,
        limit=ask.limit,
        now=now,
        context_product_id=ask.context_product_id,
        past=features.recent_past(shop_id, visitor.key) if visitor.key else NO_PAST,
        recent=ask.recent,
        cart=ask.cart,
        exclude=ask.exclude,
        is_held_out=_is_held_out(shop_id, ask.visitor),
    )


def _is_held_out(shop_id: int, browser_id: str | None) -> bool:
    """Return whether a browser sees what is popular. Its page drew by the same function before it asked."""
    policy = rollouts.holdout(shop_id)
    return bool(policy.percent and browser_id) and rules.is_held_out(policy, browser_id or "")


def _arm_name(query: Query, scored: _Scored) -> str:
    if query.is_held_out:
        return HOLDOUT
    return scored.arm.name if scored.arm else NO_ARM


def _pseudonym(shop_id: int, visitor: str) -> str:
    """Return a browser's own id as a pseudonym of this shop, which no other shop's equals."""
    # The prefix keeps browsers and customers apart should their ids ever look alike.
    return pseudonym_under(shops.pseudonym_key(shop_id), f"visitor:{visitor}")
