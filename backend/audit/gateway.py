"""
The decision ledger's door to PostgreSQL: one prepared INSERT on a connection of each thread's own.

An answer waits for this statement and for its flush, so nothing else is sent: no look whether the connection
still lives (whoever finds it dead opens another one and writes again), no transaction around it, no second
round trip.
Measured beside the ORM and beside group commit in ``bench/ledger/size.py``; see decision record 034.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]  # its stubs say less than its manual
import structlog
from cachetools import LRUCache, TTLCache
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.utils import DatabaseErrorWrapper
from psycopg2.extras import execute_values  # type: ignore[import-untyped]

from backend.audit import rules
from backend.audit.values import Condition
from backend.core.errors import describe
from backend.core.partitions import is_misrouted

log = structlog.get_logger(__name__)

# In this order; the type is told because an expression of parameters has none of its own.
COLUMNS: Final[Mapping[str, str]] = {
    "at": "timestamptz",
    "shop_id": "bigint",
    "context_product_id": "bigint",
    "latency_us": "integer",
    "version_number": "integer",
    "surface": "audit_surface",
    "channel": "audit_channel",
    "requested": "smallint",
    "id": "uuid",
    "visitor_key": "uuid",
    "version_id": "uuid",
    "arm": "text",
    "fallback": "text",
    "request_id": "bytea",
    "items": "bytea",
    "inputs": "bytea",
    "personal": "bytea",
    "salt": "bytea",
}
# What a row must not hold of somebody who was redacted since the request came.
OF_THE_VISITOR: Final = frozenset({"visitor_key", "personal", "salt"})

NAMES: Final = ", ".join(COLUMNS)
CONTENT: Final = "INSERT INTO audit_content (shop_id, digest, day, body) VALUES %s ON CONFLICT DO NOTHING"
ONE_CONTENT: Final = "(%s, %s::uuid, %s, %s)"

# Shorter bodies stand in their row: the address and its share of a row of contents would be longer.
SHORT_BYTES: Final = 32
# What stands in a row for a shared body, and what a row of contents takes beside its body, with its index.
REFERENCE_BYTES: Final = 17
CONTENT_ROW_BYTES: Final = 100
# A body of this size is shared from the first time on: it is an input, and inputs repeat.
LONG_BYTES: Final = 1_000
# Bodies that a process remembers: about 10 MB.
REMEMBERED: Final = 30_000
# Bodies whose packed form a process remembers: those of the last answers, and what all of them share.
PACKED: Final = 1_000
# For how long a process believes that what it has written is still there. The erasure of a shop deletes it;
# a merchant who comes back within minutes must not meet answers whose content is gone.
BELIEVED_SECONDS: Final = 60.0

Values = Sequence[Any]
Place = tuple[int, date, bytes]


class Contents:
    """
    Decides what of a decision stands in its row and what is shared.

    What is seen for the first time in a day stands in its row, for most lists are one visitor's and never
    repeat. Once it has stood in rows for as many bytes as a row of contents takes, it is written among those,
    and from then on only its address: whatever comes, that is twice the best that could have been done at
    most. Whoever writes an address writes the content in the same transaction, unless this process did so a
    moment ago.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: LRUCache[Place, int] = LRUCache(REMEMBERED)
        self._last: LRUCache[tuple[int, str], Mapping[str, bytes]] = LRUCache(REMEMBERED)
        self._there: TTLCache[Place, bool] = TTLCache(REMEMBERED, BELIEVED_SECONDS)

    def place(self, shop_id: int, day: date, body: bytes, new: dict[Place, bytes]) -> bytes:
        """Return what stands in the row; a content that may not be there yet is added to ``new``."""
        stored, address = _packed(body)
        if len(stored) <= SHORT_BYTES:
            return stored
        at = (shop_id, day, address)
        with self._lock:
            if at in self._there:
                return rules.reference(at[2])
            times = self._seen[at] = self._seen.get(at, 0) + 1
        is_cheap = times * (len(stored) - REFERENCE_BYTES) < CONTENT_ROW_BYTES + len(stored)
        if is_cheap and len(stored) < LONG_BYTES:
            return stored
        new[at] = stored
        return rules.reference(at[2])

    def steady(self, shop_id: int, channel: str, named: Mapping[str, bytes]) -> set[str]:
        """Return the names whose stored bodies are those of the shop's decision before: they go together."""
        with self._lock:
            before = self._last.get((shop_id, channel), {})
            self._last[shop_id, channel] = named
        return {name for name, stored in named.items() if before.get(name) == stored}

    def note(self, written: Iterable[Place]) -> None:
        """Remember what is durable now."""
        with self._lock:
            self._there.update((at, True) for at in written)

    def forget(self) -> None:
        """Forget everything; for tests."""
        with self._lock:
            self._seen.clear()
            self._last.clear()
            self._there.clear()


# What many answers saw is the same object each time, so that it is found without being read: of a large
# shop, packing and digest would take as long as the rest of the record.
@lru_cache(maxsize=PACKED)
def _packed(body: bytes) -> tuple[bytes, bytes]:
    """Return a body as it is stored, and its address."""
    stored = rules.pack(body)
    return stored, rules.digest(stored)


contents = Contents()


def write(
    row: Values,
    new: Mapping[Place, bytes],
    *,
    untied_if: Condition | None = None,
    may_be_there: bool = False,
) -> None:
    """
    Append one decision and return when it is on disk.

    Inside a transaction of the caller's it is a part of that one, and as durable.

    :param row: values of ``COLUMNS``, in their order
    :param new: contents that the row refers to
    :param may_be_there: whether it was sent before, and nobody knows what became of it
    """
    if connections[DEFAULT_DB_ALIAS].in_atomic_block:
        _write_within(row, new, untied_if)
    else:
        # What befalls this connection says nothing of Django's: one that is told to have failed is asked
        # whether it lives, after each request.
        with DatabaseErrorWrapper(_own):
            _own.write(row, new, untied_if, may_be_there=may_be_there)
    _note_on_commit(new)


def write_many(
    rows: Sequence[Values], new: Mapping[Place, bytes], *, page_rows: int, may_be_there: bool = False
) -> None:
    """
    Append many decisions in few statements, in the caller's transaction.

    :param may_be_there: leave those as they are that came already
    """
    database = connections[DEFAULT_DB_ALIAS]
    with transaction.atomic(), database.cursor() as cursor, database.wrap_database_errors:
        if new:
            execute_values(cursor.cursor, CONTENT, _content_rows(new), ONE_CONTENT, page_size=page_rows)
        template = f"({', '.join(f'%s::{type_}' for type_ in COLUMNS.values())})"
        insert = f"INSERT INTO audit_decision ({NAMES}) VALUES %s"  # noqa: S608 -- constants
        if may_be_there:
            insert += " ON CONFLICT DO NOTHING"
        execute_values(cursor.cursor, insert, rows, template, page_size=page_rows)
        _note_on_commit(new)


def _note_on_commit(new: Mapping[Place, bytes]) -> None:
    if new:
        transaction.on_commit(lambda: contents.note(new))


def _write_within(row: Values, new: Mapping[Place, bytes], untied_if: Condition | None) -> None:
    text, values = _statements(new, untied_if)
    insert = _insert(lambda number: "%s", untied_if)
    given: list[Any] = [*values, *row, *(untied_if.values if untied_if else ())]
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(text + insert, given)


def _statements(new: Mapping[Place, bytes], untied_if: Condition | None) -> tuple[str, list[Any]]:
    """Return what is sent before the INSERT, in the same round trip and transaction."""
    text, values = "", []
    if new:
        rows = _content_rows(new)
        text = CONTENT % ", ".join([ONE_CONTENT] * len(rows)) + "; "
        values = [value for row in rows for value in row]
    if untied_if is not None and untied_if.hold:
        text += f"{untied_if.hold}; "
        values += untied_if.hold_values
    return text, values


def _content_rows(new: Mapping[Place, bytes]) -> list[Values]:
    # In one order for all, so that no two writers wait for each other.
    return [(shop_id, address.hex(), day, body) for (shop_id, day, address), body in sorted(new.items())]


def _insert(parameter: Callable[[int], str], untied_if: Condition | None) -> str:
    """Return the INSERT of one decision; the parameters of the condition follow those of the columns."""
    typed = {name: f"{parameter(number)}::{type_}" for number, (name, type_) in enumerate(COLUMNS.items(), 1)}
    if untied_if is None:
        return f"INSERT INTO audit_decision ({NAMES}) VALUES ({', '.join(typed.values())})"  # noqa: S608 -- constants
    for name in OF_THE_VISITOR:
        typed[name] = f"CASE WHEN is_untied THEN NULL ELSE {typed[name]} END"
    first, *parts = untied_if.sql.split("%s")
    condition = first + "".join(
        parameter(number) + part for number, part in enumerate(parts, len(COLUMNS) + 1)
    )
    # OFFSET 0, so that it is looked at once and not for each column.
    looked = f"(SELECT {condition} AS is_untied OFFSET 0) looked"
    return f"INSERT INTO audit_decision ({NAMES}) SELECT {', '.join(typed.values())} FROM {looked}"  # noqa: S608 -- constants


class _Own(threading.local):
    """A thread's own connection, with the statements that it has prepared. It closes when its thread ends."""

    # What DatabaseErrorWrapper reads and writes.
    Database = psycopg2
    errors_occurred = False

    def __init__(self) -> None:
        self.connection: Any = None
        self.prepared: dict[str, str] = {}
        self.process = 0
        self.expires = 0.0

    def write(
        self, row: Values, new: Mapping[Place, bytes], untied_if: Condition | None, *, may_be_there: bool
    ) -> None:
        """
        Send one decision, once more if the connection was lost or a day's partition came in between.

        Nobody knows what became of a statement whose answer was lost. The same row again is refused by its
        key where it had arrived, and then it is durable: that refusal waits for the first one's flush.
        """
        try:
            self._send(row, new, untied_if)
        except psycopg2.errors.UniqueViolation:
            if not may_be_there:
                raise
        except psycopg2.errors.CheckViolation as error:
            if not is_misrouted(error):
                raise
            self._send(row, new, untied_if)
        except (psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.ProgrammingError) as error:
            if not self._is_lost(error):
                raise
            log.warning("ledger_connection_lost", error=describe(error))
            self.close()
            try:
                self._send(row, new, untied_if)
            except psycopg2.errors.UniqueViolation:
                return

    def close(self) -> None:
        """Close the connection; the next write opens another one."""
        if self.connection is not None and self.process == os.getpid():
            self.connection.close()
        self.connection = None
        self.prepared = {}

    def _is_lost(self, error: Exception) -> bool:
        if isinstance(error, psycopg2.errors.InvalidSqlStatementName):
            # Whatever stands between gave us another session than the one that we prepared it in.
            return True
        return self.connection is not None and bool(self.connection.closed)

    def _send(self, row: Values, new: Mapping[Place, bytes], untied_if: Condition | None) -> None:
        text, values = _statements(new, untied_if)
        given = [*row, *(untied_if.values if untied_if else ())]
        with self._open().cursor() as cursor:
            name = self._prepare(cursor, untied_if)
            marks = ", ".join(["%s"] * len(given))
            # Several statements in one message are one transaction.
            cursor.execute(f"{text}EXECUTE {name}({marks})", [*values, *given])

    def _open(self) -> Any:
        """Return the connection. Renewed as often as Django's, lest one outlive a failover for long."""
        is_old = self.process != os.getpid() or time.monotonic() > self.expires
        if self.connection is None or is_old:
            self.close()
            settings = connections[DEFAULT_DB_ALIAS]
            self.connection = psycopg2.connect(**_parameters(settings))
            self.connection.autocommit = True
            self.process = os.getpid()
            self.expires = time.monotonic() + (settings.settings_dict["CONN_MAX_AGE"] or float("inf"))
        return self.connection

    def _prepare(self, cursor: Any, untied_if: Condition | None) -> str:
        key = untied_if.sql if untied_if else ""
        if key not in self.prepared:
            name = f"decide_{len(self.prepared)}"
            cursor.execute(f"PREPARE {name} AS {_insert(lambda number: f'${number}', untied_if)}")
            self.prepared[key] = name
        return self.prepared[key]


def _parameters(settings: Any) -> dict[str, Any]:
    parameters: dict[str, Any] = settings.get_connection_params()
    # Django's own, which mean nothing to the driver.
    return {name: value for name, value in parameters.items() if name not in {"cursor_factory", "context"}}


_own = _Own()


def close() -> None:
    """Close this thread's connection; for whoever ends before its thread does."""
    _own.close()
