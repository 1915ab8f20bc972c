"""The one reader of the clock. Views and tasks call it; everything else is told the time."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return timezone.now()  # noqa: TID251 - this is its one home
