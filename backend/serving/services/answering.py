"""
Answer a storefront: flow 3.

An answer counts as served once its decision is on disk. Whatever else fails
on the way only makes the answer plainer.
"""

import hashlib
import hmac
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
import structlog
from django.db import DatabaseError, connection

from backend.audit import services as audit
from backend.audit.values import Channel, DecisionRecord, Event, ShownItem, Surface
from backend.core.errors import describe
from backend.core.ids import uuid7
from backend.core.queue import Job, enqueue
from backend.features import queries as features
from backend.features.values import NO_PAST, Past
from backend.monitoring.values import Kind as TriggerKind
from backend.registry import queries as registry
from backend.rollouts import queries as rollouts
from backend.rollouts.values import LiveArm, LiveArms
from backend.serving import queries, rules
from backend.serving.gateway import DEADLINE_SECONDS, LOADING_SECONDS, MOST_LOADED, Models
from backend.serving.values import (
    Answer,
    Ask,
    Bought,
    Card,
    Filled,
    Health,
    Opinion,
    Preference,
    Ranked,
    ScoringUnavailable,
    Why,
)
from backend.shops import queries as shops
from backend.shops import services as shop_services
from backend.shops.values import ShopInfo, ShopState
from models.recommender.api import Event as Kind
from models.recommender.api import NewProduct, Scorer

log = structlog.get_logger(__name__)

# Asked of a model beyond the carousel's length, so that sold-out products rarely leave a gap.
SLACK: Final = 20

# Answers whose latency one process remembers.
WINDOW: Final = 2_000

NO_ARM: Final = "none"
NO_OPINION: Final = Opinion(())


@dataclass(frozen=True, slots=True)
class _Visitor:
    """Who asks, as far as we may know, and when: pseudonyms, but for what draws the arm."""

    key: str | None
    customer_key: str | None  # where they are logged in
    arm_key: str
    past: Past
    now: datetime


@dataclass(frozen=True, slots=True)
class _Scored:
    """What a model gave: the arm that answered, its opinion, and why that may be missing."""

    arm: LiveArm | None
    opinion: Opinion
    reason: str


def open_models(clock: Callable[[], datetime]) -> Models:
    """
    Return an empty set of models.

    It loads from the registry, learns of new products from the catalogue and
    reports refusals to the ledger.
    """

    def open_scorer(arm: LiveArm) -> Scorer:
        return registry.open_scorer(arm.artifact, manifest_sha256=arm.manifest_sha256)

    def find_new(arm: LiveArm, scorer: Scorer) -> list[NewProduct]:
        try:
            return features.new_products(arm.shop_id, scorer)
        finally:
            connection.close()

    def on_refused(arm: LiveArm, why: str) -> None:
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

    return Models(open_scorer, find_new=find_new, on_refused=on_refused)


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
        visitor = _visitor(shop.id, ask, now=self.clock())
        scored = self._score(shop, ask, visitor)
        filled, told = _fill(shop.id, ask, scored)
        items = with_cards(shop.id, filled, told, past=visitor.past, now=visitor.now)
        if not items:
            return None
        decision = DecisionRecord(
            id=uuid7(),
            shop_id=shop.id,
            at=self.clock(),
            surface=ask.surface,
            channel=Channel.APP_PROXY,
            arm=scored.arm.name if scored.arm else NO_ARM,
            items=tuple(item for item, _ in items),
            requested=ask.limit,
            latency_ms=(time.perf_counter() - started) * 1000,
            visitor_key=visitor.key,
            version_id=scored.arm.version_id if scored.arm else None,
            version_number=scored.arm.version_number if scored.arm else None,
            context_product_id=ask.context_product_id,
            fallback=filled.fallback,
            request_id=request_id,
        )
        customer = visitor.customer_key
        # Whoever was redacted since the request came must not be tied again by its record.
        redacted = shop_services.suppression_of(shop.id, customer) if customer else None
        audit.record_decision(decision, untied_if=redacted)
        return Answer(
            decision_id=decision.id,
            surface=ask.surface,
            items=items,
            version_number=decision.version_number,
            fallback=decision.fallback,
            is_personal=_is_personal(ask, visitor, scored.opinion, filled),
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
        """Load the models of the surfaces that moved last, once, before shoppers ask for them."""
        with self._warming:
            if self.is_warm:
                return
            for shop_id, surface in rollouts.live_surfaces(limit=MOST_LOADED):
                for arm in rollouts.live_arms(shop_id, surface).arms:
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

    def _score(self, shop: ShopInfo, ask: Ask, visitor: _Visitor) -> _Scored:
        live = rollouts.live_arms(shop.id, ask.surface)
        if not live.arms:
            return _Scored(None, NO_OPINION, "no_model")
        arm = rules.choose_arm(
            live.arms,
            visitor=visitor.arm_key,
            experiment=rules.experiment_of(ask.surface, live.arms),
            salt=str(shop.uuid),
        )
        try:
            patience = DEADLINE_SECONDS if live.standby else LOADING_SECONDS
            return _Scored(arm, self._opinion(shop, arm, ask, visitor, patience=patience), "")
        except ScoringUnavailable as error:
            log.warning(
                "scoring_unavailable", version=arm.version_number, reason=error.reason, error=error.message
            )
            return self._stand_in(shop, live, ask, visitor, reason=error.reason)

    def _stand_in(
        self, shop: ShopInfo, live: LiveArms, ask: Ask, visitor: _Visitor, *, reason: str
    ) -> _Scored:
        """Let the version that was live before answer, where there is one and it can."""
        if live.standby is None:
            return _Scored(None, NO_OPINION, reason)
        try:
            opinion = self._opinion(shop, live.standby, ask, visitor)
            return _Scored(live.standby, opinion, f"standby_{reason}")
        except ScoringUnavailable:
            return _Scored(None, NO_OPINION, reason)

    def _opinion(
        self,
        shop: ShopInfo,
        arm: LiveArm,
        ask: Ask,
        visitor: _Visitor,
        *,
        patience: float = DEADLINE_SECONDS,
    ) -> Opinion:
        now = features.microseconds(visitor.now)
        unbought = set(ask.recent) - set(visitor.past.items.tolist())
        # On a product's page every place is the product's: what goes with it is not what is new.
        has_place = shop.shows_new_products and ask.context_product_id is None
        return self.models.score(
            arm,
            _with_visit(visitor.past, ask, now=now),
            now=now,
            context=ask.context_product_id,
            # What was only looked at says much about taste, but to show it again says little.
            exclude={*ask.cart, *ask.exclude, *unbought},
            k=ask.limit + SLACK,
            new_among=queries.shelf(shop.id).available if has_place else None,
            patience=patience,
        )


def _with_visit(past: Past, ask: Ask, *, now: int) -> Past:
    """Return a past with what this visit adds: products looked at, then what lies in the cart."""
    # The storefront tells the newest view first; a past is oldest first.
    seen = (*reversed(ask.recent), *ask.cart)
    if not seen:
        return past
    events = [Kind.VIEW] * len(ask.recent) + [Kind.CART] * len(ask.cart)
    return Past(
        items=np.concatenate([past.items, np.array(seen, dtype=np.int64)]),
        at=np.concatenate([past.at, np.full(len(seen), now)]),
        events=np.concatenate([past.events, np.array(events, dtype=np.int8)]),
    )


def _visitor(shop_id: int, ask: Ask, *, now: datetime) -> _Visitor:
    customer = shop_services.find_visitor_pseudonym(shop_id, ask.customer_id) if ask.customer_id else None
    browser = _pseudonym(shop_id, ask.visitor) if ask.visitor else None
    return _Visitor(
        key=customer or browser,
        customer_key=customer,
        # The browser first: logging in must not move a visitor to another arm.
        arm_key=ask.visitor or customer or "",
        past=features.recent_past(shop_id, customer) if customer else NO_PAST,
        now=now,
    )


def _pseudonym(shop_id: int, visitor: str) -> str:
    """Return a browser's own id as a pseudonym of this shop, which no other shop's equals."""
    # The prefix keeps browsers and customers apart should their ids ever look alike.
    message = f"visitor:{visitor}".encode()
    return hmac.new(shops.pseudonym_key(shop_id), message, hashlib.sha256).hexdigest()[:32]


def _fill(shop_id: int, ask: Ask, scored: _Scored) -> tuple[Filled, tuple[Preference, ...]]:
    """Return the list, and what the model says of its products."""
    opinion = scored.opinion
    hidden = {*ask.cart, *ask.exclude}
    if ask.context_product_id:
        hidden.add(ask.context_product_id)
    filled = fill_list(
        shop_id,
        opinion.preferences,
        context=ask.context_product_id if ask.surface is Surface.PRODUCT_PAGE else None,
        k=ask.limit,
        exclude=hidden,
        reason=scored.reason,
    )
    if opinion.arrival is None:
        return filled, opinion.preferences
    placed = rules.with_arrival(filled, opinion.arrival, new=opinion.new)
    return placed, opinion.preferences if placed is filled else (*opinion.preferences, opinion.arrival)


def _is_personal(ask: Ask, visitor: _Visitor, opinion: Opinion, filled: Filled) -> bool:
    """Return whether what is known of the visitor chose products: only then may a heading say so."""
    is_known = bool(len(visitor.past.items) or ask.recent or ask.cart)
    is_from_model = any(item.score is not None for item in filled.items)
    return is_known and is_from_model and not rules.is_general(opinion.preferences)


def fill_list(
    shop_id: int,
    preferences: Sequence[Preference],
    *,
    context: int | None,
    k: int,
    exclude: AbstractSet[int],
    reason: str = "",
) -> Filled:
    """
    Return the products of one list: the model's, then what fills the places it left.

    On a product that nobody bought yet a model only knows what sells
    everywhere. Its collection says more, so there the model's list waits.

    :param context: the product whose page it is; None on the home page
    """
    shelf = queries.shelf(shop_id)
    # The words are found later, for the few that are shown.
    ranked = [Ranked(one.product_id, one.score, "") for one in preferences]
    is_cold = rules.is_general(preferences)
    mates = queries.collection_mates(shop_id, context) if is_cold and context is not None else ()
    first, later = ([], ranked) if mates else (ranked, [])
    return rules.fill(
        first,
        _fallbacks(shop_id, context, later, shelf),
        k=k,
        available=shelf.available,
        exclude=exclude,
        reason=reason or ("new_product" if mates and preferences else ""),
    )


def _fallbacks(
    shop_id: int, context: int | None, later: list[Ranked], shelf: queries.Shelf
) -> Iterator[list[Ranked]]:
    """Yield what fills the places that no model filled, best first, each list only when it is needed."""
    if context is not None:
        mates = queries.collection_mates(shop_id, context)
        yield [Ranked(one, None, rules.WHY_COLLECTION) for one in mates]
    yield later
    yield [Ranked(one, None, rules.WHY_POPULAR) for one in shelf.popular]
    yield [Ranked(one, None, rules.WHY_NEWEST) for one in shelf.newest]


def with_cards(
    shop_id: int,
    filled: Filled,
    preferences: tuple[Preference, ...],
    *,
    past: Past = NO_PAST,
    now: datetime,
) -> tuple[tuple[ShownItem, Card], ...]:
    """
    Return the chosen products with their cards, and with the model's reasons in a shopper's words.

    :param past: what the visitor bought before, which is told otherwise than what they looked at
    """
    chosen = {item.product_id for item in filled.items}
    reasons = {one.product_id: one for one in preferences if one.product_id in chosen}
    causes = {one.cause for one in reasons.values() if one.cause is not None}
    cards = queries.cards(shop_id, chosen | causes)
    items = (_explained(item, reasons.get(item.product_id), cards, past, now) for item in filled.items)
    # A product that left the catalogue since the last look at the shelf has no card and is not shown.
    return tuple((item, cards[item.product_id]) for item in items if item.product_id in cards)


def _explained(
    item: ShownItem, reason: Preference | None, cards: Mapping[int, Card], past: Past, now: datetime
) -> ShownItem:
    if item.score is None or reason is None:
        return item
    card, cause = cards.get(item.product_id), cards.get(reason.cause) if reason.cause is not None else None
    why = rules.explain(
        reason.why,
        title=cause.title if cause else None,
        bought=_bought(past, item.product_id) if reason.why is Why.BOUGHT_BEFORE else None,
        product_type=card.product_type if card else "",
        now=now,
    )
    return replace(item, why=why)


def _bought(past: Past, product_id: int) -> Bought | None:
    """Return how often and when last a visitor bought a product; None if they never did."""
    moments = past.at[(past.items == product_id) & (past.events == Kind.PURCHASE)]
    if not len(moments):
        return None
    return Bought(len(moments), features.moment(int(moments[-1])))
