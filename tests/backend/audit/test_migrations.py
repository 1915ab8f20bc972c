"""Decisions from before the partitions come along as they were, and go back as they were."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection

from backend.audit import queries, rules
from backend.audit.models import DECISIONS, Decision
from backend.audit.values import ShownItem
from backend.core import partitions
from backend.core.ids import made_at, uuid7
from tests.backend.history import a_shop
from tests.backend.migrating import migrate, migrated_back

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [("audit", "0005_what_changed_and_from_where")]
AFTER = [("audit", "0006_daily_partitions")]
COLUMNS = (
    "id, at, surface, channel, visitor_key, arm, version_id, version_number, context_product_id, items,"
    " requested, latency_ms, fallback, request_id, shop_id"
)
ITEMS = [
    {"product_id": 7_900_000_000_001, "score": 0.1 + 0.2, "why": "Often bought with “Tea”", "position": 1},
    {"product_id": 12, "score": None, "why": "New in this shop", "position": 2},
    {"product_id": 7_900_000_000_000, "score": -1e-12, "why": "", "position": 4},
]  # fmt: skip

# Of ours, of an edge, and what could be taken for ours.
REQUEST_IDS = ("", "a" * 31 + "0", "an-edges-own-id", "sixteen-letters-", "A" * 32)


@pytest.fixture
def _old_table() -> Iterator[None]:
    with migrated_back(BEFORE):
        yield


def rows() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM audit_decision ORDER BY id")
        return cursor.fetchall()


def fill(shop_id: int, moments: list[datetime]) -> list[UUID]:
    """Make decisions of every form that there was: of somebody, of nobody, of a list without items."""
    made = [(uuid7(at), at) for at in moments]
    with connection.cursor() as cursor:
        for number, (id_, at) in enumerate(made):
            is_somebodys = number % 2 == 0
            cursor.execute(
                f"INSERT INTO audit_decision ({COLUMNS}) VALUES"
                " (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    id_, at, "product_page", "app_proxy" if is_somebodys else "metafield",
                    f"{number:032x}" if is_somebodys else None, "champion",
                    uuid7() if is_somebodys else None, 3 if is_somebodys else None,
                    7 if is_somebodys else None, json.dumps(ITEMS if number % 3 else []), 8,
                    12.345 + number, "" if number else "no_model", REQUEST_IDS[number % 5], shop_id,
                ],
            )  # fmt: skip
    return [id_ for id_, _ in made]


@pytest.mark.usefixtures("_old_table")
def test_every_value_comes_along_to_the_last_bit_and_goes_back() -> None:
    shop = a_shop()
    first = datetime.fromisoformat("2026-03-01T23:59:59.999+00:00")
    moments = [first + timedelta(hours=7 * number, microseconds=number) for number in range(12)]
    ids = fill(shop.id, moments)
    before = rows()

    migrate(AFTER)

    found = {one.id: one for one in queries.decisions(shop.id, ids)}
    assert [id_ for id_ in ids if id_ not in found] == []
    for id_, at, surface, channel, key, arm, version_id, number, context, items, *rest in before:
        record = found[id_]
        told = (record.at, record.surface, record.channel, record.visitor_key, record.arm)
        assert told == (at, surface, channel, key, arm)
        assert (record.version_id, record.version_number) == (version_id, number)
        assert record.context_product_id == context
        assert record.items == tuple(ShownItem(**item) for item in json.loads(items))
        assert [record.requested, record.latency_ms, record.fallback, record.request_id, shop.id] == rest
    assert {made_at(id_).date() for id_ in ids} <= set(partitions.days(DECISIONS))

    migrate(BEFORE)

    assert rows() == before


@pytest.mark.usefixtures("_old_table")
def test_what_came_along_is_numbered_salted_and_guarded() -> None:
    shop = a_shop()
    ids = fill(shop.id, [datetime.fromisoformat(f"2026-03-0{day}T12:00:00+00:00") for day in (1, 2, 3, 4)])

    migrate(AFTER)

    numbered = list(Decision.objects.for_shop(shop.id).order_by("arrival").values_list("id", "salt"))
    assert [id_ for id_, _ in numbered] == ids
    # What names nobody has nothing to hide.
    assert [salt is not None and len(salt) for _, salt in numbered] == [16, False, 16, False]
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_decision_20260302")


@pytest.mark.usefixtures("_old_table")
def test_what_was_shared_goes_back_into_each_row() -> None:
    shop = a_shop()
    migrate(AFTER)
    body = rules.pack(rules.pack_items([ShownItem(**item) for item in ITEMS]))
    id_ = uuid7()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_content VALUES (%s, %s, %s, %s)",
            [shop.id, UUID(bytes=rules.digest(body)), made_at(id_).date(), body],
        )
        cursor.execute(
            "INSERT INTO audit_decision (id, at, shop_id, latency_us, surface, channel, requested, arm,"
            " fallback, items) VALUES (%s, now(), %s, 1, 'home_page', 'metafield', 4, 'champion', '', %s)",
            [id_, shop.id, rules.reference(rules.digest(body))],
        )

    migrate(BEFORE)

    with connection.cursor() as cursor:
        cursor.execute("SELECT items -> 0 ->> 'why' FROM audit_decision WHERE id = %s", [id_])
        assert cursor.fetchone() == (ITEMS[0]["why"],)
