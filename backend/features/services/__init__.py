"""Writes of features: purchases and views as they come, the snapshots kept, and what is forgotten."""

from backend.features.services.browsing import follow_again, follow_events, sweep_steps
from backend.features.services.purchases import (
    FORGOTTEN,
    FORGOTTEN_MEANWHILE,
    erase_shop,
    extend,
    extend_many,
    forget_customer,
    keep_snapshot,
    rebuild,
)

__all__ = [
    "FORGOTTEN",
    "FORGOTTEN_MEANWHILE",
    "erase_shop",
    "extend",
    "extend_many",
    "follow_again",
    "follow_events",
    "forget_customer",
    "keep_snapshot",
    "rebuild",
    "sweep_steps",
]
