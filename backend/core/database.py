"""What to make of a database that does not answer: it is a server like any other."""

from typing import Final

import structlog
from django.db import InterfaceError, OperationalError, connection

from .errors import Unavailable, describe

log = structlog.get_logger(__name__)

# Refused and broken connections, a server that starts or stops, a lock or a statement that took too long.
DATABASE_DOWN: Final = (OperationalError, InterfaceError)

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
