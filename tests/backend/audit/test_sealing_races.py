"""Rows that commit late, out of order or never; sealers that meet or die; a dump that is restored."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, transaction

from backend.audit import sealing, services
from backend.audit.models import SealCursor, Segment
from backend.audit.values import Ledger
from backend.config import engines
from tests.backend.audit.tampering import a_decision, first, some_acts, some_decisions, tamper, verified
from tests.backend.history import NOW, a_shop
from tests.backend.racing import Pause, Worker, until

pytestmark = pytest.mark.django_db(transaction=True)


class Open:
    """A transaction that has written decisions and does not end before it is told to."""

    def __init__(self, shop_id: int, count: int = 1) -> None:
        self._shop_id, self._count = shop_id, count
        self._written, self._end = threading.Event(), threading.Event()
        self._is_kept = True
        self._worker = Worker(self._run)
        until(lambda: self._written.is_set() or self._worker.is_over)

    def _run(self) -> None:
        with transaction.atomic():
            some_decisions(self._shop_id, self._count)
            self._written.set()
            assert self._end.wait(30)
            transaction.set_rollback(not self._is_kept)

    def commit(self) -> None:
        self._end.set()
        self._worker.finish()

    def roll_back(self) -> None:
        self._is_kept = False
        self.commit()


def seal() -> int:
    return services.seal(Ledger.DECISIONS, now=NOW).rows


def test_a_row_that_commits_after_later_ones_were_sealed_is_sealed_by_the_next_look() -> None:
    shop = a_shop()
    slow = Open(shop.id)
    some_decisions(shop.id, 2)

    before = seal()
    while_open = [seal(), seal()]
    slow.commit()
    after = seal()

    assert (before, while_open, after) == (2, [0, 0], 1)
    assert [one.count for one in Segment.objects.for_shop(shop.id)] == [2, 1]
    found = verified(shop.id)
    assert (found.ok, found.rows, found.unsealed.rows) == (True, 3, 0)


def test_a_transaction_that_is_open_for_many_looks_loses_nothing_and_holds_nothing_up() -> None:
    shop = a_shop()
    very_slow = Open(shop.id, 3)
    sealed = []
    for _ in range(5):
        some_decisions(shop.id, 2)
        sealed.append(seal())

    very_slow.commit()

    assert sealed == [2] * 5
    assert seal() == 3
    found = verified(shop.id)
    assert (found.ok, found.rows) == (True, 13)


def test_numbers_that_were_rolled_back_are_given_up_once_nobody_can_bring_them() -> None:
    shop = a_shop()
    # What other tests drew and rolled back.
    seal()
    seal()
    lost, slow = Open(shop.id, 2), Open(shop.id)
    some_decisions(shop.id, 1)
    seal()
    lost.roll_back()

    seal()
    with_a_transaction_from_before = gap_numbers()
    slow.commit()
    seal()

    assert with_a_transaction_from_before == 3
    assert gap_numbers() == 0
    found = verified(shop.id)
    assert (found.ok, found.rows) == (True, 2)


def gap_numbers() -> int:
    return sum(high - low + 1 for low, high, _ in SealCursor.objects.get(ledger=Ledger.DECISIONS).gaps)


def test_a_row_that_waits_in_a_gap_is_no_added_row() -> None:
    shop = a_shop()
    slow = Open(shop.id)
    some_decisions(shop.id, 1)
    seal()
    slow.commit()

    found = verified(shop.id)

    assert (found.ok, found.rows, found.unsealed.rows) == (True, 1, 1)


def test_the_second_of_two_sealers_leaves_it_to_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = a_shop()
    some_decisions(shop.id, 4)
    pause = Pause()
    monkeypatch.setattr(sealing, "_write", pause.before(sealing._write))
    first = Worker(seal)

    with pause.holding(first):
        second = seal()

    assert (first.finish(), second) == (4, 0)
    assert verified(shop.id).rows == 4


def test_many_sealers_at_once_never_fork_a_chain() -> None:
    shop = a_shop()
    workers = []
    for _ in range(6):
        some_decisions(shop.id, 3)
        workers += [Worker(seal), Worker(seal)]
    for worker in workers:
        worker.finish()
    seal()

    found = verified(shop.id)
    numbers = [one.number for one in Segment.objects.for_shop(shop.id)]
    assert (found.ok, found.rows, numbers) == (True, 18, list(range(1, len(numbers) + 1)))


class Killed(BaseException):
    pass


@pytest.mark.parametrize("where", ["_write", "_next"])
def test_a_sealer_that_is_killed_in_the_middle_leaves_its_look_to_the_next(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    shop = a_shop()
    some_decisions(shop.id, 2)
    seal()
    some_decisions(shop.id, 3)
    plain = getattr(sealing, where)

    def dying(*args: object, **kwargs: object) -> None:
        plain(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(sealing, where, dying)
        with pytest.raises(Killed):
            seal()

    assert seal() == 3
    found = verified(shop.id)
    assert (found.ok, found.rows, found.segments) == (True, 5, 2)


def test_a_database_that_was_restored_goes_on_with_its_chain() -> None:
    """What a dump holds: rows, seals, the cursor, and a sequence that is ahead of what was seen."""
    shop = a_shop()
    some_decisions(shop.id, 3)
    seal()
    in_flight_at_the_dump = Open(shop.id, 2)
    seal()
    in_flight_at_the_dump.roll_back()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval('audit_decision_arrival', (SELECT last_value + 5 FROM audit_decision_arrival))"
        )

    some_decisions(shop.id, 2)

    assert (seal(), seal()) == (2, 0)
    assert gap_numbers() == 0
    found = verified(shop.id)
    assert (found.ok, found.rows) == (True, 5)


def test_rows_of_two_looks_are_verified_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from backend.audit.verifying import chain

    monkeypatch.setattr(chain, "BATCH_ROWS", 3)
    monkeypatch.setattr(chain, "SEGMENTS", 2)
    shop, other = a_shop(), a_shop("other.myshopify.com")
    slow = Open(shop.id)
    for _ in range(7):
        some_decisions(shop.id, 2)
        some_decisions(other.id, 1)
        seal()
    slow.commit()
    seal()
    some_decisions(shop.id, 1)

    found = verified(shop.id)

    assert (found.ok, found.rows, found.segments, found.unsealed.rows) == (True, 15, 8, 1)
    assert verified(shop.id, after=5).rows == 5


def test_a_decision_that_is_written_outside_any_transaction_is_sealed() -> None:
    shop = a_shop()
    services.record_decision(a_decision(shop.id))

    assert seal() == 1
    assert verified(shop.id).ok


@pytest.fixture(autouse=True)
def _own_connections() -> Iterator[None]:
    from backend.audit import gateway

    yield
    gateway.close()


def program(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on the tests' own server."""
    at = connection.get_connection_params()
    folder = engines._wheel() / engines.POSTGRES_PROGRAMS
    reach = ["--host", str(at["host"]), "--username", str(at.get("user") or "postgres")]
    subprocess.run([folder / name, *reach, *arguments], check=True, capture_output=True)


def test_a_dump_that_is_restored_elsewhere_verifies_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop()
    ids = some_decisions(shop.id, 3)
    some_acts(shop.id, 2)
    for ledger in Ledger:
        services.seal(ledger, now=NOW)
    name, copy = connection.settings_dict["NAME"], f"{connection.settings_dict['NAME']}_restored"
    program("pg_dump", "-Fc", "-f", str(tmp_path / "dump"), name)
    program("createdb", copy)
    try:
        program("pg_restore", "--exit-on-error", "-d", copy, str(tmp_path / "dump"))
        connection.close()
        monkeypatch.setitem(connection.settings_dict, "NAME", copy)

        some_decisions(shop.id, 2)
        seal()

        assert [verified(shop.id, ledger).rows for ledger in Ledger] == [2, 5]
        assert all(verified(shop.id, ledger).ok for ledger in Ledger)
        tamper("UPDATE audit_decision SET arm = 'x' WHERE id = %s", ids[1])
        assert first(verified(shop.id)).row_id == ids[1]
    finally:
        connection.close()
        monkeypatch.undo()
        program("dropdb", copy)
    assert verified(shop.id).rows == 3
