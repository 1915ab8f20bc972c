"""
A shop's share of the Admin API, kept in Redis for all processes together.

Shopify refills a bucket of points each second and tells with every answer
how full it is. Before a call we reserve what it may cost; when the bucket is
too empty we wait here instead of being refused there. The bucket's state is
only as good as its last answer, so a THROTTLED answer is still handled.
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import redis
import structlog

from backend.core.redis import connection

log = structlog.get_logger(__name__)

# Nothing said within a minute is worth knowing: every documented bucket is full again by then.
REMEMBER_SECONDS: Final = 60

_RESERVE: Final = """
local now = tonumber(ARGV[1])
local cost = tonumber(ARGV[2])
local state = redis.call('HMGET', KEYS[1], 'available', 'maximum', 'restore', 'at')
if not state[1] then return '0' end
local available = tonumber(state[1])
local maximum, restore, at = tonumber(state[2]), tonumber(state[3]), tonumber(state[4])
available = math.min(maximum, available + math.max(0, now - at) * restore)
if available < cost and cost <= maximum then
  return tostring((cost - available) / restore)
end
redis.call('HSET', KEYS[1], 'available', tostring(available - cost), 'at', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return '0'
"""


@dataclass(frozen=True)
class ThrottleStatus:
    """A bucket as Shopify describes it, in points and points a second."""

    maximum: float
    available: float
    restore_rate: float


def reserve(shop_domain: str, cost: float) -> float:
    """
    Take points for one call.

    :returns: seconds to wait before asking again; 0 means the points are taken
    """
    try:
        answer = _script()(keys=[_key(shop_domain)], args=[time.time(), cost, REMEMBER_SECONDS])
    except redis.RedisError:
        # Without Redis the API still works; Shopify's own refusals then do the pacing.
        log.warning("budget_unreachable", shop=shop_domain)
        return 0.0
    return float(answer)


def observe(shop_domain: str, status: ThrottleStatus) -> None:
    """Remember what Shopify said about the bucket."""
    state: dict[bytes | bytearray | memoryview[int] | str | int | float, float] = {
        "available": status.available,
        "maximum": status.maximum,
        "restore": status.restore_rate,
        "at": time.time(),
    }
    try:
        pipe = connection().pipeline()
        pipe.hset(_key(shop_domain), mapping=state)
        pipe.expire(_key(shop_domain), REMEMBER_SECONDS)
        pipe.execute()
    except redis.RedisError:
        log.warning("budget_unreachable", shop=shop_domain)


def read_status(extensions: Any) -> tuple[float, ThrottleStatus] | None:
    """Read the requested cost and the bucket from an answer's ``extensions``, if they are there."""
    try:
        cost = extensions["cost"]
        status = cost["throttleStatus"]
        return float(cost.get("requestedQueryCost") or 0), ThrottleStatus(
            maximum=float(status["maximumAvailable"]),
            available=float(status["currentlyAvailable"]),
            restore_rate=float(status["restoreRate"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _key(shop_domain: str) -> str:
    return f"shopify:budget:{shop_domain}"


@cache
def _script() -> Any:
    return connection().register_script(_RESERVE)
