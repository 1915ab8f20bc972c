"""Writes of rollouts: a candidate is released or rejected, and pointers move, each with its ledger entry."""

from datetime import datetime
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F

from backend.audit import services as audit
from backend.audit.values import Event, Surface
from backend.core.queue import Job, enqueue
from backend.registry import queries as registry
from backend.registry import services as registry_services
from backend.registry.values import ArtifactRefused, Version, VersionState
from backend.rollouts import rules
from backend.rollouts.models import SurfacePointer
from backend.rollouts.queries import champion_id
from backend.rollouts.values import Decision, LostRace, Quality, Verdict
from backend.training import services as training

log = structlog.get_logger(__name__)


@transaction.atomic
def release(shop_id: int, version_id: UUID, *, now: datetime, actor: str = audit.SYSTEM) -> Decision:
    """
    Let a candidate answer every surface, or reject it, and end the run that waits for it.

    A version that is already live is released again without a change, so a
    message that comes twice is harmless.
    """
    candidate = registry.get_version(shop_id, version_id)
    if candidate.state in {VersionState.REJECTED, VersionState.RETIRED}:
        training.finish(shop_id, version_id, message=candidate.state_reason, now=now)
        return Decision.REJECT
    verdict = _judge(candidate, now=now)
    if verdict.decision is Decision.REJECT:
        registry_services.move(shop_id, version_id, VersionState.REJECTED, reason=verdict.reason, now=now)
        training.finish(shop_id, version_id, message=f"Not released. {verdict.reason}", now=now)
        return verdict.decision
    point(shop_id, version_id, reason=verdict.reason, now=now, actor=actor)
    enqueue(Job.PUBLISH, shop_id=shop_id, version_id=str(version_id))
    return verdict.decision


def _judge(candidate: Version, *, now: datetime) -> Verdict:
    """Open the candidate before comparing it: a version whose files are broken must not reach a shopper."""
    if candidate.state is VersionState.LIVE:
        return Verdict(Decision.RELEASE, candidate.state_reason)
    try:
        registry.open_scorer(candidate.artifact, manifest_sha256=candidate.manifest_sha256)
    except ArtifactRefused as error:
        audit.record(
            Event.ARTIFACT_REFUSED,
            shop_id=candidate.shop_id,
            subject=f"version {candidate.number}",
            reason=error.message,
            now=now,
        )
        return Verdict(Decision.REJECT, error.message)
    current = registry.find_live_version(candidate.shop_id)
    return rules.judge(quality_of(candidate), quality_of(current) if current else None)


@transaction.atomic
def point(shop_id: int, version_id: UUID, *, reason: str, now: datetime, actor: str = audit.SYSTEM) -> None:
    """Point every surface of a shop at one version, make it LIVE and retire the one it replaces."""
    former = {champion_id(shop_id, surface) for surface in Surface} - {None, version_id}
    registry_services.move(shop_id, version_id, VersionState.LIVE, reason=reason, now=now)
    for surface in Surface:
        _apply(shop_id, surface, version_id, reason=reason, now=now, actor=actor)
    for replaced in former:
        if replaced is not None:
            why = "A newer version answers in its place."
            registry_services.move(shop_id, replaced, VersionState.RETIRED, reason=why, now=now)


def _apply(
    shop_id: int, surface: Surface, version_id: UUID, *, reason: str, now: datetime, actor: str
) -> None:
    """Move one pointer by compare-and-set on its revision. The only writer of pointers."""
    champion = registry.row_id(shop_id, version_id)
    pointer = SurfacePointer.objects.for_shop(shop_id).filter(surface=surface).first()
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
        details={"version": str(version_id), "revision": pointer.revision + 1 if pointer else 1},
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


def quality_of(version: Version) -> Quality | None:
    """Return the measured quality of what a version serves; None where too little data was there."""
    for metrics in version.outcome.metrics:
        if metrics["is_served"] and metrics["ndcg_at_10"] is not None:
            return Quality(metrics["ndcg_at_10"], metrics["ndcg_low"], metrics["ndcg_high"])
    return None


@transaction.atomic
def erase_shop(shop_id: int) -> None:
    """Delete a shop's pointers and the versions they held."""
    SurfacePointer.objects.for_shop(shop_id).delete()
    registry_services.erase_shop(shop_id)
