"""Decisions that waited on disk: into the ledger once, late, and without whoever was erased."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from structlog.testing import capture_logs

from backend.attribution import services as attribution
from backend.attribution.models import OfferScan
from backend.audit import queries, services, spooling
from backend.audit.models import Content, Decision
from backend.audit.values import Fault, Ledger
from backend.core.spool import Spool, SpoolUnavailable
from backend.features.models import EventMark
from backend.serving.services import shipping
from backend.shops import services as shops
from backend.shops.models import Shop
from tests.backend.audit.tampering import tamper
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.audit.test_writing import LONG, recorded, stored
from tests.backend.history import NOW, a_shop

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "a" * 32
SHELF = bytes(range(256)) * 8
EARLIER = NOW - timedelta(days=1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.SPOOL_ROOT = tmp_path / "spool"
    return settings.SPOOL_ROOT


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def seal() -> None:
    services.seal(Ledger.DECISIONS, now=NOW)


def faults(shop_id: int) -> list[Fault]:
    return [one.fault for one in services.verify(shop_id, Ledger.DECISIONS).findings]


def test_a_decision_comes_back_from_disk_as_it_was_made(shop: Shop, folder: Path) -> None:
    decision = a_decision(shop.id, items=LONG, rules=("one", "two"), feature_version="f1")
    nobodys = a_decision(shop.id, visitor_key=None, version_id=None, version_number=None)
    services.spool_decision(decision)
    services.spool_decision(nobodys)
    assert recorded(shop.id) == {}

    assert shipping.ship() == 2

    assert recorded(shop.id) == {decision.id: decision, nobodys.id: nobodys}
    assert stored(decision.id).salt is not None
    assert stored(nobodys.id).salt is None
    assert list(folder.iterdir()) == []
    assert shipping.ship() == 0


def test_contents_that_decisions_share_lie_on_disk_once_and_are_found_again(shop: Shop, folder: Path) -> None:
    made = [
        a_decision(shop.id, inputs={"shelf": SHELF}, personal_inputs={"cart": b"%d" % number})
        for number in range(20)
    ]
    for decision in made:
        services.spool_decision(decision)
    taken = sum(path.stat().st_size for path in folder.iterdir())
    shipping.ship()

    assert taken < 20 * len(SHELF)
    for number, decision in enumerate(made):
        found = queries.inputs_of(shop.id, decision.id)
        assert (found["shelf"], found["cart"]) == (SHELF, b"%d" % number)


def test_a_decision_whose_commit_only_seemed_lost_is_written_once(shop: Shop) -> None:
    decision = a_decision(shop.id)
    services.record_decision(decision)
    salt = stored(decision.id).salt
    services.spool_decision(decision)

    shipping.ship()

    assert recorded(shop.id) == {decision.id: decision}
    assert stored(decision.id).salt == salt


def test_a_shipment_that_broke_off_is_begun_again_and_doubles_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "BATCH", 2)
    made = [a_decision(shop.id) for _ in range(5)]
    for decision in made:
        services.spool_decision(decision)
    plain, calls = spooling._write, []

    def break_off(*args: Any, **kwargs: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OperationalError("The server is gone.")
        plain(*args, **kwargs)

    with monkeypatch.context() as broken:
        broken.setattr(spooling, "_write", break_off)
        with pytest.raises(OperationalError):
            shipping.ship()
    assert len(recorded(shop.id)) == 2

    shipping.ship()

    assert recorded(shop.id) == {one.id: one for one in made}


def test_what_the_database_refuses_for_good_is_told_and_keeps_no_other_row_away(shop: Shop) -> None:
    good, other = a_decision(shop.id), a_decision(shop.id)
    bad = replace(a_decision(shop.id), surface="cart")  # type: ignore[arg-type]
    for decision in (good, bad, other):
        services.spool_decision(decision)

    with capture_logs() as logs:
        shipping.ship()

    assert recorded(shop.id).keys() == {good.id, other.id}
    [refused] = [one for one in logs if one["event"] == "spool_refused"]
    assert (refused["log_level"], refused["decisions"]) == ("error", [str(bad.id)])
    assert not services.is_spool_waiting()


# Seals


def test_rows_that_come_late_are_sealed_late_and_none_was_added(shop: Shop) -> None:
    services.record_decision(a_decision(shop.id, at=EARLIER))
    late = a_decision(shop.id, at=EARLIER + timedelta(minutes=1))
    services.spool_decision(late)
    services.record_decision(a_decision(shop.id))
    seal()
    before = faults(shop.id)

    shipping.ship()
    waiting = services.verify(shop.id, Ledger.DECISIONS).unsealed.rows
    seal()
    done = services.verify(shop.id, Ledger.DECISIONS)

    assert (before, waiting) == ([], 1)
    assert (done.findings, done.rows, done.unsealed.rows) == ((), 3, 0)


def test_a_row_that_somebody_added_beside_those_that_came_late_is_found(shop: Shop) -> None:
    services.record_decision(a_decision(shop.id, at=EARLIER))
    tamper("SELECT nextval('audit_decision_arrival')")
    services.spool_decision(a_decision(shop.id, at=EARLIER))
    shipping.ship()
    seal()
    # Another look, by which nobody can bring the number any more that was skipped.
    seal()

    # A copy of the one that came late, under the number before it.
    tamper(
        "INSERT INTO audit_decision (at, shop_id, latency_us, surface, channel, requested, id, arm, fallback,"
        " items, arrival) SELECT at, shop_id, latency_us, surface, channel, requested,"
        " gen_random_uuid(), arm, fallback, items, arrival - 1"
        " FROM audit_decision ORDER BY arrival DESC LIMIT 1"
    )

    assert faults(shop.id) == [Fault.ADDED]


# Erasures


def test_whoever_was_redacted_meanwhile_is_not_tied_by_what_comes_late(shop: Shop) -> None:
    theirs = a_decision(shop.id, personal_inputs={"cart": b"7 and 8"})
    anothers = a_decision(shop.id, visitor_key="b" * 32, personal_inputs={"cart": b"9"})
    services.spool_decision(theirs)
    services.spool_decision(anothers)

    shops.suppress(shop.id, customer_key=KEY, now=NOW)
    services.forget_visitor(shop.id, KEY, act=theirs.id)
    shipping.ship()

    row = stored(theirs.id)
    assert (row.visitor_key, row.personal_packed, row.salt) == (None, None, None)
    assert recorded(shop.id)[anothers.id] == anothers
    seal()
    assert faults(shop.id) == []


def test_nothing_on_disk_outlives_its_visitors_erasure(shop: Shop, folder: Path) -> None:
    services.spool_decision(a_decision(shop.id, personal_inputs={"cart": b"7 and 8"}))
    assert any(KEY.encode() in path.read_bytes() for path in folder.iterdir())
    shops.suppress(shop.id, customer_key=KEY, now=NOW)

    shipping.ship()

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("is_over", [False, True])
def test_nothing_of_an_erased_shop_comes_back(shop: Shop, *, is_over: bool) -> None:
    services.spool_decision(a_decision(shop.id, inputs={"shelf": SHELF}))
    shops.uninstall(shop.id, at=NOW, now=NOW)
    assert shops.begin_erasure(shop.id, now=NOW)
    if is_over:
        shops.redact(shop.id, now=NOW)

    shipping.ship()

    assert not Decision.objects.for_shop(shop.id).exists()
    assert not Content.objects.for_shop(shop.id).exists()
    assert not services.is_spool_waiting()


# Readers who are past their moment


def test_readers_go_back_to_the_moment_of_what_came_late(shop: Shop) -> None:
    late = a_decision(shop.id, at=NOW - timedelta(minutes=30))
    services.spool_decision(late)
    attribution.note_offers(shop.id, now=NOW)
    EventMark.objects.create(received_at=NOW)

    shipping.ship()

    assert OfferScan.objects.for_shop(shop.id).get().until == late.at
    assert EventMark.objects.get().received_at == late.at
    attribution.note_offers(shop.id, now=NOW)
    assert OfferScan.objects.for_shop(shop.id).get().until == NOW


def test_a_reader_under_way_does_not_step_over_what_comes_late(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.attribution.services import offers

    late = a_decision(shop.id, at=NOW - timedelta(minutes=30))
    attribution.note_offers(shop.id, now=NOW)
    services.spool_decision(late)
    plain = offers._note

    def note_and_be_overtaken(*args: Any) -> None:
        plain(*args)
        monkeypatch.setattr(offers, "_note", plain)
        shipping.ship()

    monkeypatch.setattr(offers, "_note", note_and_be_overtaken)

    attribution.note_offers(shop.id, now=NOW + timedelta(minutes=1))

    assert OfferScan.objects.for_shop(shop.id).get().until == late.at


# The thread


def test_the_thread_ships_what_waits_and_waits_where_the_database_is_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = a_decision(shop.id)
    services.spool_decision(decision)
    shipper = shipping.Shipper()

    def away() -> None:
        raise OperationalError("The server is gone.")

    with monkeypatch.context() as down:
        down.setattr(shipping.database, "ping", away)
        shipper.look()
    assert (services.is_spool_waiting(), recorded(shop.id)) == (True, {})

    shipper.look()

    assert (services.is_spool_waiting(), recorded(shop.id)) == (False, {decision.id: decision})


def test_a_full_disk_is_told_to_the_caller(shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "_spool", lambda _: Spool(folder, most_bytes=10))

    with pytest.raises(SpoolUnavailable):
        services.spool_decision(a_decision(shop.id))
