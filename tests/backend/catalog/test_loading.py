"""Loading a bulk result: all of it or nothing, never over something newer."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from backend.catalog import queries, rules, services
from backend.catalog.models import Collection, Order, OrderLine, Product, ProductCollection, Refund, Variant
from backend.catalog.services import loading
from backend.catalog.values import Via
from backend.shops.models import Shop
from tests.backend.history import a_shop
from tests.backend.webhooks.payloads import a_product, a_refund

from . import bulk

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DECISION = "01a1fdb1-211d-743c-bc09-c06b6dbce9f8"


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def load(shop: Shop, lines: Iterable[bytes | str], **changes: Any) -> loading.Loaded:
    arguments: dict[str, Any] = {
        "pseudonymise": lambda number: f"{number:032d}",
        "on_progress": lambda done: None,
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

    assert load(shop, lines).roots == 2

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

    assert load(shop, lines).roots == 2

    known, guest = queries.get_order(shop.id, 900), queries.get_order(shop.id, 901)
    assert (known.customer_key, guest.customer_key) == (f"{17850:032d}", None)
    assert (known.name, guest.name) == ("#1001", "#1002")
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


def test_only_a_whole_catalogue_tells_what_may_be_gone_and_deletes_nothing(shop: Shop) -> None:
    load(shop, [bulk.product(7), bulk.product(8), bulk.variant(80, 8)])

    assert load(shop, [bulk.product(7)]).missing == []
    assert load(shop, [bulk.product(7)], is_whole_catalogue=True).missing == [8]

    assert queries.counts(shop.id).products == 2
    assert queries.available_product_ids(shop.id) == [8]


# Records that make no sense


BROKEN = {
    "no JSON": b"not json",
    "no object": b"[]",
    "no id": b"{}",
    "an id that is a number": b'{"id": 5}',
    "what was not asked for": b'{"id": "gid://shopify/Customer/1"}',
    "bytes that are not UTF-8": bulk.product(8).encode().replace(b"Willow", b"Will\xf6w"),
    "a moment in words": bulk.product(8, updatedAt="soon").encode(),
    "half a line": bulk.product(8).encode()[:-9],
    "a currency of four letters": bulk.order(901, currencyCode="USDT").encode(),
    "no amount": bulk.variant(71, 7, price="NaN").encode(),
    "more than a column holds": bulk.line(2, 900, quantity=10**12).encode(),
    "a text where a number should be": bulk.line(2, 900, quantity="2\t3\n4").encode(),
    "a handle that is missing": bulk.product(8).replace("handle", "name").encode(),
    "a media that is a text": bulk.product(8, featuredMedia="cup").encode(),
    "a thousand brackets": b"[" * 100_000,
}


@pytest.mark.parametrize("case", BROKEN)
def test_one_bad_record_is_set_aside_and_the_others_come_in(shop: Shop, case: str) -> None:
    good = [bulk.product(7), bulk.variant(70, 7), bulk.order(900), bulk.line(1, 900)]

    loaded = load(shop, [*good[:2], BROKEN[case], *good[2:], bulk.product(9)])

    assert loaded.roots == 3, case
    assert loaded.set_aside.count == 1, case
    [sample] = loaded.set_aside.samples
    assert sample.line == 3, case
    assert sample.in_words() in loaded.set_aside.in_words()
    assert queries.get_order(shop.id, 900).lines[0].current_quantity == 2
    assert set(Product.objects.for_shop(shop.id).values_list("product_id", flat=True)) == {7, 9}


def test_what_no_column_holds_is_found_among_many_without_its_value(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if a new field of Shopify's were wider than its column, and nothing before the database looked.
    monkeypatch.setattr(rules.fields, "currency", str)
    orders = [bulk.order(900 + number) for number in range(40)]
    orders[17] = bulk.order(917, currencyCode="Ada Lovelace")

    loaded = load(shop, orders)

    assert loaded.roots == 39
    [sample] = loaded.set_aside.samples
    assert (sample.line, sample.what) == (18, "Order 917")
    assert sample.why == "currency: value too long for type character varying(3)"
    assert Order.objects.for_shop(shop.id).count() == 39


def test_a_million_bad_records_are_counted_and_a_few_of_them_kept(shop: Shop) -> None:
    loaded = load(shop, [*(b"\xff" for _ in range(300)), bulk.product(7)])

    assert (loaded.roots, loaded.set_aside.count, len(loaded.set_aside.samples)) == (1, 300, 20)
    assert loaded.set_aside.in_words().startswith("300 records were left out")
    assert "Line 1, a record without an id: its bytes are not UTF-8." in loaded.set_aside.in_words()


def test_what_was_set_aside_was_seen(shop: Shop) -> None:
    whole = [bulk.product(7), bulk.variant(70, 7), bulk.collection(5, 7), bulk.product(8), bulk.product(9)]
    load(shop, whole)

    loaded = load(
        shop,
        [
            bulk.product(7),
            bulk.variant(70, 7, price="NaN"),
            bulk.collection(5, 7).replace("updatedAt", "updated"),
            bulk.product(8, updatedAt="soon"),
        ],
        is_whole_catalogue=True,
    )

    assert loaded.missing == [9]
    assert queries.available_product_ids(shop.id) == [7]
    assert Variant.objects.for_shop(shop.id).count() == 1
    assert ProductCollection.objects.for_shop(shop.id).count() == 1


def test_a_record_that_names_nothing_lets_nothing_be_removed(shop: Shop) -> None:
    load(shop, [bulk.product(7), bulk.variant(70, 7), bulk.collection(5, 7)])

    load(shop, [bulk.product(7), b"\xff\xfe"])

    assert Variant.objects.for_shop(shop.id).count() == 1
    assert ProductCollection.objects.for_shop(shop.id).count() == 1


# Files that are shorter than counted


def test_a_file_with_fewer_products_than_counted_writes_nothing(shop: Shop) -> None:
    with pytest.raises(loading.ShortFile, match="1 of 2"):
        load(shop, [bulk.product(7)], promised=loading.Promised(objects=2, roots=2))

    assert not Product.objects.for_shop(shop.id).exists()


@pytest.mark.parametrize("kept", [12, 44, 60, 120, -1])
@pytest.mark.parametrize("ends_in", [bulk.product(9), bulk.variant(71, 7, title="Grün")])
def test_a_file_that_breaks_off_in_a_record_is_short(shop: Shop, ends_in: str, kept: int) -> None:
    load(shop, [bulk.product(7), bulk.variant(71, 7)])
    roots = 1 + ("__parentId" not in ends_in)
    lines: list[bytes | str] = [bulk.product(7), bulk.variant(70, 7), ends_in.encode()[:kept]]

    with pytest.raises(loading.ShortFile):
        load(shop, lines, promised=loading.Promised(objects=3, roots=roots))

    assert Variant.objects.for_shop(shop.id).get().variant_id == 71


def test_a_last_record_that_is_whole_and_makes_no_sense_is_set_aside(shop: Shop) -> None:
    promised = loading.Promised(objects=2, roots=2)

    for last in (b"no record", b'{"id" "7"}', b"\xff", b"[1]", b'{"id": "gid://shopify/Product/9", oops}'):
        assert load(shop, [bulk.product(7), last], promised=promised).set_aside.count == 1, last


def test_half_an_id_names_nothing(shop: Shop) -> None:
    load(shop, [bulk.product(7), bulk.variant(7001, 7), bulk.variant(7002, 7)])
    half = bulk.variant(7002, 7).partition("02")[0]

    loaded = load(shop, [bulk.product(7), half, bulk.variant(7001, 7)])

    assert loaded.set_aside.has_nameless
    assert Variant.objects.for_shop(shop.id).count() == 2


def test_children_that_were_counted_and_are_not_there_are_not_removed(shop: Shop) -> None:
    load(shop, [bulk.product(7), bulk.variant(70, 7), bulk.collection(5, 7)])
    promised = loading.Promised(objects=3, roots=1)

    with pytest.raises(loading.ShortFile, match="1 of 3 records"):
        load(shop, [bulk.product(7, title="New")], promised=promised)
    loaded = load(shop, [bulk.product(7, title="New")], promised=promised, accepts_fewer_children=True)

    assert "1 of 3 records" in loaded.shortage
    assert Product.objects.for_shop(shop.id).get().title == "New"
    assert queries.available_product_ids(shop.id) == [7]
    assert Variant.objects.for_shop(shop.id).count() == 1
    assert ProductCollection.objects.for_shop(shop.id).count() == 1


# Deletions


def test_an_inferred_deletion_is_taken_back_when_the_product_is_seen(shop: Shop) -> None:
    load(shop, [bulk.product(7), bulk.variant(70, 7)])
    rows = Product.objects.for_shop(shop.id)
    rows.update(deleted_at=NOW, deletion_is_inferred=True, available=False)

    load(shop, [bulk.product(7), bulk.variant(70, 7)])

    assert queries.available_product_ids(shop.id) == [7]
    assert not rows.get().deletion_is_inferred


def test_a_webhook_too_takes_an_inferred_deletion_back_and_an_announced_one_makes_it_final(
    shop: Shop,
) -> None:
    services.apply_product(shop.id, a_product(7))
    rows = Product.objects.for_shop(shop.id)
    rows.update(deleted_at=NOW, deletion_is_inferred=True, available=False)

    services.apply_product(shop.id, a_product(7))
    assert queries.products_for_serving(shop.id, [7])[0].available

    rows.update(deleted_at=NOW, deletion_is_inferred=True, available=False)
    services.delete_product(shop.id, {"id": 7}, now=NOW)
    services.apply_product(shop.id, a_product(7))
    assert queries.products_for_serving(shop.id, [7]) == []


def test_an_announced_deletion_is_final(shop: Shop) -> None:
    load(shop, [bulk.product(7), bulk.collection(5, 7), bulk.order(900)])
    services.delete_product(shop.id, {"id": 7}, now=NOW)
    services.delete_collection(shop.id, {"id": 5}, now=NOW)
    services.delete_order(shop.id, {"id": 900}, now=NOW)
    later = "2027-01-01T00:00:00Z"

    load(shop, [bulk.product(7, updatedAt=later), bulk.collection(5, 7), bulk.order(900, updatedAt=later)])
    load(shop, [bulk.product(8), bulk.collection(5, 8)])

    assert queries.products_for_serving(shop.id, [7]) == []
    assert queries.find_order(shop.id, 900) is None
    assert not ProductCollection.objects.for_shop(shop.id).exists()


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


@pytest.mark.parametrize("is_first_by_webhook", [True, False])
def test_a_line_keeps_its_product_once_shopify_forgot_it(shop: Shop, is_first_by_webhook: bool) -> None:
    def by_webhook(product: int | None, at: str) -> None:
        sold = {"id": 1, "product_id": product, "variant_id": product and 70, "quantity": 2, "price": "2.50"}
        told = {"id": 900, "created_at": bulk.CREATED, "updated_at": at, "currency": "GBP"}
        services.apply_order(shop.id, told | {"line_items": [sold]})

    def by_export(product: int | None, at: str) -> None:
        load(shop, [bulk.order(900, updatedAt=at), bulk.line(1, 900, product=product)])

    first, second = (by_webhook, by_export) if is_first_by_webhook else (by_export, by_webhook)
    first(7, "2026-11-20T10:00:00Z")

    second(None, "2026-11-20T11:00:00Z")
    first(None, "2026-11-20T12:00:00Z")

    [line] = queries.get_order(shop.id, 900).lines
    assert (line.product_id, line.current_quantity) == (7, 2)
