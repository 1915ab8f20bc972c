"""Product webhooks as API version 2026-07 sends them: what they leave out is asked for, never guessed."""

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from backend.catalog import queries, services
from backend.catalog.models import Product, StaleProduct, Variant
from backend.catalog.services import loading
from backend.catalog.services.apply import infer_deletions
from backend.core.queue import Job
from backend.shopify.gateway import AccessDenied
from backend.shops.models import Shop
from backend.shops.values import ShopState
from backend.webhooks.rules import scrub
from backend.webhooks.values import Topic
from tests.backend.history import a_product as a_stored_product
from tests.backend.history import a_shop
from tests.backend.racing import Pause, Worker
from tests.backend.shopify.fake import FakeShopify, data
from tests.backend.shops.factories import a_token
from tests.backend.webhooks.payloads import a_product, a_variant, variant_gids
from tests.conftest import Enqueued

from . import bulk

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "tokens"]),
    pytest.mark.usefixtures("redis_server"),
]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER, LATEST = "2026-11-20T14:00:00+00:00", "2026-11-20T16:00:00+00:00"
SOLD_OUT = {"inventory_quantity": 0, "inventory_policy": "deny"}
UNTRACKED = {"inventoryQuantity": 0, "inventoryItem": {"tracked": False}}
UNKNOWN = {"inventoryItem": None}


@pytest.fixture
def shop() -> Shop:
    shop = a_shop()
    a_token(shop, now=NOW)
    return shop


def imported(shop: Shop, *variants: str, **changes: Any) -> None:
    """Bring in product 7 by an export."""
    lines = [bulk.product(7, **changes), *variants]
    loading.load(shop.id, lines, pseudonymise=str, on_progress=lambda done: None)


def told(shop: Shop, **changes: Any) -> None:
    """Apply an update of product 7 as the inbox hands it over."""
    payload = json.loads(json.dumps(a_product(**{"updated_at": LATER} | changes)))
    services.apply_product(shop.id, scrub(Topic.PRODUCTS_UPDATE, payload, None))


def product(shop: Shop) -> Product:
    return Product.objects.for_shop(shop.id).get(product_id=7)


def prices(shop: Shop) -> tuple[Decimal, Decimal]:
    row = product(shop)
    return row.price_min, row.price_max


def variant_ids(shop: Shop) -> set[int]:
    return set(Variant.objects.for_shop(shop.id).values_list("variant_id", flat=True))


def asked(shop: Shop) -> list[int]:
    return list(StaleProduct.objects.for_shop(shop.id).values_list("product_id", flat=True))


def answer(*nodes: dict[str, Any] | None) -> httpx.Response:
    return data({"nodes": list(nodes)})


def read(shop: Shop, *, now: datetime = NOW) -> int:
    return services.read_stale_products(shop.id, now=now)


# Stock


@pytest.mark.parametrize("tracking", [UNTRACKED, UNTRACKED | UNKNOWN])
def test_a_product_whose_stock_is_not_tracked_stays_in_the_shop(shop: Shop, tracking: dict[str, Any]) -> None:
    imported(shop, bulk.variant(70, 7, **tracking))

    told(shop, variants=[a_variant(70, **SOLD_OUT)])

    assert queries.available_product_ids(shop.id) == [7]


def test_what_is_not_known_to_be_tracked_stays_and_is_asked_about(shop: Shop) -> None:
    imported(shop, bulk.variant(70, 7, inventoryQuantity=3, **UNKNOWN))

    told(shop, variants=[a_variant(70, **SOLD_OUT)])

    assert (product(shop).available, asked(shop)) == (True, [7])


def test_a_stored_product_without_variants_of_its_own_stays_too(shop: Shop) -> None:
    a_stored_product(shop, 7)

    told(shop, variants=[a_variant(70, **SOLD_OUT)])

    assert (product(shop).available, asked(shop)) == (True, [7])


def test_tracked_stock_that_is_sold_out_leaves_at_once_and_is_confirmed(shop: Shop) -> None:
    imported(shop, bulk.variant(70, 7))

    told(shop, variants=[a_variant(70, **SOLD_OUT)])

    assert (product(shop).available, asked(shop)) == (False, [7])


def test_nothing_is_asked_when_nothing_is_open(shop: Shop, enqueued: Enqueued) -> None:
    imported(shop, bulk.variant(70, 7), bulk.variant(71, 7, **UNTRACKED))

    told(shop, title="Another", variants=[a_variant(70, inventory_quantity=9), a_variant(71, **SOLD_OUT)])

    assert (product(shop).title, product(shop).available, product(shop).total_inventory) == (
        "Another",
        True,
        9,
    )
    assert (asked(shop), enqueued.jobs) == ([], [])


def test_a_change_of_the_variant_that_the_body_does_not_show_is_asked_about(shop: Shop) -> None:
    imported(shop, bulk.variant(70, 7, **UNTRACKED))

    told(shop, variants=[a_variant(70, **SOLD_OUT, updated_at=LATER)])

    assert (product(shop).available, asked(shop)) == (True, [7])


def test_shopify_knows_better_than_the_quantity(shop: Shop) -> None:
    """Three lie in a warehouse that does not sell online."""
    imported(shop, bulk.variant(70, 7, availableForSale=False))

    told(shop, variants=[a_variant(70, inventory_quantity=3)])

    assert not product(shop).available


def test_the_field_of_old_api_versions_is_not_believed(shop: Shop) -> None:
    imported(shop, bulk.variant(70, 7))

    told(shop, variants=[a_variant(70, **SOLD_OUT, inventory_management=None)])

    assert not product(shop).available


# Which variants there are


def price_range(lowest: str, highest: str) -> dict[str, Any]:
    return {
        "minVariantPrice": {"amount": lowest, "currencyCode": "GBP"},
        "maxVariantPrice": {"amount": highest},
    }


def a_wide_product(shop: Shop, *, cheapest: str = "5.00") -> None:
    """Import 150 variants: 1000 to 1148 at 9.50, and 1149 cheaper."""
    variants = [bulk.variant(number, 7) for number in range(1000, 1149)]
    imported(
        shop, *variants, bulk.variant(1149, 7, price=cheapest), priceRangeV2=price_range(cheapest, "9.50")
    )


def the_first_hundred(**changes: Any) -> list[dict[str, Any]]:
    return [a_variant(number, **changes) for number in range(1000, 1100)]


@pytest.mark.parametrize("dated", [True, False])
def test_variants_beyond_the_hundredth_count(shop: Shop, dated: bool) -> None:
    a_wide_product(shop)
    gids = variant_gids(*range(1000, 1150))

    told(
        shop,
        variants=the_first_hundred(**SOLD_OUT),
        variant_gids=gids
        if dated
        else [{"admin_graphql_api_id": one["admin_graphql_api_id"]} for one in gids],
    )

    assert product(shop).available
    assert prices(shop) == (Decimal("5.00"), Decimal("9.50"))
    assert len(variant_ids(shop)) == 150


def test_a_hundred_variants_without_the_list_of_all_take_none_away(shop: Shop) -> None:
    a_wide_product(shop)

    told(shop, variants=the_first_hundred(price="8.00"))

    assert prices(shop) == (Decimal("5.00"), Decimal("9.50"))
    assert (len(variant_ids(shop)), asked(shop)) == (150, [7])


def test_variants_that_were_never_stored_keep_the_range_and_the_stock(shop: Shop) -> None:
    hundred = range(1000, 1100)
    variants = [bulk.variant(one, 7) for one in hundred]
    imported(shop, *variants, priceRangeV2=price_range("5.0", "20.0"), totalInventory=450)
    changes = [a_variant(1000, price="4.00"), *(a_variant(one) for one in hundred[1:])]
    gids = variant_gids(*range(1000, 1150))

    told(shop, variants=[a_variant(one) for one in hundred], variant_gids=gids)
    assert (prices(shop), product(shop).total_inventory) == ((5, 20), 450)
    assert (queries.available_product_ids(shop.id), asked(shop)) == ([7], [7])

    told(shop, updated_at=LATEST, variants=changes, variant_gids=gids)
    assert prices(shop) == (4, 20)


def test_a_variant_that_is_not_in_the_list_of_all_is_gone(shop: Shop) -> None:
    a_wide_product(shop)

    told(shop, variants=the_first_hundred(), variant_gids=variant_gids(*range(1000, 1149)))

    assert prices(shop) == (Decimal("9.50"), Decimal("9.50"))
    assert variant_ids(shop) == set(range(1000, 1149))


@pytest.mark.parametrize(
    ("case", "ids", "moment", "open_questions"),
    [
        ("all as they were", range(1000, 1150), "2026-11-01T10:00:00.123Z", []),
        ("those beyond the hundredth changed", range(1000, 1150), LATER, [7]),
        ("there is a new one", range(1000, 1151), "2026-11-01T10:00:00Z", [7]),
    ],
)
def test_the_list_of_all_says_what_to_ask(
    shop: Shop, case: str, ids: Iterable[int], moment: str, open_questions: list[int]
) -> None:
    a_wide_product(shop)

    told(shop, variants=the_first_hundred(), variant_gids=variant_gids(*ids, updated_at=moment))

    assert asked(shop) == open_questions, case
    assert prices(shop) == (Decimal("5.00"), Decimal("9.50"))


@pytest.mark.parametrize("variants", [None, [], "missing"])
def test_a_body_without_variants_leaves_them_alone(shop: Shop, variants: Any) -> None:
    imported(shop, bulk.variant(70, 7, price="4.00"))
    body = a_product(updated_at=LATER, title="Another", variants=variants)
    if variants == "missing":
        del body["variants"]

    services.apply_product(shop.id, scrub(Topic.PRODUCTS_UPDATE, body, None))

    assert (product(shop).title, product(shop).available, prices(shop)[0]) == (
        "Another",
        True,
        Decimal("4.00"),
    )
    assert (variant_ids(shop), asked(shop)) == ({70}, [7])


def test_a_list_with_holes_takes_nothing_away(shop: Shop) -> None:
    imported(shop, bulk.variant(70, 7), bulk.variant(71, 7))

    told(shop, variants=[a_variant(70), None])

    assert (variant_ids(shop), asked(shop)) == ({70, 71}, [7])


def test_a_list_of_all_with_holes_takes_nothing_away(shop: Shop) -> None:
    imported(shop, bulk.variant(70, 7), bulk.variant(71, 7))

    told(shop, title="New", variant_gids=[*variant_gids(70), None])

    assert (product(shop).title, variant_ids(shop), asked(shop)) == ("New", {70, 71}, [7])


def test_a_variant_that_is_named_twice_is_one(shop: Shop) -> None:
    told(shop, variants=[a_variant(70, price="1.00"), a_variant(70, price="2.00")])

    assert prices(shop) == (Decimal("2.00"), Decimal("2.00"))


def test_two_thousand_variants_are_stored_and_read(shop: Shop, shopify: FakeShopify) -> None:
    gids = variant_gids(*range(1000, 3000))
    told(shop, variants=the_first_hundred(), variant_gids=gids)
    pages = [
        bulk.page(
            *(bulk.variant(number, 7) for number in range(begin, min(begin + 250, 3000))), end_cursor=end
        )
        for begin, end in ((1010 + 250 * page, str(page) if page < 7 else None) for page in range(8))
    ]
    first = bulk.node(
        7, *(bulk.variant(number, 7) for number in range(1000, 1010)), end_cursor="x", updatedAt=LATER
    )
    shopify.will(answer(first), *(data({"product": {"variants": page}}) for page in pages))

    read(shop)

    assert (len(variant_ids(shop)), asked(shop)) == (2000, [])


# Single fields


def test_only_the_fields_that_a_body_holds_are_written(shop: Shop) -> None:
    imported(shop, bulk.variant(70, 7))

    services.apply_product(shop.id, {"id": 7, "updated_at": LATER, "vendor": None, "image": None})

    row = product(shop)
    assert (row.title, row.handle, row.status, row.vendor) == ("Product 7", "p-7", "ACTIVE", "")
    assert (row.image_url, row.image_width, row.published_at is None) == ("", None, False)


def test_half_a_product_that_is_new_is_not_shown_before_it_was_read(shop: Shop) -> None:
    services.apply_product(shop.id, {"id": 7, "updated_at": LATER, "variants": [{"id": 70, "title": "Blue"}]})

    assert (queries.available_product_ids(shop.id), asked(shop)) == ([], [7])


@pytest.mark.parametrize(
    ("case", "variant", "stored"),
    [
        ("a price as a number", {"price": 9.5}, (Decimal("9.5"), 4)),
        ("more than a column holds", {"inventory_quantity": 10**12}, (Decimal("9.5"), 2**31 - 1)),
        ("less than a column holds", {"inventory_quantity": -(10**12)}, (Decimal("9.5"), -(2**31 - 1))),
        ("a policy nobody knows", {"inventory_policy": "x" * 400}, (Decimal("9.5"), 4)),
    ],
)
def test_odd_values_are_read_or_bounded(
    shop: Shop, case: str, variant: dict[str, Any], stored: tuple[Any, ...]
) -> None:
    told(shop, variants=[a_variant(70, **variant)])

    row = Variant.objects.for_shop(shop.id).get()
    assert (row.price, row.inventory_quantity) == stored, case


def test_a_sum_of_stocks_that_no_column_holds_is_bounded(shop: Shop) -> None:
    told(shop, variants=[a_variant(number, inventory_quantity=2**31 - 1) for number in (70, 71)])

    assert product(shop).total_inventory == 2**31 - 1


def test_a_picture_of_no_possible_size_has_none(shop: Shop) -> None:
    told(shop, image={"src": "https://cdn.shopify.com/7.png", "width": 10**12, "height": -1, "alt": None})

    assert (product(shop).image_width, product(shop).image_height) == (None, None)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"variants": [a_variant(70, price="1e40")]}, r"1E\+40 is no amount of money"),
        ({"variants": [a_variant(2**63)]}, "9223372036854775808 is no id"),
        ({"id": 2**63}, "9223372036854775808 is no id"),
    ],
)
def test_what_cannot_be_stored_is_named_and_writes_nothing(
    shop: Shop, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(services.UnreadablePayload, match=named):
        told(shop, **changes)

    assert not Product.objects.for_shop(shop.id).exists()


# Pages that come and go


@pytest.mark.parametrize("gone", [{"status": "archived"}, {"published_at": None}])
def test_the_lists_follow_at_once_where_a_page_goes_or_comes_back(
    shop: Shop, enqueued: Enqueued, gone: dict[str, Any]
) -> None:
    imported(shop, bulk.variant(70, 7))
    told(shop, title="Another", updated_at="2026-11-20T14:01:00Z")
    before = enqueued.of(Job.PUBLISH)

    told(shop, **gone, updated_at="2026-11-20T14:02:00Z")
    told(shop, **gone, title="A third", updated_at="2026-11-20T14:03:00Z")
    left = enqueued.of(Job.PUBLISH)
    told(shop, updated_at="2026-11-20T14:04:00Z")

    assert (before, left) == ([], [{"shop_id": shop.id}])
    assert enqueued.of(Job.PUBLISH) == [{"shop_id": shop.id}] * 2


def test_the_lists_follow_a_deletion_that_was_announced_and_one_that_was_not(
    shop: Shop, enqueued: Enqueued
) -> None:
    for number in (7, 8):
        a_stored_product(shop, number)

    services.delete_product(shop.id, {"id": 7}, now=NOW)
    infer_deletions(shop.id, [8], now=NOW)
    infer_deletions(shop.id, [8], now=NOW)

    assert enqueued.of(Job.PUBLISH) == [{"shop_id": shop.id}] * 2


# Asking and answers


def test_a_hundred_updates_of_a_product_are_one_read(
    shop: Shop, shopify: FakeShopify, enqueued: Enqueued
) -> None:
    imported(shop, bulk.variant(70, 7, **UNKNOWN))
    for second in range(100):
        told(
            shop,
            variants=[a_variant(70, **SOLD_OUT)],
            updated_at=f"2026-11-20T14:{second // 60:02}:{second % 60:02}Z",
        )
    shopify.will(answer(bulk.node(7, bulk.variant(70, 7, **UNTRACKED), updatedAt=LATEST)))

    assert enqueued.jobs == [(Job.PRODUCTS_READ, {"shop_id": shop.id})]
    assert enqueued.countdowns == [5.0]
    assert (read(shop), read(shop)) == (1, 0)

    assert len(shopify.requests) == 1
    assert asked(shop) == []


def test_an_answer_says_what_the_webhook_left_open(shop: Shop, shopify: FakeShopify) -> None:
    told(shop, variants=[a_variant(70, **SOLD_OUT), a_variant(71, **SOLD_OUT)])
    shopify.will(answer(bulk.node(7, bulk.variant(70, 7, **UNTRACKED), isGiftCard=False, updatedAt=LATER)))

    read(shop)

    assert (product(shop).available, product(shop).is_gift_card, variant_ids(shop)) == (True, False, {70})
    told(shop, variants=[a_variant(70, **SOLD_OUT)], updated_at=LATEST)
    assert (product(shop).available, asked(shop)) == (True, [])


def test_many_products_are_read_in_batches_each_a_job(
    shop: Shop, shopify: FakeShopify, enqueued: Enqueued
) -> None:
    services.ask(shop.id, range(100, 130))
    shopify.will(lambda request: answer(*(bulk.node(one) for one in _ids_of(request))))
    enqueued.clear()

    assert (read(shop), read(shop), read(shop)) == (25, 5, 0)

    assert enqueued.of(Job.PRODUCTS_READ) == [{"shop_id": shop.id}] * 2
    assert Product.objects.for_shop(shop.id).count() == 30


def _ids_of(request: httpx.Request) -> list[int]:
    return [int(gid.rpartition("/")[2]) for gid in json.loads(request.read())["variables"]["ids"]]


def test_products_of_long_lists_are_read_a_few_at_a_time(
    shop: Shop, shopify: FakeShopify, enqueued: Enqueued
) -> None:
    services.ask(shop.id, [7, 8, 9])
    long_lists = [bulk.node(one, bulk.variant(one * 10, one), end_cursor="a") for one in (7, 8, 9)]
    rest = data({"product": {"variants": bulk.page()}})
    shopify.will(answer(*long_lists), rest, rest, answer(long_lists[2]), rest)

    read(shop)
    assert asked(shop) == [9]

    read(shop)
    assert asked(shop) == []


def test_a_webhook_that_comes_while_the_answer_is_under_way_is_not_overwritten(
    shop: Shop, shopify: FakeShopify
) -> None:
    imported(shop, bulk.variant(70, 7))
    services.ask(shop.id, [7])

    def answer_late(request: httpx.Request) -> httpx.Response:
        told(shop, title="Newest", variants=[a_variant(70, inventory_quantity=1)])
        return answer(bulk.node(7, bulk.variant(70, 7, inventoryQuantity=2), updatedAt=LATER))

    shopify.will(answer_late, answer(bulk.node(7, bulk.variant(70, 7, inventoryQuantity=1), updatedAt=LATER)))

    read(shop)
    assert (product(shop).title, product(shop).total_inventory, asked(shop)) == ("Newest", 1, [7])

    read(shop)
    assert (product(shop).total_inventory, asked(shop)) == (1, [])


def test_an_answer_that_does_not_know_of_the_webhook_yet_is_asked_for_again(
    shop: Shop, shopify: FakeShopify
) -> None:
    told(shop, title="New")
    old = bulk.node(7, bulk.variant(70, 7), title="Old", updatedAt="2026-11-20T13:59:59Z")
    shopify.will(answer(old), answer(bulk.node(7, bulk.variant(70, 7), title="New", updatedAt=LATER)))

    assert (read(shop), product(shop).title, asked(shop)) == (1, "New", [7])
    assert read(shop) == 0

    assert read(shop, now=NOW + timedelta(minutes=2)) == 1
    assert (product(shop).title, asked(shop)) == ("New", [])


def test_a_product_that_shopify_does_not_know_twice_is_gone(shop: Shop, shopify: FakeShopify) -> None:
    imported(shop, bulk.variant(70, 7))
    services.ask(shop.id, [7])
    shopify.will(answer(None))

    read(shop)
    assert queries.available_product_ids(shop.id) == [7]

    read(shop, now=NOW + timedelta(minutes=2))
    assert (queries.available_product_ids(shop.id), asked(shop)) == ([], [])


def test_what_failed_on_the_way_is_no_proof_that_a_product_is_gone(
    shop: Shop, shopify: FakeShopify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    imported(shop, bulk.variant(70, 7))
    services.ask(shop.id, [7])
    shopify.will(*[httpx.Response(503)] * 3, answer(None))

    read(shop)
    read(shop, now=NOW + timedelta(minutes=2))

    assert (queries.available_product_ids(shop.id), asked(shop)) == ([7], [7])


def test_a_product_that_is_announced_while_it_is_missing_is_not_taken_away(
    shop: Shop, shopify: FakeShopify
) -> None:
    imported(shop, bulk.variant(70, 7))
    services.ask(shop.id, [7])

    def miss_late(request: httpx.Request) -> httpx.Response:
        told(shop, title="Newest")
        return answer(None)

    shopify.will(answer(None), miss_late)
    read(shop)
    read(shop, now=NOW + timedelta(minutes=2))

    assert (queries.available_product_ids(shop.id), asked(shop)) == ([7], [7])


def test_an_answer_that_makes_no_sense_does_not_close_what_was_asked_since(
    shop: Shop, shopify: FakeShopify
) -> None:
    imported(shop, bulk.variant(70, 7))
    services.ask(shop.id, [7])

    def answer_nonsense_late(request: httpx.Request) -> httpx.Response:
        told(shop)
        return answer(bulk.node(7, bulk.variant(70, 7, price="1e40")))

    shopify.will(answer_nonsense_late)
    read(shop)

    assert asked(shop) == [7]


def test_a_late_update_of_a_product_that_shopify_did_not_have_is_looked_into(shop: Shop) -> None:
    imported(shop, bulk.variant(70, 7))
    Product.objects.for_shop(shop.id).update(deleted_at=NOW, deletion_is_inferred=True, available=False)

    told(shop)

    assert (queries.available_product_ids(shop.id), asked(shop)) == ([7], [7])


def test_a_deleted_product_is_not_revived_by_an_answer(shop: Shop, shopify: FakeShopify) -> None:
    told(shop)
    services.delete_product(shop.id, {"id": 7}, now=NOW)
    shopify.will(answer(bulk.node(7, bulk.variant(70, 7), updatedAt=LATEST)))

    read(shop)

    assert (queries.products_for_serving(shop.id, [7]), asked(shop)) == ([], [])


def test_while_shopify_is_down_what_was_known_counts_and_the_question_waits(
    shop: Shop, shopify: FakeShopify, enqueued: Enqueued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    imported(shop, bulk.variant(70, 7, **UNKNOWN))
    told(shop, variants=[a_variant(70, **SOLD_OUT)])
    shopify.will(
        *[httpx.Response(503)] * 3, answer(bulk.node(7, bulk.variant(70, 7, **UNTRACKED), updatedAt=LATER))
    )

    assert (read(shop), read(shop)) == (0, 0)

    assert (product(shop).available, asked(shop), len(shopify.requests)) == (True, [7], 3)
    assert read(shop, now=NOW + timedelta(minutes=2)) == 1
    assert asked(shop) == []


def test_a_shop_that_denies_access_is_asked_less_and_less(shop: Shop, shopify: FakeShopify) -> None:
    services.ask(shop.id, [7])
    shopify.will(httpx.Response(403))

    for minute in range(60):
        with suppress(AccessDenied):
            read(shop, now=NOW + timedelta(minutes=minute))

    assert (len(shopify.requests), asked(shop)) == (6, [7])


def test_a_lost_message_costs_a_turn_of_the_sweep(shop: Shop, enqueued: Enqueued) -> None:
    services.ask(shop.id, [7])
    enqueued.clear()

    assert services.sweep_stale_products(now=NOW) == 1

    assert enqueued.jobs == [(Job.PRODUCTS_READ, {"shop_id": shop.id})]


def test_a_worker_that_died_is_replaced(shop: Shop, shopify: FakeShopify) -> None:
    services.ask(shop.id, [7])

    def die(request: httpx.Request) -> httpx.Response:
        raise SystemExit

    shopify.will(die)
    with pytest.raises(SystemExit):
        read(shop)

    assert services.sweep_stale_products(now=NOW) == 0
    assert services.sweep_stale_products(now=NOW + timedelta(minutes=6)) == 1


def test_two_workers_never_read_the_same_products(shop: Shop, shopify: FakeShopify) -> None:
    services.ask(shop.id, range(100, 150))
    pause = Pause()

    def answer_after_a_pause(request: httpx.Request) -> httpx.Response:
        pause()
        return answer(*(bulk.node(one) for one in _ids_of(request)))

    shopify.will(answer_after_a_pause)
    worker = Worker(lambda: read(shop))
    with pause.holding(worker):
        assert read(shop) == 25

    first, second = ({*body["variables"]["ids"]} for body in shopify.bodies())
    assert (len(first), len(second), first & second) == (25, 25, set())


def test_of_a_shop_without_the_app_nothing_is_asked(shop: Shop, shopify: FakeShopify) -> None:
    services.ask(shop.id, [7])
    Shop.objects.filter(id=shop.id).update(state=ShopState.UNINSTALLED)

    assert (read(shop), asked(shop), shopify.requests) == (0, [], [])


def test_one_product_that_makes_no_sense_holds_up_no_other(shop: Shop, shopify: FakeShopify) -> None:
    services.ask(shop.id, [7, 8])
    shopify.will(answer(bulk.node(7, bulk.variant(70, 7, price="1e40")), bulk.node(8, bulk.variant(80, 8))))

    read(shop)

    assert (asked(shop), [one.product_id for one in Product.objects.for_shop(shop.id)]) == ([], [8])
