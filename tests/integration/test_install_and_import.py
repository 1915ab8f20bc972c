"""From a merchant's first page to a shop whose history and news are here, against the local Shopify."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from backend.catalog import queries as catalog
from backend.catalog import services as catalog_services
from backend.catalog.models import Import, ImportPart, Order, OrderLine, Product, StaleProduct
from backend.catalog.services import stale
from backend.catalog.values import ImportState, PartState
from backend.core import clock
from backend.core.errors import Unavailable
from backend.core.queue import Job
from backend.shops import queries as shops
from backend.shops.models import AccessToken
from backend.shops.values import ShopState
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.values import DeliveryState
from tests.conftest import Enqueued

from .conftest import SHOP, Devstore, Worker

pytestmark = [pytest.mark.django_db(transaction=True, databases=["default", "tokens"]), pytest.mark.slow]

IMPORT_JOBS = {Job.IMPORT_START, Job.IMPORT_POLL, Job.IMPORT_LOAD}

DELIVERIES = {Job.WEBHOOK_PROCESS, Job.WEBHOOK_PROCESS_CATALOG}


def open_app(live_server: Any, devstore: Devstore) -> httpx.Response:
    headers = {"Authorization": f"Bearer {devstore.session_token()}"}
    return httpx.get(f"{live_server.url}/api/shop", headers=headers, timeout=30)


def wait_for_delivery(topic: str) -> WebhookDelivery:
    rows = WebhookDelivery.objects.filter(topic=topic).order_by("-id")
    wait_for(rows.exists)
    return rows[0]


def wait_for(is_there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_there():
        assert time.monotonic() < deadline, "It never came."
        time.sleep(0.1)


def test_the_first_page_installs_the_shop_and_its_history_comes_in(
    live_server: Any, devstore: Devstore, worker: Worker, enqueued: Enqueued, redis_server: Any
) -> None:
    devstore.control("install", shop=SHOP, optional_scopes=["read_all_orders"])

    answer = open_app(live_server, devstore)
    worker.run(IMPORT_JOBS)

    shop = shops.find_shop_by_domain(SHOP)
    assert shop is not None
    assert answer.status_code == 200
    assert answer.json()["missing_scopes"] == []
    assert answer.json()["name"] == shop.name != ""
    held = catalog.counts(shop.id)
    truth = devstore.state()["shops"][0]["counts"]
    assert (held.products, held.orders, held.order_lines) == (
        truth["products"],
        truth["orders"],
        truth["order_lines"],
    )
    progress = catalog.import_progress(shop.id)
    assert progress is not None
    assert progress.state is ImportState.DONE
    assert [(part.done, part.total) for part in progress.parts] == [(held.products,) * 2, (held.orders,) * 2]
    assert enqueued.of(Job.FEATURES_REBUILD) == [{"shop_id": shop.id}]
    assert catalog.available_product_ids(shop.id)


def test_exports_that_go_wrong_are_asked_for_until_they_are_whole(
    live_server: Any, devstore: Devstore, worker: Worker, redis_server: Any
) -> None:
    devstore.control("install", shop=SHOP, optional_scopes=["read_all_orders"])
    faults = {"in_progress": 1, "limit_reached": 1, "lose_url": 1, "truncate": 1}
    devstore.control("faults", bulk=faults)

    open_app(live_server, devstore)
    worker.run(IMPORT_JOBS)

    shop = shops.find_shop_by_domain(SHOP)
    assert shop is not None
    held = catalog.counts(shop.id)
    truth = devstore.state()["shops"][0]["counts"]
    assert (held.products, held.orders) == (truth["products"], truth["orders"])
    # Two results could not be used, and the two starts that found no place do not count.
    attempts = ImportPart.objects.for_shop(shop.id).values_list("attempts", flat=True)
    assert sum(attempts) == 4


def test_a_start_whose_answer_never_came_is_found_and_not_repeated(
    live_server: Any, devstore: Devstore, worker: Worker, enqueued: Enqueued, redis_server: Any
) -> None:
    devstore.control("install", shop=SHOP, optional_scopes=["read_all_orders"])
    open_app(live_server, devstore)
    shop = shops.find_shop_by_domain(SHOP)
    assert shop is not None
    devstore.control("faults", bulk={"start_timeout": 1}, graphql={"timeout_ms": 300})

    with pytest.raises(Unavailable):
        catalog_services.start_import(shop.id, now=clock.now())
    assert ImportPart.objects.for_shop(shop.id).filter(state=PartState.STARTING).count() == 1
    catalog_services.poll_import(Import.objects.for_shop(shop.id).get().id, now=clock.now())
    worker.run(IMPORT_JOBS)

    assert Import.objects.for_shop(shop.id).get().state == ImportState.DONE
    assert set(ImportPart.objects.for_shop(shop.id).values_list("attempts", flat=True)) == {1}


def test_news_reach_the_catalogue_through_the_inbox(
    live_server: Any, devstore: Devstore, worker: Worker, enqueued: Enqueued, redis_server: Any
) -> None:
    devstore.control("install", shop=SHOP, optional_scopes=["read_all_orders"])
    open_app(live_server, devstore)
    worker.run(IMPORT_JOBS)
    shop = shops.find_shop_by_domain(SHOP)
    assert shop is not None
    before = catalog.counts(shop.id)
    product = Product.objects.for_shop(shop.id).filter(available=True).first()
    assert product is not None

    variant = devstore_variant(shop.id, product.product_id)
    devstore.control("orders", shop=SHOP, lines=[{"variant_id": variant, "quantity": 2}])
    delivery = wait_for_delivery("orders/create")
    worker.run(DELIVERIES)

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DONE
    assert catalog.counts(shop.id).orders == before.orders + 1
    order = Order.objects.for_shop(shop.id).get(order_id=delivery.payload["id"])
    line = OrderLine.objects.for_shop(shop.id).get(order=order)
    assert (line.product_id, line.quantity) == (product.product_id, 2)
    assert enqueued.of(Job.FEATURES_EXTEND) == [{"shop_id": shop.id, "order_id": order.order_id}]
    assert enqueued.of(Job.ATTRIBUTE) == [{"shop_id": shop.id, "order_id": order.order_id}]


def test_what_a_products_webhook_leaves_out_is_read_from_the_admin_api(
    live_server: Any,
    devstore: Devstore,
    worker: Worker,
    redis_server: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stale, "DEBOUNCE_SECONDS", 0.0)
    devstore.control("install", shop=SHOP)
    open_app(live_server, devstore)
    shop = shops.find_shop_by_domain(SHOP)
    assert shop is not None
    made_to_order = {"title": "Portrait", "price": "80.00", "inventory_quantity": 0, "tracked": False}
    voucher = {"title": "Voucher", "price": "20.00", "gift_card": True}
    sizes = [{"title": f"Size {number}", "price": "9.50", "inventory_quantity": 0} for number in range(119)]
    last = {"title": "Size 120", "price": "5.00", "inventory_quantity": 1}

    devstore.control("products", shop=SHOP, **made_to_order)
    devstore.control("products", shop=SHOP, **voucher)
    devstore.control("products", shop=SHOP, title="Ring", variants=[*sizes, last])
    wait_for(lambda: WebhookDelivery.objects.filter(topic="products/create").count() == 3)
    worker.run(DELIVERIES)
    shown = {row.title: row.available for row in Product.objects.for_shop(shop.id)}
    worker.run({Job.PRODUCTS_READ})

    assert shown == {"Portrait": False, "Voucher": True, "Ring": False}
    rows = {row.title: row for row in Product.objects.for_shop(shop.id)}
    listed = catalog.available_product_ids(shop.id)
    assert sorted(listed) == sorted([rows["Portrait"].product_id, rows["Ring"].product_id])
    assert (str(rows["Ring"].price_min), str(rows["Ring"].price_max)) == ("5.0000", "9.5000")
    assert not StaleProduct.objects.for_shop(shop.id).exists()


def test_an_uninstall_ends_the_tokens(
    live_server: Any, devstore: Devstore, worker: Worker, redis_server: Any
) -> None:
    devstore.control("install", shop=SHOP)
    open_app(live_server, devstore)

    devstore.control("uninstall", shop=SHOP)
    wait_for_delivery("app/uninstalled")
    worker.run(DELIVERIES)

    shop = shops.find_shop_by_domain(SHOP)
    assert shop is not None
    assert shop.state is ShopState.UNINSTALLED
    assert not AccessToken.objects.for_shop(shop.id).exists()


def devstore_variant(shop_id: int, product_id: int) -> int:
    from backend.catalog.models import Variant

    row = Variant.objects.for_shop(shop_id).filter(product_id=product_id, available=True).first()
    assert row is not None
    return row.variant_id
