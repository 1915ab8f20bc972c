"""
Write events: one statement for all that wait, durable when it returns.

It also counts what it wrote, so the tallies can't disagree with the rows: only rows that were new are
counted as accepted. Writing the same again changes nothing, so it may be repeated after any failure.
"""

import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from weakref import WeakSet

from django.db import ProgrammingError, connection
from psycopg2.errors import DuplicatePreparedStatement  # type: ignore[import-untyped]

from backend.events.services.counting import Kind
from backend.events.values import Outcome, Told, Topic

# Processes that count side by side without waiting for each other.
SLOTS: Final = 64

COLUMNS: Final = (
    "id, shop_id, topic, at, client_key, decision_id, product_ids, quantity, checkout_key, order_id, bucket, "
    "rollout_id"
)

# The events and the counts come as two lists in JSON: one round trip, and nothing to quote by hand.
# Prepared, because to plan it takes as long as to run it.
WRITE: Final = """
    PREPARE {name} (json, text, json, integer) AS
    WITH told AS (
        SELECT * FROM json_to_recordset($1) AS told(
            id uuid, shop_id bigint, topic text, at timestamptz, client_key text, decision_id uuid,
            product_ids bigint[], quantity integer, checkout_key text, order_id bigint,
            bucket smallint, rollout_id uuid
        )
    ), written AS (
        INSERT INTO {table} ({columns}, received_at)
        SELECT {columns}, statement_timestamp() FROM told ORDER BY id
        ON CONFLICT (id) DO NOTHING
        RETURNING id, shop_id, topic, at
    ), counts AS (
        SELECT shop_id, (at AT TIME ZONE 'UTC')::date AS day, topic, $2 AS outcome, 1 AS count FROM written
        UNION ALL
        SELECT * FROM json_to_recordset($3) AS counted(
            shop_id bigint, day date, topic text, outcome text, count integer
        )
    ), tallied AS (
        INSERT INTO events_tally AS tally (shop_id, day, topic, outcome, slot, count)
        SELECT shop_id, day, topic, outcome, $4, SUM(count)
        FROM counts GROUP BY shop_id, day, topic, outcome ORDER BY shop_id, day, topic, outcome
        ON CONFLICT (shop_id, day, topic, outcome, slot) DO UPDATE SET count = tally.count + EXCLUDED.count
    )
    SELECT id FROM written
"""


class _Statement:
    """An INSERT that each connection plans once."""

    def __init__(self, name: str, table: str) -> None:
        # A pooler's session may know the same name from before a deployment, with other columns.
        name = f"{name}_{zlib.crc32((WRITE + COLUMNS).encode()):08x}"
        self._execute = f"EXECUTE {name}(%s, %s, %s, %s)"
        self._prepare = WRITE.format(name=name, table=table, columns=COLUMNS)
        self._known_to: WeakSet[Any] = WeakSet()

    def run(self, values: Sequence[Any]) -> set[UUID]:
        """Write, and return the keys that were new."""
        with connection.cursor() as cursor:
            if connection.connection not in self._known_to:
                self._plan(cursor)
                self._known_to.add(connection.connection)
            cursor.execute(self._execute, values)
            return {row[0] for row in cursor.fetchall()}

    def _plan(self, cursor: Any) -> None:
        try:
            cursor.execute(self._prepare)
        except ProgrammingError as error:
            # A pooler may give us a session in which we prepared it before.
            if not isinstance(error.__cause__, DuplicatePreparedStatement):
                raise


EVENTS: Final = _Statement("events_write", "events_event")
BOTS: Final = _Statement("events_write_bots", "events_botevent")


@dataclass(frozen=True, slots=True)
class Row:
    """An event that is to be kept, and where."""

    shop_id: int
    told: Told
    at: datetime
    is_bot: bool = False


NOTHING: Final[Mapping[Kind, int]] = {}


def write(rows: Iterable[Row], *, counts: Mapping[Kind, int] = NOTHING) -> set[UUID]:
    """
    Write some events with what was counted beside them, and return the keys of those that were new.

    Called outside a transaction they are durable when it returns.
    """
    kept = list(rows)
    new: set[UUID] = set()
    for statement, outcome, is_bot in ((EVENTS, Outcome.ACCEPTED, False), (BOTS, Outcome.BOT, True)):
        some = [row for row in kept if row.is_bot is is_bot]
        if some or counts:
            new |= statement.run(_values(some, counts, outcome))
            counts = NOTHING
    return new


def _values(rows: list[Row], counts: Mapping[Kind, int], outcome: Outcome) -> tuple[Any, ...]:
    events = json.dumps([_columns(row) for row in rows])
    told = json.dumps([_count(*each, count) for each, count in counts.items()])
    return events, outcome.value, told, os.getpid() % SLOTS


def _columns(row: Row) -> dict[str, Any]:
    told = row.told
    return {
        "id": str(told.key),
        "shop_id": row.shop_id,
        "topic": told.topic,
        "at": row.at.isoformat(),
        "client_key": told.client_key,
        "decision_id": None if told.decision_id is None else str(told.decision_id),
        "product_ids": told.product_ids,
        "quantity": told.quantity,
        "checkout_key": told.checkout_key,
        "order_id": told.order_id,
        "bucket": told.bucket,
        "rollout_id": None if told.rollout_id is None else str(told.rollout_id),
    }


def _count(shop_id: int, day: date, topic: Topic | None, outcome: Outcome, count: int) -> dict[str, Any]:
    return {
        "shop_id": shop_id,
        "day": day.isoformat(),
        "topic": topic or "",
        "outcome": outcome,
        "count": count,
    }
