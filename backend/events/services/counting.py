"""What was refused lately: counted in memory, written with the events that come next."""

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

from backend.events.values import Outcome, Topic

# Kinds of refusals that one process counts before they are written, and how long they may wait.
MOST_KINDS: Final = 10_000
LONGEST_WAIT: Final = timedelta(seconds=1)

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

# (shop, day, topic or None where none could be read, outcome)
Kind = tuple[int, date, Topic | None, Outcome]


class Pending:
    """Counts that wait to be written."""

    def __init__(self) -> None:
        self._counts: Counter[Kind] = Counter()
        self._since: datetime | None = None
        self._lock = threading.Lock()

    def note(
        self, shop_id: int, outcome: Outcome, *, topic: Topic | None = None, count: int = 1, now: datetime
    ) -> None:
        """Count something that is not kept."""
        self.add({(shop_id, now.astimezone(UTC).date(), topic, outcome): count}, now=now)

    def add(self, counts: Mapping[Kind, int], *, now: datetime) -> None:
        """Count more."""
        with self._lock:
            for kind, count in counts.items():
                if kind in self._counts or len(self._counts) < MOST_KINDS:
                    self._counts[kind] += count
                    self._since = min(self._since or now, now)

    def give_back(self, counts: Mapping[Kind, int]) -> None:
        """Take again what could not be written; it is due at once."""
        if counts:
            self.add(counts, now=LONG_AGO)

    def is_due(self, now: datetime) -> bool:
        """Return whether they have waited long enough to be written by themselves."""
        return self._since is not None and now - self._since >= LONGEST_WAIT

    def take(self) -> Counter[Kind]:
        """Return all, and begin anew."""
        with self._lock:
            taken, self._counts, self._since = self._counts, Counter(), None
        return taken
