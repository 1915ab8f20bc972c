"""Progress of a run: stages and epochs in, reports whose fraction never falls out."""

import time

import numpy as np

from models.recommender.values import OnProgress, Progress, Stage

# Several a minute are enough for a person; each one costs the caller a database write.
SECONDS_BETWEEN_TICKS = 3.0


class Reporter:
    """Turns news from the stages into progress whose fraction never falls."""

    def __init__(self, on_progress: OnProgress, *, budget: float, epochs: int) -> None:
        self.on_progress = on_progress
        self.budget = budget
        self.epochs = epochs
        self.started = time.monotonic()
        self.fraction = 0.0
        self.newest = -np.inf
        self.notices: list[str] = []

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started

    def stage(self, stage: Stage, message: str, *, fraction: float) -> None:
        """Report that a stage begins, at once."""
        self._send(stage, 0, fraction, None, None, message)

    def notice(self, message: str) -> None:
        """Report that something of the log was set aside, and remember it for the run's summary."""
        self.notices.append(message)
        self.stage(Stage.READING, message, fraction=self.fraction)

    def tick(
        self, stage: Stage, *, epoch: int, loss: float, ndcg: float | None, fraction: float, message: str
    ) -> None:
        """Report from inside an epoch, unless the last report is only moments old."""
        if self.seconds - self.newest >= SECONDS_BETWEEN_TICKS:
            self._send(stage, epoch, fraction, loss, ndcg, message)

    def _send(
        self,
        stage: Stage,
        epoch: int,
        fraction: float,
        loss: float | None,
        ndcg: float | None,
        message: str,
    ) -> None:
        self.newest = self.seconds
        self.fraction = max(self.fraction, min(fraction, 1.0))
        self.on_progress(
            Progress(stage, epoch, self.epochs, self.fraction, self.seconds, loss, ndcg, message)
        )
