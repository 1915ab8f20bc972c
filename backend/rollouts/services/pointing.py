"""Move the pointer of a shop: what answers whom."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from backend.audit import services as audit
from backend.audit.values import Event, Surface
from backend.core.errors import LostRace
from backend.core.queue import Job, enqueue
from backend.registry import queries as registry
from backend.registry import services as registry_services
from backend.registry.values import VersionState
from backend.rollouts.models import (
    SurfacePointer,
)
from backend.rollouts.queries import champion_id
from backend.training import services as training

SUPERSEDED = "Another version went live before this one's lists were written."


@transaction.atomic
def point(shop_id: int, version_id: UUID, *, reason: str, now: datetime, actor: str = audit.SYSTEM) -> None:
    """
    Point every surface of a shop at one version, make it LIVE and retire the one it replaces.

    Asks for the lists of the shop's pages to follow, and ends a run that waits for the replaced version's.
    """
    former = {champion_id(shop_id, surface) for surface in Surface} - {None, version_id}
    registry_services.move(shop_id, version_id, VersionState.LIVE, reason=reason, now=now, actor=actor)
    for surface in Surface:
        _apply(shop_id, surface, version_id, reason=reason, now=now, actor=actor)
    for replaced in former:
        if replaced is not None:
            why = "Another version answers in its place."
            retired = VersionState.RETIRED
            registry_services.move(shop_id, replaced, retired, reason=why, now=now, actor=actor)
            training.finish(shop_id, replaced, message=SUPERSEDED, now=now)
    enqueue(Job.PUBLISH, shop_id=shop_id)


def _apply(
    shop_id: int, surface: Surface, version_id: UUID, *, reason: str, now: datetime, actor: str
) -> None:
    """Move one pointer by compare-and-set on its revision. The only writer of pointers."""
    champion = registry.row_id(shop_id, version_id)
    pointers = SurfacePointer.objects.for_shop(shop_id).select_related("champion")
    pointer = pointers.filter(surface=surface).first()
    if pointer is not None and pointer.champion_id == champion:
        return
    if pointer is None:
        _create(shop_id, surface, champion, now=now)
    elif _move(pointer, champion, now=now) != 1:
        raise LostRace(f"The {surface} of shop {shop_id} moved past revision {pointer.revision}.")
    audit.record(
        Event.SURFACE_POINTED,
        shop_id=shop_id,
        subject=f"surface {surface}",
        reason=reason,
        now=now,
        actor=actor,
        details={"revision": pointer.revision + 1 if pointer else 1},
        old={"version": str(pointer.champion.uuid)} if pointer else None,
        new={"version": str(version_id)},
    )


def _create(shop_id: int, surface: Surface, champion: int, *, now: datetime) -> None:
    try:
        with transaction.atomic():
            SurfacePointer.objects.for_shop(shop_id).create(
                surface=surface, champion_id=champion, moved_at=now
            )
    except IntegrityError as error:
        raise LostRace(f"The {surface} of shop {shop_id} was pointed by someone else.") from error


def _move(pointer: SurfacePointer, champion: int, *, now: datetime) -> int:
    rows = SurfacePointer.objects.for_shop(pointer.shop_id).filter(id=pointer.id, revision=pointer.revision)
    return rows.update(champion_id=champion, revision=F("revision") + 1, moved_at=now)
