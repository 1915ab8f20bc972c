"""Pure decisions of serving."""

from backend.serving.rules.choosing import (
    FEWEST_PLACES,
    LOADING,
    WHY_ARRIVAL,
    WHY_COLLECTION,
    WHY_FOR_YOU,
    WHY_NEWEST,
    WHY_POPULAR,
    Breaker,
    explain,
    fill,
    is_empty,
    is_general,
    is_held_out,
    outcome_of,
    percentile,
    with_arrival,
)
from backend.serving.rules.comparing import differences
from backend.serving.rules.deciding import Words, World, decide, decide_drafted, offer, to_model
from backend.serving.rules.exploring import explore
from backend.serving.rules.neighbours import explored

__all__ = [
    "FEWEST_PLACES",
    "LOADING",
    "WHY_ARRIVAL",
    "WHY_COLLECTION",
    "WHY_FOR_YOU",
    "WHY_NEWEST",
    "WHY_POPULAR",
    "Breaker",
    "Words",
    "World",
    "decide",
    "decide_drafted",
    "differences",
    "explain",
    "explore",
    "explored",
    "fill",
    "is_empty",
    "is_general",
    "is_held_out",
    "offer",
    "outcome_of",
    "percentile",
    "to_model",
    "with_arrival",
]
