"""What answers a shop right now."""

from typing import Final
from uuid import UUID

from django.db import connection

from backend.core.bucketing import bucket
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import rules
from backend.rollouts.models import Pointer
from backend.rollouts.queries.recent import Recent
from backend.rollouts.values import (
    CANDIDATE,
    CHAMPION,
    CONTROL,
    FULL_WEIGHT,
    STANDBY,
    LiveArm,
    LiveArms,
    Pointed,
    RolloutDraw,
)

NOTHING_RELEASED: Final = LiveArms(revision=0)


def live_arms(shop_id: int) -> LiveArms:
    """
    Return the versions that answer a shop, half a second old and one read at most.

    The pointer is re-read by whoever serves; nothing is pushed.
    """
    return _live.get(shop_id)


def fresh_arms(shop_id: int) -> LiveArms:
    """Return the versions that answer a shop now: for jobs that the last second would mislead."""
    return _read_arms(shop_id, None)


# Of a shop that is asked once in a while each answer reads this; the ORM takes many times as long.
REVISION: Final = "SELECT revision FROM rollouts_pointer WHERE shop_id = %s"

# Every process asks this once a second, of all shops.
REVISIONS: Final = "SELECT shop_id, revision FROM rollouts_pointer ORDER BY moved_at DESC LIMIT %s"


def _read_arms(shop_id: int, known: LiveArms | None) -> LiveArms:
    if known is not None and known.revision == _revision(shop_id):
        return known
    pointer = Pointer.objects.for_shop(shop_id).select_related("rollout").first()
    if pointer is None:
        return NOTHING_RELEASED
    former = pointer.former_id
    return LiveArms(
        pointer.revision,
        _arms(pointer),
        _arm(STANDBY, FULL_WEIGHT, registry.get_version_by_row(shop_id, former)) if former else None,
        _draw(pointer),
    )


def _revision(shop_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(REVISION, [shop_id])
        found = cursor.fetchone()
    return int(found[0]) if found else NOTHING_RELEASED.revision


def _arms(pointer: Pointer) -> tuple[LiveArm, ...]:
    champion = registry.get_version_by_row(pointer.shop_id, pointer.champion_id)
    if pointer.candidate_id is None:
        return (_arm(CHAMPION, FULL_WEIGHT, champion),)
    candidate = registry.get_version_by_row(pointer.shop_id, pointer.candidate_id)
    versions = {CHAMPION: champion, CANDIDATE: candidate, CONTROL: champion}
    weights = rules.arm_weights(pointer.percent)
    return tuple(_arm(name, weights[name], version) for name, version in versions.items())


def _arm(name: str, weight: int, version: Version) -> LiveArm:
    return LiveArm(
        version.shop_id,
        name,
        weight,
        version.id,
        version.number,
        version.artifact,
        version.manifest_sha256,
    )


def _draw(pointer: Pointer) -> RolloutDraw | None:
    if pointer.rollout is None:
        return None
    rollout = pointer.rollout.uuid
    return RolloutDraw(
        rollout,
        rules.rollout_salt(rollout),
        pointer.percent,
        pointer.shadow_percent,
        is_interleaved=pointer.is_interleaved,
    )


# A candidate that was taken back while nobody could read so must not go on.
_live = Recent(_read_arms, outdated=LiveArms.without_candidate)


def drawn_arm(draw: RolloutDraw, browser_id: str) -> tuple[str, int]:
    """Return the name of the arm that a browser is in, and its bucket: the same while the shares stay."""
    found = bucket(draw.salt, browser_id)
    return rules.draw_arm(found, draw.percent), found


def champion_version(shop_id: int) -> Version | None:
    """Return the version that answers a shop now, or None before the first release."""
    found = champion_id(shop_id)
    return registry.get_version(shop_id, found) if found else None


def champion_id(shop_id: int) -> UUID | None:
    """Return the id of the version that answers a shop now, or None before the first release."""
    rows = Pointer.objects.for_shop(shop_id)
    found: UUID | None = rows.values_list("champion__uuid", flat=True).first()
    return found


def champions() -> dict[int, UUID]:
    """Return the version that answers each shop where something was released."""
    return {shop_id: pointed.champion_id for shop_id, pointed in pointed_by_shop().items()}


def pointed_by_shop() -> dict[int, Pointed]:
    """Return what each shop's pointer names, where something was released."""
    rows = Pointer.objects.across_shops(reason="publishing looks at every shop")
    fields = ("shop_id", "champion__uuid", "candidate__uuid", "rollout__uuid", "percent")
    return {
        shop_id: Pointed(
            champion, candidate, rollout, rules.rollout_salt(rollout) if rollout else "", percent
        )
        for shop_id, champion, candidate, rollout, percent in rows.values_list(*fields)
    }


def live_revisions(*, limit: int) -> dict[int, int]:
    """Return the revisions of the pointers that moved last, by shop, for a serving process."""
    with connection.cursor() as cursor:
        cursor.execute(REVISIONS, [limit])
        return dict(cursor.fetchall())
