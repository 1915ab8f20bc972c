"""Topics that need an optional scope are subscribed to where it was granted, and kept so."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.test import override_settings

from backend.core.queue import Job
from backend.shopify.gateway import AdminApiUnavailable
from backend.shops import rules, services
from backend.shops.models import AccessToken, Shop, TopicSubscription
from tests.backend.history import NOW, a_shop
from tests.backend.shopify.fake import SHOP, FakeShopify, data
from tests.backend.shops.factories import SCOPES, a_token
from tests.conftest import Enqueued

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "tokens"]),
    pytest.mark.usefixtures("redis_server"),
]

TOPIC = "THEMES_PUBLISH"
URI = "https://app.example.com/webhooks"


@pytest.fixture
def shop() -> Shop:
    made = a_shop(SHOP)
    a_token(made, now=NOW, scopes=[*SCOPES, "read_themes"])
    return made


def held(*uris: str) -> httpx.Response:
    nodes = [
        {"node": {"id": f"gid://shopify/WebhookSubscription/{n}", "uri": uri}} for n, uri in enumerate(uris)
    ]
    return data({"webhookSubscriptions": {"edges": nodes}})


def made(*errors: str) -> httpx.Response:
    told = [{"field": ["topic"], "message": message} for message in errors]
    subscription = None if errors else {"id": "gid://shopify/WebhookSubscription/1"}
    return data({"webhookSubscriptionCreate": {"webhookSubscription": subscription, "userErrors": told}})


DELETED = {"webhookSubscriptionDelete": {"deletedWebhookSubscriptionId": "1", "userErrors": []}}


def asked(shopify: FakeShopify) -> list[tuple[str, dict[str, Any]]]:
    return [(body["query"].split()[1].split("(")[0], body["variables"]) for body in shopify.bodies()]


def test_a_topic_is_subscribed_to_where_its_scope_was_granted(
    shop: Shop, shopify: FakeShopify, enqueued: Enqueued
) -> None:
    shopify.will(held(), made())

    assert services.sweep_subscriptions(now=NOW) == 1
    assert services.subscribe(shop.id, TOPIC, now=NOW)
    again = services.sweep_subscriptions(now=NOW + timedelta(hours=23))

    assert enqueued.of(Job.SUBSCRIBE) == [{"shop_id": shop.id, "topic": TOPIC}]
    assert asked(shopify) == [
        ("WebhookSubscriptions", {"topics": [TOPIC]}),
        ("SubscribeThemesPublish", {"uri": URI}),
    ]
    assert again == 0


def test_one_that_is_there_is_left_and_one_of_a_former_address_goes(shop: Shop, shopify: FakeShopify) -> None:
    shopify.will(held(URI, "https://old.example.com/webhooks"), data(DELETED))

    assert services.subscribe(shop.id, TOPIC, now=NOW)

    assert [name for name, _ in asked(shopify)] == ["WebhookSubscriptions", "WebhookSubscriptionDelete"]


def test_without_the_scope_nobody_is_asked(shop: Shop, shopify: FakeShopify) -> None:
    AccessToken.objects.for_shop(shop.id).update(scopes=SCOPES)
    TopicSubscription.objects.for_shop(shop.id).create(topic=TOPIC, uri=URI, look_at=NOW)

    assert services.sweep_subscriptions(now=NOW) == 0
    assert not services.subscribe(shop.id, TOPIC, now=NOW)

    assert shopify.requests == []
    assert not TopicSubscription.objects.for_shop(shop.id).exists()


@pytest.mark.parametrize(
    ("case", "changes", "later"),
    [
        ("Shopify may have dropped it", {}, rules.SUBSCRIPTION_LIFE),
        ("the app was installed anew", {"installed_at": NOW - timedelta(days=1)}, timedelta(0)),
        ("the app has another address", {"uri": "https://old.example.com/webhooks"}, timedelta(0)),
        ("it was refused a while ago", {"uri": "", "look_at": NOW}, timedelta(0)),
    ],
)
def test_what_may_not_hold_any_more_is_looked_for_again(
    shop: Shop, case: str, changes: dict[str, Any], later: timedelta
) -> None:
    values = {"uri": URI, "installed_at": shop.installed_at, "look_at": NOW + rules.SUBSCRIPTION_LIFE}
    TopicSubscription.objects.for_shop(shop.id).create(topic=TOPIC, **values | changes)

    assert services.sweep_subscriptions(now=NOW + later) == 1, case


def test_a_refusal_is_noted_and_an_answer_that_never_came_is_not(shop: Shop, shopify: FakeShopify) -> None:
    shopify.will(httpx.Response(503), httpx.Response(503), httpx.Response(503), held(), made("Access denied"))

    with pytest.raises(AdminApiUnavailable):
        services.subscribe(shop.id, TOPIC, now=NOW)
    unknown = TopicSubscription.objects.for_shop(shop.id).exists()
    refused = services.subscribe(shop.id, TOPIC, now=NOW)

    assert not unknown
    assert not refused
    row = TopicSubscription.objects.for_shop(shop.id).get()
    assert ("Access denied" in row.failure, row.uri) == (True, "")
    assert services.sweep_subscriptions(now=NOW) == 0
    assert services.sweep_subscriptions(now=NOW + rules.PIXEL_PAUSE) == 1


@override_settings(APP_URL="https://new.example.com")
def test_a_new_address_is_told(shop: Shop, shopify: FakeShopify) -> None:
    shopify.will(held(URI), made(), data(DELETED))

    assert services.subscribe(shop.id, TOPIC, now=NOW)

    assert asked(shopify)[1] == ("SubscribeThemesPublish", {"uri": "https://new.example.com/webhooks"})
