"""
Messages that wait in a worker, behind the job at hand.

A worker reserves the next message while it works. RabbitMQ ends the
connection of a worker that has not acknowledged a message for half an hour,
and a publishing or a training takes longer. So what a row stands behind is
acknowledged where it waits: if this worker dies, or stays busy, the sweep
sends the job again to whoever is free.
"""

from typing import Any, Final

from celery import bootsteps
from celery.worker import state

from backend.core.queue import Job

LOOK_EVERY_SECONDS: Final = 30.0
ACKNOWLEDGED_FIRST: Final = frozenset(job.task for job in Job if job.is_acknowledged_first)


class Acknowledge(bootsteps.StartStopStep):
    """Looks at the reserved messages every now and then, in the worker's own timer."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **_: Any) -> None:
        self._timer: Any = None
        # Looked at twice, so that one that begins in a moment is left to its own acknowledgement.
        self._seen: set[str] = set()

    def start(self, consumer: Any) -> None:
        """Begin to look."""
        self._timer = consumer.timer.call_repeatedly(LOOK_EVERY_SECONDS, self.look)

    def stop(self, consumer: Any) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Acknowledge what was waiting at the last look already."""
        waiting = [
            one for one in state.reserved_requests - state.active_requests if one.name in ACKNOWLEDGED_FIRST
        ]
        for request in waiting:
            if request.id in self._seen:
                request.acknowledge()
        self._seen = {request.id for request in waiting}
