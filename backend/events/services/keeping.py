"""How events are kept: a partition a day, made ahead, dropped as a whole when its time is over."""

from datetime import UTC, datetime, timedelta

from django.db import transaction

from backend.audit import services as audit
from backend.core import partitions
from backend.core.tenancy import delete_in_batches
from backend.events.models import PARTITIONED, Tally


def make_partitions(*, now: datetime) -> int:
    """Make the partitions of the coming days, and of rows that came while nobody made them."""
    return sum(len(partitions.make_ahead(of, now=now, within=audit.erasure)) for of in PARTITIONED)


def drop_old(*, keep: timedelta, now: datetime) -> int:
    """Drop the days that are older than events are kept, with what was counted on them; return how many."""
    last = (now - keep).astimezone(UTC).date()
    dropped = 0
    for of in PARTITIONED:
        for day in [day for day in partitions.days(of) if day < last]:
            with transaction.atomic():
                partitions.drop(of, day)
            dropped += 1
    delete_in_batches(
        Tally.objects.across_shops(reason="the timetable serves all shops").filter(day__lt=last)
    )
    return dropped
