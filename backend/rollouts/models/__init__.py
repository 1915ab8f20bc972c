"""The tables of rollouts."""

from backend.rollouts.models.gate import GateDecision, ReleaseSettings
from backend.rollouts.models.guards import GuardRecord
from backend.rollouts.models.holdout import HoldoutChange, HoldoutReading
from backend.rollouts.models.measuring import (
    PriceReading,
    RolloutEstimand,
    RolloutReading,
    ShopChange,
    TrafficReading,
)
from backend.rollouts.models.pointer import Pointer, PointerMove
from backend.rollouts.models.rollout import Rollout, RolloutMove, RolloutSettings
from backend.rollouts.models.shadow import ShadowCursor, ShadowPage, ShadowReading
from backend.rollouts.models.time_machine import LookBack

__all__ = [
    "GateDecision",
    "GuardRecord",
    "HoldoutChange",
    "HoldoutReading",
    "LookBack",
    "Pointer",
    "PointerMove",
    "PriceReading",
    "ReleaseSettings",
    "Rollout",
    "RolloutEstimand",
    "RolloutMove",
    "RolloutReading",
    "RolloutSettings",
    "ShadowCursor",
    "ShadowPage",
    "ShadowReading",
    "ShopChange",
    "TrafficReading",
]
