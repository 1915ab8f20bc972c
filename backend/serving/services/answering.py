"""
Answer a storefront: flow 3.

An answer counts as served once its decision is on disk. Whatever else fails
on the way only makes the answer plainer.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from backend.audit import services as audit
from backend.audit.values import DecisionRecord
from backend.core import database
from backend.core.database import DATABASE_DOWN
from backend.core.errors import describe
from backend.core.ids import uuid7
from backend.core.spool import SpoolUnavailable
from backend.rollouts import queries as rollouts
from backend.rollouts.values import CHAMPION, HOLDOUT
from backend.serving import rules
from backend.serving.services import standing_in
from backend.serving.services.asking import Asked, Visitor, find_visitor, is_held_out, query_of
from backend.serving.services.decisions import answer_of, to_record
from backend.serving.services.drafting import draft
from backend.serving.services.figures import Figures
from backend.serving.services.gathering import LiveWorld
from backend.serving.services.guarding import Guard
from backend.serving.services.loading import ANSWERS_FIRST, Warmer, open_models
from backend.serving.services.remembering import LastAnswers
from backend.serving.services.scoring import NO_ARM, ArmScorer, Scored, choose_arm
from backend.serving.services.timing import StageTimer
from backend.serving.values import NO_OPINION, Answer, Ask, Decided, Health, Stage
from backend.shops import queries as shops
from backend.shops import services as shop_services
from backend.shops.values import ShopInfo, ShopState

log = structlog.get_logger(__name__)


class Desk:
    """What one web process needs to answer: its models, its clock and its recent latencies."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.models = open_models(clock)
        self.warmer = Warmer(self.models)
        self.guard = Guard(clock)
        self.arms = ArmScorer(self.models, self.guard)
        self.last_answers = LastAnswers()
        self.figures = Figures()

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
        decision_id = uuid7(asked.query.now)
        scored = self._score(asked, decision_id)
        timer.end(Stage.SCORE)
        decided = _decide(asked, scored, decision_id)
        timer.end(Stage.DECIDE)
        if not decided.items:
            return None
        decision = to_record(asked, scored, decided, id_=decision_id, timer=timer, request_id=request_id)
        self._record(decision, asked.visitor)
        timer.end(Stage.RECORD)
        self._remember(asked, scored, decided)
        return answer_of(decision, decided, asked.world)

    def _look_around(self, shop: ShopInfo, ask: Ask, timer: StageTimer) -> Asked:
        live = rollouts.live_arms(shop.id)
        self.arms.keep_warm(live)
        chosen = choose_arm(live, ask)
        timer.end(Stage.ARM)
        visitor = find_visitor(shop.id, ask)
        # Whoever asks to see an arm sees it, held out or not.
        is_kept_out = is_held_out(shop.id, ask.visitor) and not (chosen and chosen.is_override)
        query = query_of(shop.id, ask, visitor, now=self.clock(), is_held_out=is_kept_out)
        timer.end(Stage.PAST)
        world = LiveWorld(
            shop.id,
            shows_new_products=shop.shows_new_products,
            find_last_answer=partial(self.last_answers.find, shop.id, visitor.key, query),
        )
        explores = shop.explores_since is not None and ask.override is None
        return Asked(query, visitor, world, live, chosen, explores)

    def _score(self, asked: Asked, decision_id: UUID) -> Scored:
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

    def _record(self, decision: DecisionRecord, visitor: Visitor) -> None:
        """
        Put a decision where it outlives this process: into the ledger, or on disk while that is away.

        :raises DatabaseError: if neither takes it
        """
        try:
            with database.LEDGER:
                _to_ledger(decision, visitor)
            return
        except DATABASE_DOWN as error:
            log.warning("decision_spooled", error=describe(error))
        try:
            audit.spool_decision(decision)
            self.figures.count_spooled()
        except SpoolUnavailable:
            self._record_late(decision, visitor)

    def _record_late(self, decision: DecisionRecord, visitor: Visitor) -> None:
        try:
            with database.LAST_RESORT:
                _to_ledger(decision, visitor, may_be_there=True)
        except DATABASE_DOWN:
            self.figures.count_unrecorded()
            raise

    def _remember(self, asked: Asked, scored: Scored, decided: Decided) -> None:
        """Count what stood in for a model, and keep what may stand in for the next."""
        why = scored.reason or decided.fallback
        if why and not asked.query.is_held_out:
            self.figures.count_fallback(why)
        elif decided.is_personal and asked.visitor.key and scored.name in ANSWERS_FIRST:
            shown = tuple(item.product_id for item in decided.items)
            self.last_answers.keep(asked.world.shop_id, asked.visitor.key, asked.query, shown)

    def stand_in(self, ask: Ask) -> Answer | None:
        """Return the page's list made ahead, where no answer could be made or recorded."""
        answer = standing_in.find_stand_in(ask)
        if answer is not None:
            self.figures.count_fallback(answer.fallback)
        return answer

    def health(self) -> Health:
        """Return the versions in memory and the latency of the last answers of this process."""
        return self.figures.health(versions=self.models.loaded(), is_ready=self.warmer.is_warm)


def _to_ledger(decision: DecisionRecord, visitor: Visitor, *, may_be_there: bool = False) -> None:
    customer = visitor.customer_key
    # Whoever was redacted since the request came must not be tied again by its record.
    redacted = shop_services.suppression_of(decision.shop_id, customer) if customer else None
    audit.record_decision(decision, untied_if=redacted, may_be_there=may_be_there)


def _decide(asked: Asked, scored: Scored, decision_id: UUID) -> Decided:
    query, world = asked.query, asked.world
    if scored.rival is None:
        decided = rules.decide(query, world, scored.opinion, reason=scored.reason)
        # While versions are compared nothing else may tell their lists apart, not even alike.
        is_champions = scored.name == CHAMPION and asked.live.draw is None
        return rules.explore(decided, decision_id=decision_id) if asked.explores and is_champions else decided
    return draft(query, world, scored.opinion, scored.rival.opinion, decision_id=decision_id)
