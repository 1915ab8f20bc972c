"""The tables of rollouts."""

from backend.rollouts.models.gate import GateDecision, ReleaseSettings
from backend.rollouts.models.holdout import HoldoutChange, HoldoutReading
from backend.rollouts.models.pointer import SurfacePointer

__all__ = [
    "GateDecision",
    "HoldoutChange",
    "HoldoutReading",
    "ReleaseSettings",
    "SurfacePointer",
]
