"""Rows are sealed once, whenever they commit, and a chain holds what was done to them."""

import pytest

from backend.audit import sealing, seals, services
from backend.audit.models import Chain, SealCursor, Segment
from backend.audit.values import Fault, Ledger
from tests.backend.audit.tampering import first, some_acts, some_decisions, tamper, verified
from tests.backend.history import NOW, a_shop

pytestmark = pytest.mark.django_db


def test_rows_are_sealed_once_in_one_segment_of_their_shop() -> None:
    shop, other = a_shop(), a_shop("other.myshopify.com")
    some_decisions(shop.id, 3)
    some_decisions(other.id, 2)
    some_decisions(shop.id, 1)

    done = services.seal(Ledger.DECISIONS, now=NOW)
    again = services.seal(Ledger.DECISIONS, now=NOW)

    assert (done.rows, done.segments, again.rows, again.segments) == (6, 2, 0, 0)
    assert [one.count for one in Segment.objects.for_shop(shop.id)] == [4]
    found = verified(shop.id)
    assert (found.ok, found.rows, found.segments, found.unsealed.rows) == (True, 4, 1, 0)
    assert verified(other.id).rows == 2


def test_acts_are_sealed_in_a_chain_of_their_own() -> None:
    shop = a_shop()
    some_acts(shop.id, 2)
    services.seal(Ledger.ACTS, now=NOW)
    some_acts(shop.id, 1)
    services.seal(Ledger.ACTS, now=NOW)

    found = verified(shop.id, Ledger.ACTS)

    assert (found.ok, found.rows, found.segments) == (True, 3, 2)
    assert Chain.objects.for_shop(shop.id).get().ledger == Ledger.ACTS


def test_a_row_that_no_seal_covers_yet_is_counted_with_its_age() -> None:
    shop = a_shop()
    some_decisions(shop.id, 1)
    services.seal(Ledger.DECISIONS, now=NOW)
    some_decisions(shop.id, 2)

    found = verified(shop.id)

    assert found.ok
    assert (found.unsealed.rows, found.unsealed.oldest_at) == (2, NOW)


@pytest.mark.parametrize(
    ("case", "statement", "fault"),
    [
        ("a byte flipped", "UPDATE {} SET arm = 'other' WHERE id = %s", Fault.ALTERED),
        ("another moment", "UPDATE {} SET at = at + interval '1 microsecond' WHERE id = %s", Fault.ALTERED),
        ("another visitor", "UPDATE {} SET visitor_key = gen_random_uuid() WHERE id = %s", Fault.ALTERED),
        ("another salt", "UPDATE {} SET salt = '\\x00' WHERE id = %s", Fault.ALTERED),
        ("no visitor", "UPDATE {} SET visitor_key = NULL WHERE id = %s", Fault.ALTERED),
        ("a byte of the list", "UPDATE {} SET items = set_byte(items, 3, 7) WHERE id = %s", Fault.ALTERED),
        ("dropped", "DELETE FROM {} WHERE id = %s", Fault.DROPPED),
        ("moved to a shop", "UPDATE {} SET shop_id = shop_id + 1 WHERE id = %s", Fault.MOVED),
    ],
)
def test_what_was_done_to_a_row_is_named(case: str, statement: str, fault: Fault) -> None:
    shop = a_shop()
    a_shop("other.myshopify.com")
    ids = some_decisions(shop.id, 5)
    services.seal(Ledger.DECISIONS, now=NOW)

    assert tamper(statement.format("audit_decision"), ids[2]) == 1, case

    found = verified(shop.id)
    bad = first(found)
    assert (bad.fault, bad.segment) == (fault, 1), case
    assert bad.row_id == (None if fault is Fault.DROPPED else ids[2]), case
    assert len(found.findings) == 1, case


def test_the_first_of_many_bad_rows_comes_first() -> None:
    shop = a_shop()
    ids = some_decisions(shop.id, 30)
    services.seal(Ledger.DECISIONS, now=NOW)

    tamper("UPDATE audit_decision SET arm = 'x' WHERE id IN (%s, %s, %s)", ids[20], ids[4], ids[9])

    assert [one.row_id for one in verified(shop.id).findings] == [ids[4], ids[9], ids[20]]


def test_rows_that_changed_places_are_named_as_such() -> None:
    shop = a_shop()
    ids = some_decisions(shop.id, 5)
    services.seal(Ledger.DECISIONS, now=NOW)

    tamper(
        "UPDATE audit_decision row SET arrival = other.arrival FROM audit_decision other"
        " WHERE (row.id, other.id) IN ((%s, %s), (%s, %s))",
        ids[1], ids[3], ids[3], ids[1],
    )  # fmt: skip

    assert [(one.fault, one.row_id) for one in verified(shop.id).findings] == [
        (Fault.REORDERED, ids[3]),
        (Fault.REORDERED, ids[1]),
    ]


ADD = """
    INSERT INTO audit_decision SELECT (jsonb_populate_record(row, jsonb_build_object(
        'id', gen_random_uuid(), 'arrival', {arrival}))).* FROM audit_decision row WHERE id = %s
"""


@pytest.mark.parametrize(
    ("case", "arrival"),
    [
        ("under the number of a sealed row", "row.arrival"),
        ("under a number that was rolled back", "row.arrival - 1"),
        ("under a number before all", "-7"),
    ],
)
def test_a_row_that_was_added_among_sealed_ones_is_named(case: str, arrival: str) -> None:
    shop = a_shop()
    with_gap_before = some_decisions(shop.id, 1)
    tamper("SELECT nextval('audit_decision_arrival')")
    ids = some_decisions(shop.id, 2)
    services.seal(Ledger.DECISIONS, now=NOW)
    # Another look, by which nobody can bring the number any more that was skipped.
    services.seal(Ledger.DECISIONS, now=NOW)
    assert SealCursor.objects.get(ledger=Ledger.DECISIONS).gaps == []

    tamper(ADD.format(arrival=arrival), ids[0])

    bad = first(verified(shop.id))
    assert bad.fault is Fault.ADDED, case
    assert bad.row_id not in {*with_gap_before, *ids, None}, case


def test_a_row_whose_seal_was_made_to_fit_is_found_by_the_signature() -> None:
    """Whoever has the database and not the key can make every hash anew, but no signature."""
    shop = a_shop()
    ids = some_decisions(shop.id, 4)
    services.seal(Ledger.DECISIONS, now=NOW)
    some_decisions(shop.id, 2)
    services.seal(Ledger.DECISIONS, now=NOW)
    tamper("UPDATE audit_decision SET arm = 'x' WHERE id = %s", ids[0])

    reseal(shop.id, 1)

    bad = first(verified(shop.id))
    assert (bad.fault, bad.segment, "signature" in bad.words) == (Fault.RESEALED, 1, True)


def reseal(shop_id: int, number: int) -> None:
    """Make a segment anew from the rows as they are, signature and all but for the key."""
    segment = Segment.objects.for_shop(shop_id).get(number=number)
    chain = Chain.objects.for_shop(shop_id).get(ledger=segment.ledger)
    layout = seals.LAYOUTS[Ledger(segment.ledger)][-1]
    arrivals = seals.unpack_arrivals(bytes(segment.arrivals))
    from backend.audit import reading

    rows = reading.rows_in(layout, [(one, one) for one in arrivals], shop_id=shop_id)
    chain.number, chain.rows = number - 1, 0
    before = Segment.objects.for_shop(shop_id).filter(number=number - 1).first()
    chain.head = bytes(before.head) if before else b""
    made = sealing._next(chain, segment.day, rows, now=segment.sealed_at)
    made.id = segment.id
    tamper("DELETE FROM audit_segment WHERE id = %s", segment.id)
    made.signature = bytes(64)
    made.save(force_insert=True)


@pytest.mark.parametrize(
    ("case", "statement", "fault", "segment"),
    [
        ("a segment in the middle", "DELETE FROM audit_segment WHERE number = 2", Fault.RESEALED, 2),
        ("the last one", "DELETE FROM audit_segment WHERE number = 3", Fault.TAIL, 3),
        ("a hash", "UPDATE audit_segment SET leaves = set_byte(leaves, 1, 0) WHERE number = 2",
         Fault.RESEALED, 2),
        ("its moment", "UPDATE audit_segment SET sealed_at = now() WHERE number = 2", Fault.RESEALED, 2),
        ("its day", "UPDATE audit_segment SET day = day - 1 WHERE number = 2", Fault.RESEALED, 2),
        ("its key", "UPDATE audit_segment SET key_id = '\\x00' WHERE number = 2", Fault.RESEALED, 2),
        ("its layout", "UPDATE audit_segment SET layout = 9 WHERE number = 2", Fault.RESEALED, 2),
        ("its numbers", "UPDATE audit_segment SET arrivals = '\\x05' WHERE number = 2", Fault.RESEALED, 2),
        ("its hashes gone", "UPDATE audit_segment SET leaves = NULL WHERE number = 2", Fault.DROPPED, 2),
    ],
)  # fmt: skip
def test_what_was_done_to_a_segment_is_named(case: str, statement: str, fault: Fault, segment: int) -> None:
    shop = a_shop()
    for _ in range(3):
        some_decisions(shop.id, 2)
        services.seal(Ledger.DECISIONS, now=NOW)

    tamper(statement)

    assert any((one.fault, one.segment) == (fault, segment) for one in verified(shop.id).findings), case
    assert not verified(shop.id).ok


def test_a_shop_without_a_chain_has_all_its_rows_unsealed() -> None:
    shop = a_shop()
    some_decisions(shop.id, 2)

    found = verified(shop.id)

    assert (found.ok, found.rows, found.segments, found.unsealed.rows) == (True, 0, 0, 2)
