"""When a reason becomes a training, and when a look is worth a row."""

from datetime import datetime, timedelta

from backend.monitoring.values import DAY, Kind, Trigger, Verdict


def cooling_until(*, finished_at: datetime | None, cool_down: timedelta, now: datetime) -> datetime | None:
    """Return until when a shop is left alone after its newest training; None if it need not be."""
    if finished_at is None or now >= finished_at + cool_down:
        return None
    return finished_at + cool_down


def may_fire(kind: Kind, *, is_running: bool, cools_until: datetime | None) -> bool:
    """
    Return whether a reason may become a training now.

    A person need not wait, but for a run under way, which the run itself refuses. Nor need a shop whose
    version can't be read: the cool-down keeps it from learning the same again, and what it learned is lost.
    """
    if kind is Kind.MANUAL:
        return True
    return not is_running and (kind is Kind.UNREADABLE or cools_until is None)


def is_news(verdict: Verdict, *, last: Trigger | None, now: datetime) -> bool:
    """Return whether a look is worth a row: each training is, else what has changed, and one a day."""
    if verdict is Verdict.FIRED or last is None:
        return True
    return verdict is not last.verdict or now - last.created_at >= DAY
