"""The states of a run: the only writers of its row after it was asked for, and its folder on disk."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.errors import LostRace
from backend.training import rules
from backend.training.models import TrainingRun
from backend.training.values import RunState


def move(row: TrainingRun, to: RunState, *, now: datetime, **values: Any) -> None:
    """Move a run by compare-and-set on state and attempt. The only writer of ``state`` after the claim."""
    if not rules.may_move(RunState(row.state), to):
        raise LostRace(f"Training run {row.uuid} is {row.state} and can't become {to}.")
    rows = TrainingRun.objects.for_shop(row.shop_id).filter(id=row.id, state=row.state, attempts=row.attempts)
    if rows.update(state=to, heard_at=now, **values) != 1:
        raise LostRace(f"Training run {row.uuid} is no longer {row.state} in attempt {row.attempts}.")
    row.state = to


def hear(row: TrainingRun, *, now: datetime, **values: Any) -> None:
    """
    Write a sign of life, and what else is new, without a move.

    :raises LostRace: if the run moved or another worker has it
    """
    rows = TrainingRun.objects.for_shop(row.shop_id).filter(id=row.id, state=row.state, attempts=row.attempts)
    if rows.update(heard_at=now, **values) != 1:
        raise LostRace(f"Training run {row.uuid} is no longer {row.state} in attempt {row.attempts}.")


def fail(row: TrainingRun, error: str, *, now: datetime) -> None:
    """End a run that went wrong, with words for the merchant, and write the ledger."""
    with transaction.atomic():
        move(row, RunState.FAILED, now=now, finished_at=now, error=error)
        audit.record(
            Event.TRAINING_FAILED,
            shop_id=row.shop_id,
            subject=f"training run {row.uuid}",
            reason=error,
            now=now,
        )


def cancel(row: TrainingRun, reason: str, *, now: datetime) -> None:
    """End a run that nobody wants any more, and write the ledger."""
    former = row.state
    with transaction.atomic():
        move(row, RunState.CANCELLED, now=now, finished_at=now, error=reason)
        audit.record(
            Event.TRAINING_CANCELLED,
            shop_id=row.shop_id,
            subject=f"training run {row.uuid}",
            reason=reason,
            old={"state": former},
            new={"state": RunState.CANCELLED},
            now=now,
        )


def workspace_of(row: TrainingRun) -> Path:
    """Return the folder where a run keeps its dataset and artifact until they are stored."""
    return Path(settings.ARTIFACT_ROOT) / ".runs" / str(row.uuid)


def discard_workspace(row: TrainingRun) -> None:
    """Remove a run's folder. A killed worker leaves its copy of the shop's purchases there."""
    shutil.rmtree(workspace_of(row), ignore_errors=True)
