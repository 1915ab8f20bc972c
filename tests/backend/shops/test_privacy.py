"""Erasure: what Shopify asks for is gone from every table, and only that."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import pytest
import redis
from django.apps import apps
from django.db import connection, transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.attribution import services as attribution
from backend.attribution.models import Credit, Join
from backend.audit import services as audit
from backend.audit.models import Decision, LedgerEvent
from backend.audit.values import Event, Ledger
from backend.catalog import services as catalog
from backend.catalog.models import Order, OrderLine
from backend.catalog.services.loading import load
from backend.core import tenancy
from backend.core.queue import Job
from backend.core.tenancy import ShopScoped
from backend.events.models import BotEvent as SeenByBot
from backend.events.models import Event as BrowserEvent
from backend.features import services as features
from backend.features.gateway import cache
from backend.features.models import Interaction
from backend.monitoring import services as monitoring
from backend.privacy.models import DataRequest
from backend.serving import rules
from backend.shopify.values import SessionToken
from backend.shops import queries as shop_queries
from backend.shops import services
from backend.shops.models import Shop, Suppression
from backend.shops.services.installing import BeingErased
from backend.shops.values import ShopState
from backend.webhooks import services as webhooks
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.rules import scrub
from backend.webhooks.values import Incoming, Topic
from celery_worker.tasks import shops as tasks
from celery_worker.tasks.webhooks import HANDLERS
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.catalog import bulk
from tests.backend.events.bodies import BROWSER, CRAWLER, an_event, post
from tests.backend.history import a_shop
from tests.backend.registry.versions import a_live_version
from tests.backend.serving.storefront import GRANTED, ask
from tests.backend.shopify.fake import a_grant, installation
from tests.backend.webhooks.payloads import a_product, a_redact, an_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = "2026-11-21T11:00:00+00:00"


@pytest.fixture
def shop() -> Shop:
    return a_busy_shop("willow-gifts.myshopify.com")


@pytest.fixture
def other() -> Iterator[Shop]:
    """Another shop with the same numbers, which must not change."""
    other = a_busy_shop("other.myshopify.com")
    for chain in Ledger:
        audit.seal(chain, now=NOW)
    before = rows_of(other)
    yield other
    assert rows_of(other) == before


def a_busy_shop(domain: str) -> Shop:
    shop = a_shop(domain)
    catalog.apply_product(shop.id, a_product())
    for order_id, customer in ((900, {"id": 17850}), (901, {"id": 4}), (902, None)):
        lines = [line | {"id": order_id * 10 + line["id"]} for line in an_order()["line_items"]]
        payload = an_order(order_id, customer=customer, line_items=lines)
        catalog.apply_order(shop.id, scrub(Topic.ORDERS_CREATE, payload, pseudonymiser(shop)))
    features.rebuild(shop.id)
    audit.record(Event.IMPORT_FINISHED, shop_id=shop.id, subject="import", reason="Done.", now=NOW)
    audit.record_decision(a_decision(shop.id, visitor_key=services.pseudonym(shop.id, 17850), items=()))
    join = {"order_id": 900, "decision_id": uuid4(), "product_id": 7, "kind": "CLICK", "position": 1}
    join |= {"acted_at": NOW, "shown_at": NOW}
    Join.objects.for_shop(shop.id).create(**join, via="CHECKOUT", joined_at=NOW)
    money = {"quantity": 1, "amount": 5, "currency": "GBP", "placed_at": NOW}
    Credit.objects.for_shop(shop.id).create(**join, **money, line_id=9001)
    return shop


def pseudonymiser(shop: Shop) -> Any:
    return lambda number: services.pseudonym(shop.id, number)


def a_request(shop: Shop, topic: Topic) -> WebhookDelivery:
    payload = scrub(topic, a_redact(orders_requested=[900]), pseudonymiser(shop))
    return WebhookDelivery.objects.create(
        shop=shop,
        shop_domain=shop.domain,
        delivery_id=str(uuid4()),
        topic=topic,
        triggered_at=NOW,
        received_at=NOW,
        due_at=NOW,
        payload=payload,
    )


def rows_of(shop: Shop) -> dict[str, int]:
    """Count a shop's rows in every table that belongs to shops."""
    owned = [model for model in apps.get_models() if issubclass(model, ShopScoped)]
    counted = {model._meta.label: model.objects.for_shop(shop.id).count() for model in owned}
    return {label: count for label, count in counted.items() if count}


def test_a_redacted_customer_is_a_guest_everywhere(shop: Shop, other: Shop) -> None:
    key = services.pseudonym(shop.id, 17850)
    request = a_request(shop, Topic.CUSTOMERS_REDACT)

    tasks.customer_redact(delivery_id=request.id)

    assert not Order.objects.for_shop(shop.id).filter(customer_key=key).exists()
    assert not Interaction.objects.for_shop(shop.id).filter(customer_key=key).exists()
    assert not Decision.objects.for_shop(shop.id).filter(visitor_key=key).exists()
    # What was bought stays credited, and nothing ties it to what this customer saw, now or later.
    attribution.attribute(shop.id, 900, now=NOW)
    assert Join.objects.for_shop(shop.id).count() == 0
    assert Credit.objects.for_shop(shop.id).filter(order_id=900, quantity__gt=0).count() == 1
    assert Order.objects.for_shop(shop.id).get(order_id=900).recommendation_ids == []
    assert not OrderLine.objects.for_shop(shop.id).filter(order__order_id=900, decision_id__isnull=False)
    request.refresh_from_db()
    assert "customer_key" not in request.payload
    assert request.outcome == "forgotten, orders untied: 1"
    # The sales stay the shop's, and the other customer stays known.
    assert Order.objects.for_shop(shop.id).count() == 3
    assert Order.objects.for_shop(shop.id).get(order_id=901).customer_key == services.pseudonym(shop.id, 4)
    event = LedgerEvent.objects.for_shop(shop.id).get(event="CUSTOMER_REDACTED")
    assert key not in f"{event.subject} {event.reason} {event.details}"
    for chain in Ledger:
        assert audit.verify(shop.id, chain).ok
    assert audit.verify(shop.id, Ledger.DECISIONS).erased == event.details["decisions"] > 0


def test_a_redacted_customers_events_lead_to_no_browser_however_they_name_the_order(shop: Shop) -> None:
    """Shopify need not list the orders, nor a browser tell the number of one, and some browsers are odd."""
    request = a_request(shop, Topic.CUSTOMERS_REDACT)
    request.payload["orders_to_redact"] = []
    request.save()
    Order.objects.for_shop(shop.id).filter(order_id=900).update(checkout_token="theirs")
    Order.objects.for_shop(shop.id).filter(order_id=901).update(checkout_token="another's")
    for client, told in (
        ("by-number", {"checkout": "gone", "order": 900}),
        ("by-checkout", {"checkout": "theirs", "order": None}),
        ("another", {"checkout": "another's", "order": 901}),
    ):
        completed = an_event("checkout_completed", client=client, **told)
        viewed = an_event("product_viewed", client=client, product=1)
        for agent in (BROWSER, CRAWLER):
            assert post(shop, completed, viewed, agent=agent).status_code == 202

    tasks.customer_redact(delivery_id=request.id)

    named = {
        model: model.objects.for_shop(shop.id).exclude(client_key="") for model in (BrowserEvent, SeenByBot)
    }
    assert [rows.count() for rows in named.values()] == [2, 2]
    assert {rows.exclude(order_id=None).get().order_id for rows in named.values()} == {901}


def test_a_redaction_that_dies_in_between_finds_the_orders_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = a_request(shop, Topic.CUSTOMERS_REDACT)
    request.payload["orders_to_redact"] = []
    request.save()
    with monkeypatch.context() as broken:
        broken.setattr(tasks.attribution, "forget_orders", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            tasks.customer_redact(delivery_id=request.id)

    tasks.customer_redact(delivery_id=request.id)

    assert Join.objects.for_shop(shop.id).count() == 0


def test_a_customer_can_be_redacted_twice(shop: Shop) -> None:
    request = a_request(shop, Topic.CUSTOMERS_REDACT)

    tasks.customer_redact(delivery_id=request.id)
    tasks.customer_redact(delivery_id=request.id)

    assert Order.objects.for_shop(shop.id).filter(customer_key=None).count() == 2


def test_a_data_request_is_counted_and_written_down(shop: Shop) -> None:
    request = a_request(shop, Topic.CUSTOMERS_DATA_REQUEST)

    tasks.data_request(delivery_id=request.id)

    request.refresh_from_db()
    assert request.outcome == "orders held: 1, order lines: 2"
    event = LedgerEvent.objects.for_shop(shop.id).get(event="CUSTOMER_DATA_REQUESTED")
    assert event.details == {"orders": 1, "order_lines": 2}


def test_a_redacted_shop_leaves_no_row_and_no_key(
    shop: Shop, other: Shop, artifact: Path, artifact_root: Path, enqueued: Any, committed: Any
) -> None:
    a_live_version(shop, artifact)
    monitoring.request_by_hand(shop.id, now=NOW, actor="user 7")
    Shop.objects.filter(id=shop.id).update(state=ShopState.UNINSTALLED)
    request = a_request(shop, Topic.SHOP_REDACT)
    WebhookDelivery.objects.filter(id=request.id).update(state="DONE", outcome="applied")
    assert set(rows_of(shop)) >= {
        "catalog.Order",
        "features.Interaction",
        "audit.Decision",
        "audit.LedgerEvent",
        "attribution.Credit",
        "attribution.Join",
        "rollouts.GateDecision",
        "monitoring.RetrainTrigger",
    }

    with committed():
        tasks.shop_redact(shop_id=shop.id)

    assert rows_of(shop) == {}
    # Of MLflow, which may be down just now, by the only name that outlives the erasure.
    assert enqueued.of(Job.FORGET_TRACKING) == [{"experiment": "tailorbird-willow-gifts"}]
    shop.refresh_from_db()
    assert (shop.state, shop.pseudonym_key, shop.name, shop.scopes) == (ShopState.REDACTED, None, "", [])
    request.refresh_from_db()
    assert (request.payload, request.outcome) == ({}, "erased")


def test_an_erasure_waits_for_a_cache_that_is_down(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "connection", lambda: redis.Redis(port=1, retry=Retry(NoBackoff(), 0)))

    with pytest.raises(cache.CacheUnavailable):
        cache.drop_shop(shop.id)
    with pytest.raises(cache.CacheUnavailable):
        cache.drop_past(shop.id, services.pseudonym(shop.id, 17850))


def test_a_shop_that_came_back_is_not_redacted(shop: Shop) -> None:
    before = rows_of(shop)

    tasks.shop_redact(shop_id=shop.id)

    assert rows_of(shop) == before
    assert Shop.objects.get(id=shop.id).pseudonym_key is not None


def test_an_uninstall_stops_what_is_under_way(shop: Shop) -> None:
    catalog.request_import(shop.id, now=NOW)
    Shop.objects.filter(id=shop.id).update(state=ShopState.UNINSTALLED)

    tasks.uninstall_cleanup(shop_id=shop.id)

    from backend.catalog.models import Import

    assert Import.objects.for_shop(shop.id).get().state == "FAILED"


# Staying forgotten


def an_order_of(customer: int | None, order_id: int, **changes: Any) -> dict[str, Any]:
    lines = [line | {"id": order_id * 10 + line["id"]} for line in an_order()["line_items"]]
    person = None if customer is None else {"id": customer}
    return an_order(order_id, customer=person, line_items=lines, **changes)


def found_in_the_database(*needles: str) -> list[tuple[str, str]]:
    """Look for texts in every row of every table, as somebody with a copy of the database would."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT string_agg(whole::text, chr(10)) FROM "{table}" whole')
            content = cursor.fetchone()[0] or ""
            # A pseudonym may be kept as a UUID, which is told with hyphens.
            content += content.replace("-", "")
            found += [(table, needle) for needle in needles if needle in content]
    return found


def deliver(shop: Shop, topic: Topic, payload: dict[str, Any]) -> WebhookDelivery:
    """Let a delivery in and return its row, as the address of webhooks does."""
    incoming = Incoming(
        delivery_id=str(uuid4()),
        event_id="",
        topic=topic,
        shop_domain=shop.domain,
        api_version="2026-07",
        triggered_at=NOW.isoformat(),
        body=json.dumps(payload).encode(),
    )
    webhooks.accept(incoming, now=NOW)
    return WebhookDelivery.objects.get(delivery_id=incoming.delivery_id)


def redact(shop: Shop, **changes: Any) -> None:
    request = deliver(shop, Topic.CUSTOMERS_REDACT, a_redact(**changes))
    webhooks.process(request.id, handlers=HANDLERS, now=NOW)
    tasks.customer_redact(delivery_id=request.id)


def test_a_scan_finds_a_redacted_customer_on_the_suppression_list_alone(shop: Shop, other: Shop) -> None:
    key = services.pseudonym(shop.id, 17850)
    late = deliver(shop, Topic.ORDERS_UPDATED, an_order_of(17850, 900))
    deliver(shop, Topic.CUSTOMERS_DATA_REQUEST, a_redact(orders_requested=[900], data_request={"id": 1}))
    assert {table for table, _ in found_in_the_database(key)} >= {
        "catalog_order", "features_interaction", "audit_decision", "webhooks_webhookdelivery"
    }  # fmt: skip

    redact(shop)

    assert found_in_the_database(key) == []
    assert "cart_token" not in WebhookDelivery.objects.get(id=late.id).payload
    # The customer and the order that was named with them, under a key that no pseudonym is made with.
    assert Suppression.objects.for_shop(shop.id).count() == 2


def by_webhook(shop: Shop, payload: dict[str, Any]) -> None:
    row = deliver(shop, Topic.ORDERS_UPDATED, payload)
    assert webhooks.process(row.id, handlers=HANDLERS, now=NOW) == "DONE"


def by_stored_delivery(shop: Shop) -> None:
    """Write what a worker had read before the customer was cut out of the inbox."""
    payload = scrub(Topic.ORDERS_UPDATED, an_order_of(17850, 950), pseudonymiser(shop))
    assert payload["customer_key"]
    catalog.apply_order(shop.id, payload)


def by_import(shop: Shop, customer: int, order_id: int) -> None:
    lines = [bulk.order(order_id, customer=customer, updatedAt=LATER)]
    load(
        shop.id,
        lines,
        pseudonymise=services.pseudonymiser(shop.id),
        on_progress=lambda _: None,
    )


@pytest.mark.parametrize(
    "bring",
    [
        pytest.param(
            lambda shop: by_webhook(shop, an_order_of(17850, 900, updated_at=LATER)), id="late webhook"
        ),
        pytest.param(lambda shop: by_webhook(shop, an_order_of(17850, 950)), id="webhook of an older order"),
        pytest.param(by_stored_delivery, id="delivery let in before"),
        pytest.param(lambda shop: by_import(shop, 17850, 960), id="import"),
        pytest.param(lambda shop: by_import(shop, 4, 900), id="import of a named order"),
    ],
)
def test_nothing_ties_a_redacted_customer_again(shop: Shop, bring: Callable[[Shop], None]) -> None:
    key = services.pseudonym(shop.id, 17850)
    redact(shop)

    bring(shop)
    features.rebuild(shop.id)

    assert found_in_the_database(key) == []
    named = Order.objects.for_shop(shop.id).get(order_id=900)
    assert (named.customer_key, named.cart_token, named.checkout_token) == (None, "", "")
    assert named.recommendation_ids == []
    assert not OrderLine.objects.for_shop(shop.id).filter(order=named, decision_id__isnull=False).exists()
    # Everybody else is as known as before.
    assert Order.objects.for_shop(shop.id).get(order_id=901).customer_key == services.pseudonym(shop.id, 4)


def test_a_redacted_customer_who_shops_again_is_a_guest(shop: Shop) -> None:
    redact(shop)

    ask(consent=GRANTED, logged_in_customer_id=17850)

    assert found_in_the_database(services.pseudonym(shop.id, 17850)) == []
    assert Decision.objects.for_shop(shop.id).filter(channel="app_proxy").count() == 2


@pytest.mark.parametrize("is_first", [True, False], ids=["the shop's first", "not the first"])
def test_a_process_that_has_not_heard_of_a_redaction_ties_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    """Whatever another process remembers of the shop, and whenever the redaction comes while it answers."""
    key = services.pseudonym(shop.id, 17850)
    if not is_first:
        services.suppress(shop.id, customer_key="f" * 32, now=NOW)
    plain = rules.decide

    def redacted_meanwhile(*args: Any, **kwargs: Any) -> Any:
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(shop_queries, "forget_cached", lambda: None)
            redact(shop)
        return plain(*args, **kwargs)

    monkeypatch.setattr(rules, "decide", redacted_meanwhile)
    assert ask(consent=GRANTED, logged_in_customer_id=17850).status_code == 200
    # The second answer begins with what was remembered before.
    monkeypatch.setattr(rules, "decide", plain)
    assert ask(consent=GRANTED, logged_in_customer_id=17850).status_code == 200

    assert found_in_the_database(key) == []
    assert Decision.objects.for_shop(shop.id).filter(channel="app_proxy").count() == 3


def test_a_redaction_unties_nobody_else_who_shops(shop: Shop) -> None:
    redact(shop)

    ask(consent=GRANTED, logged_in_customer_id=4)

    newest = Decision.objects.for_shop(shop.id).order_by("-at").first()
    assert newest is not None
    assert newest.visitor_key == services.pseudonym(shop.id, 4)


@pytest.mark.parametrize("customer", [{"id": 17850}, None])
def test_no_request_goes_on_saying_which_orders_were_one_persons(
    shop: Shop, other: Shop, customer: dict[str, Any] | None
) -> None:
    """Shopify repeats a request when its customer is nobody any more, or names none to begin with."""
    asked = deliver(shop, Topic.CUSTOMERS_DATA_REQUEST, a_redact(
        customer=customer, orders_requested=[900, 902], data_request={"id": 1}
    ))  # fmt: skip
    tasks.data_request(delivery_id=asked.id)
    deliver(shop, Topic.CUSTOMERS_DATA_REQUEST, a_redact(
        customer={"id": 4}, orders_requested=[901], data_request={"id": 2}, orders_to_redact=[]
    ))  # fmt: skip

    for _ in range(2):
        redact(shop, customer=customer, orders_to_redact=[900, 902])

    kept = [row.payload for row in WebhookDelivery.objects.filter(shop=shop)]
    assert [payload["orders_requested"] for payload in kept if payload.get("orders_requested")] == [[901]]
    assert [payload for payload in kept if payload.get("orders_to_redact")] == []
    assert DataRequest.objects.for_shop(shop.id).get().order_ids == []


def test_an_order_that_is_being_written_is_waited_for(transactional_db: None) -> None:
    """Two connections: a worker that looked at the list before the customer was on it commits first."""
    shop = a_shop()
    key, written = services.pseudonym(shop.id, 17850), threading.Event()

    def work() -> None:
        with transaction.atomic():
            catalog.apply_order(
                shop.id, scrub(Topic.ORDERS_CREATE, an_order_of(17850, 900), pseudonymiser(shop))
            )
            written.set()
            time.sleep(0.3)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    written.wait()
    services.suppress(shop.id, customer_key=key, now=NOW)
    catalog.forget_customer(shop.id, key)
    worker.join()

    assert Order.objects.for_shop(shop.id).get().customer_key is None


def test_orders_named_with_a_customer_are_untied_from_whoever_had_them(shop: Shop) -> None:
    """Shopify merges customers: the order was placed under a number that no longer exists."""
    redact(shop, customer={"id": 999}, orders_to_redact=[901])

    assert Order.objects.for_shop(shop.id).get(order_id=901).customer_key is None
    assert (
        not Interaction.objects.for_shop(shop.id).filter(basket_id=901, customer_key__isnull=False).exists()
    )
    assert Interaction.objects.for_shop(shop.id).filter(basket_id=900, customer_key__isnull=False).exists()


def test_shops_do_not_share_a_suppression_list(shop: Shop, other: Shop) -> None:
    redact(shop)

    assert services.find_pseudonym(shop.id, 17850) is None
    assert services.find_pseudonym(other.id, 17850) == services.pseudonym(other.id, 17850)


# Erasing a shop


@pytest.fixture
def leaving(shop: Shop) -> Shop:
    """A shop that uninstalled two days ago, and whose rows fill many batches."""
    Shop.objects.filter(id=shop.id).update(state=ShopState.UNINSTALLED)
    return shop


def erase(shop: Shop) -> None:
    tasks.shop_redact(shop_id=shop.id)


def test_a_killed_erasure_goes_on_where_it_was(
    leaving: Shop, other: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenancy, "BATCH_ROWS", 2)
    before = sum(rows_of(leaving).values())
    batches = iter([None] * 4)

    with monkeypatch.context() as killed:
        killed.setattr(tasks._Progress, "__call__", lambda *_: next(batches))
        with pytest.raises(StopIteration):
            erase(leaving)
    between = sum(rows_of(leaving).values())
    erase(leaving)

    # What was deleted before the kill stays deleted, and nothing is left after.
    assert 0 < between <= before - 4
    assert rows_of(leaving) == {}
    leaving.refresh_from_db()
    assert (leaving.state, leaving.erasing_since) == (ShopState.REDACTED, None)


def test_each_transaction_of_an_erasure_is_small(leaving: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenancy, "BATCH_ROWS", 2)
    told: list[int] = []
    monkeypatch.setattr(tasks._Progress, "__call__", lambda _self, deleted: told.append(deleted))

    erase(leaving)

    assert max(told) == 2
    assert len(told) > 5


def test_an_erasure_tells_how_far_it_is(leaving: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "TELL_EVERY", 5)
    request = a_request(leaving, Topic.SHOP_REDACT)
    WebhookDelivery.objects.filter(id=request.id).update(state="DONE", outcome="applied")
    progress = tasks._Progress(leaving.id)

    progress(4)
    progress(3)

    request.refresh_from_db()
    assert request.outcome == "erasing: 7 rows are gone"


@pytest.mark.django_db(transaction=True, databases=["default", "tokens"])
def test_who_returns_during_an_erasure_waits_for_its_end(leaving: Shop, shopify: Any) -> None:
    shopify.will(a_grant(), installation())
    token = SessionToken(leaving.domain, "7", "s")
    assert services.begin_erasure(leaving.id, now=NOW)

    with pytest.raises(BeingErased):
        services.ensure_installed(token, "t", now=NOW)
    erase(leaving)
    services.ensure_installed(token, "t", now=NOW)

    leaving.refresh_from_db()
    assert (leaving.state, shopify.requests[0].url.path) == (ShopState.INSTALLED, "/admin/oauth/access_token")


def test_a_shop_whose_uninstall_we_never_heard_of_is_erased(shop: Shop) -> None:
    """Its token died, and Shopify asks for its erasure: it does not do so for shops that have the app."""
    Shop.objects.filter(id=shop.id).update(needs_reauth=True)

    erase(shop)

    assert rows_of(shop) == {}
