"""Look back at the last weeks: what a candidate would have found of what customers then bought."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import QuerySet

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core import leases
from backend.core.errors import Failure, LostRace
from backend.core.queue import Job, enqueue
from backend.registry import queries as registry
from backend.registry.values import ArtifactRefused, Version
from backend.rollouts import models, queries
from backend.rollouts.rules.time_machine import look_back_words
from backend.rollouts.values.time_machine import AlreadyLookingBack, LookBackState
from backend.training import services as training

log = structlog.get_logger(__name__)

WAITING = "Waiting for a worker."
UNEXPECTED = "Something unexpected went wrong. It was reported; please ask again."


@transaction.atomic
def request_look_back(shop_id: int, rollout_id: UUID, *, now: datetime, actor: str) -> None:
    """
    Ask for a look back at the last 30 days; a former one's result goes.

    :raises UnknownRollout: if the shop has no such rollout
    :raises AlreadyLookingBack: if it is under way
    """
    number = queries.get_rollout(shop_id, rollout_id).number
    row = models.Rollout.objects.for_shop(shop_id).select_for_update().get(uuid=rollout_id)
    rows = models.LookBack.objects.for_shop(shop_id)
    if rows.filter(rollout=row, state__in=[LookBackState.WAITING, LookBackState.RUNNING]).exists():
        raise AlreadyLookingBack("This look back is under way.")
    rows.update_or_create(
        rollout=row,
        defaults={
            "state": LookBackState.WAITING,
            "progress": 0.0,
            "words": WAITING,
            "asked_at": now,
            "asked_by": actor,
            "found": None,
        },
    )
    audit.record(
        Event.LOOK_BACK_REQUESTED,
        shop_id=shop_id,
        subject=f"rollout {number}",
        reason="A look back at the last 30 days was asked for.",
        now=now,
        actor=actor,
        details={"rollout": str(rollout_id)},
    )
    enqueue(Job.LOOK_BACK, shop_id=shop_id, rollout_id=str(rollout_id))


def look_back(shop_id: int, rollout_id: UUID, *, clock: Callable[[], datetime]) -> None:
    """Look back for a rollout, and keep what was found. Does nothing where nobody waits for it."""
    rows = models.LookBack.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id)
    if not rows.exclude(state=LookBackState.DONE).update(state=LookBackState.RUNNING, found=None):
        return

    rollout = queries.get_rollout(shop_id, rollout_id)
    candidate = registry.get_version(shop_id, rollout.candidate_id)
    try:
        found = training.look_back(
            candidate, _rivals(shop_id, candidate.id), now=clock(), on_progress=partial(_note, rows)
        )
    except LostRace:
        # Another worker has it, and what it tells is what counts.
        raise
    except Failure as error:
        give_up_look_back(shop_id, rollout_id, reason=error.message)
        raise
    words = look_back_words(found)
    running = rows.filter(state=LookBackState.RUNNING)
    is_kept = running.update(state=LookBackState.DONE, progress=1.0, words=words, found=found) == 1
    log.info("looked_back", rollout=str(rollout_id), customers=found["customers"], is_kept=is_kept)


def _note(rows: QuerySet[models.LookBack], progress: float, words: str) -> None:
    leases.ensure_held()
    rows.filter(state=LookBackState.RUNNING).update(progress=progress, words=words)


def _rivals(shop_id: int, candidate_id: UUID) -> list[Version]:
    """Return the versions that were live and can still be asked."""
    found = (registry.get_version(shop_id, one) for one in queries.was_live(shop_id) if one != candidate_id)
    return [version for version in found if _is_readable(version)]


def _is_readable(version: Version) -> bool:
    try:
        registry.open_scorer(version.artifact, manifest_sha256=version.manifest_sha256)
    except ArtifactRefused as error:
        log.warning("rival_refused", version=version.number, error=error.message)
        return False
    return True


def give_up_look_back(shop_id: int, rollout_id: UUID, *, reason: str = UNEXPECTED) -> None:
    """Say of a look back that it failed, and why."""
    rows = models.LookBack.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id)
    rows.exclude(state=LookBackState.DONE).update(state=LookBackState.FAILED, words=reason)
