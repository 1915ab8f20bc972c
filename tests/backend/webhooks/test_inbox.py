"""The inbox: what is let in, what is kept of it, and that the work is done exactly once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, OperationalError, connection
from django.test import Client
from kombu.exceptions import OperationalError as BrokerDown

from backend.catalog.models import Order, OrderLine
from backend.core import queue
from backend.core.errors import Corrupt, Unavailable
from backend.core.models import PendingJob
from backend.core.queue import Job
from backend.shops.models import Shop
from backend.shops.services import pseudonym
from backend.shops.values import ShopState
from backend.webhooks import services
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.services.sending import send
from backend.webhooks.values import COMPLIANCE_TOPICS, Delivery, DeliveryState, FollowUp, Topic
from celery_worker.app import app
from tests.backend.history import a_shop
from tests.backend.racing import Worker
from tests.backend.shopify.fake import SHOP, webhook_signature
from tests.conftest import Enqueued

from .payloads import SECRETS, a_line, a_product, a_redact, an_order

DECISION = "01a1fdb1-211d-743c-bc09-c06b6dbce9f8"

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def deliver(
    client: Client,
    payload: Any,
    *,
    topic: str = "orders/create",
    path: str = "/webhooks",
    shop: str = SHOP,
    delivery_id: str = "d-1",
    prefix: str = "X-Shopify-",
    **changes: str | None,
) -> Any:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = {
        "Topic": topic,
        "Shop-Domain": shop,
        "Webhook-Id": delivery_id,
        "Hmac-Sha256": webhook_signature(body),
        "Triggered-At": "2026-11-21T11:59:58Z",
        "API-Version": "2026-07",
    } | changes
    return client.post(
        path,
        body,
        content_type="application/json",
        headers={prefix + name: value for name, value in headers.items() if value is not None},
    )


@pytest.fixture
def shop() -> Shop:
    return a_shop(SHOP)


@pytest.fixture
def handlers() -> Any:
    from celery_worker.tasks.webhooks import HANDLERS

    return HANDLERS


# Letting in


@pytest.mark.parametrize("prefix", ["X-Shopify-", "Shopify-"])
def test_a_signed_delivery_is_stored_and_its_work_asked_for(
    client: Client, shop: Shop, enqueued: Enqueued, prefix: str
) -> None:
    answer = deliver(client, an_order(), prefix=prefix)

    row = WebhookDelivery.objects.get()
    assert (answer.status_code, answer.content) == (200, b"")
    assert (row.state, row.topic, row.shop_id) == (DeliveryState.PENDING, "orders/create", shop.id)
    assert row.triggered_at == datetime(2026, 11, 21, 11, 59, 58, tzinfo=UTC)
    assert enqueued.jobs == [(Job.WEBHOOK_PROCESS, {"delivery_id": row.id})]


def test_nothing_personal_is_stored(client: Client, shop: Shop) -> None:
    deliver(client, an_order())

    row = WebhookDelivery.objects.get()
    stored = json.dumps(row.payload)
    assert [secret for secret in SECRETS if secret in stored] == []
    assert "17850" not in stored
    assert row.payload["customer_key"] == pseudonym(shop.id, 17850)
    assert [each["name"] for each in row.payload["note_attributes"]] == ["_tailorbird_7"]
    assert [each["name"] for each in row.payload["line_items"][0]["properties"]] == ["_tailorbird"]


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("_tailorbird", f"{DECISION}:7:1764000000:c {DECISION}:8:1764000009:a", "as it is"),
        ("_tailorbird", DECISION, "as it is"),
        ("_tailorbird_7", DECISION, "as it is"),
        ("_tailorbird", f"{DECISION}:7:1764000000:c Mr. Willow, 2 Mill Lane", f"{DECISION}:7:1764000000:c"),
        ("_tailorbird", "Mr. Willow, 2 Mill Lane", None),
        ("_tailorbird", {"address": "2 Mill Lane"}, None),
        ("_tailorbird_7", None, None),
        ("_tailorbird_note", DECISION, None),
    ],
)
def test_what_a_shopper_wrote_under_our_name_is_kept_only_in_our_form(
    client: Client, shop: Shop, name: str, value: Any, kept: str | None
) -> None:
    attributes = [{"name": name, "value": value}]
    line = {**an_order()["line_items"][0], "properties": attributes}

    deliver(client, an_order(note_attributes=attributes, line_items=[line]))

    payload = WebhookDelivery.objects.get().payload
    expected = [] if kept is None else [{"name": name, "value": value if kept == "as it is" else kept}]
    assert payload["note_attributes"] == expected
    assert payload["line_items"][0]["properties"] == expected


def test_a_text_that_postgres_cannot_hold_is_cleaned(client: Client, shop: Shop) -> None:
    body = json.dumps(an_order(source_name="we\x00b")).replace("cart-1", "\\ud800").encode()

    assert deliver(client, body).status_code == 200

    payload = WebhookDelivery.objects.get().payload
    assert (payload["source_name"], payload["cart_token"]) == ("web", "?")


def test_a_duplicate_is_acknowledged_and_changes_nothing(
    client: Client, shop: Shop, enqueued: Enqueued
) -> None:
    deliver(client, an_order())
    enqueued.clear()

    answer = deliver(client, an_order(updated_at="2026-11-20T11:00:00+00:00"))

    assert answer.status_code == 200
    assert WebhookDelivery.objects.get().payload["updated_at"] == "2026-11-20T10:00:05+00:00"
    assert enqueued.jobs == []


@pytest.mark.parametrize(
    ("case", "changes", "status"),
    [
        ("a forged signature", {"Hmac-Sha256": webhook_signature(b"other")}, 401),
        ("no signature", {"Hmac-Sha256": None}, 401),
        ("a signature that is not ASCII", {"Hmac-Sha256": "é" * 44}, 401),
        ("no topic", {"Topic": None}, 400),
        ("an unknown topic", {"Topic": "themes/publish"}, 400),
        ("another host as shop", {"Shop-Domain": "evil.example.com"}, 400),
        ("no id", {"Webhook-Id": None}, 400),
        ("an endless id", {"Webhook-Id": "x" * 129}, 400),
        ("a privacy topic at the common address", {"Topic": "shop/redact"}, 400),
        ("an order's body under a product's topic", {"Topic": "products/update"}, 400),
        ("an order's body as an uninstall", {"Topic": "app/uninstalled"}, 400),
    ],
)
def test_a_bad_delivery_leaves_no_row(
    client: Client, shop: Shop, enqueued: Enqueued, case: str, changes: dict[str, str | None], status: int
) -> None:
    answer = deliver(client, an_order(), **changes)

    assert answer.status_code == status
    assert not WebhookDelivery.objects.exists()
    assert enqueued.jobs == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"\xff\xfe",
        b'{"id": NaN}',
        b'{"id": 1e999}',
        b'{"id": -Infinity}',
        b'{"id": ' + b"9" * 5_000 + b"}",
        b'{"id": ' * 20_000,
        b"[" * 100_000,
    ],
)
def test_a_signed_body_that_is_no_object_leaves_no_row(client: Client, shop: Shop, body: bytes) -> None:
    assert deliver(client, body).status_code == 400
    assert not WebhookDelivery.objects.exists()


def test_an_uninstall_of_another_shop_cannot_be_claimed(client: Client, shop: Shop) -> None:
    answer = deliver(client, {"id": 1, "myshopify_domain": "other.myshopify.com"}, topic="app/uninstalled")

    assert answer.status_code == 400
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize(
    ("case", "topic", "body"),
    [
        ("an order erases its customer", "customers/redact", an_order()),
        ("an order asks for its customer's data", "customers/data_request", an_order()),
        ("an order erases its shop", "shop/redact", an_order()),
        ("a customer's erasure becomes the shop's", "shop/redact", a_redact()),
        ("a request for data erases", "customers/redact", a_redact(data_request={"id": 1})),
        ("another shop's erasure", "shop/redact", {"shop_id": 1, "shop_domain": "other.myshopify.com"}),
        ("an erasure of nobody's", "shop/redact", {"shop_id": 1}),
        ("an order deletes itself", "orders/delete", an_order()),
        ("a product deletes itself", "products/delete", a_product()),
    ],
)
def test_a_captured_body_cannot_be_replayed_as_an_erasure(
    client: Client, shop: Shop, enqueued: Enqueued, case: str, topic: str, body: dict[str, Any]
) -> None:
    path = "/webhooks" if topic.endswith("/delete") else "/webhooks/compliance"

    answer = deliver(client, body, topic=topic, path=path)

    assert answer.status_code == 400, case
    assert not WebhookDelivery.objects.exists()
    assert enqueued.jobs == []


# Samples that Shopify's tools for testing send: signed, and of no shop


SAMPLES = {
    "app/uninstalled": {"id": 548380009, "name": "Super Toys", "domain": None, "myshopify_domain": None},
    "customers/redact": a_redact(shop_id=954889, shop_domain="{shop}.myshopify.com"),
    "customers/data_request": a_redact(
        shop_id=954889, shop_domain="{shop}.myshopify.com", data_request={"id": 9999}
    ),
    "shop/redact": {"shop_id": 954889, "shop_domain": "{shop}.myshopify.com"},
}


def path_of(topic: str) -> str:
    return "/webhooks/compliance" if topic in {each.value for each in COMPLIANCE_TOPICS} else "/webhooks"


@pytest.mark.parametrize("header", [SHOP, "shop.myshopify.com", "{shop}.myshopify.com", "null", "", None])
@pytest.mark.parametrize("topic", sorted(SAMPLES))
def test_a_sample_is_acknowledged_shown_and_has_no_effect(
    client: Client, shop: Shop, enqueued: Enqueued, topic: str, header: str | None
) -> None:
    answer = deliver(client, SAMPLES[topic], topic=topic, path=path_of(topic), **{"Shop-Domain": header})

    row = WebhookDelivery.objects.get()
    assert answer.status_code == 200
    assert (row.is_test, row.state, row.outcome) == (True, "DONE", "a test delivery")
    assert (row.payload, row.shop_id, enqueued.jobs) == ({}, None, [])


@pytest.mark.parametrize("header", ["shop.myshopify.com", "{shop}.myshopify.com", "null", "", None])
@pytest.mark.parametrize(
    "topic", ["orders/create", "products/update", "products/delete", "app/scopes_update"]
)
def test_a_delivery_of_no_shop_is_a_test_whatever_its_topic(
    client: Client, shop: Shop, enqueued: Enqueued, topic: str, header: str | None
) -> None:
    answer = deliver(client, {"id": 7}, topic=topic, **{"Shop-Domain": header, "Webhook-Id": None})

    row = WebhookDelivery.objects.get()
    assert (answer.status_code, row.is_test, row.payload, enqueued.jobs) == (200, True, {}, [])


def test_what_a_real_shop_sends_is_no_test(client: Client, shop: Shop) -> None:
    deliver(client, {"id": 42, "myshopify_domain": SHOP}, topic="app/uninstalled")

    row = WebhookDelivery.objects.get()
    assert (row.is_test, row.state, row.shop_id) == (False, "PENDING", shop.id)


def test_a_forged_sample_is_still_refused(client: Client, shop: Shop) -> None:
    answer = deliver(client, SAMPLES["app/uninstalled"], topic="app/uninstalled", **{"Hmac-Sha256": "AAAA"})

    assert (answer.status_code, WebhookDelivery.objects.exists()) == (401, False)


@pytest.mark.parametrize("topic", ["app/scopes_update", "shop/redact"])
def test_a_body_of_another_shops_number_has_no_effect(
    client: Client, shop: Shop, enqueued: Enqueued, topic: str
) -> None:
    Shop.objects.filter(id=shop.id).update(shopify_id=42)
    number = "gid://shopify/Shop/548380009" if topic == "app/scopes_update" else 548380009
    body = {"shop_id": number, "shop_domain": SHOP, "current": ["read_products"]}

    answer = deliver(client, body, topic=topic, path=path_of(topic))

    assert (answer.status_code, WebhookDelivery.objects.exists(), enqueued.jobs) == (400, False, [])


def test_an_endless_body_is_refused_in_plain_words(client: Client, shop: Shop) -> None:
    answer = deliver(client, b"{" + b" " * 10 * 1024 * 1024 + b"}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert not WebhookDelivery.objects.exists()


def test_a_body_of_unknown_length_is_not_taken_for_a_forged_one(client: Client, shop: Shop) -> None:
    answer = client.generic("POST", "/webhooks", b"", headers={"Transfer-Encoding": "chunked"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (411, "length_required")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-99-99"])
def test_a_moment_that_cannot_be_read_back_is_not_stored(client: Client, shop: Shop, moment: str) -> None:
    deliver(client, an_order(), **{"Triggered-At": moment})

    row = WebhookDelivery.objects.get()
    assert row.triggered_at == row.received_at


def test_only_posts_are_taken(client: Client) -> None:
    assert client.get("/webhooks").status_code == 405


@pytest.mark.parametrize("state", [None, ShopState.UNINSTALLED])
def test_a_delivery_about_a_shop_without_the_app_is_noted_without_its_content(
    client: Client, enqueued: Enqueued, state: ShopState | None
) -> None:
    if state:
        a_shop(SHOP, state=state)

    answer = deliver(client, an_order())

    row = WebhookDelivery.objects.get()
    assert answer.status_code == 200
    assert (row.state, row.payload, row.outcome) == ("DONE", {}, "ignored: the shop does not have the app")
    assert enqueued.jobs == []


def test_a_privacy_request_after_the_uninstall_is_taken(client: Client, enqueued: Enqueued) -> None:
    shop = a_shop(SHOP, state=ShopState.UNINSTALLED)

    answer = deliver(client, a_redact(), topic="customers/redact", path="/webhooks/compliance")

    row = WebhookDelivery.objects.get()
    assert answer.status_code == 200
    assert row.state == DeliveryState.PENDING
    assert row.payload == {
        "shop_id": 42,
        "shop_domain": SHOP,
        "orders_to_redact": [900],
        "customer_key": pseudonym(shop.id, 17850),
    }


@pytest.mark.parametrize("topic", ["customers/data_request", "customers/redact", "shop/redact"])
def test_the_review_sends_each_privacy_topic_with_a_bad_signature(
    client: Client, shop: Shop, topic: str
) -> None:
    answer = deliver(client, a_redact(), topic=topic, path="/webhooks/compliance", **{"Hmac-Sha256": "AAAA"})

    assert answer.status_code == 401
    assert not WebhookDelivery.objects.exists()


# Working


def stored(client: Client, payload: Any = None, **headers: str) -> WebhookDelivery:
    deliver(client, payload or an_order(), **headers)
    row = WebhookDelivery.objects.latest("id")
    WebhookDelivery.objects.filter(id=row.id).update(due_at=NOW, sent_at=NOW)
    return row


def test_an_order_is_applied_and_its_follow_ups_sent(
    client: Client, shop: Shop, enqueued: Enqueued, handlers: Any
) -> None:
    row = stored(client)
    enqueued.clear()

    assert services.process(row.id, handlers=handlers, now=NOW) is DeliveryState.DONE

    row.refresh_from_db()
    assert (row.state, row.outcome, row.finished_at) == ("DONE", "applied", NOW)
    assert Order.objects.for_shop(shop.id).get().customer_key == pseudonym(shop.id, 17850)
    assert OrderLine.objects.for_shop(shop.id).count() == 2
    ids = {"shop_id": shop.id, "order_id": 900}
    assert enqueued.jobs == [(Job.FEATURES_EXTEND, ids), (Job.ATTRIBUTE, ids)]


def test_a_delivery_is_worked_on_once(client: Client, shop: Shop, enqueued: Enqueued, handlers: Any) -> None:
    row = stored(client)
    services.process(row.id, handlers=handlers, now=NOW)
    enqueued.clear()

    assert services.process(row.id, handlers=handlers, now=NOW) is None

    assert enqueued.jobs == []


def test_two_workers_cannot_claim_the_same_delivery(client: Client, shop: Shop, handlers: Any) -> None:
    row = stored(client)
    seen = []

    def meanwhile(delivery: Delivery, now: datetime) -> list[FollowUp]:
        seen.append(Worker(lambda: services.process(row.id, handlers=handlers, now=NOW)).finish())
        return []

    services.process(row.id, handlers={Topic.ORDERS_CREATE: meanwhile}, now=NOW)

    assert seen == [None]
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("DONE", 1)


def test_the_next_message_takes_up_what_a_dead_worker_held(
    client: Client, shop: Shop, handlers: Any, enqueued: Enqueued
) -> None:
    """PostgreSQL frees the row with the connection of its worker; nothing has to run out first."""
    row = stored(client)

    def killed(delivery: Delivery, now: datetime) -> list[FollowUp]:
        Order.objects.for_shop(shop.id).create(
            order_id=1, created_at=now, processed_at=now, updated_at=now, currency="GBP"
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            own = cursor.fetchone()[0]
        with psycopg2.connect(**connection.get_connection_params()) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [own])
        other.close()
        return []

    with pytest.raises(DatabaseError):
        Worker(lambda: services.process(row.id, handlers={Topic.ORDERS_CREATE: killed}, now=NOW)).finish()
    assert not Order.objects.for_shop(shop.id).exists()

    assert services.process(row.id, handlers=handlers, now=NOW) is DeliveryState.DONE
    row.refresh_from_db()
    assert row.attempts == 2


def test_a_delivery_that_kills_its_workers_ends_with_a_person(client: Client, shop: Shop) -> None:
    row = stored(client)
    WebhookDelivery.objects.filter(id=row.id).update(attempts=10, outcome="unavailable: slow")

    assert services.process(row.id, handlers={}, now=NOW) is None

    row.refresh_from_db()
    assert (row.state, row.outcome) == ("DEAD", "unavailable: slow. Its worker died or failed every time.")


def test_a_deadlock_leaves_a_delivery_to_be_tried_again_at_once(
    client: Client, shop: Shop, handlers: Any, enqueued: Enqueued
) -> None:
    row = stored(client)
    enqueued.clear()
    error = OperationalError("deadlock detected")
    error.__cause__ = _deadlock()

    with pytest.raises(OperationalError):
        services.process(row.id, handlers=failing(error), now=NOW)

    row.refresh_from_db()
    assert (row.state, row.due_at, enqueued.jobs) == ("PENDING", NOW, [])
    assert services.process(row.id, handlers=handlers, now=NOW) is DeliveryState.DONE


def _deadlock() -> Exception:
    return type("DeadlockDetected", (Exception,), {"pgcode": "40P01"})()


def failing(error: Exception) -> Any:
    def handle(delivery: Delivery, now: datetime) -> list[FollowUp]:
        Order.objects.for_shop(delivery.shop_id or 0).create(
            order_id=1, created_at=now, processed_at=now, updated_at=now, currency="GBP"
        )
        raise error

    return {Topic.ORDERS_CREATE: handle}


def test_trouble_outside_puts_it_back_for_later_and_keeps_nothing_half_done(
    client: Client, shop: Shop, enqueued: Enqueued
) -> None:
    row = stored(client)
    enqueued.clear()

    assert services.process(row.id, handlers=failing(Unavailable("slow")), now=NOW) is DeliveryState.PENDING

    row.refresh_from_db()
    assert (row.state, row.attempts, row.due_at) == ("PENDING", 1, NOW + timedelta(seconds=5))
    assert not Order.objects.for_shop(shop.id).exists()
    assert (enqueued.names, enqueued.countdowns) == ([Job.WEBHOOK_PROCESS], [5.0])
    assert services.process(row.id, handlers=failing(Unavailable("early")), now=NOW) is None


def test_trouble_that_lasts_ends_with_a_person(client: Client, shop: Shop) -> None:
    row = stored(client)
    WebhookDelivery.objects.filter(id=row.id).update(attempts=9)

    assert services.process(row.id, handlers=failing(Unavailable("still")), now=NOW) is DeliveryState.DEAD


def test_a_payload_that_makes_no_sense_is_dead_at_once(client: Client, shop: Shop, handlers: Any) -> None:
    row = stored(client, an_order(updated_at="yesterday"))

    assert services.process(row.id, handlers=handlers, now=NOW) is DeliveryState.DEAD

    row.refresh_from_db()
    assert row.outcome.startswith("unreadable_payload:")
    assert not Order.objects.for_shop(shop.id).exists()


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("an id that no column holds", {"id": 10**20}),
        ("a line's product is no number", {"line_items": [a_line(1, product_id="abc")]}),
        ("a line's product is beyond all numbers", {"line_items": [a_line(1, product_id=10**20)]}),
        ("a price that is none", {"line_items": [a_line(1, price="NaN")]}),
        ("an endless price", {"line_items": [a_line(1, price="1e40")]}),
        ("a moment before all time", {"created_at": "0001-01-01T00:00:00+14:00"}),
    ],
)
def test_a_payload_that_cannot_be_stored_is_dead_at_once_and_says_why(
    client: Client, shop: Shop, handlers: Any, case: str, changes: dict[str, Any]
) -> None:
    row = stored(client, an_order(**changes))

    assert services.process(row.id, handlers=handlers, now=NOW) is DeliveryState.DEAD, case

    row.refresh_from_db()
    assert row.outcome.startswith(("unreadable_payload:", "unstorable_payload:"))
    assert not Order.objects.for_shop(shop.id).exists()


def test_a_mistake_of_ours_is_written_down_and_tried_again(client: Client, shop: Shop) -> None:
    row = stored(client)

    with pytest.raises(LookupError):
        services.process(row.id, handlers=failing(LookupError("a slip")), now=NOW)

    row.refresh_from_db()
    assert (row.state, row.outcome) == ("PENDING", "LookupError")
    assert row.due_at == NOW + timedelta(seconds=5)
    assert not Order.objects.for_shop(shop.id).exists()


def test_what_fails_every_time_ends_with_a_person_who_reads_why(client: Client, shop: Shop) -> None:
    row = stored(client)
    WebhookDelivery.objects.filter(id=row.id).update(attempts=9)

    with pytest.raises(LookupError):
        services.process(row.id, handlers=failing(LookupError("a slip")), now=NOW)

    row.refresh_from_db()
    assert (row.state, row.finished_at, row.outcome) == ("DEAD", NOW, "LookupError")


def test_broken_data_is_dead_at_once(client: Client, shop: Shop) -> None:
    row = stored(client)

    assert services.process(row.id, handlers=failing(Corrupt("odd")), now=NOW) is DeliveryState.DEAD


def test_what_follows_is_remembered_until_it_is_done(
    client: Client, shop: Shop, handlers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the broker was down or lost a message after it took it: the job's row stands."""
    row = stored(client)

    def down(*_: Any, **__: Any) -> None:
        raise BrokerDown("the broker is down")

    monkeypatch.setattr(queue, "dispatch", down)
    services.process(row.id, handlers=handlers, now=NOW)

    ids = {"shop_id": shop.id, "order_id": 900}
    assert [(job.job, job.ids) for job in PendingJob.objects.order_by("id")] == [
        ("features_extend", ids),
        ("attribute", ids),
    ]


def test_a_privacy_request_stands_until_its_job_is_done(client: Client, shop: Shop, handlers: Any) -> None:
    row = stored(client, a_redact(), topic="customers/redact", path="/webhooks/compliance")

    services.process(row.id, handlers=handlers, now=NOW)

    job = PendingJob.objects.get()
    assert (job.job, job.ids) == ("customer_redact", {"delivery_id": row.id})
    app.tasks[Job.CUSTOMER_REDACT.task].apply(kwargs=job.ids)
    assert not PendingJob.objects.exists()


def test_a_delivery_is_taken_while_the_broker_is_down(
    client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise BrokerDown("the broker is down")

    monkeypatch.setattr(queue, "dispatch", down)

    assert deliver(client, an_order()).status_code == 200
    assert WebhookDelivery.objects.get().state == DeliveryState.PENDING


def test_the_sweep_asks_again_within_a_minute_for_what_was_lost(
    client: Client, shop: Shop, enqueued: Enqueued
) -> None:
    lost = stored(client, delivery_id="lost")
    later = stored(client, delivery_id="later")
    WebhookDelivery.objects.filter(id=later.id).update(due_at=NOW + timedelta(hours=1))
    enqueued.clear()

    services.sweep(now=NOW + timedelta(seconds=10))
    assert enqueued.jobs == []
    services.sweep(now=NOW + timedelta(seconds=31))

    assert [ids for _, ids in enqueued.jobs] == [{"delivery_id": lost.id}]


def test_the_sweep_asks_the_more_seldom_the_longer_a_delivery_waits(
    client: Client, shop: Shop, enqueued: Enqueued
) -> None:
    stored(client)
    enqueued.clear()

    # Every ten seconds for an hour, as behind a queue that is an hour long.
    for seconds in range(0, 3_600, 10):
        services.sweep(now=NOW + timedelta(seconds=seconds))

    assert len(enqueued.jobs) == 7


@pytest.mark.parametrize(
    ("topic", "job"),
    [
        ("orders/create", Job.WEBHOOK_PROCESS),
        ("app/uninstalled", Job.WEBHOOK_PROCESS),
        ("products/update", Job.WEBHOOK_PROCESS_CATALOG),
        ("collections/delete", Job.WEBHOOK_PROCESS_CATALOG),
    ],
)
def test_orders_do_not_wait_behind_products(topic: str, job: Job, enqueued: Enqueued) -> None:
    send(7, topic)

    assert enqueued.names == [job]
    assert Job.WEBHOOK_PROCESS.queue is not Job.WEBHOOK_PROCESS_CATALOG.queue


def test_old_finished_deliveries_are_pruned(client: Client, shop: Shop) -> None:
    row = stored(client)
    WebhookDelivery.objects.filter(id=row.id).update(state="DONE", finished_at=NOW - timedelta(days=31))

    assert services.sweep(now=NOW)["pruned"] == 1
    assert not WebhookDelivery.objects.exists()


def test_every_topic_has_a_handler_and_an_allow_list(handlers: Any) -> None:
    from backend.webhooks.rules import KEPT

    assert set(handlers) == set(Topic) == set(KEPT)
