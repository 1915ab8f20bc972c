import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import cast

import pytest
import structlog
from django.db import DatabaseError, connection, transaction

from backend.audit import queries, rules, services
from backend.audit.models import Content, Decision, LedgerEvent
from backend.audit.values import Channel, DecisionRecord, DecisionShare, Event, ShownItem, Surface
from backend.core.ids import uuid7
from tests.backend.history import NOW, a_shop

pytestmark = pytest.mark.django_db


def a_decision(shop_id: int, **changes: object) -> DecisionRecord:
    values = {
        "id": uuid7(cast("datetime", changes.get("at", NOW))),
        "shop_id": shop_id,
        "at": NOW,
        "surface": Surface.PRODUCT_PAGE,
        "channel": Channel.APP_PROXY,
        "arm": "champion",
        "items": (ShownItem(11, 0.5, "Often bought together", 1), ShownItem(12, None, "New in this shop", 2)),
        "requested": 8,
        "latency_ms": 4.25,
        "visitor_key": "a" * 32,
        "version_id": uuid.UUID(int=7),
        "version_number": 3,
        "context_product_id": 10,
        "fallback": "",
        "request_id": "r-1",
    }
    return DecisionRecord(**values | changes)  # type: ignore[arg-type]


@contextmanager
def refused() -> Iterator[None]:
    """Expect the database to refuse, and go on with the test's transaction."""
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        yield


def test_a_decision_is_read_back_as_it_was_recorded() -> None:
    shop = a_shop()
    decision = a_decision(shop.id)

    services.record_decision(decision)

    assert queries.decisions(shop.id, [decision.id]) == [decision]


def test_recording_a_decision_is_one_statement(django_assert_num_queries) -> None:
    shop = a_shop()

    with django_assert_num_queries(1):
        services.record_decision(a_decision(shop.id))


def test_a_span_that_ends_within_a_millisecond_holds_what_came_before_its_end() -> None:
    shop = a_shop()
    at = NOW.replace(microsecond=200)
    decision = a_decision(shop.id, id=uuid7(at), at=at)
    services.record_decision(decision)

    for end, found in ((201, [decision]), (200, [])):
        span = {"since": NOW, "until": NOW.replace(microsecond=end)}
        assert list(queries.decisions_between(shop.id, **span)) == found
        assert queries.decisions_for_visitor(shop.id, "a" * 32, **span) == found


def test_another_shops_decision_is_not_found() -> None:
    mine, theirs = a_shop(), a_shop("other.myshopify.com")
    decision = a_decision(theirs.id)
    services.record_decision(decision)

    assert queries.decisions(mine.id, [decision.id]) == []
    assert (
        queries.decisions_for_visitor(
            mine.id, "a" * 32, since=NOW - timedelta(days=1), until=NOW + timedelta(days=1)
        )
        == []
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_decision SET arm = 'other'",
        "DELETE FROM audit_decision",
        "TRUNCATE audit_decision",
        "UPDATE audit_ledgerevent SET reason = 'other'",
        "DELETE FROM audit_ledgerevent",
        "TRUNCATE audit_ledgerevent",
    ],
)
def test_the_database_refuses_to_change_a_ledger(statement: str) -> None:
    shop = a_shop()
    decision = a_decision(shop.id)
    services.record_decision(decision)
    services.record(Event.IMPORT_FINISHED, shop_id=shop.id, subject="import 1", reason="Done.", now=NOW)

    with refused(), connection.cursor() as cursor:
        # PostgreSQL would otherwise refuse a TRUNCATE for its own reason: foreign keys it has yet to check.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)

    assert queries.decisions(shop.id, [decision.id]) == [decision]
    assert [entry.reason for entry in queries.events(shop.id)] == ["Done."]


def test_erasing_a_shop_empties_its_ledgers_alone_and_closes_the_door_again() -> None:
    gone, kept = a_shop(), a_shop("other.myshopify.com")
    for shop in (gone, kept):
        services.record_decision(a_decision(shop.id))
        services.record(Event.IMPORT_FINISHED, shop_id=shop.id, subject="import 1", reason="Done.", now=NOW)

    services.erase_shop(gone.id, now=NOW)

    assert Decision.objects.for_shop(gone.id).count() == 0
    assert LedgerEvent.objects.for_shop(gone.id).count() == 0
    assert Decision.objects.for_shop(kept.id).count() == 1
    with refused():
        Decision.objects.for_shop(kept.id).delete()


def test_forgetting_a_visitor_unties_their_decisions_and_keeps_what_was_shown() -> None:
    shop = a_shop()
    mine, others = a_decision(shop.id), a_decision(shop.id, visitor_key="b" * 32)
    services.record_decisions([mine, others], shop_id=shop.id)

    untied = services.forget_visitor(shop.id, "a" * 32, act=uuid7())

    found = {one.id: one for one in queries.decisions(shop.id, [mine.id, others.id])}
    assert untied == 1
    assert found[mine.id].visitor_key is None
    assert found[mine.id].items == mine.items
    assert found[others.id].visitor_key == "b" * 32


def test_an_act_says_what_it_was_what_it_became_and_where_it_came_from() -> None:
    shop = a_shop()

    with structlog.contextvars.bound_contextvars(door="staff", request_id="r-7"):
        act = services.record(
            Event.SHOP_SETTINGS_CHANGED,
            shop_id=shop.id,
            subject="new products",
            reason="New products get one place of a list.",
            old={"shows_new_products": False},
            new={"shows_new_products": True},
            now=NOW,
            actor="staff:3",
        )

    [entry] = queries.events(shop.id)
    assert (entry.id, entry.actor, entry.source, entry.request_id) == (act, "staff:3", "staff", "r-7")
    assert (entry.old, entry.new) == ({"shows_new_products": False}, {"shows_new_products": True})


def test_an_act_names_the_same_things_before_and_after() -> None:
    shop = a_shop()

    with pytest.raises(ValueError, match="names other things before"):
        services.record(
            Event.SHOP_SETTINGS_CHANGED,
            shop_id=shop.id,
            subject="new products",
            reason="Changed.",
            old={"shows": False},
            new={"shows_new_products": True},
            now=NOW,
        )

    assert queries.events(shop.id) == []


@pytest.mark.parametrize(
    ("case", "bound", "source"),
    [
        ("a job", {"job": "tailorbird.release", "request_id": "r-1"}, "job release"),
        ("the embedded app", {"door": "app", "request_id": "r-1"}, "app"),
        ("the staff dashboard", {"door": "staff", "request_id": "r-1"}, "staff"),
        ("another address, such as the install's", {"request_id": "r-1"}, "web"),
        ("a command", {}, "command"),
    ],
)
def test_the_source_of_an_act_is_what_the_log_knows(case: str, bound: dict[str, str], source: str) -> None:
    assert services.source_of(bound) == source, case


def test_a_decision_on_an_unknown_surface_is_refused_by_the_database() -> None:
    shop = a_shop()

    with pytest.raises(DatabaseError, match="audit_surface"), transaction.atomic():
        services.record_decision(a_decision(shop.id, surface="cart"))


def test_a_share_is_drawn_by_the_chance_at_the_end_of_each_id() -> None:
    shop, other = a_shop(), a_shop("other.myshopify.com")
    made = [a_decision(shop.id, id=uuid7(NOW + timedelta(milliseconds=number))) for number in range(400)]
    not_drawn = [
        a_decision(other.id),
        a_decision(shop.id, channel=Channel.METAFIELD),
        a_decision(shop.id, version_id=uuid.UUID(int=8)),
        a_decision(shop.id, version_id=None),
        a_decision(shop.id, id=uuid7(NOW - timedelta(seconds=1))),
        a_decision(shop.id, id=uuid7(NOW + timedelta(seconds=1))),
    ]
    for shop_id in (shop.id, other.id):
        services.record_decisions(
            [one for one in [*made, *not_drawn] if one.shop_id == shop_id], shop_id=shop_id
        )
    span = {"since": NOW, "until": NOW + timedelta(seconds=1)}

    for percent in (0, 10, 100):
        share = DecisionShare(shop.id, uuid.UUID(int=7), Channel.APP_PROXY, percent)
        expected = [one.id for one in made if (one.id.int & 0xFFFF_FFFF) * 100 < percent << 32]

        assert queries.drawn(share, **span) == sorted(expected)
        assert queries.count_drawn(share, **span) == len(expected)


def test_decisions_are_read_with_what_went_in_and_a_damaged_one_stops_no_other() -> None:
    shop = a_shop()
    shelf, other_shelf = (random.Random(seed).randbytes(2_000) for seed in (1, 2))
    inputs = {"shelf": shelf, "words": b"w"}
    made = [
        a_decision(shop.id, id=uuid7(NOW + timedelta(milliseconds=number)), inputs=inputs)
        for number in range(3)
    ]
    services.record_decisions(made, shop_id=shop.id)
    services.record_decision(a_decision(shop.id, inputs={"shelf": other_shelf}))
    digest = uuid.UUID(bytes=rules.digest(rules.pack(other_shelf)))
    with services.erasure():
        Content.objects.for_shop(shop.id).get(digest=digest).delete()

    found = {record.id: (record, told) for record, told in queries.recorded(shop.id, ids_of(shop.id))}

    assert [found[one.id][1] for one in made] == [inputs] * 3
    assert [bool(record.damage) for record, _ in found.values()].count(True) == 1
    assert len(found) == 4


def ids_of(shop_id: int) -> list[uuid.UUID]:
    return list(Decision.objects.for_shop(shop_id).values_list("id", flat=True))
