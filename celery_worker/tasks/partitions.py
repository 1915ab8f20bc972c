"""The partitions of tables that only ever grow."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from backend.audit import services as audit
from backend.core import clock
from backend.core.queue import Job
from backend.events import services as events
from celery_worker.tasks.base import task_for

# One for each app that has such tables.
MAKERS: Final[tuple[Callable[..., int], ...]] = (audit.make_partitions, events.make_partitions)


@task_for(Job.PARTITIONS)
def partitions() -> int:
    """Make the partitions of the coming days; what came while nobody made them is moved into its own."""
    return _make(clock.now())


def _make(now: datetime) -> int:
    return sum(make(now=now) for make in MAKERS)
