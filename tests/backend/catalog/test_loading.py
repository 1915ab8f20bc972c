"""Loading a bulk result: all of it or nothing, never over something newer."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from backend.catalog import queries, services
from backend.catalog.models import Collection, Order, OrderLine, Product, ProductCollection, Refund, Variant
from backend.catalog.services import loading
from backend.catalog.values import Via
from backend.shops.models import Shop
from tests.backend.history import a_product as stored_product
from tests.backend.history import a_shop
from tests.backend.webhooks.payloads import a_product, a_refund

from . import bulk

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DECISION = "01a1fdb1-211d-743c-bc09-c06b6dbce9f8"


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def load(shop: Shop, lines: Iterable[str], **changes: Any) -> int:
    arguments: dict[str, Any] = {
        "pseudonymise": lambda number: f"{number:032d}",
        "missing_before": None,
        "on_progress": lambda done: None,
        "now": NOW,
    }
    return loading.load(shop.id, lines, **arguments | changes)


def test_products_come_in_with_variants_and_collections(shop: Shop) -> None:
    lines = [
        bulk.product(7),
        bulk.variant(70, 7),
        bulk.collection(5, 7),
        bulk.product(8),
        bulk.variant(80, 8),
    ]

    assert load(shop, lines) == 2

    row = Product.objects.for_shop(shop.id).get(product_id=7)
    assert (row.title, row.status, str(row.price_min), str(row.price_max)) == (
        "Product 7",
        "ACTIVE",
        "9.5000",
        "12.0000",
    )
    assert row.tags == ['with "quotes"', "back\\slash", "comma, and\ttab"]
    assert (row.image_url, row.image_width, row.image_alt) == ("https://cdn.shopify.com/1.png", 10, "A cup")
    assert row.available
    assert Variant.objects.for_shop(shop.id).count() == 2
    assert Collection.objects.for_shop(shop.id).get().title == "Collection 5"
    assert ProductCollection.objects.for_shop(shop.id).get().product_id == 7


def test_children_need_not_follow_their_parent_at_once(shop: Shop) -> None:
    load(
        shop,
        [bulk.product(7), bulk.product(8), bulk.variant(80, 8, availableForSale=False), bulk.variant(70, 7)],
    )

    assert queries.available_product_ids(shop.id) == [7]


def test_orders_come_in_with_lines_and_decisions(shop: Shop) -> None:
    attributes = [
        {"key": "_tailorbird", "value": f"{DECISION}:7:1764000000:c {DECISION}:8:1764000009:a"},
        {"key": "gift note", "value": "Happy birthday"},
    ]
    lines = [
        bulk.order(900, customAttributes=attributes),
        bulk.line(1, 900, customAttributes=[{"key": "_tailorbird", "value": DECISION}]),
        bulk.line(2, 900, product=None, currentQuantity=0),
        bulk.order(901, customer=None),
        bulk.line(3, 901),
    ]

    assert load(shop, lines) == 2

    known, guest = queries.get_order(shop.id, 900), queries.get_order(shop.id, 901)
    assert (known.customer_key, guest.customer_key) == (f"{17850:032d}", None)
    assert [(str(link.decision_id), link.product_id, link.via) for link in known.links] == [
        (DECISION, 7, Via.CLICKED),
        (DECISION, 8, Via.ADDED),
    ]
    assert known.links[0].clicked_at == datetime(2025, 11, 24, 16, 0, tzinfo=UTC)
    assert [
        (line.line_id, line.product_id, line.current_quantity, str(line.unit_price)) for line in known.lines
    ] == [
        (1, 7, 2, "2.5000"),
        (2, None, 0, "2.5000"),
    ]
    assert str(known.lines[0].decision_id) == DECISION


@pytest.mark.parametrize(
    "title", ["tab\there", "line\nbreak", "back\\slash", "\\N", "", "null", "zero\x00", "🦜 'é\""]
)
def test_any_text_survives_the_way_through_copy(shop: Shop, title: str) -> None:
    load(shop, [bulk.product(7, title=title)])

    assert Product.objects.for_shop(shop.id).get().title == title.replace("\x00", "")


def test_loading_twice_is_loading_once(shop: Shop) -> None:
    lines = [bulk.product(7), bulk.variant(70, 7), bulk.collection(5, 7), bulk.order(900), bulk.line(1, 900)]
    load(shop, lines)
    before = queries.get_order(shop.id, 900), queries.counts(shop.id)

    load(shop, lines)

    assert (queries.get_order(shop.id, 900), queries.counts(shop.id)) == before


def test_a_result_that_holds_a_thing_twice_gives_the_newest(shop: Shop) -> None:
    newer = "2026-11-02T10:00:00Z"
    load(
        shop,
        [
            bulk.product(7, title="Old"),
            bulk.product(7, title="New", updatedAt=newer),
            bulk.variant(70, 7),
            bulk.variant(70, 7),
            bulk.order(900, updatedAt=newer, sourceName="new"),
            bulk.order(900, sourceName="old"),
            bulk.line(1, 900),
            bulk.line(1, 900),
        ],
    )

    assert Product.objects.for_shop(shop.id).get().title == "New"
    assert Order.objects.for_shop(shop.id).get().source_name == "new"
    assert OrderLine.objects.for_shop(shop.id).count() == 1


def test_what_a_webhook_brought_meanwhile_is_not_overwritten(shop: Shop) -> None:
    services.apply_product(shop.id, a_product(title="Fresh"))
    services.apply_order(
        shop.id,
        {
            "id": 900,
            "created_at": bulk.CREATED,
            "updated_at": "2026-11-20T10:00:00Z",
            "currency": "GBP",
            "line_items": [{"id": 1, "quantity": 2, "current_quantity": 0, "price": "2.50", "product_id": 7}],
        },
    )
    services.delete_product(shop.id, {"id": 8}, now=NOW)

    load(shop, [bulk.product(7), bulk.product(8), bulk.variant(80, 8), bulk.order(900), bulk.line(1, 900)])

    assert Product.objects.for_shop(shop.id).get(product_id=7).title == "Fresh"
    assert queries.products_for_serving(shop.id, [8]) == []
    assert queries.get_order(shop.id, 900).lines[0].current_quantity == 0


def test_a_refund_that_came_before_its_order_is_taken_off(shop: Shop) -> None:
    services.apply_refund(
        shop.id,
        a_refund(refund_line_items=[{"line_item_id": 1, "quantity": 1}, {"line_item_id": 2, "quantity": 9}]),
    )

    load(shop, [bulk.order(900), bulk.line(1, 900), bulk.line(2, 900), bulk.line(3, 900)])

    lines = queries.get_order(shop.id, 900).lines
    assert [line.current_quantity for line in lines] == [1, 0, 2]
    assert Refund.objects.for_shop(shop.id).count() == 1


def test_a_product_that_left_its_collections_leaves_them_here(shop: Shop) -> None:
    load(shop, [bulk.product(7), bulk.collection(5, 7), bulk.collection(6, 7)])

    load(shop, [bulk.product(7), bulk.collection(6, 7)])

    assert list(ProductCollection.objects.for_shop(shop.id).values_list("collection_id", flat=True)) == [6]


def test_only_a_whole_catalogue_tells_what_is_gone(shop: Shop) -> None:
    started = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
    load(shop, [bulk.product(7), bulk.product(8), bulk.variant(80, 8)])
    stored_product(shop, 9, updated_at=NOW)

    load(shop, [bulk.product(7)])
    assert queries.counts(shop.id).products == 3

    load(shop, [bulk.product(7)], missing_before=started)

    gone = Product.objects.for_shop(shop.id).exclude(deleted_at=None)
    # Number 9 was made after Shopify began the export, so its absence means nothing.
    assert [row.product_id for row in gone] == [8]
    assert not gone[0].available


@pytest.mark.django_db(transaction=True)
def test_a_quantity_that_no_column_holds_ends_the_load_and_is_named(shop: Shop) -> None:
    with pytest.raises(loading.UnreadableExport, match=r"Line 2 of .*1000000000000 is no quantity"):
        load(shop, [bulk.order(900), bulk.line(1, 900, quantity=10**12)])

    assert not Order.objects.for_shop(shop.id).exists()


@pytest.mark.parametrize(
    "broken",
    [
        "not json",
        "{}",
        "[]",
        '{"id": "gid://shopify/Customer/1"}',
        bulk.product(8, updatedAt="soon"),
        bulk.line(1, 900, quantity=None)[:-9],
    ],
)
def test_a_line_that_makes_no_sense_loads_nothing_and_is_named(shop: Shop, broken: str) -> None:
    with pytest.raises(loading.UnreadableExport, match=r"Line 2 of"):
        load(shop, [bulk.product(7), broken])

    assert Product.objects.for_shop(shop.id).count() == 0


def test_nothing_of_the_staging_is_left_behind(shop: Shop) -> None:
    load(shop, [bulk.product(7)])

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM pg_class WHERE relname LIKE 'staged\\_%' AND pg_table_is_visible(oid)"
        )
        assert cursor.fetchone() == (0,)


def test_progress_is_told_while_reading(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "PROGRESS_ROWS", 2)
    monkeypatch.setattr(loading, "BATCH_ROWS", 2)
    told: list[int] = []

    load(shop, [bulk.product(number) for number in range(5)], on_progress=told.append)

    assert told == [2, 4, 5]
    assert queries.counts(shop.id).products == 5
