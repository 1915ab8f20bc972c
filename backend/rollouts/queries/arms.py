"""What answers a surface right now."""

from typing import Final
from uuid import UUID

from backend.audit.values import Surface
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts.models import (
    SurfacePointer,
)
from backend.rollouts.queries.recent import Recent
from backend.rollouts.values import (
    CHAMPION,
    FULL_WEIGHT,
    STANDBY,
    LiveArm,
    LiveArms,
)

NOTHING_RELEASED: Final = LiveArms(revision=0)


def live_arms(shop_id: int, surface: Surface) -> LiveArms:
    """
    Return the versions that answer a surface, half a second old and one read at most.

    The pointer is re-read by whoever serves; nothing is pushed.
    """
    return _live.get((shop_id, surface))


def fresh_arms(shop_id: int, surface: Surface) -> LiveArms:
    """Return the versions that answer a surface now: for jobs that the last second would mislead."""
    return _read_arms((shop_id, surface), None)


def _read_arms(key: tuple[int, Surface], known: LiveArms | None) -> LiveArms:
    shop_id, surface = key
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


_live = Recent(_read_arms)


def champion_id(shop_id: int, surface: Surface) -> UUID | None:
    """Return the version that a surface points at, or None before the first release."""
    arms = fresh_arms(shop_id, surface).arms
    return arms[0].version_id if arms else None


def champions(surface: Surface = Surface.PRODUCT_PAGE) -> dict[int, UUID]:
    """Return the version that a surface points at in each shop where something was released."""
    rows = SurfacePointer.objects.across_shops(reason="publishing looks at every shop")
    return dict(rows.filter(surface=surface).values_list("shop_id", "champion__uuid"))


def live_surfaces(*, limit: int) -> list[tuple[int, Surface]]:
    """Return the surfaces that moved last, so that a new serving process can load their models ahead."""
    rows = SurfacePointer.objects.across_shops(reason="a serving process answers for every shop")
    newest = rows.order_by("-moved_at").values_list("shop_id", "surface")[:limit]
    return [(shop_id, Surface(surface)) for shop_id, surface in newest]
