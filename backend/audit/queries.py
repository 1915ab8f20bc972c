"""Reads of the ledgers."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.audit.models import Decision, LedgerEvent
from backend.audit.values import Channel, DecisionRecord, Event, LedgerEntry, ShownItem, Surface


def decisions(shop_id: int, ids: Collection[UUID]) -> list[DecisionRecord]:
    """Return those of ``ids`` that this shop made, oldest first; ids it never made are left out."""
    if not ids:
        return []
    rows = Decision.objects.for_shop(shop_id).filter(id__in=set(ids)).order_by("at")
    return [_record(row) for row in rows]


def decisions_for_visitor(
    shop_id: int, visitor_key: str, *, since: datetime, until: datetime, limit: int = 200
) -> list[DecisionRecord]:
    """Return what one visitor was shown in [since, until), newest first."""
    rows = Decision.objects.for_shop(shop_id).filter(visitor_key=visitor_key, at__gte=since, at__lt=until)
    return [_record(row) for row in rows.order_by("-at")[:limit]]


def all_decisions_for_visitor(shop_id: int, visitor_key: str) -> Iterator[DecisionRecord]:
    """Return all that one visitor was ever shown, oldest first, read as it is asked for."""
    rows = Decision.objects.for_shop(shop_id).filter(visitor_key=visitor_key)
    return (_record(row) for row in rows.order_by("at").iterator(chunk_size=500))


def count_decisions_for_visitor(shop_id: int, visitor_key: str) -> int:
    """Return how often one visitor was shown something."""
    return Decision.objects.for_shop(shop_id).filter(visitor_key=visitor_key).count()


def find_last_decision(shop_id: int, channel: Channel) -> DecisionRecord | None:
    """Return the shop's newest decision that went by a channel, or None before the first."""
    row = Decision.objects.for_shop(shop_id).filter(channel=channel).order_by("-at").first()
    return _record(row) if row else None


# Of a block that is asked for less often than that beside the other nothing is known here.
NEWEST_ASKED: Final = 1_000


def last_asked(shop_id: int, channel: Channel) -> dict[Surface, datetime]:
    """Return when each surface was last asked for by a channel, among the newest decisions of the shop."""
    newest = Decision.objects.for_shop(shop_id).filter(channel=channel).order_by("-at")
    last: dict[Surface, datetime] = {}
    for surface, at in newest.values_list("surface", "at")[:NEWEST_ASKED]:
        last.setdefault(Surface(surface), at)
    return last


def events(shop_id: int, *, event: Event | None = None, limit: int = 50) -> list[LedgerEntry]:
    """Return the newest acts of one shop."""
    rows = LedgerEvent.objects.for_shop(shop_id).order_by("-at")
    if event:
        rows = rows.filter(event=event)
    return [
        LedgerEntry(row.at, Event(row.event), row.actor, row.subject, row.reason, row.details)
        for row in rows[:limit]
    ]


def _record(row: Decision) -> DecisionRecord:
    return DecisionRecord(
        id=row.id,
        shop_id=row.shop_id,
        at=row.at,
        surface=Surface(row.surface),
        channel=Channel(row.channel),
        arm=row.arm,
        items=tuple(ShownItem(**item) for item in row.items),
        requested=row.requested,
        latency_ms=row.latency_ms,
        visitor_key=row.visitor_key,
        version_id=row.version_id,
        version_number=row.version_number,
        context_product_id=row.context_product_id,
        fallback=row.fallback,
        request_id=row.request_id,
    )
