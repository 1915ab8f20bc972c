"""Pure decisions of serving."""

from backend.serving.rules.breaking import Breaker, BreakerPlan
from backend.serving.rules.choosing import (
    BUSY,
    FEWEST_PLACES,
    WHY_ARRIVAL,
    WHY_COLLECTION,
    WHY_FOR_YOU,
    WHY_NEWEST,
    WHY_POPULAR,
    explain,
    fill,
    is_empty,
    is_general,
    is_held_out,
    outcome_of,
    percentile,
    was_asked,
    with_arrival,
)
from backend.serving.rules.comparing import differences
from backend.serving.rules.deciding import Words, World, decide, decide_drafted, offer, to_model
from backend.serving.rules.exploring import explore
from backend.serving.rules.fallbacks import WHY_MADE_AHEAD, fallbacks
from backend.serving.rules.neighbours import estimate_exploration

__all__ = [
    "BUSY",
    "FEWEST_PLACES",
    "WHY_ARRIVAL",
    "WHY_COLLECTION",
    "WHY_FOR_YOU",
    "WHY_MADE_AHEAD",
    "WHY_NEWEST",
    "WHY_POPULAR",
    "Breaker",
    "BreakerPlan",
    "Words",
    "World",
    "decide",
    "decide_drafted",
    "differences",
    "estimate_exploration",
    "explain",
    "explore",
    "fallbacks",
    "fill",
    "is_empty",
    "is_general",
    "is_held_out",
    "offer",
    "outcome_of",
    "percentile",
    "to_model",
    "was_asked",
    "with_arrival",
]
