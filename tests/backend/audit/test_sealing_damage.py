"""What was done to one row, chain or clock neither stops the seals of others nor hides from a check."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from backend.audit import queries, reading, sealing, seals, services
from backend.audit.models import Chain, Decision, LedgerEvent, SealCursor
from backend.audit.seals import Gap
from backend.audit.values import Event, Fault, Ledger
from backend.audit.verifying import walk
from backend.shops.models import Shop
from tests.backend.audit.tampering import (
    as_superuser,
    first,
    some_acts,
    some_decisions,
    tamper,
    verified,
)
from tests.backend.history import NOW, a_shop
from tests.backend.racing import Worker, until

pytestmark = pytest.mark.django_db(transaction=True)

NEWEST = "arrival = (SELECT max(arrival) FROM {})"


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def seal() -> int:
    return sum(services.seal(ledger, now=NOW).rows for ledger in Ledger)


# Rows that are none of ours

ODD_ACTS = {
    "a number too long": """details = ('{"a":' || repeat('9', 5000) || '}')::jsonb""",
    "JSON too deep": "details = (repeat('[', 5000) || repeat(']', 5000))::jsonb",
    "no end of time": "at = 'infinity'",
    "before all time": "at = '-infinity'",
    "beyond the calendar": "id = 'ffffffff-ffff-7fff-8fff-ffffffffffff'",
}


@pytest.mark.parametrize("change", ODD_ACTS.values(), ids=ODD_ACTS)
def test_a_row_that_no_program_of_ours_writes_is_named_once_sealed(shop: Shop, change: str) -> None:
    some_acts(shop.id, 3)
    seal()

    tamper(f"UPDATE audit_ledgerevent SET {change} WHERE {NEWEST.format('audit_ledgerevent')}")

    found = first(verified(shop.id, Ledger.ACTS))
    assert (found.fault, found.arrival) == (Fault.ALTERED, _newest(LedgerEvent, shop))


@pytest.mark.parametrize("change", ODD_ACTS.values(), ids=ODD_ACTS)
def test_a_row_that_no_program_of_ours_writes_stops_no_seal(shop: Shop, change: str) -> None:
    some_acts(shop.id, 1)
    tamper(f"UPDATE audit_ledgerevent SET {change}")
    some_acts(a_shop("other.myshopify.com").id, 1)

    assert seal() == 2
    assert verified(shop.id, Ledger.ACTS).ok


def test_a_row_of_no_shop_stops_no_seal(shop: Shop) -> None:
    some_decisions(shop.id, 2)
    tamper(f"UPDATE audit_decision SET shop_id = 999999 WHERE {NEWEST.format('audit_decision')}")

    assert seal() == 2
    assert (verified(shop.id).ok, verified(shop.id).rows) == (True, 1)


def _newest(model: type, shop: Shop) -> int:
    # Not the whole row, which Django can't read any more.
    rows = model.objects.for_shop(shop.id)  # type: ignore[attr-defined]
    return int(rows.order_by("-arrival").values_list("arrival", flat=True)[0])


# Acts that other rows lean on


@pytest.mark.parametrize(
    "details", ["{}", "7", '{"ledger": "decisions"}', '{"ledger": "decisions", "before": "x"}']
)
def test_an_act_that_was_made_unreadable_retires_nothing(shop: Shop, details: str) -> None:
    some_decisions(shop.id, 2)
    some_acts(shop.id, 1)
    seal()
    tamper("UPDATE audit_ledgerevent SET event = 'LEDGER_RETIRED', details = %s", details)
    tamper("DELETE FROM audit_decision")

    assert first(verified(shop.id)).fault is Fault.DROPPED
    assert first(verified(shop.id, Ledger.ACTS)).fault is Fault.ALTERED


@pytest.mark.parametrize("details", ["{}", "7", '{"decisions": "many"}'])
def test_an_act_that_tells_no_number_covers_no_erasure(shop: Shop, details: str) -> None:
    some_decisions(shop.id, 2)
    act = services.record(
        Event.CUSTOMER_REDACTED, shop_id=shop.id, subject="x", reason="x", details={"decisions": 2}, now=NOW
    )
    services.forget_visitor(shop.id, "a" * 32, act=act)
    seal()
    assert verified(shop.id).ok

    tamper("UPDATE audit_ledgerevent SET details = %s", details)

    assert first(verified(shop.id)).fault is Fault.ERASED


# A sealer that is sent back, a chain that is


@pytest.mark.parametrize("way", ["the cursor", "a gap"])
def test_a_changed_row_that_a_sealer_was_made_to_seal_again_is_named(shop: Shop, way: str) -> None:
    ids = some_decisions(shop.id, 6)
    seal()
    row = Decision.objects.for_shop(shop.id).get(id=ids[3])
    tamper("UPDATE audit_decision SET requested = 99 WHERE id = %s", str(row.id))
    back = {"seen": row.arrival - 1} if way == "the cursor" else {"gaps": [[row.arrival, row.arrival, 2**60]]}
    SealCursor.objects.filter(ledger=Ledger.DECISIONS).update(**back)
    seal()

    found = first(verified(shop.id))

    assert (found.fault, found.arrival, found.row_id) == (Fault.ALTERED, row.arrival, row.id)


@pytest.mark.parametrize("way", ["number = 0, head = ''", "number = 1"])
def test_a_chain_that_was_set_back_keeps_no_other_from_being_sealed(shop: Shop, way: str) -> None:
    other = a_shop("other.myshopify.com")
    for _ in range(2):
        some_decisions(shop.id, 1)
        seal()
    tamper(f"UPDATE audit_chain SET {way}")
    some_decisions(shop.id, 1)
    some_decisions(other.id, 1)

    assert seal() == 2
    assert verified(other.id).ok
    assert verified(shop.id).unsealed.rows == 0


def test_a_shop_whose_chains_are_gone_is_looked_at_and_told_of(shop: Shop) -> None:
    some_decisions(shop.id, 2)
    some_acts(shop.id, 1)
    seal()
    tamper("DELETE FROM audit_segment")
    tamper("DELETE FROM audit_chain")

    assert queries.chained_shop_ids() == [shop.id]
    found = services.verify_shop(shop.id, is_whole=True, now=NOW)

    assert [first(one).fault for one in found] == [Fault.ADDED, Fault.ADDED]
    assert all(one.finding for one in queries.chain_state(shop.id))


def test_a_shop_that_was_never_sealed_has_no_finding(shop: Shop) -> None:
    some_decisions(shop.id, 2)

    assert services.verify_shop(shop.id, is_whole=True, now=NOW) == []
    assert not Chain.objects.for_shop(shop.id).exists()


# Many rows at once


def test_rows_that_come_late_together_are_sealed_some_at_a_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal()
    monkeypatch.setattr(sealing, "WINDOW", 3)
    asked: list[int] = []
    monkeypatch.setattr(reading, "rows_in", _counted(reading.rows_in, asked))
    written, end = threading.Event(), threading.Event()
    slow = Worker(lambda: _write_many(shop.id, written, end))
    until(written.is_set)
    some_decisions(shop.id, 1)
    assert seal() == 1
    end.set()
    slow.finish()

    assert seal() == 10
    assert max(asked) <= 3
    assert (verified(shop.id).ok, verified(shop.id).rows) == (True, 11)


def _write_many(shop_id: int, written: threading.Event, end: threading.Event) -> None:
    with transaction.atomic():
        some_decisions(shop_id, 10)
        written.set()
        assert end.wait(30)


def _counted(rows_in, asked):  # type: ignore[no-untyped-def]
    def counted(*args, **options):  # type: ignore[no-untyped-def]
        rows = rows_in(*args, **options)
        asked.append(len(rows))
        return rows

    return counted


def test_the_numbers_up_to_one_are_told_from_those_above() -> None:
    gaps = [Gap(1, 3, 9), Gap(5, 8, 9), Gap(10, 11, 9)]

    assert seals.split(gaps, 6) == ([Gap(1, 3, 9), Gap(5, 6, 9)], [Gap(7, 8, 9), Gap(10, 11, 9)])


def test_of_rows_without_any_segment_no_more_are_held_than_anybody_reads(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MOST_STRAYS", 2)
    some_decisions(shop.id, 6)
    seal()
    some_decisions(shop.id, 1)
    seal()
    tamper("DELETE FROM audit_segment WHERE number = 1")

    found = [one.fault for one in verified(shop.id).findings]

    assert found.count(Fault.ADDED) == 2
    assert Fault.RESEALED in found


# Clocks


@pytest.fixture
def shadow() -> Iterator[None]:
    """Let what a test puts in front of PostgreSQL's own tables be gone after it."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("DISCARD TEMP")


@pytest.mark.usefixtures("shadow")
def test_a_number_that_is_drawn_while_a_look_begins_is_waited_for(shop: Shop) -> None:
    some_decisions(shop.id, 1)
    seal()
    with as_superuser() as cursor:
        # A look that is held up between its own moment and the reading of the last number.
        cursor.execute(
            "CREATE TEMP VIEW audit_decision_arrival AS SELECT last_value, is_called FROM"
            " (SELECT pg_sleep(0.6) OFFSET 0) waited, public.audit_decision_arrival"
        )
    written, end = threading.Event(), threading.Event()
    slow = Worker(lambda: _write_soon(shop.id, written, end))
    sealing.seal_window(Ledger.DECISIONS, now=NOW)
    until(written.is_set)
    sealing.seal_window(Ledger.DECISIONS, now=NOW)
    end.set()
    slow.finish()
    sealing.seal_window(Ledger.DECISIONS, now=NOW)

    assert (verified(shop.id).ok, verified(shop.id).rows) == (True, 2)


def _write_soon(shop_id: int, written: threading.Event, end: threading.Event) -> None:
    assert not end.wait(0.2)
    with transaction.atomic():
        some_decisions(shop_id, 1)
        written.set()
        assert end.wait(30)


@pytest.mark.usefixtures("shadow")
def test_a_clock_that_was_set_back_gives_no_number_up(shop: Shop) -> None:
    written, end = threading.Event(), threading.Event()
    slow = Worker(lambda: _write_many(shop.id, written, end))
    until(written.is_set)
    with connection.cursor() as cursor:
        # The same as a clock that went back by an hour since that transaction began.
        cursor.execute(
            "CREATE TEMP VIEW pg_stat_activity AS SELECT datname, pid, query,"
            " xact_start + interval '1 hour' AS xact_start FROM pg_catalog.pg_stat_activity"
        )
    some_decisions(shop.id, 1)
    seal()
    seal()
    end.set()
    slow.finish()
    seal()

    assert (verified(shop.id).ok, verified(shop.id).rows) == (True, 11)
