"""Reads of rollouts: what answers a surface right now, what the gate said, what a shop asks of it."""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.audit.values import Surface
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts.models import GateDecision, ReleaseSettings, SurfacePointer
from backend.rollouts.values import (
    CHAMPION,
    FULL_WEIGHT,
    LETS_THROUGH,
    STANDBY,
    Evidence,
    GateRecord,
    GateTags,
    GateVerdict,
    LiveArm,
    LiveArms,
    ReleasePolicy,
)

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


def champions(surface: Surface = Surface.PRODUCT_PAGE) -> dict[int, UUID]:
    """Return the version that a surface points at in each shop where something was released."""
    rows = SurfacePointer.objects.across_shops(reason="publishing looks at every shop")
    return dict(rows.filter(surface=surface).values_list("shop_id", "champion__uuid"))


def live_surfaces(*, limit: int) -> list[tuple[int, Surface]]:
    """Return the surfaces that moved last, so that a new serving process can load their models ahead."""
    rows = SurfacePointer.objects.across_shops(reason="a serving process answers for every shop")
    newest = rows.order_by("-moved_at").values_list("shop_id", "surface")[:limit]
    return [(shop_id, Surface(surface)) for shop_id, surface in newest]


def release_policy(shop_id: int) -> ReleasePolicy:
    """Return what a shop asks of a new version; the defaults until its merchant changes them."""
    row = ReleaseSettings.objects.for_shop(shop_id).first()
    if row is None:
        return ReleasePolicy()
    return ReleasePolicy(row.min_gain_percent, row.release_without_evidence, row.updated_at, row.updated_by)


def gate_records(shop_id: int, version_ids: Collection[UUID]) -> dict[UUID, GateRecord]:
    """Return the newest decision of the gate on each version; versions from before gates have none."""
    rows = GateDecision.objects.for_shop(shop_id).filter(version__uuid__in=version_ids)
    rows = rows.select_related("version", "champion").order_by("created_at", "id")
    return {row.version.uuid: _record(row) for row in rows}


def find_gate_record(shop_id: int, version_id: UUID) -> GateRecord | None:
    """Return the newest decision of the gate on one version, or None before it was judged."""
    return gate_records(shop_id, [version_id]).get(version_id)


def gate_tags(shop_id: int, version_id: UUID) -> GateTags:
    """Return what the gate said of a version as the run log keeps it; nothing of one it never judged."""
    record = find_gate_record(shop_id, version_id)
    if record is None:
        return GateTags({}, is_staged=False)
    through = GateDecision.objects.for_shop(shop_id).filter(verdict__in=LETS_THROUGH)
    newest = through.select_related("version").order_by("-created_at", "-id").first()
    tags = {
        "gate.verdict": record.verdict.value,
        "gate.bar_percent": f"{record.bar_percent:g}",
        "gate.words": record.words,
        "gate.actor": record.actor,
    } | _evidence_tags(record)
    return GateTags(tags, is_staged=newest is not None and newest.version.uuid == version_id)


def _evidence_tags(record: GateRecord) -> dict[str, str]:
    """Return what a decision rests on as tags; what was not measured has none."""
    found = record.evidence
    gains = {
        "gain_percent": found.gain_percent,
        "low_percent": found.low_percent,
        "high_percent": found.high_percent,
    }
    told = {name: f"{gain:g}" for name, gain in gains.items() if gain is not None}
    if record.champion is not None:
        told |= {"champion": str(record.champion), "customers": str(found.customers)}
    if found.since and found.until:
        told |= {"since": found.since.isoformat(), "until": found.until.isoformat()}
    return {f"gate.{name}": value for name, value in told.items()}


def _record(row: GateDecision) -> GateRecord:
    figures = (row.gain_percent, row.low_percent, row.high_percent)
    return GateRecord(
        version_id=row.version.uuid,
        verdict=GateVerdict(row.verdict),
        bar_percent=row.bar_percent,
        evidence=Evidence(row.customers, row.since, row.until, *figures),
        champion=row.champion.number if row.champion else None,
        words=row.words,
        actor=row.actor,
        created_at=row.created_at,
    )


def forget_cached() -> None:
    """Drop this process's short-lived copies; for tests."""
    _known.clear()
