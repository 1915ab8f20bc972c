"""Writes of rollouts, each with its ledger entry."""

from backend.rollouts.services.changes import note_theme, watch_prices, watch_shopify_rollouts
from backend.rollouts.services.erasing import erase_shop
from backend.rollouts.services.guarding import count_answers
from backend.rollouts.services.holdout import measure_holdout, set_holdout
from backend.rollouts.services.measuring import fix_estimand, measure_rollout, measure_traffic
from backend.rollouts.services.pointing import SUPERSEDED, Aim, aim_of, hold_pointer, point, set_champion
from backend.rollouts.services.releasing import (
    BY_HAND,
    DAMAGED,
    FIGURES,
    STANDING_ORDER,
    release,
    release_by_hand,
    set_release_policy,
    stage,
)

__all__ = [
    "BY_HAND",
    "DAMAGED",
    "FIGURES",
    "STANDING_ORDER",
    "SUPERSEDED",
    "Aim",
    "aim_of",
    "count_answers",
    "erase_shop",
    "fix_estimand",
    "hold_pointer",
    "measure_holdout",
    "measure_rollout",
    "measure_traffic",
    "note_theme",
    "point",
    "release",
    "release_by_hand",
    "set_champion",
    "set_holdout",
    "set_release_policy",
    "stage",
    "watch_prices",
    "watch_shopify_rollouts",
]
