"""What a serving process may go on with for a moment: most answers ask PostgreSQL nothing of it."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, TypeVar

# How long a serving process may go on with the revision it knows, and so how long a rollback takes at most.
FRESH_SECONDS: Final = 1.0


Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


_every: list["Recent[Any, Any]"] = []


class Recent(Generic[Key, Value]):
    """
    What was read a moment ago, for as long as a serving process may go on with it.

    :param read: reads one value; gets what is known of it, or None
    """

    def __init__(self, read: Callable[[Key, Value | None], Value]) -> None:
        self._read = read
        self._known: dict[Key, tuple[float, Value]] = {}
        self._lock = threading.Lock()
        _every.append(self)

    def get(self, key: Key) -> Value:
        read_at, known = self._known.get(key, (0.0, None))
        if known is not None and time.monotonic() - read_at < FRESH_SECONDS:
            return known
        # One thread asks; the others go on with what is known for that moment.
        if not self._lock.acquire(blocking=known is None) and known is not None:
            return known
        try:
            value = self._read(key, known)
            self._known[key] = (time.monotonic(), value)
            return value
        finally:
            self._lock.release()

    def clear(self) -> None:
        self._known.clear()


def forget_cached() -> None:
    """Drop this process's short-lived copies; for tests."""
    for recent in _every:
        recent.clear()
