"""Move the pointer of a shop: what answers whom."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.errors import LostRace
from backend.core.queue import Job, enqueue
from backend.registry import queries as registry
from backend.rollouts.models import Pointer, PointerMove


@dataclass(frozen=True, slots=True)
class Aim:
    """What a pointer is to hold, in rows of their tables."""

    champion_id: int
    former_id: int | None = None
    candidate_id: int | None = None
    rollout_id: int | None = None
    percent: int = 0
    shadow_percent: int = 0
    is_interleaved: bool = False


def aim_of(pointer: Pointer) -> Aim:
    """Return what a pointer holds."""
    return Aim(
        champion_id=pointer.champion_id,
        former_id=pointer.former_id,
        candidate_id=pointer.candidate_id,
        rollout_id=pointer.rollout_id,
        percent=pointer.percent,
        shadow_percent=pointer.shadow_percent,
        is_interleaved=pointer.is_interleaved,
    )


@transaction.atomic
def point(
    shop_id: int,
    aim: Aim,
    *,
    revision: int,
    words: str,
    now: datetime,
    actor: str = audit.SYSTEM,
) -> None:
    """
    Move a shop's pointer by compare-and-set on its revision, and write what it holds from now on.

    The only writer of pointers. Asks for the lists of the shop's pages to follow.

    :param revision: of the pointer that the caller decided on; 0 where there was none
    :raises LostRace: if the pointer moved meanwhile
    """
    former = Pointer.objects.for_shop(shop_id).select_related("champion").filter(revision=revision).first()
    if revision == 0:
        _create(shop_id, aim, now=now)
    else:
        rows = Pointer.objects.for_shop(shop_id).filter(revision=revision)
        if rows.update(**asdict(aim), revision=F("revision") + 1, moved_at=now) != 1:
            raise LostRace(f"The pointer of shop {shop_id} moved past revision {revision}.")
    move = PointerMove(**asdict(aim), revision=revision + 1, at=now, actor=actor, words=words)
    PointerMove.objects.for_shop(shop_id).bulk_create([move])
    if former is None or former.champion_id != aim.champion_id:
        _record(shop_id, aim, former, words=words, now=now, actor=actor)
    enqueue(Job.PUBLISH, shop_id=shop_id)
    _track(shop_id, aim, former)


def _track(shop_id: int, aim: Aim, former: Pointer | None) -> None:
    """Let the run log follow, where another version is the champion or the candidate."""
    if former is None or (former.champion_id, former.candidate_id) != (aim.champion_id, aim.candidate_id):
        version = registry.get_version_by_row(shop_id, aim.candidate_id or aim.champion_id)
        enqueue(Job.TRACK_RELEASE, shop_id=shop_id, version_id=str(version.id))


def _create(shop_id: int, aim: Aim, *, now: datetime) -> None:
    try:
        with transaction.atomic():
            Pointer.objects.for_shop(shop_id).bulk_create([Pointer(**asdict(aim), moved_at=now)])
    except IntegrityError as error:
        raise LostRace(f"The pointer of shop {shop_id} was set by someone else.") from error


def _record(shop_id: int, aim: Aim, former: Pointer | None, *, words: str, now: datetime, actor: str) -> None:
    """Tell the ledger that another version is the champion. Moves of a rollout tell of themselves."""
    champion = registry.get_version_by_row(shop_id, aim.champion_id)
    audit.record(
        Event.SURFACE_POINTED,
        shop_id=shop_id,
        subject="storefront",
        reason=words,
        now=now,
        actor=actor,
        details={"revision": former.revision + 1 if former else 1},
        old={"version": str(former.champion.uuid)} if former else None,
        new={"version": str(champion.id)},
    )


def hold_pointer(shop_id: int) -> Pointer | None:
    """
    Return a shop's pointer, locked until the transaction ends, or None before the first release.

    Whoever moves a shop's rollouts takes this lock first, so that no two wait for each other.
    """
    return Pointer.objects.for_shop(shop_id).select_for_update().first()
