"""Pure decisions about events: what a body says, and whether it can be true."""

from backend.events.rules.parsing import MOST_BYTES, BadBody, parse_body, parse_events
from backend.events.rules.plausibility import (
    DAY,
    WINDOW,
    day_start_key,
    event_key,
    judge,
    plausible_moment,
)

__all__ = [
    "DAY",
    "MOST_BYTES",
    "WINDOW",
    "BadBody",
    "day_start_key",
    "event_key",
    "judge",
    "parse_body",
    "parse_events",
    "plausible_moment",
]
