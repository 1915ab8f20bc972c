"""The last stretch of a run: its version is released and brought to the shop by others, who report here."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from backend.core.errors import LostRace
from backend.core.progress import best_effort
from backend.training.models import TrainingRun
from backend.training.services import states
from backend.training.values import RunState


def publish_progress(shop_id: int, version_id: UUID, *, fraction: float, message: str, now: datetime) -> None:
    """Tell how far the publishing of a version has come, if a run waits for it."""
    # The run was ended meanwhile, or can't be written to; that ends nothing but our telling.
    with suppress(LostRace), best_effort("publishing progress"):
        for row in _publishing(shop_id, version_id):
            states.hear(row, now=now, fraction=fraction, message=message)


def finish(shop_id: int, version_id: UUID, *, message: str, now: datetime) -> None:
    """End the run that waited for a version's release. Nothing happens if there is none."""
    with suppress(LostRace):  # whoever was first has ended it
        for row in _publishing(shop_id, version_id):
            states.move(row, RunState.DONE, now=now, finished_at=now, message=message, fraction=1.0)


def _publishing(shop_id: int, version_id: UUID) -> list[TrainingRun]:
    rows = TrainingRun.objects.for_shop(shop_id)
    return list(rows.filter(version_id=version_id, state=RunState.PUBLISHING))
