"""What went into a past decision, for people: what replay reads, in words."""

from datetime import UTC, datetime
from uuid import UUID

from backend.audit import queries as audit
from backend.audit.values import DecisionRecord
from backend.core.errors import Corrupt
from backend.serving.rules import recording
from backend.serving.values import Ingredients, PastStep, Query
from models.recommender.api import Event

MICROSECONDS = 1_000_000


def ingredients(shop_id: int, decision_id: UUID) -> Ingredients | None:
    """
    Return what went into a decision, or None where nothing is on record.

    What is missing or can't be read is said, and the rest is told.
    """
    decision = audit.find_decision(shop_id, decision_id)
    if decision is None:
        return None
    try:
        inputs = audit.inputs_of(shop_id, decision_id)
    except Corrupt as error:
        return Ingredients(problem=error.message)
    return _told(decision, inputs) if inputs else None


def _told(decision: DecisionRecord, inputs: dict[str, bytes]) -> Ingredients:
    try:
        is_erased = recording.is_erased(inputs)
        query, noted = recording.read_query(decision, inputs)
        world = recording.read_world(inputs, noted)
        exploration = world.exploration
        new = len(recording.read_products(inputs))
    except (recording.MissingInput, ValueError, LookupError) as error:
        return Ingredients(problem=f"An input can't be read: {type(error).__name__}.")
    return Ingredients(
        past=_steps(query),
        recent=query.recent,
        cart=query.cart,
        excluded=query.exclude,
        available=len(world.shelf.available),
        popular=len(world.shelf.popular),
        new_products=new,
        shows_new_products=world.shows_new_products,
        exploration=exploration,
        is_erased=is_erased,
    )


def _steps(query: Query) -> tuple[PastStep, ...]:
    past = query.past
    columns = zip(past.items.tolist(), past.at.tolist(), past.events.tolist(), strict=True)
    return tuple(
        PastStep(product_id, datetime.fromtimestamp(at / MICROSECONDS, tz=UTC), Event(kind).name)
        for product_id, at, kind in columns
    )
