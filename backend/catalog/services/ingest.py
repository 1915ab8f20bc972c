"""
Bringing the file of each part in: one worker an import, one file at a time, nothing deleted without proof.

A file that is shorter than Shopify counted is asked for again. What a whole
catalogue does not hold is asked for by its id, and only what Shopify then
says it does not have is marked as deleted.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from django.db import connection, transaction
from django.db.models import F

from backend.audit import services as audit
from backend.audit.values import Event
from backend.catalog import gateway, queries
from backend.catalog.gateway import Export, ExportState
from backend.catalog.models import Import, ImportPart
from backend.catalog.values import ImportState, Part, PartState
from backend.core import leases
from backend.core.database import DATABASE_DOWN
from backend.core.errors import Corrupt, Refused, Unavailable
from backend.core.progress import best_effort
from backend.core.queue import Job, enqueue
from backend.shopify.gateway import AdminClient
from backend.shops import queries as shops
from backend.shops import services as shop_services

from . import exports, rows
from .apply import infer_deletions
from .counting import count_shop
from .loading import Loaded, Promised, ShortFile, load

log = structlog.get_logger(__name__)

# How often a part may be begun without a word of how it ended. A worker that is killed can't say why.
MOST_LOST_LOADS: Final = 3


class LoadLost(Corrupt):
    """The worker that reads a file is lost each time."""

    code = "load_lost"


def load_import(import_id: int, *, now: datetime) -> bool:
    """
    Load every part that is ready; one worker at a time.

    A worker that finds the lease taken may end: what it was sent for was ready before it looked, and
    the one that holds the lease looks again after it let go.

    :returns: whether the whole import is done now
    :raises Unavailable: if the result broke off; loading again starts it anew and writes the same
    """
    while (row := rows.find_live(import_id)) is not None and _ready_parts(row):
        with leases.alone(Job.IMPORT_LOAD.value, import_id=import_id) as is_alone:
            if not is_alone:
                return False
            _load_ready(row, now=now)
    return row is not None and _finish_if_done(row, now=now)


def _ready_parts(row: Import) -> list[ImportPart]:
    return [part for part in rows.parts_of(row) if part.state == PartState.LOADING]


def _load_ready(row: Import, *, now: datetime) -> None:
    # Read under the lease: another worker may have loaded them since.
    for part in _ready_parts(row):
        try:
            with _counted(part):
                _load_part(row, part, now=now)
        except exports.FINAL as error:
            rows.fail(row, error.message, now=now)
            raise


@contextmanager
def _counted(part: ImportPart) -> Iterator[None]:
    """
    Count a load as lost until it ends in a way that we know.

    What was killed, and what fails in a way nobody thought of, stays counted and is not begun for ever.

    :raises LoadLost: if it was lost too often
    """
    if part.lost_loads >= MOST_LOST_LOADS:
        raise LoadLost(
            f"Reading the file of {part.part.lower()} was begun {part.lost_loads} times and never ended: "
            "the worker was most likely killed because its memory was full."
        )
    counted = ImportPart.objects.for_shop(part.shop_id).filter(id=part.id)
    rows.change(part, PartState.LOADING, lost_loads=F("lost_loads") + 1)
    try:
        yield
    except (Refused, Unavailable, *DATABASE_DOWN):
        # A database that failed over or ended a deadlock killed nobody. What broke needs a new connection.
        connection.close_if_unusable_or_obsolete()
        counted.update(lost_loads=F("lost_loads") - 1)
        raise
    counted.update(lost_loads=F("lost_loads") - 1)


def _load_part(row: Import, part: ImportPart, *, now: datetime) -> None:
    client = shop_services.admin_client(row.shop_id, now=now)
    # Asked for again, because the address of a result is a secret that we do not store.
    export = gateway.read_export(client, part.operation_id)
    if export is None or export.state is not ExportState.READY:
        _ask_again(part, why=export.error if export else "it is gone")
        return
    try:
        loaded = _load_export(row, part, export)
    except ShortFile as error:
        _ask_again(part, why=error.message)
        return
    for start in range(0, len(loaded.missing), gateway.IDS_PER_READ):
        few = loaded.missing[start : start + gateway.IDS_PER_READ]
        _delete_missing(row.shop_id, few, client, now=now)
    _end_part(part, loaded)
    log.info("import_part_loaded", shop_id=row.shop_id, part=part.part, loaded=loaded.roots)


def _ask_again(part: ImportPart, *, why: str) -> None:
    with transaction.atomic():
        exports.ask_again(part, PartState.LOADING, why=why)
        enqueue(Job.IMPORT_POLL, import_id=part.of_id)


def _load_export(row: Import, part: ImportPart, export: Export) -> Loaded:
    shop = shops.get_shop(row.shop_id)
    bring = partial(
        load,
        row.shop_id,
        pseudonymise=shop_services.pseudonymiser(row.shop_id),
        promised=Promised(objects=export.objects, roots=export.roots),
        accepts_fewer_children=part.attempts >= exports.MOST_ATTEMPTS,
        is_whole_catalogue=part.part == Part.PRODUCTS and row.since is None,
        # What depends on the orders of a first import is built as a whole, credits of before it are none.
        changed_since=None if queries.has_finished_import(row.shop_id) else shop.installed_at,
        on_progress=partial(_note_progress, row, part),
    )
    if export.url is None:
        # Shopify makes no file when nothing matched.
        return bring([])
    with gateway.open_export(export.url) as lines:
        return bring(lines)


def _delete_missing(shop_id: int, product_ids: Sequence[int], client: AdminClient, *, now: datetime) -> None:
    gone = gateway.missing_products(client, product_ids)
    deleted = infer_deletions(shop_id, gone, now=now)
    log.info("products_missing", shop_id=shop_id, asked=len(product_ids), deleted=deleted)


def _end_part(part: ImportPart, loaded: Loaded) -> None:
    rows.change(
        part,
        PartState.LOADING,
        state=PartState.DONE,
        done=loaded.roots,
        total=loaded.roots + loaded.set_aside.roots,
        set_aside=loaded.set_aside.count,
        samples=[sample.in_words() for sample in loaded.set_aside.samples],
        note=" ".join(filter(None, (loaded.set_aside.in_words(), loaded.shortage))),
    )


def _note_progress(row: Import, part: ImportPart, done: int) -> None:
    leases.ensure_held()
    with best_effort("import progress"):
        ImportPart.objects.for_shop(row.shop_id).filter(id=part.id).update(done=done)


def _finish_if_done(row: Import, *, now: datetime) -> bool:
    parts = rows.parts_of(row)
    if any(part.state != PartState.DONE for part in parts):
        return False
    is_first = not queries.has_finished_import(row.shop_id)
    has_changes = queries.has_changed_orders(row.shop_id)
    with transaction.atomic():
        if not rows.close(row, ImportState.DONE, "", now=now):
            return False
        audit.record(
            Event.IMPORT_FINISHED,
            shop_id=row.shop_id,
            subject=f"import {row.uuid}",
            reason=" ".join(_told(part) for part in parts),
            now=now,
        )
        if is_first:
            enqueue(Job.FEATURES_REBUILD, shop_id=row.shop_id)
        if has_changes:
            enqueue(Job.ORDERS_FOLLOW, shop_id=row.shop_id)
    if is_first or has_changes:
        count_shop(row.shop_id, now=now)
    return True


def _told(part: ImportPart) -> str:
    left_out = f", {part.set_aside} records left out" if part.set_aside else ""
    return f"{part.done} {part.part.lower()}{left_out}."
