"""
Write events: one statement for all that wait, durable when it returns.

It also counts what it wrote, so the tallies can't disagree with the rows: only rows that were new are
counted as accepted. Writing the same again changes nothing, so it may be repeated after any failure.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from backend.events.services.counting import Kind
from backend.events.values import Outcome, Told, Topic

# Processes that count side by side without waiting for each other.
SLOTS: Final = 64

COLUMNS: Final = (
    "id, shop_id, topic, at, client_key, decision_id, product_ids, quantity, checkout_key, order_id, bucket"
)

# The events and the counts come as two lists in JSON: one round trip, and nothing to quote by hand.
WRITE: Final = """
    WITH told AS (
        SELECT * FROM json_to_recordset(%(events)s) AS told(
            id uuid, shop_id bigint, topic text, at timestamptz, client_key text, decision_id uuid,
            product_ids bigint[], quantity integer, checkout_key text, order_id bigint,
            bucket smallint
        )
    ), written AS (
        INSERT INTO {table} ({columns}, received_at)
        SELECT {columns}, statement_timestamp() FROM told ORDER BY id
        ON CONFLICT (id) DO NOTHING
        RETURNING id, shop_id, topic, at
    ), counts AS (
        SELECT shop_id, (at AT TIME ZONE 'UTC')::date AS day, topic, %(outcome)s AS outcome, 1 AS count
        FROM written
        UNION ALL
        SELECT * FROM json_to_recordset(%(counts)s) AS counted(
            shop_id bigint, day date, topic text, outcome text, count integer
        )
    ), tallied AS (
        INSERT INTO events_tally AS tally (shop_id, day, topic, outcome, slot, count)
        SELECT shop_id, day, topic, outcome, %(slot)s, SUM(count)
        FROM counts GROUP BY shop_id, day, topic, outcome ORDER BY shop_id, day, topic, outcome
        ON CONFLICT (shop_id, day, topic, outcome, slot) DO UPDATE SET count = tally.count + EXCLUDED.count
    )
    SELECT id FROM written
"""
WRITE_EVENTS: Final = WRITE.format(table="events_event", columns=COLUMNS)
WRITE_BOTS: Final = WRITE.format(table="events_botevent", columns=COLUMNS)


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
    for sql, outcome, is_bot in ((WRITE_EVENTS, Outcome.ACCEPTED, False), (WRITE_BOTS, Outcome.BOT, True)):
        some = [row for row in kept if row.is_bot is is_bot]
        if some or counts:
            new |= _write(sql, some, counts, outcome)
            counts = NOTHING
    return new


def _write(sql: str, rows: list[Row], counts: Mapping[Kind, int], outcome: Outcome) -> set[UUID]:
    values = {
        "events": json.dumps([_columns(row) for row in rows]),
        "counts": json.dumps([_count(*each, count) for each, count in counts.items()]),
        "outcome": outcome.value,
        "slot": os.getpid() % SLOTS,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return {row[0] for row in cursor.fetchall()}


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
    }


def _count(shop_id: int, day: date, topic: Topic | None, outcome: Outcome, count: int) -> dict[str, Any]:
    return {
        "shop_id": shop_id,
        "day": day.isoformat(),
        "topic": topic or "",
        "outcome": outcome,
        "count": count,
    }
