"""Ask for a run, hand out again what nobody holds, and end what nobody wants any more."""

from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.errors import LostRace
from backend.core.queue import Job, enqueue
from backend.training import queries, rules
from backend.training.models import TrainingRun
from backend.training.services import states
from backend.training.values import (
    LIVE,
    MAX_ATTEMPTS,
    WHY,
    AlreadyRunning,
    Reason,
    Run,
    RunState,
)

log = structlog.get_logger(__name__)

LOST = "The worker stopped in the middle of the training. The former model keeps serving; please start again."


def request_training(shop_id: int, *, reason: Reason, now: datetime, actor: str = audit.SYSTEM) -> Run:
    """
    Ask for a training run.

    :raises AlreadyRunning: if the shop has a live run; the database allows one
    """
    sweep(now=now, shop_id=shop_id)
    try:
        with transaction.atomic():
            row = TrainingRun.objects.for_shop(shop_id).create(
                reason=reason,
                requested_by=actor,
                created_at=now,
                heard_at=now,
                message="Waiting for a worker.",
            )
            audit.record(
                Event.TRAINING_REQUESTED,
                shop_id=shop_id,
                subject=f"training run {row.uuid}",
                reason=WHY[reason],
                now=now,
                actor=actor,
            )
            enqueue(Job.TRAIN, run_id=row.id)
    except IntegrityError as error:
        raise AlreadyRunning("A training is already running for this shop.") from error
    return queries.run_of(row)


def ensure_first_training(shop_id: int, *, now: datetime) -> Run | None:
    """Ask for a shop's first run after its import; do nothing once there was one."""
    if queries.find_last_run(shop_id) is not None:
        return None
    return request_training(shop_id, reason=Reason.INSTALL, now=now)


def sweep(*, now: datetime, shop_id: int | None = None) -> None:
    """
    Find live runs that nobody holds: hand them out again, or fail them after too many attempts.

    The message is a hint, the row is the truth: a lost message or a killed
    worker costs minutes, not the run.
    """
    rows = TrainingRun.objects.across_shops(reason="the sweep looks at every shop").filter(state__in=LIVE)
    if shop_id is not None:
        rows = rows.filter(shop_id=shop_id)
    for row in rows:
        if not rules.is_stale(RunState(row.state), heard_at=row.heard_at, now=now):
            continue
        try:
            _take_up(row, now=now)
        except LostRace:
            # Whoever moved it has it in hand, and the other rows still wait.
            log.info("run_moved_meanwhile", run_id=str(row.uuid))


def _take_up(row: TrainingRun, *, now: datetime) -> None:
    if row.attempts >= MAX_ATTEMPTS:
        states.fail(row, LOST, now=now)
        states.discard_workspace(row)
    else:
        _repeat_training(row, now=now)


def _repeat_training(row: TrainingRun, *, now: datetime) -> None:
    # A waiting run is marked, so that a long queue gets one more message in ten minutes and not one in
    # each sweep. A held run keeps its silence: it is what lets the next worker take the run over.
    TrainingRun.objects.for_shop(row.shop_id).filter(id=row.id, state=RunState.QUEUED).update(heard_at=now)
    enqueue(Job.TRAIN, run_id=row.id)


def give_up_training(run_id: int, *, reason: str, now: datetime) -> None:
    """End a run whose job failed or lost its worker too often."""
    rows = TrainingRun.objects.across_shops(reason="the job names the run")
    row = rows.filter(id=run_id, state__in=LIVE).first()
    if row is None:
        return
    log.error("training_given_up", run_id=str(row.uuid), error=reason)
    states.fail(row, LOST, now=now)
    states.discard_workspace(row)


def cancel_all(shop_id: int, *, reason: str, now: datetime) -> None:
    """End a shop's live runs, for example because the app was uninstalled."""
    for row in TrainingRun.objects.for_shop(shop_id).filter(state__in=LIVE):
        states.cancel(row, reason, now=now)
        states.discard_workspace(row)
