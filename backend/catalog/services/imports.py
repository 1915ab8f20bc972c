"""
Bringing a shop's history in: ask Shopify for two exports, wait, load, tell.

The rows say how far it is; jobs only move them on. Whatever is interrupted,
the sweep finds the row and the next job goes on from there. Webhooks that
arrive meanwhile are applied as ever: the newer ``updated_at`` wins over the
export, which is a picture of an earlier moment.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from backend.audit import services as audit
from backend.audit.values import Event
from backend.catalog import gateway, queries
from backend.catalog.gateway import Export, ExportState
from backend.catalog.models import Import, ImportPart
from backend.catalog.values import LIVE_IMPORT_STATES, ImportProgress, ImportState, Part, PartState
from backend.core.errors import Corrupt, Refused, Unavailable
from backend.core.queue import Job, enqueue
from backend.shopify.gateway import AccessDenied, AdminClient, ShopClosed, UserErrors
from backend.shops import queries as shops
from backend.shops import services as shop_services

from .loading import load

log = structlog.get_logger(__name__)

MOST_ATTEMPTS: Final = 3
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


def request_import(shop_id: int, *, now: datetime, since: datetime | None = None) -> ImportProgress:
    """
    Ask for a shop's history, or for what changed since a moment.

    :raises AlreadyRunning: if an import of the shop is live
    """
    try:
        with transaction.atomic():
            _create(shop_id, now=now, since=since)
            enqueue(Job.IMPORT_START, shop_id=shop_id)
    except IntegrityError as error:
        raise AlreadyRunning(f"Shop {shop_id} is being imported already.") from error
    progress = queries.import_progress(shop_id)
    if progress is None:
        raise Corrupt(f"The import of shop {shop_id} was written and cannot be read.")
    return progress


def _create(shop_id: int, *, now: datetime, since: datetime | None) -> Import:
    row = Import.objects.for_shop(shop_id).create(since=since, created_at=now, touched_at=now)
    ImportPart.objects.for_shop(shop_id).bulk_create([ImportPart(of=row, part=part) for part in Part])
    audit.record(
        Event.IMPORT_REQUESTED,
        shop_id=shop_id,
        subject=f"import {row.uuid}",
        reason="All history." if since is None else f"What changed since {since:%Y-%m-%d %H:%M} UTC.",
        now=now,
    )
    return row


def start_import(shop_id: int, *, now: datetime) -> None:
    """Start a shop's waiting import, making one if none is live."""
    row = _live(shop_id)
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

    :raises Unavailable: if Shopify cannot be asked now
    """
    row = _find_live(import_id)
    if row is None:
        return
    if now - row.created_at > GIVE_UP_AFTER:
        _fail(row, "Shopify did not finish the export in ten days.", now=now)
        return
    _touch(row, now=now)
    client = shop_services.admin_client(row.shop_id, now=now)
    try:
        for part in _parts(row):
            _move(row, part, client)
    except (AccessDenied, ShopClosed, UserErrors) as error:
        _fail(row, error.message, now=now)
        return
    _ask_for_more(row, now=now)


def _move(row: Import, part: ImportPart, client: AdminClient) -> None:
    if part.state == PartState.WAITING:
        _start(row, part, client)
    elif part.state == PartState.EXPORTING:
        _look(part, client)


def _start(row: Import, part: ImportPart, client: AdminClient) -> None:
    operation_id = gateway.start_export(client, Part(part.part), since=row.since)
    _update(
        part,
        PartState.WAITING,
        state=PartState.EXPORTING,
        operation_id=operation_id,
        attempts=F("attempts") + 1,
    )


def _look(part: ImportPart, client: AdminClient) -> None:
    export = gateway.read_export(client, part.operation_id)
    if export is not None and export.state is ExportState.RUNNING:
        _update(part, PartState.EXPORTING, total=export.roots)
    elif export is not None and export.state is ExportState.READY:
        _update(part, PartState.EXPORTING, state=PartState.LOADING, total=export.roots, done=0)
    elif export is not None and export.state is ExportState.DENIED:
        raise AccessDenied(
            f"Shopify denied the export of {part.part.lower()}: a scope or an approval is missing."
        )
    elif part.attempts < MOST_ATTEMPTS:
        log.warning(
            "export_lost", part=part.part, attempts=part.attempts, error=export.error if export else "unknown"
        )
        _update(part, PartState.EXPORTING, state=PartState.WAITING, operation_id="")
    else:
        raise UserErrors(f"Shopify lost the export of {part.part.lower()} {part.attempts} times.")


def _ask_for_more(row: Import, *, now: datetime) -> None:
    states = {part.state for part in _parts(row)}
    if PartState.LOADING in states:
        enqueue(Job.IMPORT_LOAD, import_id=row.id)
    if states & {PartState.WAITING, PartState.EXPORTING}:
        enqueue(Job.IMPORT_POLL, import_id=row.id, countdown=_poll_seconds(now - row.created_at))


def _poll_seconds(age: timedelta) -> float:
    """Return how long to wait: often at first, because small shops take seconds; rarely later."""
    return min(max(age.total_seconds() / 10, FIRST_POLL_SECONDS), LONGEST_POLL_SECONDS)


def import_of_operation(shop_id: int, operation_id: str) -> int | None:
    """Return the live import that waits for a bulk operation, or None if it is not ours."""
    part = ImportPart.objects.for_shop(shop_id).filter(operation_id=operation_id).select_related("of").first()
    return part.of_id if part is not None and part.of.state in LIVE_IMPORT_STATES else None


# Loading


def load_import(import_id: int, *, now: datetime) -> bool:
    """
    Load every part that is ready; one worker at a time.

    :returns: whether the whole import is done now
    :raises Unavailable: if the result broke off; loading again starts it anew and writes the same
    """
    row = _find_live(import_id)
    if row is None:
        return False
    with _alone(row.id) as is_alone:
        if not is_alone:
            return False
        try:
            for part in _parts(row):
                if part.state == PartState.LOADING:
                    _load_part(row, part, now=now)
        except (AccessDenied, ShopClosed, Corrupt) as error:
            _fail(row, error.message, now=now)
            raise
    return _finish_if_done(row, now=now)


def _load_part(row: Import, part: ImportPart, *, now: datetime) -> None:
    client = shop_services.admin_client(row.shop_id, now=now)
    # Asked for again, because the address of a result is a secret that we do not store.
    export = gateway.read_export(client, part.operation_id)
    if export is None or export.state is not ExportState.READY:
        _update(part, PartState.LOADING, state=PartState.WAITING, operation_id="")
        raise Unavailable(
            f"The export of {part.part.lower()} for import {row.uuid} is gone; it is asked for again."
        )
    loaded = _load_export(row, part, export, now=now)
    _update(part, PartState.LOADING, state=PartState.DONE, done=loaded, total=loaded)
    log.info("import_part_loaded", shop_id=row.shop_id, part=part.part, loaded=loaded)


def _load_export(row: Import, part: ImportPart, export: Export, *, now: datetime) -> int:
    is_whole_catalogue = part.part == Part.PRODUCTS and row.since is None
    arguments: dict[str, Any] = {
        "pseudonymise": shop_services.pseudonymiser(row.shop_id),
        "missing_before": export.started_at if is_whole_catalogue else None,
        "on_progress": partial(_note_progress, row, part),
        "now": now,
    }
    if export.url is None:
        # Shopify makes no file when nothing matched.
        return load(row.shop_id, [], **arguments)
    with gateway.open_export(export.url) as lines:
        return load(row.shop_id, lines, **arguments)


def _note_progress(row: Import, part: ImportPart, done: int) -> None:
    ImportPart.objects.for_shop(row.shop_id).filter(id=part.id).update(done=done)


def _finish_if_done(row: Import, *, now: datetime) -> bool:
    if any(part.state != PartState.DONE for part in _parts(row)):
        return False
    with transaction.atomic():
        if not _close(row, ImportState.DONE, "", now=now):
            return False
        audit.record(
            Event.IMPORT_FINISHED,
            shop_id=row.shop_id,
            subject=f"import {row.uuid}",
            reason=", ".join(f"{part.done} {part.part.lower()}" for part in _parts(row)) + ".",
            now=now,
        )
        enqueue(Job.FEATURES_REBUILD, shop_id=row.shop_id)
    return True


@contextmanager
def _alone(import_id: int) -> Iterator[bool]:
    """Tell whether this worker may load; the lock goes with its connection, so a killed worker frees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"import:{import_id}"])
        is_alone = bool(cursor.fetchone()[0])
    try:
        yield is_alone
    finally:
        if is_alone and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [f"import:{import_id}"])


# Regular work


def sweep_imports(*, now: datetime) -> int:
    """
    Take up stalled imports, and shops whose first import was never asked for.

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
    return len(import_ids) + len(fresh)


def reconcile(*, now: datetime) -> int:
    """
    Ask each shop for what changed lately: webhooks get lost, and some changes are never announced.

    :returns: how many shops were asked
    """
    asked = 0
    for shop_id in shops.installed_shop_ids():
        if not queries.has_finished_import(shop_id):
            continue
        try:
            request_import(shop_id, now=now, since=now - RECONCILE_WINDOW)
        except AlreadyRunning:
            continue
        asked += 1
    return asked


def stop_imports(shop_id: int, *, reason: str, now: datetime) -> None:
    """End a shop's live import, if there is one."""
    row = _live(shop_id)
    if row is not None:
        _fail(row, reason, now=now)


# Rows


def _live(shop_id: int) -> Import | None:
    return Import.objects.for_shop(shop_id).filter(state__in=LIVE_IMPORT_STATES).first()


def _find_live(import_id: int) -> Import | None:
    rows = Import.objects.across_shops(reason="a job names the import, and the import its shop")
    return rows.filter(id=import_id, state__in=LIVE_IMPORT_STATES).first()


def _parts(row: Import) -> list[ImportPart]:
    """Return the parts, products first: a line's product should be there when the line comes."""
    parts = ImportPart.objects.for_shop(row.shop_id).filter(of_id=row.id)
    return sorted(parts, key=lambda part: list(Part).index(Part(part.part)))


def _touch(row: Import, *, now: datetime) -> None:
    Import.objects.for_shop(row.shop_id).filter(id=row.id).update(touched_at=now, state=ImportState.RUNNING)
    Import.objects.for_shop(row.shop_id).filter(id=row.id, started_at=None).update(started_at=now)


def _update(part: ImportPart, expected: PartState, **values: object) -> None:
    """Move a part by compare-and-set: a job that comes late finds the part moved and changes nothing."""
    ImportPart.objects.for_shop(part.shop_id).filter(id=part.id, state=expected).update(**values)


def _close(row: Import, state: ImportState, error: str, *, now: datetime) -> bool:
    live = Import.objects.for_shop(row.shop_id).filter(id=row.id, state__in=LIVE_IMPORT_STATES)
    return live.update(state=state, error=error, finished_at=now, touched_at=now) == 1


@transaction.atomic
def _fail(row: Import, error: str, *, now: datetime) -> None:
    if not _close(row, ImportState.FAILED, error, now=now):
        return
    unfinished = ImportPart.objects.for_shop(row.shop_id).filter(of_id=row.id).exclude(state=PartState.DONE)
    unfinished.update(state=PartState.FAILED, error=error)
    audit.record(
        Event.IMPORT_FAILED, shop_id=row.shop_id, subject=f"import {row.uuid}", reason=error[:500], now=now
    )
    log.error("import_failed", shop_id=row.shop_id, error=error)
