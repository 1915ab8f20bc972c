"""From a merchant's first page to a shop whose history and news are here, against the local Shopify."""

import time
from typing import Any

import httpx
import pytest

from backend.catalog import queries as catalog
from backend.catalog.models import Order, OrderLine, Product
from backend.catalog.values import ImportState
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


def open_app(live_server: Any, devstore: Devstore) -> httpx.Response:
    headers = {"Authorization": f"Bearer {devstore.session_token()}"}
    return httpx.get(f"{live_server.url}/api/shop", headers=headers, timeout=30)


def wait_for_delivery(topic: str) -> WebhookDelivery:
    deadline = time.monotonic() + 20
    while (row := WebhookDelivery.objects.filter(topic=topic).order_by("-id").first()) is None:
        assert time.monotonic() < deadline, f"no {topic} came"
        time.sleep(0.1)
    return row


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
    worker.run({Job.WEBHOOK_PROCESS})

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DONE
    assert catalog.counts(shop.id).orders == before.orders + 1
    order = Order.objects.for_shop(shop.id).get(order_id=delivery.payload["id"])
    line = OrderLine.objects.for_shop(shop.id).get(order=order)
    assert (line.product_id, line.quantity) == (product.product_id, 2)
    assert enqueued.of(Job.FEATURES_EXTEND) == [{"shop_id": shop.id, "order_id": order.order_id}]
    assert enqueued.of(Job.ATTRIBUTE) == [{"shop_id": shop.id, "order_id": order.order_id}]


def test_an_uninstall_ends_the_tokens(
    live_server: Any, devstore: Devstore, worker: Worker, redis_server: Any
) -> None:
    devstore.control("install", shop=SHOP)
    open_app(live_server, devstore)

    devstore.control("uninstall", shop=SHOP)
    wait_for_delivery("app/uninstalled")
    worker.run({Job.WEBHOOK_PROCESS})

    shop = shops.find_shop_by_domain(SHOP)
    assert shop is not None
    assert shop.state is ShopState.UNINSTALLED
    assert not AccessToken.objects.for_shop(shop.id).exists()


def devstore_variant(shop_id: int, product_id: int) -> int:
    from backend.catalog.models import Variant

    row = Variant.objects.for_shop(shop_id).filter(product_id=product_id, available=True).first()
    assert row is not None
    return row.variant_id
