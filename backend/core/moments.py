"""Moments as numbers. Nothing here reads a clock, so rules and values may use it."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return a moment as whole microseconds since 1970, UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment(microseconds: int) -> datetime:
    """Return the moment that :func:`microseconds` counts."""
    return EPOCH + microseconds * MICROSECOND
