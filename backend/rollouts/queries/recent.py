"""What a serving process may go on with for a moment: most answers ask PostgreSQL nothing of it."""

import math
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import structlog

from backend.core.database import ANSWER, DATABASE_DOWN, FRESHNESS
from backend.core.errors import Unavailable, describe

log = structlog.get_logger(__name__)

# How long a serving process goes on with what it read. A move must be obeyed within a second, and beside
# this it takes the write, one read and an answer that is being made.
FRESH_SECONDS: Final = 0.5

# From when on one thread reads it again while the others go on with it, so that nobody waits for a read that
# is quick, however many ask.
RENEWED_SECONDS: Final = 0.4

# How long a request waits for the read of another one before it goes on without.
WAIT_SECONDS: Final = 0.25

# For how long what could not be read again still counts.
USABLE_SECONDS: Final = 5.0

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Unreadable(Unavailable):
    """Nothing is known yet, and it can't be read."""

    code = "unreadable"


@dataclass(frozen=True, slots=True)
class _Read(Generic[Value]):
    """What was read, and when that began: whatever changed since, it may not tell."""

    value: Value
    began_at: float


_every: list["Recent[Any, Any]"] = []


class Recent(Generic[Key, Value]):
    """
    Values by key, each as old as ``FRESH_SECONDS`` and one read at most.

    One thread reads, a little early, and once it is too late for that the others wait for it: whoever went on
    with what is known meanwhile would do so for as long as the read takes. Where it takes too long or fails,
    what is known counts for a while yet.

    :param read: reads one value; gets what is known of it, or None
    :param outdated: what remains of a value that could not be read for ``USABLE_SECONDS``; else all of it
    :param clock: seconds of any steady clock
    """

    def __init__(
        self,
        read: Callable[[Key, Value | None], Value],
        *,
        outdated: Callable[[Value], Value] = lambda value: value,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._outdated = outdated
        self._clock = clock
        self._known: dict[Key, _Read[Value]] = {}
        self._locks: dict[Key, threading.Lock] = {}
        _every.append(self)

    def get(self, key: Key) -> Value:
        """
        Return a value.

        :raises Unreadable: if nothing is known of it, and another thread's read of it takes too long
        :raises DatabaseError: if nothing is known of it, and it can't be read
        """
        known = self._known.get(key)
        age = math.inf if known is None else self._age(known)
        if known is not None and age < RENEWED_SECONDS:
            return known.value
        lock = self._locks.setdefault(key, threading.Lock())
        if lock.acquire(timeout=_patience(age)):
            try:
                self._renew(key)
            finally:
                lock.release()
        return self._usable(key)

    def clear(self) -> None:
        """Forget everything; for tests."""
        self._known.clear()

    def _renew(self, key: Key) -> None:
        """Read a value, unless somebody did so while this thread waited for its turn."""
        known = self._known.get(key)
        if known is not None and self._age(known) < RENEWED_SECONDS:
            return
        began_at = self._clock()
        try:
            with FRESHNESS if known else ANSWER:
                self._known[key] = _Read(self._read(key, known.value if known else None), began_at)
        except DATABASE_DOWN as error:
            if known is None:
                raise
            log.warning("recent_unreadable", key=str(key), error=describe(error))

    def _usable(self, key: Key) -> Value:
        known = self._known.get(key)
        if known is None:
            raise Unreadable(f"Nothing is known of {key} yet, and it can't be read.")
        return known.value if self._age(known) < USABLE_SECONDS else self._outdated(known.value)

    def _age(self, known: _Read[Value]) -> float:
        return self._clock() - known.began_at


def _patience(age: float) -> float:
    """Return how many seconds to wait for another thread's read of a value that is so old."""
    if age < FRESH_SECONDS:
        return 0.0
    return WAIT_SECONDS if age < math.inf else USABLE_SECONDS


def forget_cached() -> None:
    """Drop this process's short-lived copies; for tests."""
    for recent in _every:
        recent.clear()
