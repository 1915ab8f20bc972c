"""Sessions of staff, as rows: few enough to be looked through when one person's have to end."""

from datetime import datetime

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session


def delete_sessions(user_id: int, *, but: str | None, now: datetime) -> int:
    """Delete every session of one account, but the one that asks; return how many."""
    theirs = [
        row.pk
        for row in Session.objects.filter(expire_date__gte=now)
        if row.pk != but and row.get_decoded().get(SESSION_KEY) == str(user_id)
    ]
    return Session.objects.filter(pk__in=theirs).delete()[0]


def clear_expired_sessions(*, now: datetime) -> int:
    """Delete the rows of sessions that are over; return how many."""
    return Session.objects.filter(expire_date__lt=now).delete()[0]
