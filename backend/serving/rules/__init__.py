"""Pure decisions of serving."""

from backend.serving.rules.choosing import (
    FEWEST_PLACES,
    WHY_ARRIVAL,
    WHY_COLLECTION,
    WHY_FOR_YOU,
    WHY_NEWEST,
    WHY_POPULAR,
    Breaker,
    choose_arm,
    experiment_of,
    explain,
    fill,
    is_general,
    is_held_out,
    percentile,
    with_arrival,
)
from backend.serving.rules.comparing import differences
from backend.serving.rules.deciding import Words, World, decide, to_model

__all__ = [
    "FEWEST_PLACES",
    "WHY_ARRIVAL",
    "WHY_COLLECTION",
    "WHY_FOR_YOU",
    "WHY_NEWEST",
    "WHY_POPULAR",
    "Breaker",
    "Words",
    "World",
    "choose_arm",
    "decide",
    "differences",
    "experiment_of",
    "explain",
    "fill",
    "is_general",
    "is_held_out",
    "percentile",
    "to_model",
    "with_arrival",
]
