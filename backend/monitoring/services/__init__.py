"""Writes of monitoring: looks at the data, and the trainings that they ask for."""

from backend.monitoring.services.looking import watch
from backend.monitoring.services.triggering import (
    erase_shop,
    request_by_hand,
    request_weekly,
    set_trigger_policy,
    settle,
    watched_shop_ids,
)

__all__ = [
    "erase_shop",
    "request_by_hand",
    "request_weekly",
    "set_trigger_policy",
    "settle",
    "watch",
    "watched_shop_ids",
]
