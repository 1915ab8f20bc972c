"""
Bringing a shop's history in: ask Shopify for two exports, wait, load, tell.

The rows say how far it is; jobs only move them on. Whatever is interrupted,
the sweep finds the row and the next job goes on from there. Webhooks that
arrive meanwhile are applied as ever: the newer ``updated_at`` wins over the
export, which is a picture of an earlier moment.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.catalog import queries
from backend.catalog.models import Import, ImportPart
from backend.catalog.values import LIVE_IMPORT_STATES, ImportProgress, Part, PartState
from backend.core import leases
from backend.core.errors import Corrupt, Refused
from backend.core.queue import Job, enqueue
from backend.shopify.gateway import AdminClient
from backend.shops import queries as shops
from backend.shops import services as shop_services

from . import changes, exports, rows

FIRST_POLL_SECONDS: Final = 1.0
LONGEST_POLL_SECONDS: Final = 30.0
# The sweep takes up an import that no job touched for so long.
STALLED_AFTER: Final = timedelta(minutes=2)
# A bulk operation may run for ten days; its result can be read for seven more.
GIVE_UP_AFTER: Final = timedelta(days=10)
# The nightly look back: longer than a weekend of trouble on our side.
RECONCILE_WINDOW: Final = timedelta(days=3)


class AlreadyRunning(Refused):
    """The shop has a live import; one at a time is enough."""

    code = "already_running"
    status = 409


# Asking


def request_import(
    shop_id: int, *, now: datetime, since: datetime | None = None, actor: str = audit.SYSTEM
) -> ImportProgress:
    """
    Ask for a shop's history, or for what changed since a moment.

    :raises AlreadyRunning: if an import of the shop is live
    """
    try:
        with transaction.atomic():
            _create(shop_id, now=now, since=since, actor=actor)
            enqueue(Job.IMPORT_START, shop_id=shop_id)
    except IntegrityError as error:
        raise AlreadyRunning(f"Shop {shop_id} is being imported already.") from error
    progress = queries.import_progress(shop_id)
    if progress is None:
        raise Corrupt(f"The import of shop {shop_id} was written and cannot be read.")
    return progress


def _create(shop_id: int, *, now: datetime, since: datetime | None, actor: str = audit.SYSTEM) -> Import:
    row = Import.objects.for_shop(shop_id).create(since=since, created_at=now, touched_at=now)
    ImportPart.objects.for_shop(shop_id).bulk_create([ImportPart(of=row, part=part) for part in Part])
    audit.record(
        Event.IMPORT_REQUESTED,
        shop_id=shop_id,
        subject=f"import {row.uuid}",
        reason="All history." if since is None else f"What changed since {since:%Y-%m-%d %H:%M} UTC.",
        now=now,
        actor=actor,
    )
    return row


def start_import(shop_id: int, *, now: datetime) -> None:
    """Start a shop's waiting import, making one if none is live."""
    row = rows.live_import(shop_id)
    if row is None:
        try:
            with transaction.atomic():
                row = _create(shop_id, now=now, since=None)
        except IntegrityError:
            # Another worker was a moment earlier; its import will do.
            return
    if not shops.get_shop(shop_id).currency:
        shop_services.read_details(shop_id, now=now)
    poll_import(row.id, now=now)


# Waiting


def poll_import(import_id: int, *, now: datetime) -> None:
    """
    Move an import on: start what waits, look after what runs, hand over what is ready.

    One worker at a time, so that no export is started twice. One that finds another at it may end:
    whoever polls asks for the next poll as long as anything waits.

    :raises Unavailable: if Shopify cannot be asked now
    """
    with leases.alone(Job.IMPORT_POLL.value, import_id=import_id) as is_alone:
        row = rows.find_live(import_id) if is_alone else None
        if row is not None:
            _poll(row, now=now)


def _poll(row: Import, *, now: datetime) -> None:
    if now - row.created_at > GIVE_UP_AFTER:
        rows.fail(row, "Shopify did not finish the export in ten days.", now=now)
        return
    rows.touch(row, now=now)
    try:
        _advance(row, shop_services.admin_client(row.shop_id, now=now), now=now)
    except exports.FINAL as error:
        rows.fail(row, error.message, now=now)
        return
    _ask_for_more(row, now=now)


def _advance(row: Import, client: AdminClient, *, now: datetime) -> None:
    parts = rows.parts_of(row)
    try:
        for part in parts:
            exports.advance(row, part, client, now=now)
    except exports.FINAL:
        for part in parts:
            exports.cancel(part, client)
        raise


def _ask_for_more(row: Import, *, now: datetime) -> None:
    states = {part.state for part in rows.parts_of(row)}
    # The load also ends an import whose last worker died between its last part and its end.
    if PartState.LOADING in states or states == {PartState.DONE}:
        enqueue(Job.IMPORT_LOAD, import_id=row.id)
    if states & {PartState.WAITING, PartState.STARTING, PartState.EXPORTING}:
        enqueue(Job.IMPORT_POLL, import_id=row.id, countdown=_poll_seconds(now - row.created_at))


def _poll_seconds(age: timedelta) -> float:
    """Return how long to wait: often at first, because small shops take seconds; rarely later."""
    return min(max(age.total_seconds() / 10, FIRST_POLL_SECONDS), LONGEST_POLL_SECONDS)


def import_of_operation(shop_id: int, operation_id: str) -> int | None:
    """Return the live import that waits for a bulk operation, or None if it is not ours."""
    part = ImportPart.objects.for_shop(shop_id).filter(operation_id=operation_id).select_related("of").first()
    return part.of_id if part is not None and part.of.state in LIVE_IMPORT_STATES else None


# Regular work


def sweep_imports(*, now: datetime) -> int:
    """
    Take up stalled imports, shops whose first import was never asked for, and what follows from imports.

    :returns: how many jobs were sent
    """
    stalled = Import.objects.across_shops(reason="the sweep serves all shops").filter(
        state__in=LIVE_IMPORT_STATES, touched_at__lt=now - STALLED_AFTER
    )
    import_ids = list(stalled.values_list("id", flat=True))
    for import_id in import_ids:
        enqueue(Job.IMPORT_POLL, import_id=import_id)
    known = set(
        Import.objects.across_shops(reason="the sweep serves all shops").values_list("shop_id", flat=True)
    )
    fresh = [shop_id for shop_id in shops.installed_shop_ids() if shop_id not in known]
    for shop_id in fresh:
        enqueue(Job.IMPORT_START, shop_id=shop_id)
    behind = changes.shops_behind()
    for shop_id in behind:
        enqueue(Job.ORDERS_FOLLOW, shop_id=shop_id)
    return len(import_ids) + len(fresh) + len(behind)


def reconcile(*, now: datetime) -> int:
    """
    Ask each shop for what changed lately: webhooks get lost, and some changes are never announced.

    :returns: how many shops were asked
    """
    return _ask_each_shop(since=now - RECONCILE_WINDOW, now=now)


def reconcile_whole(*, now: datetime) -> int:
    """
    Ask each shop for all it has: only a whole catalogue tells which products may be gone.

    :returns: how many shops were asked
    """
    return _ask_each_shop(since=None, now=now)


def _ask_each_shop(*, since: datetime | None, now: datetime) -> int:
    asked = 0
    for shop_id in shops.installed_shop_ids():
        if not queries.has_finished_import(shop_id):
            continue
        try:
            request_import(shop_id, now=now, since=since)
        except AlreadyRunning:
            continue
        asked += 1
    return asked


def stop_imports(shop_id: int, *, reason: str, now: datetime) -> None:
    """End a shop's live import, if there is one."""
    row = rows.live_import(shop_id)
    if row is not None:
        rows.fail(row, reason, now=now)


def give_up_import(import_id: int, *, reason: str, now: datetime) -> None:
    """End an import whose job failed or lost its worker too often, with words for the merchant."""
    row = rows.find_live(import_id)
    if row is not None:
        rows.fail(row, f"It was tried too often. {reason}", now=now)
