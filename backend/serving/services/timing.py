"""How long each step of flow 3 takes: a histogram of all workers of this host."""

import time
from typing import Final

from prometheus_client import Histogram

from backend.core.metrics import BOUNDS
from backend.serving.values import Stage

_SECONDS: Final = Histogram(
    "tailorbird_answer_stage_seconds",
    "Seconds that an answer to a storefront spends in each step of flow 3 (docs/architecture.md).",
    ["stage"],
    buckets=BOUNDS,
)
# Asked for once: each is told from the start, and a label is not looked up for each answer.
_STAGES: Final = {stage: _SECONDS.labels(stage) for stage in Stage}


class StageTimer:
    """Times the steps of one answer, which follow one another."""

    __slots__ = ("_ended", "_seconds", "_started")

    def __init__(self) -> None:
        self._started = self._ended = time.perf_counter()
        self._seconds: dict[Stage, float] = {}

    def end(self, stage: Stage) -> None:
        """Say which step what was done since the last one's end belongs to."""
        now = time.perf_counter()
        self._seconds[stage] = now - self._ended
        self._ended = now

    @property
    def milliseconds(self) -> float:
        """How long the answer takes so far."""
        return (time.perf_counter() - self._started) * 1000

    def tell(self) -> None:
        """Count the steps that were taken."""
        for stage, seconds in self._seconds.items():
            _STAGES[stage].observe(seconds)
