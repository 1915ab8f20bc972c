"""Rows of imports: found, moved by compare-and-set, and closed. The only writers of their states."""

from datetime import datetime

import structlog
from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.catalog.models import Import, ImportPart
from backend.catalog.values import LIVE_IMPORT_STATES, ImportState, Part, PartState
from backend.core.errors import LostRace

log = structlog.get_logger(__name__)


def live_import(shop_id: int) -> Import | None:
    """Return a shop's live import, if there is one."""
    return Import.objects.for_shop(shop_id).filter(state__in=LIVE_IMPORT_STATES).first()


def find_live(import_id: int) -> Import | None:
    """Return an import, unless it is over."""
    rows = Import.objects.across_shops(reason="a job names the import, and the import its shop")
    return rows.filter(id=import_id, state__in=LIVE_IMPORT_STATES).first()


def parts_of(row: Import) -> list[ImportPart]:
    """Return the parts, products first: a line's product should be there when the line comes."""
    parts = ImportPart.objects.for_shop(row.shop_id).filter(of_id=row.id)
    return sorted(parts, key=lambda part: list(Part).index(Part(part.part)))


def touch(row: Import, *, now: datetime) -> None:
    """
    Note that somebody works on an import.

    :raises LostRace: if it ended meanwhile
    """
    live = Import.objects.for_shop(row.shop_id).filter(id=row.id, state__in=LIVE_IMPORT_STATES)
    values = {"touched_at": now, "state": ImportState.RUNNING, "started_at": row.started_at or now}
    if live.update(**values) != 1:
        raise LostRace(f"Import {row.uuid} ended meanwhile.")


def change(part: ImportPart, expected: PartState, **values: object) -> None:
    """
    Write to a part that is where we believe it to be, and move it on if ``values`` name another state.

    :raises LostRace: if it was moved; whoever comes late reads again and finds what is left to do
    """
    rows = ImportPart.objects.for_shop(part.shop_id).filter(id=part.id, state=expected)
    if rows.update(**values) != 1:
        raise LostRace(f"The {part.part.lower()} of import {part.of_id} are no longer {expected}.")


def close(row: Import, state: ImportState, error: str, *, now: datetime) -> bool:
    """End an import once, and tell whether this call did it."""
    live = Import.objects.for_shop(row.shop_id).filter(id=row.id, state__in=LIVE_IMPORT_STATES)
    return live.update(state=state, error=error, finished_at=now, touched_at=now) == 1


@transaction.atomic
def fail(row: Import, error: str, *, now: datetime) -> None:
    """End an import that can't go on, with words for the merchant."""
    if not close(row, ImportState.FAILED, error, now=now):
        # Somebody else ended it, with reasons of their own.
        return
    unfinished = ImportPart.objects.for_shop(row.shop_id).filter(of_id=row.id).exclude(state=PartState.DONE)
    unfinished.update(state=PartState.FAILED, error=error)
    audit.record(
        Event.IMPORT_FAILED, shop_id=row.shop_id, subject=f"import {row.uuid}", reason=error, now=now
    )
    log.error("import_failed", shop_id=row.shop_id, error=error)
