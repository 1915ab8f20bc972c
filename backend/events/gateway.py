"""
The door to the counters of what was sent lately, which all processes share.

Windows of a minute: at the turn of one a sender may have twice the limit for a moment, which a bound against
floods may allow. A process counts in memory and tells Valkey once a second, which answers what all have
counted: a request pays no round trip, and a flood over several processes is known after a second. Without
Valkey each process counts for itself, so the limit holds for each. An address is hashed under the app's own
secret and forgotten with its minute.
"""

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

import redis
import structlog
from cachetools import LRUCache
from django.conf import settings

from backend.core.errors import describe
from backend.core.redis import connection
from backend.core.tenancy import in_batches

log = structlog.get_logger(__name__)

WINDOW_SECONDS: Final = 60
KEPT_SECONDS: Final = 2 * WINDOW_SECONDS
# How often a process tells what it counted, and how long it leaves a server alone that failed.
TELL_SECONDS: Final = 1.0
REST_SECONDS: Final = 5.0
# Senders that one process counts by itself.
MOST_COUNTED: Final = 20_000

# One step for many counters.
ADD: Final = """
local sums = {}
for place, key in ipairs(KEYS) do
    sums[place] = redis.call('INCRBY', key, ARGV[place])
    if sums[place] == tonumber(ARGV[place]) then redis.call('EXPIRE', key, ARGV[#ARGV]) end
end
return sums
"""


@dataclass(slots=True)
class _Sum:
    """What one sender sent in this minute: as all counted it when Valkey was told last, and here since."""

    shared: int = 0
    here: int = 0


class Counters:
    """Sums of the running minute, by sender. Of too many, those not seen for longest are forgotten."""

    def __init__(self) -> None:
        self._sums: LRUCache[str, _Sum] = LRUCache(MOST_COUNTED)
        self._minute = 0
        self._lock = threading.Lock()
        self._told_at = 0.0

    def add(self, sent: Mapping[str, int], *, now: datetime) -> dict[str, int]:
        """Count what some senders send, and return what each has sent in this minute."""
        with self._lock:
            self._turn_to(int(now.timestamp()) // WINDOW_SECONDS)
            for sender, count in sent.items():
                self._sums.setdefault(sender, _Sum()).here += count
        if time.monotonic() - self._told_at > TELL_SECONDS:
            self.tell()
        with self._lock:
            return {sender: self._of(sender) for sender in sent}

    def tell(self) -> None:
        """Tell Valkey what was counted here, and learn what all have counted."""
        with self._lock:
            self._told_at = time.monotonic()
            counted = {sender: one.here for sender, one in self._sums.items() if one.here}
            minute = self._minute
            for sender in counted:
                self._sums[sender] = _Sum(self._of(sender))
        names = {sender: f"events:rate:{minute}:{_hashed(sender)}" for sender in counted}
        try:
            for some in in_batches(iter(counted)):
                counts = [counted[sender] for sender in some]
                sums = _script()([names[sender] for sender in some], [*counts, KEPT_SECONDS])
                self._learn(dict(zip(some, sums, strict=True)), minute)
        except redis.RedisError as error:
            log.warning("cache_unavailable", error=describe(error))
            # A shopper's page must not pay its timeout each time.
            self._told_at = time.monotonic() + REST_SECONDS

    def _learn(self, sums: Mapping[str, int], minute: int) -> None:
        with self._lock:
            for sender, count in sums.items():
                if minute == self._minute and sender in self._sums:
                    self._sums[sender].shared = count

    def _turn_to(self, minute: int) -> None:
        if minute != self._minute:
            self._sums.clear()
            self._minute = minute

    def _of(self, sender: str) -> int:
        found = self._sums.get(sender)
        return found.shared + found.here if found else 0


def seconds_left(now: datetime) -> int:
    """Return when the running minute is over, at least 1."""
    return WINDOW_SECONDS - int(now.timestamp()) % WINDOW_SECONDS


@cache
def _script() -> Any:
    return connection().register_script(ADD)


def _hashed(sender: str) -> str:
    told = hashlib.blake2b(sender.encode("utf-8", "replace"), digest_size=12, key=_secret())
    return told.hexdigest()


@cache
def _secret() -> bytes:
    return hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32).digest()
