"""Group commit: whoever waits first does the work of all who wait, so one flush to disk serves them all."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Work = TypeVar("Work")
Done = TypeVar("Done")


class _Entry(Generic[Work, Done]):
    """One caller's work, and what came of it."""

    __slots__ = ("done", "error", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.done: list[Done] = []
        self.error: Exception | None = None

    @property
    def is_over(self) -> bool:
        return bool(self.done) or self.error is not None


class GroupCommit(Generic[Work, Done]):
    """
    Does the work of several threads at once.

    There is no timer and no thread of its own: while one caller works, the others pile up, and the first of
    them to come next takes the whole pile. Under no load each caller works for itself at once. No more can
    wait than there are threads, so the pile is bounded by them.

    :param work_off: does some pieces of work, durably, and returns what came of each, in order
    """

    def __init__(self, work_off: Callable[[Sequence[Work]], Sequence[Done]]) -> None:
        self._work_off = work_off
        self._waiting: list[_Entry[Work, Done]] = []
        self._pile = threading.Lock()
        self._turn = threading.Lock()

    def do(self, work: Work) -> Done:
        """Return what came of a piece of work, once it is durable; raise what failed it."""
        entry: _Entry[Work, Done] = _Entry(work)
        with self._pile:
            self._waiting.append(entry)
        with self._turn:
            if not entry.is_over:
                self._work_off_pile()
        if entry.error is not None:
            raise entry.error
        return entry.done[0]

    def _work_off_pile(self) -> None:
        with self._pile:
            pile, self._waiting = self._waiting, []
        try:
            for entry, done in zip(pile, self._work_off([each.work for each in pile]), strict=True):
                entry.done.append(done)
        except Exception as error:  # noqa: BLE001 -- each caller raises it in its own thread
            for entry in pile:
                entry.error = error
