"""
Asking Shopify for exports: each is started once, waits for a free slot, and is watched until it ends.

A start is written down before Shopify is asked. When no answer comes, the
operation may run all the same: it is looked for, never started blindly again.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db.models import F

from backend.catalog import gateway
from backend.catalog.gateway import ExportState, SlotsBusy
from backend.catalog.models import Import, ImportPart
from backend.catalog.values import LIVE_IMPORT_STATES, Part, PartState
from backend.core.errors import Corrupt, Failure, LostRace
from backend.shopify.gateway import AccessDenied, AdminClient, ShopClosed, UserErrors
from backend.shops.services import NotInstalled

from . import rows

log = structlog.get_logger(__name__)

MOST_ATTEMPTS: Final = 3
# What ends an import: asked again, Shopify would say the same. A consent that is missing may still be given.
FINAL: Final = (AccessDenied, ShopClosed, UserErrors, NotInstalled, Corrupt)
# A request that broke off may still be on its way to Shopify for so long.
UNANSWERED_FOR: Final = timedelta(seconds=30)

BUSY = "Shopify is busy with other exports of this shop; this one starts when they are done."


def advance(row: Import, part: ImportPart, client: AdminClient, *, now: datetime) -> None:
    """
    Take a part's export one step further, if it waits for one.

    :raises AccessDenied, UserErrors: if there will be no export
    :raises AdminApiUnavailable: if Shopify cannot be asked now
    """
    if part.state == PartState.STARTING:
        _look_for_start(row, part, client, now=now)
    elif part.state == PartState.WAITING:
        _start(row, part, client, now=now)
    elif part.state == PartState.EXPORTING:
        _look(part, client)


def _start(row: Import, part: ImportPart, client: AdminClient, *, now: datetime) -> None:
    rows.change(part, PartState.WAITING, state=PartState.STARTING, asked_at=now, attempts=F("attempts") + 1)
    try:
        operation_id = gateway.start_export(client, Part(part.part), since=row.since)
    except SlotsBusy:
        _wait_again(part, note=BUSY)
        _cancel_abandoned(row.shop_id, client)
        return
    _adopt(part, operation_id, client)


def _adopt(part: ImportPart, operation_id: str, client: AdminClient) -> None:
    try:
        rows.change(part, PartState.STARTING, state=PartState.EXPORTING, operation_id=operation_id, note="")
    except LostRace:
        # The import ended while Shopify was asked; nobody waits for this file.
        gateway.cancel_export(client, operation_id)
        raise


def _wait_again(part: ImportPart, *, note: str) -> None:
    # No export was lost, so that this start does not count.
    values = {"state": PartState.WAITING, "attempts": F("attempts") - 1, "note": note}
    rows.change(part, PartState.STARTING, **values)


def _look_for_start(row: Import, part: ImportPart, client: AdminClient, *, now: datetime) -> None:
    asked_at = part.asked_at or row.created_at
    known = ImportPart.objects.for_shop(row.shop_id).exclude(operation_id="")
    operation_id = gateway.find_export(
        client,
        Part(part.part),
        since=row.since,
        asked_at=asked_at,
        known=set(known.values_list("operation_id", flat=True)),
    )
    if operation_id is not None:
        _adopt(part, operation_id, client)
    elif now - asked_at > UNANSWERED_FOR:
        _wait_again(part, note="")


def _look(part: ImportPart, client: AdminClient) -> None:
    export = gateway.read_export(client, part.operation_id)
    if export is not None and export.state is ExportState.RUNNING:
        rows.change(part, PartState.EXPORTING, total=export.roots)
    elif export is not None and export.state is ExportState.READY:
        rows.change(part, PartState.EXPORTING, state=PartState.LOADING, total=export.roots, done=0)
    elif export is not None and export.state is ExportState.DENIED:
        raise AccessDenied(
            f"Shopify denied the export of {part.part.lower()}: a scope or an approval is missing."
        )
    else:
        ask_again(part, PartState.EXPORTING, why=export.error if export else "it is not known any more")


def ask_again(part: ImportPart, expected: PartState, *, why: str) -> None:
    """
    Have an export made anew whose file can't be used, but not for ever.

    :raises UserErrors: after too many tries
    """
    what = f"Shopify's export of {part.part.lower()} could not be used ({why})"
    if part.attempts >= MOST_ATTEMPTS:
        raise UserErrors(f"{what}, {part.attempts} times. Nothing was changed or deleted because of it.")
    log.warning("export_lost", part=part.part, attempts=part.attempts, error=why)
    rows.change(
        part, expected, state=PartState.WAITING, operation_id="", note=f"{what}; it is asked for again."
    )


def _cancel_abandoned(shop_id: int, client: AdminClient) -> None:
    """Free the slots that operations of imports hold that are over."""
    live = ImportPart.objects.for_shop(shop_id).filter(of__state__in=LIVE_IMPORT_STATES)
    if live.filter(state=PartState.STARTING).exists():
        # One of those that run may be the one that nobody answered us about.
        return
    wanted = set(live.values_list("operation_id", flat=True))
    for operation_id in gateway.running_exports(client):
        if operation_id not in wanted:
            log.warning("export_cancelled", shop_id=shop_id, operation_id=operation_id)
            gateway.cancel_export(client, operation_id)


def cancel(part: ImportPart, client: AdminClient) -> None:
    """Stop an export that nobody waits for any more; if Shopify can't be asked, the next start finds it."""
    part.refresh_from_db()
    if part.state != PartState.EXPORTING:
        return
    try:
        gateway.cancel_export(client, part.operation_id)
    except Failure as error:
        log.warning("export_not_cancelled", operation_id=part.operation_id, error=error.message)
