"""Orders are found by what people call them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.catalog import queries, rules
from backend.catalog.models import Order
from tests.backend.history import NOW, a_shop, an_order

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "text", "is_called"),
    [
        ("#1001", "1001", True),
        ("#1001", " #1001 ", True),
        ("EN1001-A", "1001", True),
        ("EN1001-A", "#1001", True),
        ("EN1001-A", "en1001", True),
        ("EN1001-A", "EN-1001-A", True),
        ("#1001", "order 1001", True),
        ("#1001", "1002", False),
        ("EN1001", "US1001", False),
        ("2026/1001", "1001", True),
        ("#1001", "", False),
        ("#1001", "#", False),
    ],
)
def test_a_name_is_known_by_its_number_its_prefix_or_its_suffix(
    name: str, text: str, is_called: bool
) -> None:
    assert rules.is_called(name, text) is is_called


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#1001", "#1001"),
        ("1001", "#1001"),
        ("1002", "EN1002-A"),
        ("en1002", "EN1002-A"),
        ("etsy-77x", "Etsy-77x"),
        ("77", None),
        ("US1002", None),
        ("100", None),
        ("", None),
        ("9" * 40, None),
        ("'; --", None),
    ],
)
def test_an_order_is_found_by_its_name(text: str, found: str | None) -> None:
    shop = a_shop()
    an_order(shop, [], name="#1001", number=1001)
    an_order(shop, [], name="EN1002-A", number=1002)
    # Brought in from another system: its name holds another number than Shopify gave it.
    an_order(shop, [], name="Etsy-77x", number=1003)
    an_order(shop, [], number=None)

    order = queries.find_order_by_name(shop.id, text)

    assert (order.name if order else None) == found


def test_of_namesakes_the_exact_name_comes_first_then_the_newest() -> None:
    shop = a_shop()
    for name, days in (("#1001", 9), ("EN1001", 2), ("#1001", 5)):
        an_order(shop, [], name=name, number=1001, at=NOW - timedelta(days=days))

    found = queries.orders_by_name("1001", shop_ids=[shop.id])

    placed = [queries.get_order(shop.id, one.order_id).processed_at for one in found]
    assert [(one.name, (NOW - at).days) for one, at in zip(found, placed, strict=True)] == [
        ("#1001", 5),
        ("#1001", 9),
        ("EN1001", 2),
    ]


def test_a_name_is_looked_for_in_the_named_shops_and_not_among_the_deleted() -> None:
    mine, theirs = a_shop(), a_shop("other.myshopify.com")
    an_order(theirs, [], name="#1001", number=1001)
    an_order(mine, [], name="#1002", number=1002, deleted_at=NOW)

    assert queries.find_order_by_name(mine.id, "#1001") is None
    assert queries.find_order_by_name(mine.id, "#1002") is None
    assert len(queries.orders_by_name("#1001", shop_ids=[mine.id, theirs.id])) == 1


def test_among_many_orders_an_index_finds_the_name() -> None:
    shop = a_shop()
    moments = {"created_at": NOW, "processed_at": NOW, "updated_at": NOW}
    Order.objects.for_shop(shop.id).bulk_create(
        [
            Order(order_id=n, name=f"#{n}", number=n, currency="GBP", recommendation_ids=[], **moments)
            for n in range(1, 20_001)
        ]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_order")
        cursor.execute(f"EXPLAIN {lookup(shop.id)}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "catalog_order_name" in plan, plan
    assert "catalog_order_number" in plan, plan


def lookup(shop_id: int) -> str:
    """Return the statement that looks an order up, as it is sent."""
    with CaptureQueriesContext(connection) as sent:
        queries.orders_by_name("#1001", shop_ids=[shop_id])
    return str(sent[0]["sql"])
