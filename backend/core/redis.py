"""The process's one pool of connections to the Redis-compatible server."""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

# A healthy server answers in well under a millisecond; the request path must not wait for a sick one.
TIMEOUT_SECONDS = 1.0


@cache
def connection() -> "redis.Redis":
    """Return the shared client. It is safe between threads and reconnects by itself."""
    client: redis.Redis = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        health_check_interval=30,
        # The library would try three times and sleep for seconds in between. Once more at once is enough:
        # it heals a connection that the server closed, and a dead server is reported within two seconds.
        retry=Retry(NoBackoff(), 1),
    )
    return client
