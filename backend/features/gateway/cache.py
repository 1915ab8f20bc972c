"""The door to Redis, where pasts of customers and short lists lie."""

import time
from array import array
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import redis
import structlog

from backend.core.errors import Unavailable, describe
from backend.core.redis import connection, shoppers_connection
from backend.features.values import Past

log = structlog.get_logger(__name__)

# A reader that raced with a new order may cache the past before it; an hour bounds the error.
PAST_SECONDS = 3_600

# One step takes two 64-bit numbers, the product and the moment, and a byte for what happened.
STEP_BYTES = 8 + 8 + 1

# How long a cache that failed is left alone.
REST_SECONDS = 5.0

# Keys forgotten in one step.
BATCH_KEYS = 1_000


class CacheUnavailable(Unavailable):
    """The cache can't be told to forget. What must be forgotten has to be tried again."""

    code = "cache_unavailable"


def find_past(shop_id: int, customer_key: str) -> Past | None:
    """Return the cached past of a customer; None if it is not cached."""
    packed = _read(_past_key(shop_id, customer_key))
    return None if packed is None or len(packed) % STEP_BYTES else _unpacked(packed)


def keep_past(shop_id: int, customer_key: str, past: Past) -> None:
    """Cache a customer's past, an empty one included. A cache that is down is forgiven."""
    packed = past.items.tobytes() + past.at.tobytes() + past.events.tobytes()
    _write(shop_id, _past_key(shop_id, customer_key), packed, seconds=PAST_SECONDS)


def _unpacked(packed: bytes) -> Past:
    steps = len(packed) // STEP_BYTES
    return Past(
        items=np.frombuffer(packed, np.int64, steps),
        at=np.frombuffer(packed, np.int64, steps, offset=8 * steps),
        events=np.frombuffer(packed, np.int8, steps, offset=16 * steps),
    )


def drop_past(shop_id: int, customer_key: str) -> None:
    """
    Forget a customer's cached past, so that the next reader asks the database.

    :raises CacheUnavailable: if the cache is down; it may come back with what it held
    """
    drop_pasts(shop_id, [customer_key])


def drop_pasts(shop_id: int, customer_keys: Collection[str]) -> None:
    """
    Forget the cached pasts of some customers.

    :raises CacheUnavailable: if the cache is down; it may come back with what it held
    """
    keys = [_past_key(shop_id, customer_key) for customer_key in customer_keys]
    with _telling():
        for start in range(0, len(keys), BATCH_KEYS):
            connection().unlink(*keys[start : start + BATCH_KEYS])


def drop_shop(shop_id: int) -> None:
    """
    Forget everything cached of one shop, by the shop's own list of its keys.

    :raises CacheUnavailable: if the cache is down; it may come back with what it held
    """
    client = connection()
    with _telling():
        while keys := client.spop(_index_key(shop_id), BATCH_KEYS):
            client.unlink(*keys)


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise CacheUnavailable(f"The cache can't be told to forget: {describe(error)}.") from error


def find_list(shop_id: int, name: str) -> list[int] | None:
    """Return a cached list of product ids, or None if it has run out or the cache is down."""
    packed = _read(_list_key(shop_id, name))
    return None if packed is None else array("q", packed).tolist()


def keep_list(shop_id: int, name: str, items: Sequence[int], *, seconds: int) -> None:
    """Cache a list of product ids for a while. A cache that is down is forgiven."""
    _write(shop_id, _list_key(shop_id, name), array("q", items).tobytes(), seconds=seconds)


def _read(key: str) -> bytes | None:
    if _rest.is_on():
        return None
    try:
        packed = shoppers_connection().get(key)
    except redis.RedisError as error:
        _rest.start(error)
        return None
    return packed if isinstance(packed, bytes) else None


def _write(shop_id: int, key: str, packed: bytes, *, seconds: int) -> None:
    if _rest.is_on():
        return
    index = _index_key(shop_id)
    try:
        with shoppers_connection().pipeline() as together:
            together.set(key, packed, ex=seconds)
            together.sadd(index, key)
            # It outlives every key in it; what it names and is gone by then costs nothing to forget.
            together.expire(index, PAST_SECONDS)
            together.execute()
    except redis.RedisError as error:
        _rest.start(error)


class _Rest:
    """Leaves a cache that failed alone for some seconds: a shopper must not pay its timeout each time."""

    def __init__(self) -> None:
        self._until = 0.0

    def is_on(self) -> bool:
        return time.monotonic() < self._until

    def start(self, error: redis.RedisError) -> None:
        log.warning("cache_unavailable", error=describe(error))
        self._until = time.monotonic() + REST_SECONDS

    def end(self) -> None:
        self._until = 0.0


_rest = _Rest()


def close_breaker() -> None:
    """Ask the cache again at once; for tests."""
    _rest.end()


def _past_key(shop_id: int, customer_key: str) -> str:
    return f"features:{shop_id}:past:{customer_key}"


def _index_key(shop_id: int) -> str:
    return f"features:{shop_id}:keys"


def _list_key(shop_id: int, name: str) -> str:
    return f"features:{shop_id}:list:{name}"
