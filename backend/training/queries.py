"""Reads of training."""

from collections.abc import Sequence
from uuid import UUID

from backend.training.models import TrainingRun
from backend.training.values import LIVE, Progress, Reason, Run, RunState, UnknownRun


def get_run(shop_id: int, run_id: UUID) -> Run:
    """Return one run of a shop. :raises UnknownRun: if the shop has no such run"""
    row = TrainingRun.objects.for_shop(shop_id).filter(uuid=run_id).first()
    if row is None:
        raise UnknownRun(f"This shop has no training run {run_id}.")
    return run_of(row)


def find_live_run(shop_id: int) -> Run | None:
    """Return the run that is waiting or working, or None."""
    row = TrainingRun.objects.for_shop(shop_id).filter(state__in=LIVE).first()
    return run_of(row) if row else None


def find_last_run(shop_id: int) -> Run | None:
    """Return the newest run, live or over, or None before the first."""
    row = TrainingRun.objects.for_shop(shop_id).order_by("-created_at", "-id").first()
    return run_of(row) if row else None


def versions_made(shop_id: int, run_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Return the version of each of these runs that made one."""
    rows = TrainingRun.objects.for_shop(shop_id).filter(uuid__in=run_ids).values_list("uuid", "version_id")
    return {run_id: version_id for run_id, version_id in rows if version_id}


def run_of(row: TrainingRun) -> Run:
    """Return a row as the value that other apps see."""
    return Run(
        id=row.uuid,
        shop_id=row.shop_id,
        state=RunState(row.state),
        reason=Reason(row.reason),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        progress=Progress(
            RunState(row.state), row.epoch, row.epochs, row.fraction, row.message, tuple(row.curve)
        ),
        error=row.error,
        version_id=row.version_id,
    )
