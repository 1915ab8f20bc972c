"""Reads of monitoring: what was a reason to train, and the rows that looks are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection

from backend.audit import queries as audit
from backend.audit.values import Channel, Surface
from backend.core.ids import first_id
from backend.core.moments import microseconds
from backend.monitoring.models import RetrainTrigger, TriggerSettings
from backend.monitoring.rules import cooling, telling
from backend.monitoring.rules.drift import Floats, Ints
from backend.monitoring.values import Count, Figure, Kind, Span, Status, Trigger, TriggerPolicy, Verdict
from backend.rollouts.values import INTERLEAVED
from backend.training import queries as training

# A purchase counts for a recommendation that its buyer saw within this time.
CONVERSION_WINDOW = timedelta(days=1)

# An order's history is looked at this far back, the same for each, or a young shop's customers would
# seem to change by growing older.
LOOKBACK = timedelta(days=28)

# Rows read at most: at this many the smallest drift that matters is certain.
MOST_ORDERS = 100_000
MOST_ANSWERS = 100_000


# Customers asked at most: 1,000 bound a hit rate to three points.
MOST_CASES = 1_000
HISTORY = 500  # newest purchases of one

TITLES = {
    Kind.TIMETABLE: "Every week",
    Kind.CONVERSION: "Fewer buyers",
    Kind.METRIC: "Weaker hits",
    Kind.DRIFT: "Changed shop",
    Kind.UNREADABLE: "Unreadable model",
    Kind.MANUAL: "By hand",
}
NOT_YET = {
    Kind.TIMETABLE: "Every Monday night. The first one is still to come.",
    Kind.CONVERSION: "Looks each day at the last two whole weeks. Nothing was looked at yet.",
    Kind.METRIC: "Looks each day at the newest week of orders. Nothing was looked at yet.",
    Kind.DRIFT: "Looks each hour at what is sold, who buys and what is answered. Nothing was looked at yet.",
    Kind.UNREADABLE: "Looks each hour whether the files of the live version can be read. Not looked at yet.",
    Kind.MANUAL: "Nobody has asked for a training yet.",
}

VISITORS = """
    SELECT COUNT(DISTINCT shown.visitor_key),
           COUNT(DISTINCT shown.visitor_key) FILTER (WHERE credit.decision_id IS NOT NULL)
    FROM audit_decision shown
    LEFT JOIN (
        SELECT decision_id, placed_at FROM attribution_credit
        WHERE shop_id = %(shop_id)s AND kind <> 'VIEW' AND placed_at >= %(since)s
        GROUP BY decision_id, order_id, line_id, placed_at
        -- What was taken back in full is no purchase.
        HAVING SUM(quantity) > 0
    ) credit ON credit.decision_id = shown.id AND credit.placed_at < shown.at + %(window)s
    WHERE shown.shop_id = %(shop_id)s AND shown.channel = %(channel)s
      AND shown.visitor_key IS NOT NULL AND shown.at >= %(since)s AND shown.at < %(until)s
      AND shown.id >= %(first_id)s AND shown.id < %(last_id)s
"""

# Sampled by a hash of the pseudonym: the same customers at each look, and no favourites.
CASES = """
    WITH asked AS (
        SELECT customer_key
        FROM features_interaction
        WHERE shop_id = %(shop_id)s AND customer_key IS NOT NULL
          AND occurred_at >= %(since)s AND occurred_at < %(until)s
        GROUP BY customer_key
        ORDER BY md5(customer_key)
        LIMIT %(limit)s
    )
    SELECT (ARRAY_AGG(product_id ORDER BY occurred_at DESC, basket_id DESC, product_id DESC)
                FILTER (WHERE occurred_at < %(since)s))[1:%(history)s],
           (ARRAY_AGG((EXTRACT(EPOCH FROM occurred_at) * 1000000)::bigint
                      ORDER BY occurred_at DESC, basket_id DESC, product_id DESC)
                FILTER (WHERE occurred_at < %(since)s))[1:%(history)s],
           ARRAY_AGG(DISTINCT product_id) FILTER (WHERE occurred_at >= %(since)s)
    FROM features_interaction JOIN asked USING (customer_key)
    WHERE shop_id = %(shop_id)s AND occurred_at < %(until)s
    GROUP BY customer_key
    HAVING BOOL_OR(occurred_at < %(since)s)
"""

ORDERS = """
    WITH placed AS (
        SELECT basket_id, customer_key, MIN(occurred_at) AS at, ARRAY_AGG(DISTINCT product_id) AS products
        FROM features_interaction
        WHERE shop_id = %(shop_id)s AND occurred_at >= %(seen_since)s AND occurred_at < %(until)s
        GROUP BY basket_id, customer_key
    ), told AS (
        SELECT at, products, customer_key IS NOT NULL AS is_known,
               COUNT(*) OVER (
                   PARTITION BY customer_key ORDER BY at
                   RANGE BETWEEN %(lookback)s PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW
               ) AS before,
               at - LAG(at) OVER (PARTITION BY customer_key ORDER BY at) AS gap
        FROM placed
    )
    SELECT (EXTRACT(EPOCH FROM at) * 1000000)::bigint, products, is_known, before,
           LEAST(EXTRACT(EPOCH FROM COALESCE(gap, %(lookback)s)), EXTRACT(EPOCH FROM %(lookback)s))
               ::double precision / 86400
    FROM told
    WHERE at >= %(since)s
    ORDER BY at DESC
    LIMIT %(limit)s
"""

FIRST_ORDER = "SELECT MIN(occurred_at) FROM features_interaction WHERE shop_id = %(shop_id)s"


@dataclass(frozen=True, slots=True)
class Case:
    """
    One customer at a moment: what they had bought, oldest first, and what they bought next.

    ``at`` are the moments of the history, microseconds since 1970, UTC.
    """

    history: tuple[int, ...]
    at: tuple[int, ...]
    bought: frozenset[int]


@dataclass(frozen=True, slots=True)
class Orders:
    """
    Orders in columns, oldest first; N of them.

    ``before`` and ``days_since`` look 28 days back; they mean nothing for guests.
    """

    at: Ints  # (N,) microseconds
    products: tuple[tuple[int, ...], ...]
    is_known: Ints  # (N,) 1 for a customer, 0 for a guest
    before: Floats  # (N,) orders of the same customer
    days_since: Floats  # (N,) 28 where there was none


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of one version in columns, oldest first: moment, visitor's number, score of the first place."""

    at: Ints
    visitor: Ints
    score: Floats


def triggers(shop_id: int, *, limit: int = 50) -> list[Trigger]:
    """Return a shop's newest recorded looks, each with the version that its training made."""
    rows = RetrainTrigger.objects.for_shop(shop_id).order_by("-created_at", "-id")
    found = [trigger_of(row) for row in rows[:limit]]
    made = training.versions_made(shop_id, [one.run_id for one in found if one.run_id])
    return [replace(one, version_id=made.get(one.run_id)) if one.run_id else one for one in found]


def find_last(shop_id: int, kind: Kind, *, verdict: Verdict | None = None) -> Trigger | None:
    """Return the newest recorded look of a kind, or None before the first."""
    rows = RetrainTrigger.objects.for_shop(shop_id).filter(kind=kind)
    if verdict is not None:
        rows = rows.filter(verdict=verdict)
    row = rows.order_by("-created_at", "-id").first()
    return trigger_of(row) if row else None


def has_fired(shop_id: int, kind: Kind, subject: str) -> bool:
    """Return whether this data was a reason for a training already."""
    rows = RetrainTrigger.objects.for_shop(shop_id).filter(kind=kind, subject=subject)
    return rows.filter(verdict=Verdict.FIRED).exists()


def statuses(shop_id: int) -> list[Status]:
    """Return where each kind of trigger stands."""
    return [_status(shop_id, kind) for kind in Kind]


def _status(shop_id: int, kind: Kind) -> Status:
    last = find_last(shop_id, kind)
    if last is None:
        return Status(kind, TITLES[kind], None, NOT_YET[kind], None, None)
    fired = find_last(shop_id, kind, verdict=Verdict.FIRED)
    fired_at = fired.created_at if fired else None
    return Status(kind, TITLES[kind], last.verdict, last.words, last.created_at, fired_at)


def cooling_until(shop_id: int, *, now: datetime) -> datetime | None:
    """Return until when a shop is left alone after its newest training; None if it need not be."""
    run = training.find_last_run(shop_id)
    finished_at = run.finished_at if run else None
    policy = trigger_policy(shop_id)
    return cooling.cooling_until(finished_at=finished_at, cool_down=policy.cool_down, now=now)


def trigger_policy(shop_id: int) -> TriggerPolicy:
    """Return how a shop wants to be watched; the defaults until its merchant changes them."""
    row = TriggerSettings.objects.for_shop(shop_id).first()
    if row is None:
        return TriggerPolicy()
    return TriggerPolicy(row.cool_down_hours, row.min_accuracy_percent, row.updated_at, row.updated_by)


def trigger_of(row: RetrainTrigger) -> Trigger:
    """Return a row as the value that other apps see."""
    return Trigger(
        id=row.uuid,
        kind=Kind(row.kind),
        verdict=Verdict(row.verdict),
        words=row.words,
        subject=row.subject,
        evidence=row.evidence,
        run_id=row.run_id,
        created_at=row.created_at,
    )


def figures(evidence: Mapping[str, Any]) -> list[Figure]:
    """Return what a look rests on as lines that people read."""
    return telling.figures(evidence)


def converted(shop_id: int, span: Span) -> Count:
    """
    Return how many visitors saw recommendations in a span, and how many of them bought by one.

    By one: an order that is credited to it was placed within a day of seeing it.
    """
    [(seen, bought)] = _rows(
        VISITORS,
        shop_id=shop_id,
        channel=Channel.APP_PROXY,
        window=CONVERSION_WINDOW,
        since=span.since,
        until=span.until,
        first_id=first_id(span.since),
        last_id=first_id(span.until + timedelta(milliseconds=1)),
    )
    return Count(bought, seen)


def cases(shop_id: int, span: Span) -> list[Case]:
    """Return customers who had bought before a span and bought in it; at most 1,000, always the same."""
    rows = _rows(
        CASES, shop_id=shop_id, since=span.since, until=span.until, limit=MOST_CASES, history=HISTORY
    )
    return [
        Case(tuple(reversed(history)), tuple(reversed(at)), frozenset(bought)) for history, at, bought in rows
    ]


def orders(shop_id: int, span: Span) -> Orders:
    """Return the newest orders of a span, each with what its customer did in the 28 days before."""
    rows = _rows(
        ORDERS,
        shop_id=shop_id,
        seen_since=span.since - LOOKBACK,
        since=span.since,
        until=span.until,
        lookback=LOOKBACK,
        limit=MOST_ORDERS,
    )
    rows = rows[::-1]
    return Orders(
        at=np.array([row[0] for row in rows], dtype=np.int64),
        products=tuple(tuple(row[1]) for row in rows),
        is_known=np.array([row[2] for row in rows], dtype=np.int64),
        before=np.array([row[3] for row in rows], dtype=np.float64),
        days_since=np.array([row[4] for row in rows], dtype=np.float64),
    )


def find_first_order(shop_id: int) -> datetime | None:
    """Return when the oldest known purchase was made, or None before the first."""
    [(moment,)] = _rows(FIRST_ORDER, shop_id=shop_id)
    first: datetime | None = moment
    return first


def answers(shop_id: int, version_id: UUID, surface: Surface, *, since: datetime) -> Answers:
    """Return the newest personal answers of one version on one surface."""
    newest = audit.scores(
        shop_id,
        version_id,
        surface,
        channel=Channel.APP_PROXY,
        since=since,
        limit=MOST_ANSWERS,
        without_arm=INTERLEAVED,
    )
    rows = list(newest)[::-1]
    _, visitor = np.unique(np.array([row[1] for row in rows], dtype=str), return_inverse=True)
    return Answers(
        at=np.array([microseconds(row[0]) for row in rows], dtype=np.int64),
        visitor=visitor.astype(np.int64),
        score=np.array([row[2] for row in rows], dtype=np.float64),
    )


def _rows(sql: str, **values: Any) -> Sequence[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: Sequence[Any] = cursor.fetchall()
    return rows
