"""Reads of the ledgers."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from backend.audit.models import Decision, LedgerEvent
from backend.audit.values import (
    ActFilter,
    ActorKind,
    Channel,
    DecisionRecord,
    Event,
    LedgerEntry,
    ShownItem,
    Surface,
)
from backend.core.errors import Refused


class UnknownAct(Refused):
    """No act has this id in this shop."""

    code = "unknown_act"
    status = 404


def decisions(shop_id: int, ids: Collection[UUID]) -> list[DecisionRecord]:
    """Return those of ``ids`` that this shop made, oldest first; ids it never made are left out."""
    if not ids:
        return []
    rows = Decision.objects.for_shop(shop_id).filter(id__in=set(ids)).order_by("at")
    return [_record(row) for row in rows]


def decisions_across_shops(ids: Collection[UUID]) -> list[DecisionRecord]:
    """Return those of ``ids`` that any shop made: what a browser says of one is held to whose it is."""
    if not ids:
        return []
    rows = Decision.objects.across_shops(reason="a browser's word is held to the ledger")
    return [_record(row) for row in rows.filter(id__in=set(ids))]


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
    return [_entry(row) for row in rows[:limit]]


# How the actors of each kind begin; whoever begins otherwise is the system.
ACTORS: Final = {ActorKind.MERCHANT: "user ", ActorKind.STAFF: "staff:"}


def acts(shop_id: int, wanted: ActFilter, *, before: UUID | None = None, limit: int) -> list[LedgerEntry]:
    """
    Return a page of the acts on one shop, newest first.

    :param before: the last act of the page before; those that come after it in this order are returned
    :raises UnknownAct: if the shop has no such act
    """
    rows = _wanted(LedgerEvent.objects.for_shop(shop_id), wanted)
    if before is not None:
        at = LedgerEvent.objects.for_shop(shop_id).filter(id=before).values_list("at", flat=True).first()
        if at is None:
            raise UnknownAct("This act is not in the shop's ledger.", field="before")
        # The moment first, by itself: that is what the index can find its place by.
        rows = rows.filter(at__lte=at).exclude(at=at, id__gte=before)
    return [_entry(row) for row in rows.order_by("-at", "-id")[:limit]]


def _wanted(rows: QuerySet[LedgerEvent], wanted: ActFilter) -> QuerySet[LedgerEvent]:
    if wanted.since is not None:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(at__lt=wanted.until)
    if wanted.events is not None:
        rows = rows.filter(event__in=wanted.events)
    if wanted.actor is ActorKind.SYSTEM:
        return rows.exclude(_by(*ACTORS.values()))
    return rows.filter(_by(ACTORS[wanted.actor])) if wanted.actor else rows


def _by(*beginnings: str) -> Q:
    condition = Q()
    for beginning in beginnings:
        condition |= Q(actor__startswith=beginning)
    return condition


def actor_kind(actor: str) -> ActorKind:
    """Return who a ledger means by an actor."""
    kinds = (kind for kind, beginning in ACTORS.items() if actor.startswith(beginning))
    return next(kinds, ActorKind.SYSTEM)


def _entry(row: LedgerEvent) -> LedgerEntry:
    return LedgerEntry(
        row.id,
        row.at,
        Event(row.event),
        row.actor,
        row.subject,
        row.reason,
        row.details,
        old=row.old,
        new=row.new,
        source=row.source,
        request_id=row.request_id,
    )


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
