"""
Faults that no network has, inside of the product's processes: a clock that jumps, a model that sleeps.

A process that was started for it reads from a file what is the matter now, whenever it asks for the time or
scores; an absent file is health.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

# Names the file in the environment of the processes.
VARIABLE: Final = "CHAOS_FILE"


@dataclass(frozen=True)
class Injected:
    """
    What is the matter.

    :param clock_seconds: how far the clock is ahead
    :param model_seconds: how long a model sleeps before it answers
    """

    clock_seconds: float = 0.0
    model_seconds: float = 0.0


HEALTHY: Final = Injected()


def write(path: Path, injected: Injected) -> None:
    """Tell all processes at once."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(injected)))
    draft.replace(path)


class Reader:
    """What a file says now; it is read again once it was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[int, Injected] = (0, HEALTHY)

    def read(self) -> Injected:
        """Return what is the matter now."""
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return HEALTHY
        if stamp != self._known[0]:
            self._known = stamp, Injected(**json.loads(self._path.read_text()))
        return self._known[1]


def install() -> None:
    """Let this process, and what it forks, suffer what its file says."""
    from django.utils import timezone

    from models.recommender.api import Scorer

    reader = Reader(Path(os.environ[VARIABLE]))
    timezone.now = jumping(timezone.now, reader)
    Scorer.rank = sleeping(Scorer.rank, reader)  # type: ignore[method-assign]


def jumping(now: Callable[[], datetime], reader: Reader) -> Callable[[], datetime]:
    """Return a clock that is ahead by as much as the file says."""
    return lambda: now() + timedelta(seconds=reader.read().clock_seconds)


def sleeping(score: Callable[..., Any], reader: Reader) -> Callable[..., Any]:
    """Return a scorer that sleeps first for as long as the file says."""

    def slow(*asked: Any, **named: Any) -> Any:
        time.sleep(reader.read().model_seconds)
        return score(*asked, **named)

    return slow
