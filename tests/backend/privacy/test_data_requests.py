"""A customer asks what is stored about them: the owner of the shop gets a file, and nobody else does."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from backend.attribution import services as attribution
from backend.audit import services as audit
from backend.audit.models import LedgerEvent
from backend.audit.values import ShownItem, Surface
from backend.core import clock
from backend.features import services as features
from backend.privacy import services
from backend.privacy.models import DataRequest
from backend.shops.models import Shop
from backend.shops.services import pseudonym
from backend.webhooks import services as webhooks
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.values import Incoming, Topic
from celery_worker.tasks import shops as tasks
from celery_worker.tasks.webhooks import HANDLERS
from tests.backend.attribution.test_services import a_shown_decision
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.history import a_product, a_shop, an_order
from tests.backend.shopify.fake import SHOP, session_token
from tests.backend.shops.factories import a_token
from tests.backend.webhooks.payloads import a_redact

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CUSTOMER = 17850

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    shop = a_shop(SHOP)
    a_token(shop, now=NOW)
    a_product(shop, 7, title="Tea cup")
    key = pseudonym(shop.id, CUSTOMER)
    for customer, bought in ((key, [7]), (key, [7, 8]), ("d" * 32, [9])):
        features.extend(shop.id, an_order(shop, bought, customer_key=customer).order_id)
    shown(shop, key, why="Often bought with the cup you bought")
    shown(shop, "d" * 32, why="Somebody else's reason")
    return shop


def shown(shop: Shop, key: str, *, why: str) -> None:
    audit.record_decision(
        a_decision(
            shop.id,
            at=NOW - timedelta(days=1),
            surface=Surface.HOME_PAGE,
            visitor_key=key,
            items=(ShownItem(7, 0.5, why, 1),),
        )
    )


def ask_for_data(shop: Shop, **changes: Any) -> DataRequest:
    """Let Shopify's request in, and work on it as the workers do."""
    body = {"shop_id": 42, "shop_domain": shop.domain, "customer": {"id": CUSTOMER},
            "orders_requested": [], "data_request": {"id": 9999}} | changes  # fmt: skip
    incoming = Incoming(
        delivery_id=str(uuid4()), event_id="", topic=Topic.CUSTOMERS_DATA_REQUEST, shop_domain=shop.domain,
        api_version="2026-07", triggered_at=NOW.isoformat(), body=json.dumps(body).encode(),
    )  # fmt: skip
    webhooks.accept(incoming, now=NOW)
    row = WebhookDelivery.objects.get(delivery_id=incoming.delivery_id)
    webhooks.process(row.id, handlers=HANDLERS, now=NOW)
    tasks.data_request(delivery_id=row.id)
    return DataRequest.objects.for_shop(shop.id).get(delivery_id=row.id)


def call(client: Client, path: str, *, domain: str = SHOP) -> Any:
    return client.get(path, headers={"Authorization": f"Bearer {session_token(domain, sub='77')}"})


def the_file(client: Client, request: DataRequest, **caller: str) -> Any:
    return call(client, f"/api/data-requests/{request.uuid}/file", **caller)


def test_the_owner_sees_who_has_to_be_answered_and_until_when(client: Client, shop: Shop) -> None:
    request = ask_for_data(shop)

    answer = call(client, "/api/data-requests")

    assert answer.json() == {
        "requests": [
            {
                "id": str(request.uuid),
                "shopify_id": 9999,
                "requested_at": "2026-11-21T12:00:00Z",
                "due_at": "2026-12-21T12:00:00Z",
                "is_overdue": False,
                "downloaded_at": None,
                "orders": 2,
                "decisions": 1,
            }
        ]
    }


def test_the_file_holds_orders_purchases_and_decisions_with_their_reasons(client: Client, shop: Shop) -> None:
    answer = the_file(client, ask_for_data(shop))

    text = b"".join(answer.streaming_content).decode()
    told = json.loads(text)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="customer-data-')
    assert answer.headers["Cache-Control"] == "no-store"
    assert [[line["product"] for line in order["products"]] for order in told["orders"]] == [
        ["Tea cup"], ["Tea cup", None]
    ]  # fmt: skip
    assert len(told["purchases_learned_from"]) == 3
    assert [each["products"] for each in told["recommendations_shown"]] == [
        [{"place": 1, "product_id": 7, "product": "Tea cup", "score": 0.5,
          "reason": "Often bought with the cup you bought"}]
    ]  # fmt: skip
    assert (told["request"], told["shop"]) == (9999, SHOP)
    # Nobody else's, and no secret of ours.
    assert "Somebody else" not in text
    assert pseudonym(shop.id, CUSTOMER) not in text


def test_the_file_tells_what_orders_were_joined_to_and_what_that_was_credited_with(
    client: Client, shop: Shop
) -> None:
    key = pseudonym(shop.id, CUSTOMER)
    decision = a_shown_decision(shop, 7, at=NOW - timedelta(days=2), visitor_key=key)
    order = an_order(shop, [7], customer_key=key, clicks=[(decision, 7)])
    attribution.attribute(shop.id, order.order_id, now=NOW)

    answer = the_file(client, ask_for_data(shop))

    told = json.loads(b"".join(answer.streaming_content))
    [joined] = [each for each in told["orders"] if each["order_id"] == order.order_id]
    assert joined["recommendations_joined"] == [
        {"recommendation_id": str(decision), "product_id": 7, "known_by": "ATTRIBUTE",
         "what_was_done": "CLICK", "at": None}
    ]  # fmt: skip
    assert [(row["quantity"], row["reason"]) for row in joined["credited_to_recommendations"]] == [
        (2, "BOUGHT")
    ]


def test_an_order_that_shopify_names_is_in_the_file_of_a_guest(client: Client, shop: Shop) -> None:
    guest = an_order(shop, [7], customer_key=None)

    answer = the_file(client, ask_for_data(shop, customer={"id": None}, orders_requested=[guest.order_id]))

    told = json.loads(b"".join(answer.streaming_content))
    assert [order["order_id"] for order in told["orders"]] == [guest.order_id]
    assert told["recommendations_shown"] == []


def test_only_orders_that_are_here_are_counted(client: Client, shop: Shop) -> None:
    guest = an_order(shop, [7], customer_key=None)
    never_here = guest.order_id + 10_000
    ask_for_data(shop, orders_requested=[guest.order_id, never_here])

    answer = call(client, "/api/data-requests")

    assert [one["orders"] for one in answer.json()["requests"]] == [3]


def test_a_download_is_noted_with_who_fetched_it(client: Client, shop: Shop) -> None:
    request = ask_for_data(shop)

    the_file(client, request)

    request.refresh_from_db()
    event = LedgerEvent.objects.for_shop(shop.id).get(event="CUSTOMER_DATA_DOWNLOADED")
    assert (request.downloaded_at, event.actor, event.subject) == (
        NOW,
        "user 77",
        f"data request {request.uuid}",
    )


def test_a_request_that_was_not_answered_in_time_is_overdue(
    client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask_for_data(shop)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=31))

    def overdue() -> bool:
        return bool(call(client, "/api/data-requests").json()["requests"][0]["is_overdue"])

    assert overdue()
    the_file(client, request)
    assert not overdue()


def test_another_shop_and_a_stranger_get_nothing(client: Client, shop: Shop) -> None:
    request = ask_for_data(shop)
    other = a_shop("other.myshopify.com")
    a_token(other, now=NOW)

    assert the_file(client, request, domain="other.myshopify.com").status_code == 404
    assert call(client, "/api/data-requests", domain="other.myshopify.com").json() == {"requests": []}
    assert client.get(f"/api/data-requests/{request.uuid}/file").status_code == 401
    assert not LedgerEvent.objects.for_shop(shop.id).filter(event="CUSTOMER_DATA_DOWNLOADED").exists()


def test_a_job_that_runs_twice_asks_the_owner_once(shop: Shop) -> None:
    request = ask_for_data(shop)

    tasks.data_request(delivery_id=request.delivery_id)

    assert DataRequest.objects.for_shop(shop.id).count() == 1
    assert LedgerEvent.objects.for_shop(shop.id).filter(event="CUSTOMER_DATA_REQUESTED").count() == 1


def test_a_redacted_customer_is_gone_from_their_own_requests(client: Client, shop: Shop) -> None:
    request = ask_for_data(shop)
    redact = WebhookDelivery.objects.create(
        shop=shop, shop_domain=shop.domain, delivery_id="r", topic=Topic.CUSTOMERS_REDACT, triggered_at=NOW,
        received_at=NOW, due_at=NOW, payload=a_redact() | {"customer_key": pseudonym(shop.id, CUSTOMER)},
    )  # fmt: skip

    tasks.customer_redact(delivery_id=redact.id)

    told = json.loads(b"".join(the_file(client, request).streaming_content))
    assert (told["orders"], told["purchases_learned_from"], told["recommendations_shown"]) == ([], [], [])
    request.refresh_from_db()
    assert (request.customer_key, request.order_ids) == (None, [])


@pytest.mark.parametrize(("days", "kept"), [(59, 1), (61, 0)])
def test_requests_are_forgotten_a_month_after_they_were_due(shop: Shop, days: int, kept: int) -> None:
    ask_for_data(shop)

    services.forget_old_requests(now=NOW + timedelta(days=days))

    assert DataRequest.objects.for_shop(shop.id).count() == kept


def test_support_sees_that_a_customer_asked_and_not_who(admin_client: Client, shop: Shop) -> None:
    request = ask_for_data(shop)

    page = admin_client.get(f"/staff/privacy/datarequest/{request.pk}/change/")
    listed = admin_client.get("/staff/privacy/datarequest/")

    assert str(request.uuid) in listed.content.decode()
    assert page.status_code == 200
    assert pseudonym(shop.id, CUSTOMER) not in page.content.decode()
