"""Days on a shop's own clock. Those of 23 and of 25 hours are days, too."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day began on a clock."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def start_of_last(days: int, zone: ZoneInfo, *, now: datetime) -> datetime:
    """Return when the first of the last ``days`` days began, today included."""
    return start_of(now.astimezone(zone).date() - timedelta(days=days - 1), zone)
