"""Writes of rollouts, each with its ledger entry."""

from backend.rollouts.services.erasing import erase_shop
from backend.rollouts.services.holdout import measure_holdout, set_holdout
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
    "erase_shop",
    "hold_pointer",
    "measure_holdout",
    "point",
    "release",
    "release_by_hand",
    "set_champion",
    "set_holdout",
    "set_release_policy",
    "stage",
]
