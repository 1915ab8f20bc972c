"""What to make of a database that does not answer: it is a server like any other."""

import math
import select
import threading
import time
from typing import Any, Final, NoReturn

import psycopg2  # type: ignore[import-untyped]  # its stubs say less than its manual
import structlog
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from psycopg2 import extensions

from .errors import Unavailable, describe

log = structlog.get_logger(__name__)

# Refused and broken connections, a server that starts or stops, a lock or a statement that took too long.
DATABASE_DOWN: Final = (OperationalError, InterfaceError)

# How long a database that kept somebody waiting for too long is left alone by others who wait no longer.
REST_SECONDS: Final = 1.0

# deadlock_detected and serialization_failure.
DEADLOCKS: Final = frozenset({"40P01", "40001"})


class DatabaseUnavailable(Unavailable):
    """PostgreSQL is down, starting or overloaded."""

    code = "database_unavailable"


def database_unavailable(error: Exception) -> DatabaseUnavailable:
    """Return the failure that a driver's error means, and note its code in the log."""
    log.warning("database_unavailable", error=describe(error))
    return DatabaseUnavailable("The database does not answer.")


def is_deadlock(error: BaseException) -> bool:
    """Return whether a transaction was ended for another one's sake: the same again will pass."""
    return getattr(error.__cause__, "pgcode", None) in DEADLOCKS


def ping() -> None:
    """
    Ask PostgreSQL for a sign of life, on a new connection where the former one broke.

    :raises OperationalError: if there is none
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


class Patience:
    """
    How long some callers wait for PostgreSQL; all of them leave it alone once one has waited in vain.

    ``with FRESHNESS:`` lets a thread wait so long and no longer, where waits are bounded: see
    :func:`bound_waits`. Once in a while one caller may try again; where it is answered, all may.

    :param seconds: for all statements within one ``with`` together
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._rests_until = 0.0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        until = min(_waiting.entered[-1][1], time.monotonic() + self.seconds)
        _waiting.entered.append((self, until))

    def __exit__(self, *_: object) -> None:
        _waiting.entered.pop()
        if _waiting.has_given_up:
            _waiting.has_given_up = False
            _drop_closed()

    def may_try(self) -> bool:
        """Return whether a caller may wait now; after a failure one may try, and the others wait for it."""
        if not self._rests_until:
            return True
        with self._lock:
            if time.monotonic() < self._rests_until:
                return False
            # Until that caller knows, which takes no longer than its patience.
            self._rests_until = time.monotonic() + self.seconds + REST_SECONDS
        return True

    def rest(self) -> None:
        """Leave PostgreSQL alone for a while."""
        self._rests_until = time.monotonic() + REST_SECONDS

    def end_rest(self) -> None:
        """Ask PostgreSQL again."""
        self._rests_until = 0.0


# Whoever knows something that is a little old goes on with it. A shopper waits this long, and for the ledger,
# and for Redis (``redis.SHOPPERS_TIMEOUT_SECONDS``), and for the model: with all that, below 300 ms.
FRESHNESS: Final = Patience(0.08)
# A decision that is not in the ledger by then goes to disk.
LEDGER: Final = Patience(0.12)
# Where the disk doesn't take it either there is only the ledger, which may be slow and not gone.
LAST_RESORT: Final = Patience(0.4)
# An answer of which nothing is known yet: the first one of a process or a shop.
ANSWER: Final = Patience(0.75)
# Whoever hears that they should ask again: Shopify, which allows a delivery 5 s in all, browsers with events,
# and probes. Longer than a web process may wait for a lock.
ASKED_AGAIN: Final = Patience(2.0)
# A shop's token is renewed under a lock on its row, for as long as Shopify takes (``limits.TOKEN_LIMITS``).
TOKEN: Final = Patience(65.0)
# Anybody else. ``bound_waits`` makes it longer than the server's own limit of a statement.
OTHERS: Final = Patience(8.0)

_EVERY: Final = (FRESHNESS, LEDGER, LAST_RESORT, ANSWER, ASKED_AGAIN, TOKEN, OTHERS)
# By how much the limit of a statement is shorter than the patience of who waits for its end.
GRACE_SECONDS: Final = 3.0
# Where a statement has no limit.
LONGEST_SECONDS: Final = 60.0


class _Waiting(threading.local):
    """Whose patience this thread waits with, the innermost last, and until when by ``time.monotonic``."""

    has_given_up = False

    def __init__(self) -> None:
        self.entered: list[tuple[Patience, float]] = [(OTHERS, math.inf)]


_waiting = _Waiting()


def close_breakers() -> None:
    """Ask the database again at once; for tests."""
    for patience in _EVERY:
        patience.end_rest()


def bound_waits() -> None:
    """
    Bound every wait for PostgreSQL in this process from now on.

    Limits of PostgreSQL's own end a statement that takes long, and no wait for a server that is frozen or
    behind a cut cable. A connection whose wait ran out is closed: nobody knows what became of its statement.
    COPY can't be used in such a process.
    """
    OTHERS.seconds = GRACE_SECONDS + (settings.DATABASE_LIMITS.statement or LONGEST_SECONDS)
    extensions.set_wait_callback(_wait)


def bound_looks() -> None:
    """
    Bound the looks at connections before and after each request of this process.

    Django asks one that had an error whether it lives, without anybody's patience.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
        signal.connect(_look_at_connections)


def _look_at_connections(**_: Any) -> None:
    with FRESHNESS:
        close_old_connections()


def _wait(waiting: Any) -> None:
    """Wait until a connection of the driver has its answer, for as long as the thread's patience lasts."""
    patience, until = _waiting.entered[-1]
    if not patience.may_try():
        _give_up("PostgreSQL did not answer in time a moment ago.")
    try:
        is_late = not _is_done(waiting, min(until, time.monotonic() + patience.seconds))
    finally:
        # A server that refuses keeps nobody waiting either.
        patience.end_rest()
    if is_late:
        patience.rest()
        _give_up("PostgreSQL did not answer in time.")


def _is_done(waiting: Any, until: float) -> bool:
    while (state := waiting.poll()) != extensions.POLL_OK:
        if not _is_ready(waiting.fileno(), state, seconds=until - time.monotonic()):
            return False
    return True


def _give_up(why: str) -> NoReturn:
    """Leave the driver, which closes the connection then."""
    _waiting.has_given_up = True
    raise psycopg2.OperationalError(why)


def _is_ready(descriptor: int, state: int, *, seconds: float) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
    return bool(poller.poll(max(0.0, seconds) * 1000))


def _drop_closed() -> None:
    """Have Django open another connection where a wait that ran out has closed its own."""
    driver = connection.connection
    if driver is not None and driver.closed and not connection.in_atomic_block:
        connection.close()
