"""
Daily partitions of tables that only ever grow: made ahead, dropped when their time is over.

A table is partitioned by range on a time-ordered identifier (UUID version 7), a moment or a day. The
timetable makes the partitions of the coming days. Should it stand still for longer, rows land in the DEFAULT
partition, where every query still finds them; its next turn makes their day's partition and moves them there.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db import connection, transaction
from psycopg2.errors import CheckViolation  # type: ignore[import-untyped]

from .ids import first_id

# The timetable may stand still for this long before a row lands in the DEFAULT partition.
AHEAD_DAYS: Final = 14
# A partition is attached or dropped under a lock that stops others: whoever can't have it at once lets them
# pass, and the next turn of the timetable tries again.
LOCK_SECONDS: Final = 2
# Days that one turn makes for rows in the DEFAULT partition: made-up identifiers must not make more.
MOST_STRAYS: Final = 100

Within = Callable[[], AbstractContextManager[Any]]


class Key(StrEnum):
    """What a table is partitioned on."""

    ID = "ID"  # a UUID version 7, whose first 48 bits are milliseconds
    MOMENT = "MOMENT"  # a timestamptz
    DAY = "DAY"  # a date, UTC


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A table in daily partitions, and the column that says which day a row is of."""

    table: str
    column: str
    key: Key

    @property
    def default(self) -> str:
        """Return the name of the partition for rows whose day has none."""
        return f"{self.table}_default"

    def partition(self, day: date) -> str:
        """Return the name of one day's partition."""
        return f"{self.table}_{day:%Y%m%d}"

    def bound(self, day: date) -> Any:
        """Return the smallest key of a day."""
        if self.key is Key.DAY:
            return day
        midnight = datetime.combine(day, time(), UTC)
        return first_id(midnight) if self.key is Key.ID else midnight

    @property
    def day_sql(self) -> str:
        """Return the day of a row as SQL."""
        if self.key is Key.DAY:
            return self.column
        moment = self.column
        if self.key is Key.ID:
            bits = f"('x' || substr(replace({self.column}::text, '-', ''), 1, 12))::bit(48)::bigint"
            moment = f"to_timestamp({bits} / 1000.0)"
        return f"({moment} AT TIME ZONE 'UTC')::date"


def days(of: Partitioned) -> list[date]:
    """Return the days that have a partition, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
            " WHERE inhparent = %s::regclass AND child.relname <> %s",
            [of.table, of.default],
        )
        names = [name for (name,) in cursor.fetchall()]
    return sorted(datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC).date() for name in names)


def make_ahead(of: Partitioned, *, now: datetime, within: Within = transaction.atomic) -> list[date]:
    """
    Make the partitions of today, of the coming days and of what lies in the DEFAULT partition.

    :param within: opens the transaction of each; a ledger's must let its rows be moved
    :returns: the days that were made
    """
    today = now.astimezone(UTC).date()
    ahead = {today + timedelta(days=number) for number in range(AHEAD_DAYS + 1)}
    return make(of, ahead | _stray_days(of, until=today), within=within)


def make(of: Partitioned, wanted: Iterable[date], *, within: Within = transaction.atomic) -> list[date]:
    """Make those of some days' partitions that are not there yet, and return them."""
    made = []
    for day in sorted(set(wanted) - set(days(of))):
        with within():
            if _make(of, day):
                made.append(day)
    return made


def drop(of: Partitioned, day: date) -> None:
    """Drop one day's partition with all its rows, inside the caller's transaction."""
    with connection.cursor() as cursor:
        _lock(cursor, of)
        cursor.execute(f'DROP TABLE IF EXISTS "{of.partition(day)}"')


def is_misrouted(error: BaseException) -> bool:
    """
    Return whether a row was refused because its day's partition came while it waited for the DEFAULT one.

    The bounds of a partition are a constraint without a name. The same row again finds its place.
    """
    cause = error if isinstance(error, CheckViolation) else error.__cause__
    return isinstance(cause, CheckViolation) and cause.diag.constraint_name is None


def _stray_days(of: Partitioned, *, until: date) -> set[date]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT {of.day_sql} AS day FROM {of.default}"  # noqa: S608 -- names of ours
            f" WHERE {of.column} < %s ORDER BY day DESC LIMIT {MOST_STRAYS}",
            [of.bound(until + timedelta(days=1))],
        )
        return {day for (day,) in cursor.fetchall()}


def _make(of: Partitioned, day: date) -> bool:
    """Make a partition beside the table, move its rows there, and attach it: no reader sees a row twice."""
    partition, bounds = of.partition(day), [of.bound(day), of.bound(day + timedelta(days=1))]
    with connection.cursor() as cursor:
        _lock(cursor, of)
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [partition])
        if cursor.fetchone()[0]:
            return False
        cursor.execute(f'CREATE TABLE "{partition}" (LIKE {of.table} INCLUDING ALL)')
        cursor.execute(f"LOCK TABLE {of.default} IN ACCESS EXCLUSIVE MODE")
        theirs = f"DELETE FROM {of.default} WHERE {of.column} >= %s AND {of.column} < %s RETURNING *"  # noqa: S608 -- names of ours
        move = f'WITH moved AS ({theirs}) INSERT INTO "{partition}" SELECT * FROM moved'  # noqa: S608 -- names of ours
        cursor.execute(move, bounds)
        cursor.execute(
            f'ALTER TABLE {of.table} ATTACH PARTITION "{partition}" FOR VALUES FROM (%s) TO (%s)', bounds
        )
        copy_guards(cursor, of.table, partition)
    return True


def copy_guards(cursor: Any, table: str, partition: str) -> None:
    """Give a partition what PostgreSQL does not hand down: triggers of whole statements, as TRUNCATE's."""
    cursor.execute(
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgtype & 1 = 0",
        [table],
    )
    for (definition,) in cursor.fetchall():
        cursor.execute(re.sub(rf" ON \S*\b{table}\b ", f' ON "{partition}" ', definition, count=1))


def _lock(cursor: Any, of: Partitioned) -> None:
    """Let one process at a time change the partitions of a table, and none of them wait for long."""
    cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('partitions'), hashtext(%s))", [of.table])
