"""The process's one pool of connections to the Redis-compatible server."""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

# A healthy server answers in well under a millisecond.
TIMEOUT_SECONDS = 1.0
# Where a shopper waits: much longer than a busy machine takes, and little of what their page waits.
SHOPPERS_TIMEOUT_SECONDS = 0.05


@cache
def connection() -> "redis.Redis":
    """Return the shared client. It is safe between threads and reconnects by itself."""
    return _client(TIMEOUT_SECONDS)


@cache
def shoppers_connection() -> "redis.Redis":
    """Return the client of whoever answers a shopper, who must not wait for a sick server."""
    return _client(SHOPPERS_TIMEOUT_SECONDS)


def _client(timeout: float) -> "redis.Redis":
    client: redis.Redis = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        health_check_interval=30,
        # The library would try three times and sleep for seconds in between. Once more at once is enough: it
        # heals a connection that the server closed. A server that was silent for so long is not asked again.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )
    return client
