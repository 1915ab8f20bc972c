"""Writes of rollouts, each with its ledger entry."""

from backend.rollouts.services.changes import note_theme, watch_prices, watch_shopify_rollouts
from backend.rollouts.services.erasing import erase_shop
from backend.rollouts.services.guarding import count_answers
from backend.rollouts.services.holdout import measure_holdout, set_holdout
from backend.rollouts.services.measuring import fix_estimand, measure_rollout, measure_traffic
from backend.rollouts.services.moving import roll_back
from backend.rollouts.services.pointing import Aim, aim_of, point
from backend.rollouts.services.releasing import (
    DAMAGED,
    FIGURES,
    STANDING_ORDER,
    open_by_hand,
    release,
    release_by_hand,
    set_release_policy,
    stage,
)
from backend.rollouts.services.rolling import (
    abort,
    advance,
    ask,
    go_back,
    open_rollout,
    pause,
    promote,
    resume,
    set_champion,
    start,
    step,
    undo,
)
from backend.rollouts.services.settings import set_rollout_settings
from backend.rollouts.services.time_machine import give_up_look_back, look_back, request_look_back

__all__ = [
    "DAMAGED",
    "FIGURES",
    "STANDING_ORDER",
    "Aim",
    "abort",
    "advance",
    "aim_of",
    "ask",
    "count_answers",
    "erase_shop",
    "fix_estimand",
    "give_up_look_back",
    "go_back",
    "look_back",
    "measure_holdout",
    "measure_rollout",
    "measure_traffic",
    "note_theme",
    "open_by_hand",
    "open_rollout",
    "pause",
    "point",
    "promote",
    "release",
    "release_by_hand",
    "request_look_back",
    "resume",
    "roll_back",
    "set_champion",
    "set_holdout",
    "set_release_policy",
    "set_rollout_settings",
    "stage",
    "start",
    "step",
    "undo",
    "watch_prices",
    "watch_shopify_rollouts",
]
