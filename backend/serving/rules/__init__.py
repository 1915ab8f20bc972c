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
    percentile,
    with_arrival,
)

__all__ = [
    "FEWEST_PLACES",
    "WHY_ARRIVAL",
    "WHY_COLLECTION",
    "WHY_FOR_YOU",
    "WHY_NEWEST",
    "WHY_POPULAR",
    "Breaker",
    "choose_arm",
    "experiment_of",
    "explain",
    "fill",
    "is_general",
    "percentile",
    "with_arrival",
]
