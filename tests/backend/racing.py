"""Two workers at once: two threads, each with a database connection of its own."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection, connections

LONGEST_SECONDS: Final = 30.0


class Worker:
    """One piece of work in a thread; its connections are closed at its end."""

    def __init__(self, work: Callable[[], Any]) -> None:
        pool = ThreadPoolExecutor(1)
        self._done = pool.submit(self._run, work)
        pool.shutdown(wait=False)

    @staticmethod
    def _run(work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    @property
    def is_over(self) -> bool:
        return self._done.done()

    def finish(self) -> Any:
        """Wait for the end of the work; return what it gave, or raise what ended it."""
        return self._done.result(LONGEST_SECONDS)

    def finish_or_wait(self) -> None:
        """Return when the work has ended, or waits for a lock that another connection holds."""
        until(lambda: self.is_over or _waiting_for_locks() > 0)


class Pause:
    """A place in some function where its first caller stops until it is let go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.gone_on = threading.Event()

    def __call__(self) -> None:
        if self.reached.is_set():
            return
        self.reached.set()
        assert self.gone_on.wait(LONGEST_SECONDS), "Nobody let the paused worker go on."

    def before(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that stops here and then does what it always did."""

        def stopping(*args: Any, **kwargs: Any) -> Any:
            self()
            return plain(*args, **kwargs)

        return stopping

    @contextmanager
    def holding(self, worker: Worker) -> Iterator[None]:
        """Do something while a worker stands at the place; afterwards it goes on to its end."""
        until(lambda: self.reached.is_set() or worker.is_over)
        assert self.reached.is_set(), f"The worker never came here, but ended with {worker.finish()!r}."
        try:
            yield
        finally:
            self.gone_on.set()
        worker.finish()


def until(is_true: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, "It never came true."
        time.sleep(0.01)


def _waiting_for_locks() -> int:
    with connection.cursor() as cursor:
        # Inside a transaction what was seen first would stay.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])
