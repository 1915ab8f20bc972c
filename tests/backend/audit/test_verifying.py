"""What an erasure, shared contents, keys and anchors mean for the check of a ledger."""

import base64
import json
import secrets
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from structlog.testing import capture_logs

from backend.audit import anchoring, queries, seals, services
from backend.audit.models import DECISIONS, Chain, Content, EndedChain, LedgerEvent, Segment
from backend.audit.values import Event, Fault, Ledger, ShownItem
from backend.core import http, partitions, signatures
from backend.core.ids import uuid7
from celery_worker.tasks import ledgers
from tests.backend.audit.tampering import a_decision, first, some_acts, some_decisions, tamper, verified
from tests.backend.audit.test_sealing import reseal
from tests.backend.history import NOW, a_shop
from tests.conftest import Enqueued

pytestmark = pytest.mark.django_db

VISITOR = "a" * 32


def seal(ledger: Ledger = Ledger.DECISIONS) -> None:
    services.seal(ledger, now=NOW)


def an_erasure(shop_id: int, **details: Any) -> Any:
    return services.record(
        Event.CUSTOMER_REDACTED,
        shop_id=shop_id,
        subject="webhook delivery 1",
        reason="Shopify asked for it on the customer's behalf.",
        details=details,
        now=NOW,
    )


# Erasures


def test_an_erased_visitor_leaves_the_chain_as_it_was() -> None:
    shop = a_shop()
    some_decisions(shop.id, 3)
    some_decisions(shop.id, 1, visitor_key="b" * 32)
    some_decisions(shop.id, 1, visitor_key=None)
    services.record_decision(a_decision(shop.id, personal_inputs={"past": b"bought 7 and 8"}))
    seal()

    untied = services.forget_visitor(shop.id, VISITOR, act=an_erasure(shop.id, decisions=4))

    found = verified(shop.id)
    assert (found.ok, found.rows, found.erased, untied) == (True, 6, 4, 4)


def test_a_row_that_is_erased_before_it_is_sealed_is_sealed_as_it_is() -> None:
    shop = a_shop()
    some_decisions(shop.id, 2)
    services.forget_visitor(shop.id, VISITOR, act=an_erasure(shop.id, decisions=2))

    seal()

    assert verified(shop.id).ok


def test_an_erased_row_without_its_act_is_a_finding() -> None:
    shop = a_shop()
    ids = some_decisions(shop.id, 3)
    seal()

    services.forget_visitor(shop.id, VISITOR, act=uuid7())

    bad = first(verified(shop.id))
    assert (bad.fault, bad.row_id) == (Fault.ERASED, ids[0])


def test_the_act_of_another_shop_covers_no_erasure() -> None:
    shop, other = a_shop(), a_shop("other.myshopify.com")
    some_decisions(shop.id, 1)
    seal()

    services.forget_visitor(shop.id, VISITOR, act=an_erasure(other.id, decisions=1))

    assert first(verified(shop.id)).fault is Fault.ERASED


def test_an_act_covers_no_more_rows_than_it_tells_of() -> None:
    shop = a_shop()
    some_decisions(shop.id, 2)
    some_decisions(shop.id, 2, visitor_key="b" * 32)
    seal()
    act = an_erasure(shop.id, decisions=2)
    services.forget_visitor(shop.id, VISITOR, act=act)

    services.forget_visitor(shop.id, "b" * 32, act=act)

    bad = first(verified(shop.id))
    assert (bad.fault, "tells of 2" in bad.words) == (Fault.ERASED, True)


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("half erased", "visitor_key = gen_random_uuid()"),
        ("another hash", "erased = set_byte(erased, 0, get_byte(erased, 0) # 1)"),
        ("no act named", "erased = substr(erased, 1, 32)"),
    ],
)
def test_what_is_left_of_an_erased_row_is_checked_too(case: str, change: str) -> None:
    shop = a_shop()
    ids = some_decisions(shop.id, 2)
    seal()
    services.forget_visitor(shop.id, VISITOR, act=an_erasure(shop.id, decisions=2))

    tamper(f"UPDATE audit_decision SET {change} WHERE id = %s", ids[1])

    assert first(verified(shop.id)).row_id == ids[1], case


# Contents


def test_a_shared_content_that_was_changed_or_dropped_is_named_by_its_first_row() -> None:
    shop = a_shop()
    shared = {"catalogue": secrets.token_bytes(2_000)}
    made = [a_decision(shop.id, inputs=shared) for _ in range(3)]
    for one in made:
        services.record_decision(one)
    seal()
    before = verified(shop.id)
    assert Content.objects.for_shop(shop.id).exists()

    tamper("UPDATE audit_content SET body = set_byte(body, 4, get_byte(body, 4) # 1)")

    assert before.ok
    bad = first(verified(shop.id))
    assert (bad.fault, bad.row_id) == (Fault.CONTENT, made[0].id)
    tamper("DELETE FROM audit_content")
    assert first(verified(shop.id)).row_id == made[0].id


def test_a_list_that_is_shared_is_covered_too() -> None:
    shop = a_shop()
    items = tuple(ShownItem(number, None, f"Because of product {number}", number) for number in range(1, 9))
    made = [a_decision(shop.id, items=items) for _ in range(6)]
    for one in made:
        services.record_decision(one)
    seal()
    assert Content.objects.for_shop(shop.id).exists()

    tamper("DELETE FROM audit_content")

    assert first(verified(shop.id)).fault is Fault.CONTENT


def test_every_content_is_covered_however_deep_it_lies() -> None:
    shop = a_shop()
    told = {"rules": ("one rule", "and another one, of some length"), "inputs": {"shelf": b"s" * 900_000}}
    for _ in range(14):
        services.record_decision(a_decision(shop.id, visitor_key=None, **told))
    seal()
    digests = list(Content.objects.for_shop(shop.id).values_list("digest", flat=True))
    # The stock, the rules, the part that the decisions have in common, and what names that.
    assert len(digests) >= 3

    for digest in digests:
        flip = "UPDATE audit_content SET body = set_byte(body, 2, get_byte(body, 2) # 1) WHERE digest = %s"
        tamper(flip, digest)
        assert [one.fault for one in verified(shop.id).findings] == [Fault.CONTENT], digest
        tamper(flip, digest)

    assert verified(shop.id).ok


# Retention


def some_days() -> tuple[Any, list[Any]]:
    """Return a shop with sealed decisions of four days, newest first."""
    shop = a_shop()
    days = [NOW - timedelta(days=number) for number in range(4)]
    made = [[a_decision(shop.id, id=uuid7(day), at=day) for _ in range(2)] for day in days]
    for some in reversed(made):
        services.record_decisions(some, shop_id=shop.id)
    partitions.make(DECISIONS, [day.date() for day in days], within=services.erasure)
    seal()
    return shop, made


def test_what_retention_took_is_told_from_what_was_deleted() -> None:
    shop, made = some_days()
    assert [one.day for one in Segment.objects.for_shop(shop.id)] == sorted(
        (NOW - timedelta(days=number)).date() for number in range(4)
    )

    services.retire_decisions(keep=timedelta(days=1), now=NOW)

    found = verified(shop.id)
    assert (found.ok, found.rows, found.retired, found.segments) == (True, 4, 4, 4)
    tamper("DELETE FROM audit_decision WHERE id = %s", made[1][0].id)
    assert first(verified(shop.id)).fault is Fault.DROPPED


def test_retention_takes_nothing_without_its_act() -> None:
    shop, _ = some_days()

    tamper("UPDATE audit_segment SET arrivals = NULL, leaves = NULL WHERE number < 3")
    tamper("DELETE FROM audit_decision WHERE at < %s", NOW - timedelta(days=1, hours=1))

    assert {one.fault for one in verified(shop.id).findings} == {Fault.DROPPED}


def test_retention_happens_once() -> None:
    shop, _ = some_days()

    for _again in range(2):
        services.retire_decisions(keep=timedelta(days=2), now=NOW)

    assert len(queries.events(shop.id, event=Event.LEDGER_RETIRED)) == 1


# Keys


@pytest.fixture
def rotate(settings: Any) -> Any:
    """Put another key in place of the present one, which is remembered or not."""

    def change(*, remember: bool) -> None:
        former = signatures.public_key_text()
        settings.LEDGER_SIGNING_KEY = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        settings.LEDGER_FORMER_KEYS = [former] if remember else []
        signatures.forget_cached()

    yield change
    # Read again by whoever comes next, when the settings are what they were.
    signatures.forget_cached()


def test_a_chain_goes_on_under_a_new_key(rotate: Any) -> None:
    shop = a_shop()
    some_decisions(shop.id, 1)
    seal()

    rotate(remember=True)
    some_decisions(shop.id, 1)
    seal()

    found = verified(shop.id)
    assert (found.ok, found.segments) == (True, 2)
    assert len({bytes(one.key_id) for one in Segment.objects.for_shop(shop.id)}) == 2


def test_a_key_that_nobody_remembers_is_named(rotate: Any) -> None:
    shop = a_shop()
    some_decisions(shop.id, 1)
    seal()

    rotate(remember=False)

    bad = first(verified(shop.id))
    assert (bad.fault, "LEDGER_FORMER_KEYS" in bad.words) == (Fault.RESEALED, True)


# Anchors


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.LEDGER_ANCHOR_URL = f"file://{tmp_path}/heads"
    return tmp_path / "heads"


def exported(folder: Path) -> list[Any]:
    services.export_heads(now=NOW)
    return services.read_anchor((folder / f"heads-{NOW:%Y-%m-%d}.json").read_text())


def test_an_anchored_chain_that_goes_on_is_fine(folder: Path) -> None:
    shop = a_shop()
    some_decisions(shop.id, 2)
    seal()
    anchors = exported(folder)
    some_decisions(shop.id, 2)
    seal()

    assert [(one.shop_id, one.ledger, one.number) for one in anchors] == [(shop.id, Ledger.DECISIONS, 1)]
    assert verified(shop.id, anchors=anchors).ok


def test_a_cut_off_end_is_found_by_the_anchor_alone(folder: Path) -> None:
    shop = a_shop()
    for _ in range(3):
        some_decisions(shop.id, 2)
        seal()
    anchors = exported(folder)
    kept = Segment.objects.for_shop(shop.id).get(number=1)

    tamper("DELETE FROM audit_decision WHERE arrival > %s", kept.last_arrival)
    tamper("DELETE FROM audit_segment WHERE number > 1")
    Chain.objects.for_shop(shop.id).update(number=1, head=kept.head, rows=2)

    assert verified(shop.id).ok
    bad = first(verified(shop.id, anchors=anchors))
    assert (bad.fault, bad.segment, bad.arrival) == (Fault.TAIL, 2, kept.last_arrival + 1)


def test_a_chain_made_anew_with_the_key_is_found_by_the_anchor_alone(folder: Path) -> None:
    shop = a_shop()
    for _ in range(2):
        ids = some_decisions(shop.id, 2)
        seal()
    anchors = exported(folder)
    tamper("UPDATE audit_decision SET arm = 'x' WHERE id = %s", ids[0])

    reseal(shop.id, 2)
    made = Segment.objects.for_shop(shop.id).get(number=2)
    tamper(
        "UPDATE audit_segment SET signature = %s WHERE id = %s",
        signatures.sign(seals.SIGNED_AS + bytes(made.head)),
        made.id,
    )
    Chain.objects.for_shop(shop.id).update(head=made.head)

    assert verified(shop.id).ok
    bad = first(verified(shop.id, anchors=anchors))
    assert (bad.fault, bad.segment) == (Fault.RESEALED, 1)


def test_a_whole_chain_that_is_gone_is_missed(folder: Path) -> None:
    shop = a_shop()
    some_decisions(shop.id, 2)
    seal()
    anchors = exported(folder)

    tamper("DELETE FROM audit_decision")
    tamper("DELETE FROM audit_segment")
    Chain.objects.for_shop(shop.id).delete()

    assert first(verified(shop.id, anchors=anchors)).fault is Fault.TAIL


def test_the_chain_of_an_erased_shop_is_not_missed_and_a_new_one_is_another(folder: Path) -> None:
    shop = a_shop()
    some_decisions(shop.id, 2)
    seal()
    anchors = exported(folder)

    services.erase_shop(shop.id, now=NOW)

    assert (Chain.objects.for_shop(shop.id).count(), Segment.objects.for_shop(shop.id).count()) == (0, 0)
    assert verified(shop.id, anchors=anchors).ok
    some_decisions(shop.id, 1)
    seal()
    assert verified(shop.id, anchors=anchors).ok
    EndedChain.objects.update(signature=bytes(64))
    assert first(verified(shop.id, anchors=anchors)).fault is Fault.TAIL


@pytest.mark.parametrize(
    "change", [{"made_at": "2026-01-01"}, {"heads": []}, {"signature": "00" * 64}, {"key": "00"}]
)
def test_an_anchor_that_was_changed_is_refused(folder: Path, change: dict[str, Any]) -> None:
    shop = a_shop()
    some_decisions(shop.id, 1)
    seal()
    exported(folder)
    document = json.loads((folder / f"heads-{NOW:%Y-%m-%d}.json").read_text())

    with pytest.raises(anchoring.BadAnchor):
        services.read_anchor(json.dumps(document | change))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"heads": 3}', "\x00"])
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(anchoring.BadAnchor):
        services.read_anchor(text)


def test_an_anchor_goes_to_an_address_by_post(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = a_shop()
    some_acts(shop.id, 1)
    seal(Ledger.ACTS)
    settings.LEDGER_ANCHOR_URL = "https://keeper.example.com/heads"
    taken: list[httpx.Request] = []
    status = 201

    def answer(request: httpx.Request) -> httpx.Response:
        taken.append(request)
        return httpx.Response(status)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        monkeypatch.setattr(http, "client", lambda: client)
        assert services.export_heads(now=NOW) == 1
        assert services.read_anchor(taken[0].content.decode())[0].number == 1
        status = 503
        with pytest.raises(anchoring.AnchorUnwritten):
            services.export_heads(now=NOW)


def test_an_anchor_that_can_not_be_written_is_tried_again(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    settings.LEDGER_ANCHOR_URL = f"file://{tmp_path}/a-file/heads"

    with pytest.raises(anchoring.AnchorUnwritten):
        services.export_heads(now=NOW)


# What people and the timetable see


def test_the_state_of_a_chain_is_told_without_verifying_it() -> None:
    shop = a_shop()
    some_decisions(shop.id, 2)
    seal()
    some_decisions(shop.id, 1)
    services.verify_shop(shop.id, is_whole=True, now=NOW)

    acts, decisions = queries.chain_state(shop.id)

    assert (acts.ledger, acts.segments, acts.sealed_at, acts.verified_at) == (Ledger.ACTS, 0, None, None)
    assert (decisions.rows, decisions.sealed_at, decisions.unsealed.rows) == (2, NOW, 1)
    assert (decisions.verified_at, decisions.finding) == (NOW, "")


def test_the_nightly_look_goes_on_where_the_last_one_ended_and_the_weekly_begins_anew() -> None:
    shop = a_shop()
    old = some_decisions(shop.id, 2)
    seal()
    services.verify_shop(shop.id, is_whole=False, now=NOW)
    some_decisions(shop.id, 3)
    seal()
    tamper("UPDATE audit_decision SET arm = 'x' WHERE id = %s", old[0])

    [nightly] = services.verify_shop(shop.id, is_whole=False, now=NOW)
    [weekly] = services.verify_shop(shop.id, is_whole=True, now=NOW)

    assert (nightly.ok, nightly.rows) == (True, 3)
    assert first(weekly).row_id == old[0]
    assert str(old[0]) in queries.chain_state(shop.id)[1].finding


def test_what_a_whole_look_found_is_not_cleared_by_one_at_what_is_new() -> None:
    shop = a_shop()
    old = some_decisions(shop.id, 2)
    seal()
    services.verify_shop(shop.id, is_whole=False, now=NOW)
    tamper("UPDATE audit_decision SET arm = 'x' WHERE id = %s", old[0])
    services.verify_shop(shop.id, is_whole=True, now=NOW)

    [nightly] = services.verify_shop(shop.id, is_whole=False, now=NOW)

    assert first(nightly).row_id == old[0]
    assert str(old[0]) in queries.chain_state(shop.id)[1].finding


def test_the_timetable_compares_with_the_heads_that_were_kept(
    folder: Path, enqueued: Enqueued, committed: Any
) -> None:
    shop = a_shop()
    some_decisions(shop.id, 2)
    seal()
    services.export_heads(now=NOW)
    tamper("DELETE FROM audit_segment")
    tamper("DELETE FROM audit_decision")
    tamper("DELETE FROM audit_chain")

    with committed():
        ledgers.ledger_verify()
    for _, ids in enqueued.jobs:
        ledgers.ledger_verify_shop(**ids)

    assert "is gone" in queries.chain_state(shop.id)[1].finding
    assert [domain for domain, _ in queries.chains(Ledger.DECISIONS).findings] == [shop.domain]


def test_what_an_anchor_showed_is_cleared_by_another_look_with_anchors_only(folder: Path) -> None:
    shop = a_shop()
    some_decisions(shop.id, 2)
    seal()
    services.export_heads(now=NOW)
    tamper("UPDATE audit_segment SET head = decode(repeat('00', 32), 'hex')")
    services.verify_shop(shop.id, is_whole=True, now=NOW)
    assert "made anew" in queries.chain_state(shop.id)[1].finding
    kept = folder / f"heads-{NOW:%Y-%m-%d}.json"
    kept.rename(folder / "moved-aside")

    services.verify_shop(shop.id, is_whole=True, now=NOW)

    assert "made anew" in queries.chain_state(shop.id)[1].finding


def test_a_kept_file_that_is_no_anchor_is_told_and_stops_nothing(folder: Path) -> None:
    shop = a_shop()
    some_decisions(shop.id, 1)
    seal()
    services.export_heads(now=NOW)
    (folder / "heads-2000-01-01.json").write_text('{"heads": []}')

    with capture_logs() as logs:
        found = services.verify_shop(shop.id, is_whole=True, now=NOW)

    assert all(one.ok for one in found)
    assert [one["file"] for one in logs if one["event"] == "anchor_unreadable"] == ["heads-2000-01-01.json"]


def test_each_shop_with_a_chain_is_verified_by_a_job_of_its_own(enqueued: Enqueued, committed: Any) -> None:
    shop = a_shop()
    a_shop("other.myshopify.com")
    some_decisions(shop.id, 1)
    ledgers.ledger_seal()

    with committed():
        ledgers.ledger_verify()
        ledgers.ledger_verify_whole()

    jobs = [ids for _, ids in enqueued.jobs]
    assert jobs == [{"shop_id": shop.id, "is_whole": False}, {"shop_id": shop.id, "is_whole": True}]
    ledgers.ledger_verify_shop(**jobs[0])
    assert queries.chain_state(shop.id)[1].verified_at is not None


def test_the_command_names_the_first_bad_row_and_fails(folder: Path) -> None:
    shop = a_shop()
    ids = some_decisions(shop.id, 3)
    seal()
    services.export_heads(now=NOW)
    out = StringIO()
    call_command("verify_ledgers", anchor=[folder / f"heads-{NOW:%Y-%m-%d}.json"], stdout=out)
    tamper("UPDATE audit_decision SET arm = 'x' WHERE id = %s", ids[1])

    with pytest.raises(CommandError, match="1 of the chains") as failed:
        call_command("verify_ledgers", shop=[shop.domain], stdout=out)

    assert failed.value.returncode == 1
    assert "3 rows in 1 segments are as sealed" in out.getvalue()
    assert f"ALTERED: Row {ids[1]}" in out.getvalue()
    # The pages of staff say so too.
    findings = [state.finding for state in queries.chain_state(shop.id)]
    assert [str(ids[1]) in finding for finding in findings].count(True) == 1


def test_the_command_knows_what_it_can_not_verify(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no shop"):
        call_command("verify_ledgers", shop=["nobody.myshopify.com"])
    with pytest.raises(CommandError, match="can't be read"):
        call_command("verify_ledgers", anchor=[tmp_path / "nothing"])


# The encoding


def test_every_column_of_a_ledger_is_sealed() -> None:
    """A column that is added gets into a new layout, or nobody notices when it is changed."""
    for layouts in seals.LAYOUTS.values():
        layout = layouts[-1]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {layout.table} LIMIT 0")
            columns = {column.name for column in cursor.description}
        assert columns == {*layout.columns, *layout.personal, "salt", "erased"}, layout.table


def test_the_leaf_of_an_act_is_what_it_always_was() -> None:
    """Whatever PostgreSQL and Python it runs on: a changed leaf would make every chain look tampered with."""
    body = b"".join(
        seals.field(value)
        for value in [
            (7).to_bytes(8, "big"), bytes(range(16)), (3).to_bytes(8, "big"), (1).to_bytes(8, "big"),
            b"EVENT", b"user 1", b"subject", "größer".encode(), b'{"b": 1.50, "a": [1e3, null]}', None, b"{}",
            b"app", b"",
        ]
    )  # fmt: skip
    canonical = seals.canonical(seals.ACTS, body)

    assert b'{"a":[{"\\u0000":"1e3"},null],"b":{"\\u0000":"1.50"}}' in canonical
    assert seals.leaf(seals.ACTS.tag, seals.NOTHING_PERSONAL, canonical).hex() == LEAF


LEAF = "a006656d2c29b52c3a00c1de44b6400cd421533e990ab63cd098db0155fe2ecf"


@pytest.mark.parametrize("arrivals", [[1], [5, 6, 900, 10**12], list(range(127, 300, 64)), []])
def test_numbers_are_packed_and_read_back(arrivals: list[int]) -> None:
    assert seals.unpack_arrivals(seals.pack_arrivals(arrivals)) == arrivals


def test_acts_hold_their_json_to_the_last_digit() -> None:
    shop = a_shop()
    ids = some_acts(shop.id, 2)
    seal(Ledger.ACTS)
    assert verified(shop.id, Ledger.ACTS).ok

    tamper(
        'UPDATE audit_ledgerevent SET details = \'{"b": [1, 2.51, null], "a": "ü"}\' WHERE id = %s', ids[1]
    )

    assert first(verified(shop.id, Ledger.ACTS)).row_id == ids[1]
    assert LedgerEvent.objects.for_shop(shop.id).count() == 2
