"""
The door to the counters of what was sent lately, which all processes share.

Windows of a minute: at the turn of one a sender may have twice the limit for a moment, which a bound
against floods may allow, and one counter costs one step. Without Valkey each process counts for itself,
so the limit holds for each. An address is hashed under the app's own secret and forgotten with its minute.
"""

import hashlib
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

import redis
import structlog
from cachetools import LRUCache
from django.conf import settings

from backend.core.errors import describe
from backend.core.redis import connection

log = structlog.get_logger(__name__)

WINDOW_SECONDS: Final = 60
# How long a server that failed is left alone: a shopper's page must not pay its timeout each time.
REST_SECONDS: Final = 5.0
# Senders that one process counts by itself.
MOST_COUNTED: Final = 20_000

# One step for all counters of a request.
ADD: Final = """
local sums = {}
for place, key in ipairs(KEYS) do
    sums[place] = redis.call('INCRBY', key, ARGV[place])
    if sums[place] == tonumber(ARGV[place]) then redis.call('EXPIRE', key, ARGV[#ARGV]) end
end
return sums
"""


class Counters:
    """Sums of the running minute, by sender."""

    def __init__(self) -> None:
        self._own: LRUCache[str, int] = LRUCache(MOST_COUNTED)
        self._lock = threading.Lock()
        self._resting_until = 0.0

    def add(self, sent: Mapping[str, int], *, now: datetime) -> dict[str, int]:
        """Count what some senders send, and return what each has sent in this minute."""
        minute = int(now.timestamp()) // WINDOW_SECONDS
        keys = [f"events:rate:{minute}:{_hashed(sender)}" for sender in sent]
        counts = list(sent.values())
        return dict(zip(sent, self._add_shared(keys, counts) or self._add_here(keys, counts), strict=True))

    def _add_shared(self, keys: list[str], counts: list[int]) -> list[int] | None:
        if time.monotonic() < self._resting_until:
            return None
        try:
            sums: list[int] = _script()(keys, [*counts, 2 * WINDOW_SECONDS])
        except redis.RedisError as error:
            log.warning("cache_unavailable", error=describe(error))
            self._resting_until = time.monotonic() + REST_SECONDS
            return None
        return sums

    def _add_here(self, keys: list[str], counts: list[int]) -> list[int]:
        with self._lock:
            for key, count in zip(keys, counts, strict=True):
                self._own[key] = self._own.get(key, 0) + count
            return [self._own.get(key, 0) for key in keys]


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
