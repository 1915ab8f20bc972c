"""Pure decisions of publishing: when a shop's lists have to be looked at again."""

from datetime import datetime, timedelta
from uuid import UUID

from backend.publishing.values import FIRST_PAUSE, LEASE, LONGEST_PAUSE, REFRESH, Held


def may_claim(*, heard_at: datetime | None, now: datetime) -> bool:
    """Return whether nobody works on a shop's lists, or whoever did has fallen silent."""
    return heard_at is None or now - heard_at > LEASE


def is_due(held: Held, *, live: UUID, installed_at: datetime | None, now: datetime) -> bool:
    """
    Return whether the sweep should ask for a comparison.

    :param live: the version that the pointer names
    :param installed_at: when the shop installed the app, this time
    """
    if not may_claim(heard_at=held.heard_at, now=now):
        return False
    if held.retry_at is not None and now < held.retry_at:
        return False
    if held.goal_id is not None or held.version_id != live or held.installed_at != installed_at:
        return True
    return held.compared_at is None or now - held.compared_at > REFRESH


def pause(attempts: int) -> timedelta:
    """Return how long the sweep leaves a shop alone after so many claims without progress."""
    # The exponent is bounded first: a shop that failed for a year must not ask for 2 to the thousandth.
    doublings = min(max(attempts - 1, 0), 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
