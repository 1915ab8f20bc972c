"""Reads of rollouts: what answers a surface right now."""

import threading
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.audit.values import Surface
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts.models import SurfacePointer
from backend.rollouts.values import CHAMPION, FULL_WEIGHT, STANDBY, LiveArm, LiveArms

# How long a serving process may go on with the revision it knows, and so how long a rollback takes at most.
FRESH_SECONDS: Final = 1.0

NOTHING_RELEASED: Final = LiveArms(revision=0)


@dataclass(frozen=True, slots=True)
class _Known:
    read_at: float
    arms: LiveArms


_known: dict[tuple[int, Surface], _Known] = {}
_lock = threading.Lock()


def live_arms(shop_id: int, surface: Surface) -> LiveArms:
    """
    Return the versions that answer a surface, at most one second old.

    The pointer is re-read by whoever serves; nothing is pushed.
    """
    known = _known.get((shop_id, surface))
    if known and time.monotonic() - known.read_at < FRESH_SECONDS:
        return known.arms
    # One thread asks; the others go on with what is known for that moment.
    if not _lock.acquire(blocking=known is None):
        return known.arms if known else NOTHING_RELEASED
    try:
        arms = _read_arms(shop_id, surface, known=known.arms if known else None)
        _known[shop_id, surface] = _Known(time.monotonic(), arms)
        return arms
    finally:
        _lock.release()


def fresh_arms(shop_id: int, surface: Surface) -> LiveArms:
    """Return the versions that answer a surface now: for jobs that the last second would mislead."""
    return _read_arms(shop_id, surface, known=None)


def _read_arms(shop_id: int, surface: Surface, *, known: LiveArms | None) -> LiveArms:
    pointer = SurfacePointer.objects.for_shop(shop_id).filter(surface=surface).first()
    if pointer is None:
        return NOTHING_RELEASED
    if known is not None and known.revision == pointer.revision:
        return known
    champion = registry.get_version_by_row(shop_id, pointer.champion_id)
    former = registry.find_former_version(shop_id, champion.number)
    return LiveArms(pointer.revision, (_arm(CHAMPION, champion),), _arm(STANDBY, former) if former else None)


def _arm(name: str, version: Version) -> LiveArm:
    return LiveArm(
        version.shop_id,
        name,
        FULL_WEIGHT,
        version.id,
        version.number,
        version.artifact,
        version.manifest_sha256,
    )


def champion_id(shop_id: int, surface: Surface) -> UUID | None:
    """Return the version that a surface points at, or None before the first release."""
    arms = fresh_arms(shop_id, surface).arms
    return arms[0].version_id if arms else None


def live_surfaces(*, limit: int) -> list[tuple[int, Surface]]:
    """Return the surfaces that moved last, so that a new serving process can load their models ahead."""
    rows = SurfacePointer.objects.across_shops(reason="a serving process answers for every shop")
    newest = rows.order_by("-moved_at").values_list("shop_id", "surface")[:limit]
    return [(shop_id, Surface(surface)) for shop_id, surface in newest]


def forget_cached() -> None:
    """Drop this process's short-lived copies; for tests."""
    _known.clear()
