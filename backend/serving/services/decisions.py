"""A decision as the ledger keeps it, and as the storefront is told it."""

from uuid import UUID

from backend.audit.values import Channel, DecisionRecord
from backend.serving.services.asking import Asked
from backend.serving.services.gathering import LiveWorld
from backend.serving.services.scoring import Scored
from backend.serving.services.timing import StageTimer
from backend.serving.values import Answer, Decided


def to_record(
    asked: Asked, scored: Scored, decided: Decided, *, id_: UUID, timer: StageTimer, request_id: str
) -> DecisionRecord:
    """Return what was decided, with all that went in."""
    query, world, arm = asked.query, asked.world, scored.arm
    return DecisionRecord(
        id=id_,
        shop_id=world.shop_id,
        at=query.now,
        surface=query.surface,
        channel=Channel.APP_PROXY,
        arm=scored.name,
        items=decided.items,
        requested=query.limit,
        latency_ms=timer.milliseconds,
        visitor_key=asked.visitor.key,
        version_id=arm.version_id if arm else None,
        version_number=arm.version_number if arm else None,
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


def answer_of(decision: DecisionRecord, decided: Decided, world: LiveWorld) -> Answer:
    """Return what the storefront is told of a decision."""
    return Answer(
        decision_id=decision.id,
        surface=decision.surface,
        items=tuple((item, world.cards[item.product_id]) for item in decided.items),
        version_number=decision.version_number,
        fallback=decision.fallback,
        is_personal=decided.is_personal,
    )
