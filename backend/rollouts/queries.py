"""Reads of rollouts: what answers a surface right now, what the gate said, what a shop asks of it."""

import threading
import time
from collections.abc import Callable, Collection, Hashable
from dataclasses import fields
from typing import Final, Generic, TypeVar
from uuid import UUID

from backend.audit.values import Surface
from backend.core.bucketing import holdout_draw
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import rules
from backend.rollouts.models import (
    GateDecision,
    HoldoutChange,
    HoldoutReading,
    ReleaseSettings,
    SurfacePointer,
)
from backend.rollouts.values import (
    CHAMPION,
    FULL_WEIGHT,
    LETS_THROUGH,
    STANDBY,
    Evidence,
    GateRecord,
    GateTags,
    GateVerdict,
    GroupSales,
    HoldoutPolicy,
    Incremental,
    LiveArm,
    LiveArms,
    ReleasePolicy,
)
from backend.shops import queries as shops

# How long a serving process may go on with the revision it knows, and so how long a rollback takes at most.
FRESH_SECONDS: Final = 1.0

NOTHING_RELEASED: Final = LiveArms(revision=0)


Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class _Recent(Generic[Key, Value]):
    """
    What was read a moment ago, for as long as a serving process may go on with it.

    :param read: reads one value; gets what is known of it, or None
    """

    def __init__(self, read: Callable[[Key, Value | None], Value]) -> None:
        self._read = read
        self._known: dict[Key, tuple[float, Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value:
        read_at, known = self._known.get(key, (0.0, None))
        if known is not None and time.monotonic() - read_at < FRESH_SECONDS:
            return known
        # One thread asks; the others go on with what is known for that moment.
        if not self._lock.acquire(blocking=known is None) and known is not None:
            return known
        try:
            value = self._read(key, known)
            self._known[key] = (time.monotonic(), value)
            return value
        finally:
            self._lock.release()

    def clear(self) -> None:
        self._known.clear()


def live_arms(shop_id: int, surface: Surface) -> LiveArms:
    """
    Return the versions that answer a surface, at most one second old.

    The pointer is re-read by whoever serves; nothing is pushed.
    """
    return _arms.get((shop_id, surface))


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


_arms = _Recent(_read_arms)


def holdout(shop_id: int) -> HoldoutPolicy:
    """Return the share of a shop's visitors that is held out, at most one second old."""
    return _holdouts.get(shop_id)


def fresh_holdout(shop_id: int) -> HoldoutPolicy:
    """Return the share of a shop's visitors that is held out now."""
    return _read_holdout(shop_id, None)


def _read_holdout(shop_id: int, _known: HoldoutPolicy | None) -> HoldoutPolicy:
    newest = HoldoutChange.objects.for_shop(shop_id).order_by("-id").first()
    salt = holdout_draw(shops.get_shop(shop_id).uuid)
    return HoldoutPolicy(newest.percent, salt, newest.since) if newest else HoldoutPolicy(salt=salt)


_holdouts = _Recent(_read_holdout)


def holding_out() -> list[int]:
    """Return the shops that hold visitors out now."""
    newest = HoldoutChange.objects.across_shops(reason="every holdout is measured").order_by("shop_id", "-id")
    return [row.shop_id for row in newest.distinct("shop_id") if row.percent]


def incremental(shop_id: int) -> Incremental | None:
    """
    Return what recommendations added since the holdout's share was last changed, as it was last measured.

    Until the first measurement both groups are empty, and so too small to compare.

    :returns: None where nobody is held out
    """
    newest = HoldoutChange.objects.for_shop(shop_id).order_by("-id").first()
    if newest is None or not newest.percent:
        return None
    row = HoldoutReading.objects.for_shop(shop_id).filter(change=newest).first()
    held_out, shown = (_sales(row, group) for group in ("held_out", "shown"))
    return rules.compare_sales(held_out, shown, percent=newest.percent, since=newest.since)


def _sales(row: HoldoutReading | None, group: str) -> GroupSales:
    if row is None:
        return GroupSales()
    return GroupSales(**{one.name: getattr(row, f"{group}_{one.name}") for one in fields(GroupSales)})


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
    _arms.clear()
    _holdouts.clear()
