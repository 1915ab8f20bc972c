"""From the trainer's reports to the run that the merchant watches."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from backend.core import leases
from backend.core.progress import best_effort
from backend.training import rules
from backend.training.models import TrainingRun
from backend.training.services import states
from backend.training.values import RunState

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]

# Progress is written at most this often; a page that shows it asks every two seconds.
WRITE_EVERY_SECONDS = 1.0

# The recommender's stages as the merchant's states.
STATE_OF_STAGE = {
    "READING": RunState.TRAINING,
    "BASELINES": RunState.TRAINING,
    "TRAINING": RunState.TRAINING,
    "EVALUATING": RunState.EVALUATING,
    "REFITTING": RunState.EVALUATING,
    "EXPORTING": RunState.EVALUATING,
    "DONE": RunState.EVALUATING,
}


class Reporter:
    """Writes the trainer's progress to the run, at most once a second, and to the log at each epoch."""

    def __init__(self, row: TrainingRun, clock: Clock) -> None:
        self.row = row
        self.clock = clock
        self.written_at: datetime | None = None
        self.curve: list[dict[str, Any]] = []

    def __call__(self, progress: dict[str, Any] | None) -> None:
        """Take one report, or None as a sign of life."""
        leases.ensure_held()
        with best_effort("training progress"):
            self._write(progress, now=self.clock())

    def _write(self, progress: dict[str, Any] | None, *, now: datetime) -> None:
        if progress is None:
            states.hear(self.row, now=now)
            return
        state = STATE_OF_STAGE[progress["stage"]]
        self._remember(progress)
        is_new_state = state != self.row.state
        if (
            not is_new_state
            and self.written_at
            and (now - self.written_at).total_seconds() < WRITE_EVERY_SECONDS
        ):
            return
        self.written_at = now
        values = {name: progress[name] for name in ("epoch", "epochs", "fraction", "message")}
        if is_new_state and rules.may_move(RunState(self.row.state), state):
            states.move(self.row, state, now=now, curve=self.curve, **values)
        else:
            states.hear(self.row, now=now, curve=self.curve, **values)

    def _remember(self, progress: dict[str, Any]) -> None:
        # Refitting starts its epochs over on other data; its losses are another curve.
        is_point = progress["stage"] == "TRAINING" and progress["train_loss"] is not None
        if not is_point or (self.curve and self.curve[-1]["epoch"] == progress["epoch"]):
            return
        point = {name: progress[name] for name in ("epoch", "seconds", "train_loss", "validation_ndcg")}
        # The trainer reports epochs; a point's step is its place in the curve.
        self.curve += rules.storable_curve([{"step": len(self.curve) + 1, **point}])
        log.info("training_epoch", **point)
