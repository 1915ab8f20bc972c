"""Daily partitions, on the two tables of the decision ledger: one on an identifier, one on a day."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from backend.audit import queries as audit
from backend.audit import services
from backend.audit.models import CONTENTS, DECISIONS
from backend.core import partitions
from backend.core.ids import first_id, made_at, uuid7
from backend.core.partitions import Key, Partitioned
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.history import a_shop

pytestmark = pytest.mark.django_db

# Of no day that a migration made partitions for.
LATER = datetime(2031, 3, 5, 23, 59, 59, 999_000, tzinfo=UTC)


def lies_in(decision_id: UUID) -> str:
    """Return the partition that holds a decision."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM audit_decision WHERE id = %s", [decision_id])
        found: str = cursor.fetchone()[0]
        return found


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        yield


@pytest.mark.parametrize("of", [DECISIONS, CONTENTS])
def test_two_weeks_are_made_ahead_and_a_second_turn_makes_nothing(of: Partitioned) -> None:
    made = partitions.make_ahead(of, now=LATER)

    assert made == [date(2031, 3, 5) + timedelta(days=number) for number in range(15)]
    assert set(made) <= set(partitions.days(of))
    assert partitions.make_ahead(of, now=LATER) == []
    # The next day's first turn adds one.
    assert partitions.make_ahead(of, now=LATER + timedelta(milliseconds=1)) == [date(2031, 3, 20)]


def test_midnight_utc_is_where_a_day_ends() -> None:
    shop = a_shop()
    partitions.make_ahead(DECISIONS, now=LATER, within=services.erasure)
    last = a_decision(shop.id, at=LATER)
    first = a_decision(shop.id, at=LATER + timedelta(milliseconds=1))

    services.record_decisions([last, first], shop_id=shop.id)

    assert lies_in(last.id) == "audit_decision_20310305"
    assert lies_in(first.id) == "audit_decision_20310306"


def test_rows_that_came_while_nobody_made_partitions_are_found_and_then_moved() -> None:
    shop = a_shop()
    stray = a_decision(shop.id, at=LATER - timedelta(days=40))
    today = a_decision(shop.id, at=LATER)
    services.record_decisions([stray, today], shop_id=shop.id)
    before = arrivals()

    assert {lies_in(stray.id), lies_in(today.id)} == {"audit_decision_default"}
    assert audit.decisions(shop.id, [stray.id, today.id]) == [stray, today]

    services.make_partitions(now=LATER)

    assert lies_in(stray.id) == "audit_decision_20310124"
    assert lies_in(today.id) == "audit_decision_20310305"
    assert audit.decisions(shop.id, [stray.id, today.id]) == [stray, today]
    # Seals follow these numbers: a row that is moved keeps its own.
    assert arrivals() == before


def arrivals() -> dict[UUID, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, arrival FROM audit_decision")
        return dict(cursor.fetchall())


@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET arm = 'other'", "DELETE FROM {}", "TRUNCATE {}"],
)
@pytest.mark.parametrize("day", [date(2031, 3, 5), date(2031, 3, 9), None])
def test_a_partition_refuses_to_change_as_its_table_does(statement: str, day: date | None) -> None:
    shop = a_shop()
    partitions.make_ahead(DECISIONS, now=LATER, within=services.erasure)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else LATER + timedelta(days=99)
    decision = a_decision(shop.id, at=at)
    services.record_decision(decision)
    partition = DECISIONS.partition(day) if day else DECISIONS.default
    assert lies_in(decision.id) == partition

    with refused(), connection.cursor() as cursor:
        cursor.execute(statement.format(partition))

    assert audit.decisions(shop.id, [decision.id]) == [decision]


def test_a_dropped_day_is_gone_and_its_neighbours_stay() -> None:
    shop = a_shop()
    partitions.make_ahead(DECISIONS, now=LATER, within=services.erasure)
    gone, kept = a_decision(shop.id, at=LATER), a_decision(shop.id, at=LATER + timedelta(days=1))
    services.record_decisions([gone, kept], shop_id=shop.id)

    partitions.drop(DECISIONS, LATER.date())

    assert audit.decisions(shop.id, [gone.id, kept.id]) == [kept]
    assert LATER.date() not in partitions.days(DECISIONS)


def test_a_range_of_identifiers_looks_at_its_days_alone() -> None:
    shop = a_shop()
    partitions.make_ahead(DECISIONS, now=LATER, within=services.erasure)

    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN SELECT * FROM audit_decision WHERE shop_id = %s AND id >= %s AND id < %s",
            [shop.id, first_id(LATER), first_id(LATER + timedelta(days=1))],
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "audit_decision_20310305" in plan
    assert "audit_decision_20310306" in plan
    assert "audit_decision_20310307" not in plan
    assert "audit_decision_default" not in plan


def test_a_table_on_a_moment_is_partitioned_by_the_same_days() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE told (at timestamptz NOT NULL) PARTITION BY RANGE (at)")
        cursor.execute("CREATE TABLE told_default PARTITION OF told DEFAULT")
        cursor.execute("INSERT INTO told VALUES (%s)", [LATER])

    partitions.make_ahead(Partitioned("told", "at", Key.MOMENT), now=LATER)

    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM told")
        assert cursor.fetchone() == ("told_20310305",)


def test_an_identifier_tells_its_moment() -> None:
    made = uuid7(LATER)

    assert made_at(made) == LATER
    assert first_id(LATER) <= made < first_id(LATER + timedelta(milliseconds=1))
