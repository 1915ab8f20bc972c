"""What one process counts of its answers."""

import threading
from collections import Counter, deque
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from backend.serving import rules
from backend.serving.values import Health

# Answers whose latency one process remembers.
WINDOW: Final = 2_000


class Figures:
    """How many answers were plainer than they should be, and how long the last ones took."""

    def __init__(self) -> None:
        self._latencies: deque[float] = deque(maxlen=WINDOW)
        self._fallbacks: Counter[str] = Counter()
        self._spooled = 0
        self._unrecorded = 0
        self._lock = threading.Lock()

    def note_latency(self, milliseconds: float) -> None:
        """Remember how long one answer took, from the first byte read to the last one made."""
        self._latencies.append(milliseconds)

    def count_fallback(self, reason: str) -> None:
        """Count an answer that a visitor's version did not fill alone."""
        with self._lock:
            self._fallbacks[reason] += 1

    def count_spooled(self) -> None:
        """Count an answer whose decision went to disk because the ledger was away."""
        with self._lock:
            self._spooled += 1

    def count_unrecorded(self) -> None:
        """Count an answer that is not given because neither takes its decision."""
        with self._lock:
            self._unrecorded += 1

    def health(self, *, versions: Iterable[UUID], is_ready: bool) -> Health:
        """Return how the process is."""
        latencies = sorted(self._latencies)
        with self._lock:
            return Health(
                is_ready=is_ready,
                versions=tuple(versions),
                answers=len(latencies),
                p50_ms=rules.percentile(latencies, 0.50),
                p99_ms=rules.percentile(latencies, 0.99),
                spooled=self._spooled,
                unrecorded=self._unrecorded,
                fallbacks=dict(self._fallbacks),
            )
