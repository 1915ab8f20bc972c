"""Single changes: late, twice, or in the wrong order, and still the same shop in the end."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from backend.catalog import queries, services
from backend.catalog.models import Collection, Order, OrderLine, Product, ProductCollection, Variant
from backend.catalog.values import Via
from backend.shops.models import Shop
from backend.webhooks.rules import scrub
from backend.webhooks.values import Topic
from tests.backend.history import a_collection, a_shop
from tests.backend.webhooks.payloads import a_line, a_product, a_refund, a_variant, an_order

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EARLIER, LATER, LATEST = (f"2026-11-20T1{hour}:00:00+00:00" for hour in (0, 4, 6))
DECISION = "01a1fdb1-211d-743c-bc09-c06b6dbce9f8"


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def order(shop: Shop, **changes: Any) -> int | None:
    """Apply an order as the inbox hands it over: scrubbed, its customer a pseudonym."""
    payload = scrub(Topic.ORDERS_UPDATED, an_order(**changes), lambda number: f"{number:032d}")
    return services.apply_order(shop.id, payload)


def left(shop: Shop) -> dict[int, int]:
    """Return what is left of each line."""
    return dict(OrderLine.objects.for_shop(shop.id).values_list("line_id", "current_quantity"))


# Products


def test_a_product_is_stored_with_what_a_card_needs(shop: Shop) -> None:
    services.apply_product(shop.id, a_product())

    (card,) = queries.products_for_serving(shop.id, [7])
    assert (card.title, card.handle, str(card.price), card.currency) == (
        "Tea cup",
        "tea-cup-7",
        "9.5000",
        "GBP",
    )
    assert (card.image_url, card.image_width, card.image_height, card.image_alt) == (
        "https://cdn.shopify.com/7.png",
        800,
        600,
        "A cup",
    )
    row = Product.objects.for_shop(shop.id).get()
    assert (row.tags, row.status, row.total_inventory) == (["gift", "blue"], "ACTIVE", 4)
    assert queries.available_product_ids(shop.id) == [7]


@pytest.mark.parametrize(
    ("case", "variant", "available"),
    [
        ("in stock", {}, True),
        ("sold out", {"inventory_quantity": 0}, False),
        ("oversold", {"inventory_quantity": -3}, False),
        ("sold out, sold on", {"inventory_quantity": 0, "inventory_policy": "continue"}, True),
        ("so many that no column holds them", {"inventory_quantity": 10**30}, True),
    ],
)
def test_what_a_new_product_says_of_its_stock(
    shop: Shop, case: str, variant: dict[str, Any], available: bool
) -> None:
    services.apply_product(shop.id, a_product(variants=[a_variant(70, **variant)]))

    assert queries.available_product_ids(shop.id) == ([7] if available else [])


@pytest.mark.parametrize(
    "changes",
    [{"status": "draft"}, {"status": "unlisted"}, {"status": "from_the_future"}, {"published_at": None}],
)
def test_what_is_not_on_sale_is_not_recommended(shop: Shop, changes: dict[str, Any]) -> None:
    services.apply_product(shop.id, a_product(**changes))

    assert queries.available_product_ids(shop.id) == []


def test_the_newest_product_wins_in_any_order(shop: Shop) -> None:
    assert services.apply_product(shop.id, a_product(title="New", updated_at=LATER)) == 7

    assert services.apply_product(shop.id, a_product(title="Old", updated_at=EARLIER)) is None

    assert Product.objects.for_shop(shop.id).get().title == "New"


def test_a_variant_that_is_gone_goes(shop: Shop) -> None:
    services.apply_product(shop.id, a_product(variants=[a_variant(70), a_variant(71)]))

    services.apply_product(shop.id, a_product(variants=[a_variant(71, price="3.00")], updated_at=LATER))

    assert list(Variant.objects.for_shop(shop.id).values_list("variant_id", flat=True)) == [71]
    assert str(Product.objects.for_shop(shop.id).get().price_min) == "3.0000"


def test_a_long_list_of_variants_is_cut_off_by_shopify_and_not_by_us(shop: Shop) -> None:
    services.apply_product(shop.id, a_product(variants=[a_variant(1)]))

    services.apply_product(
        shop.id, a_product(variants=[a_variant(number) for number in range(2, 102)], updated_at=LATER)
    )

    assert Variant.objects.for_shop(shop.id).count() == 101


@pytest.mark.parametrize("delete_first", [True, False])
def test_a_deleted_product_stays_deleted(shop: Shop, delete_first: bool) -> None:
    steps: list[Callable[[], object]] = [
        lambda: services.delete_product(shop.id, {"id": 7}, now=NOW),
        lambda: services.apply_product(shop.id, a_product(updated_at=LATEST)),
    ]
    for step in steps if delete_first else reversed(steps):
        step()

    assert queries.products_for_serving(shop.id, [7]) == []
    assert queries.available_product_ids(shop.id) == []
    assert queries.counts(shop.id).products == 0


def test_shops_with_the_same_numbers_do_not_meet(shop: Shop) -> None:
    other = a_shop("other.myshopify.com")
    services.apply_product(shop.id, a_product(title="Mine"))
    services.apply_product(other.id, a_product(title="Theirs"))
    order(shop)

    services.delete_product(other.id, {"id": 7}, now=NOW)

    assert [card.title for card in queries.products_for_serving(shop.id, [7])] == ["Mine"]
    assert queries.find_order(other.id, 900) is None
    assert queries.counts(other.id).orders == 0


@pytest.mark.parametrize(
    "broken", [{"title": "x"}, a_product(updated_at="soon"), a_product(variants=[{"id": 1, "price": "free"}])]
)
def test_what_is_no_product_writes_nothing(shop: Shop, broken: dict[str, Any]) -> None:
    with pytest.raises(services.UnreadablePayload):
        services.apply_product(shop.id, broken)

    assert Product.objects.for_shop(shop.id).count() == 0


# Collections


def test_a_deleted_collection_is_emptied_and_stays_deleted(shop: Shop) -> None:
    a_collection(shop, 5, [7, 8])

    services.delete_collection(shop.id, {"id": 5}, now=NOW)
    services.apply_collection(shop.id, {"id": 5, "handle": "c", "title": "C", "updated_at": LATEST})

    assert not ProductCollection.objects.for_shop(shop.id).exists()
    assert Collection.objects.for_shop(shop.id).get().deleted_at == NOW


def test_the_newest_collection_wins(shop: Shop) -> None:
    services.apply_collection(shop.id, {"id": 5, "handle": "c", "title": "New", "updated_at": LATER})
    services.apply_collection(shop.id, {"id": 5, "handle": "c", "title": "Old", "updated_at": EARLIER})

    assert Collection.objects.for_shop(shop.id).get().title == "New"


# Orders


def test_an_order_is_stored_with_its_lines_and_decisions(shop: Shop) -> None:
    assert order(shop) == 900

    found = queries.get_order(shop.id, 900)
    assert (found.name, queries.find_order_by_name(shop.id, "1001")) == ("#1001", found)
    assert found.customer_key == f"{17850:032d}"
    assert [(str(link.decision_id), link.product_id, link.via) for link in found.links] == [
        (DECISION, 7, Via.ATTRIBUTE)
    ]
    assert [(line.line_id, line.product_id, line.quantity, str(line.unit_price)) for line in found.lines] == [
        (1, 7, 1, "10.0000"),
        (2, 8, 3, "2.0000"),
    ]
    assert [str(line.decision_id) for line in found.lines] == [DECISION, DECISION]


def test_a_guest_has_no_key(shop: Shop) -> None:
    order(shop, customer=None)

    assert queries.get_order(shop.id, 900).customer_key is None
    assert queries.counts(shop.id).guest_orders == 1


@pytest.mark.parametrize(
    ("case", "line", "total"),
    [
        ("no discount", {}, "20.0000"),
        ("on the line", {"discount_allocations": [{"amount": "3.00"}, {"amount": "1.50"}]}, "15.5000"),
        ("in the old form", {"total_discount": "4.00"}, "16.0000"),
    ],
)
def test_what_a_line_cost_in_the_end(shop: Shop, case: str, line: dict[str, Any], total: str) -> None:
    order(shop, line_items=[a_line(1, quantity=2, **line)])

    assert str(queries.get_order(shop.id, 900).lines[0].discounted_total) == total


@pytest.mark.parametrize(
    "attributes",
    [
        [{"name": "_tailorbird_7", "value": "not-a-uuid"}],
        [{"name": "_tailorbird_seven", "value": DECISION}],
        [{"name": "_tailorbird_" + "9" * 40, "value": DECISION}],
        [{"name": "_tailorbird_7", "value": None}],
        [{"name": "_tailorbird_٧", "value": DECISION}],
        [{"name": "_tailorbird", "value": f"{DECISION}:7"}],
        [{"name": "_tailorbird", "value": f"{DECISION}:7:1764000000"}],
        [{"name": "_tailorbird", "value": f"{DECISION}:0:1764000000:c"}],
        [{"name": "_tailorbird", "value": f"{DECISION}:7:1764000000000:c"}],
        [{"name": "_tailorbird", "value": f"{DECISION}:7:-764000000:c"}],
        [{"name": "_tailorbird", "value": f"{DECISION}:٧:1764000000:c"}],
        [{"name": "_tailorbird", "value": f"{DECISION}:7:1764000000:x"}],
        [{"name": "_tailorbird", "value": f"{DECISION}:7:1764000000:c\n"}],
        [{"name": "_tailorbird", "value": f"{DECISION[:-1]}g:7:1764000000:c"}],
        [{"name": "_tailorbird", "value": f"{{{DECISION}}}"}],
        [{"name": "_tailorbirds", "value": f"{DECISION}:7:1764000000:c"}],
    ],
)
def test_attributes_that_a_shopper_made_up_are_passed_over(
    shop: Shop, attributes: list[dict[str, Any]]
) -> None:
    order(shop, note_attributes=attributes)

    assert queries.get_order(shop.id, 900).links == ()


@pytest.mark.parametrize("name", ["_tailorbird", "_tailorbird_7"])
def test_carts_filled_by_an_older_block_are_still_read(shop: Shop, name: str) -> None:
    order(shop, note_attributes=[{"name": name, "value": DECISION}])

    [link] = queries.get_order(shop.id, 900).links
    expected = 7 if name.endswith("_7") else None
    assert (str(link.decision_id), link.product_id, link.via, link.clicked_at) == (
        DECISION,
        expected,
        Via.ATTRIBUTE,
        None,
    )


def test_what_a_shopper_wrote_between_clicks_is_passed_over_and_the_clicks_are_kept(shop: Shop) -> None:
    value = f"{DECISION}:7:1764000000:c nonsense {DECISION}:8:1764000009:a"
    order(shop, note_attributes=[{"name": "_tailorbird", "value": value}])

    found = [(link.product_id, link.via) for link in queries.get_order(shop.id, 900).links]
    assert found == [(7, Via.CLICKED), (8, Via.ADDED)]
    moments = [link.clicked_at for link in queries.get_order(shop.id, 900).links]
    assert moments == [datetime(2025, 11, 24, 16, 0, second, tzinfo=UTC) for second in (0, 9)]


def test_a_replay_changes_nothing(shop: Shop) -> None:
    order(shop)
    before = queries.get_order(shop.id, 900)

    order(shop)

    assert queries.get_order(shop.id, 900) == before
    assert Order.objects.for_shop(shop.id).count() == 1


def test_an_older_order_is_ignored(shop: Shop) -> None:
    order(shop, updated_at=LATER, cancelled_at=LATER)

    assert order(shop, updated_at=EARLIER) is None

    assert queries.get_order(shop.id, 900).cancelled_at is not None


def test_a_deleted_order_is_gone_and_stays_so(shop: Shop) -> None:
    order(shop)

    services.delete_order(shop.id, {"id": 900}, now=NOW)

    assert order(shop, updated_at=LATEST) is None
    assert queries.find_order(shop.id, 900) is None
    assert queries.counts(shop.id).order_lines == 0


# Refunds: an order's own quantities already count the refunds that it lists.

CREATED = {"updated_at": "2026-11-20T10:00:05+00:00"}
REFUNDED = {
    "updated_at": "2026-11-20T12:00:00+00:00",
    "refunds": [a_refund()],
    "line_items": [a_line(1), a_line(2, product_id=8, quantity=3, current_quantity=1)],
}


@pytest.mark.parametrize("sequence", list(permutations(["created", "refund", "refunded"])))
@pytest.mark.parametrize("twice", [False, True])
def test_a_refund_counts_once_in_any_order_of_arrival(
    shop: Shop, sequence: tuple[str, ...], twice: bool
) -> None:
    steps: dict[str, Callable[[], object]] = {
        "created": lambda: order(shop, **CREATED),
        "refund": lambda: services.apply_refund(shop.id, a_refund()),
        "refunded": lambda: order(shop, **REFUNDED),
    }
    for name in sequence * (2 if twice else 1):
        steps[name]()

    assert left(shop) == {1: 1, 2: 1}


@pytest.mark.parametrize("sequence", list(permutations(["tagged", "refund"])))
@pytest.mark.parametrize("seconds", [0, 1])
def test_whether_an_order_counts_a_refund_is_told_by_its_list_and_not_by_its_time(
    shop: Shop, sequence: tuple[str, ...], seconds: int
) -> None:
    """Something else changed the order in that second, or just after: its lines don't count the refund."""
    for name in sequence:
        if name == "refund":
            services.apply_refund(shop.id, a_refund())
        else:
            order(shop, updated_at=f"2026-11-20T12:00:0{seconds}+00:00")

    assert left(shop) == {1: 1, 2: 1}


def test_a_body_without_a_list_of_refunds_is_told_by_its_time(shop: Shop) -> None:
    payload = scrub(Topic.ORDERS_UPDATED, an_order(updated_at="2026-11-20T12:00:00+00:00"), None)
    services.apply_order(shop.id, {name: value for name, value in payload.items() if name != "refunds"})

    services.apply_refund(shop.id, a_refund())

    assert left(shop) == {1: 1, 2: 3}


@pytest.mark.parametrize("sequence", list(permutations(["created", "refund"])))
def test_a_refund_counts_before_the_order_tells_of_it(shop: Shop, sequence: tuple[str, ...]) -> None:
    for name in sequence:
        order(shop, **CREATED) if name == "created" else services.apply_refund(shop.id, a_refund())

    assert left(shop) == {1: 1, 2: 1}


@pytest.mark.parametrize(
    ("case", "item"),
    [
        ("fewer than none", {"line_item_id": 2, "quantity": -(2**31 - 1)}),
        ("more than a column holds", {"line_item_id": 2, "quantity": 2**31}),
        ("of a line that can't be", {"line_item_id": 2**63, "quantity": 1}),
    ],
)
def test_a_refund_of_what_no_column_holds_is_refused(shop: Shop, case: str, item: dict[str, Any]) -> None:
    order(shop, **CREATED)

    with pytest.raises(services.UnreadablePayload):
        services.apply_refund(shop.id, a_refund(refund_line_items=[item]))

    assert left(shop) == {1: 1, 2: 3}, case


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "USDC"},
        {"line_items": [a_line(1, quantity=2**31)]},
        {"line_items": [a_line(1, quantity=2**31 - 1, price="99999999999999")]},
        {"line_items": [None]},
    ],
)
def test_an_order_of_what_no_column_holds_is_refused(shop: Shop, changes: dict[str, Any]) -> None:
    with pytest.raises(services.UnreadablePayload):
        order(shop, **changes)

    assert not Order.objects.for_shop(shop.id).exists()


def test_a_line_that_is_named_twice_is_one(shop: Shop) -> None:
    order(shop, line_items=[a_line(1, quantity=1), a_line(1, quantity=2)])

    assert left(shop) == {1: 2}


@pytest.mark.parametrize(
    "delete", [services.delete_product, services.delete_collection, services.delete_order]
)
def test_the_deletion_of_what_can_not_be_is_refused(shop: Shop, delete: Callable[..., object]) -> None:
    with pytest.raises(services.UnreadablePayload):
        delete(shop.id, {"id": 2**63}, now=NOW)


def test_a_refund_never_takes_more_than_there_is(shop: Shop) -> None:
    order(shop, **CREATED)

    services.apply_refund(shop.id, a_refund(refund_line_items=[{"line_item_id": 2, "quantity": 99}]))

    assert left(shop) == {1: 1, 2: 0}


def test_a_refund_says_whether_anything_changed(shop: Shop) -> None:
    assert services.apply_refund(shop.id, a_refund(301, order_id=901)) is None
    order(shop, **CREATED)

    assert services.apply_refund(shop.id, a_refund()) == 900
    assert services.apply_refund(shop.id, a_refund()) is None
