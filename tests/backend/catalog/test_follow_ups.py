"""What follows from an import: the state is the same as if no webhook and no message had been lost."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections

from backend.attribution import queries as attribution
from backend.attribution.models import Credit, Join, OrderAttribution
from backend.catalog import queries, services
from backend.catalog.models import ChangedOrder, Import, Order, OrderLine, Refund
from backend.catalog.services import loading
from backend.catalog.values import ImportState
from backend.core.queue import Job
from backend.features import queries as features
from backend.features.gateway import cache
from backend.features.models import Interaction
from backend.shops.models import Shop
from backend.shops.services import pseudonym
from backend.training import services as training
from celery_worker.tasks.attribution import attribute
from celery_worker.tasks.features import extend
from celery_worker.tasks.orders import follow_orders
from tests.backend.attribution.test_services import a_shown_decision
from tests.backend.history import a_shop
from tests.backend.webhooks.payloads import a_refund
from tests.conftest import Enqueued

from . import bulk
from .workers import elsewhere

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "tokens"]),
    pytest.mark.usefixtures("redis_server"),
]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PLACED = "2026-11-20T10:00:00Z"


def load(shop: Shop, *lines: str, **changes: Any) -> loading.Loaded:
    arguments: dict[str, Any] = {
        "pseudonymise": lambda number: pseudonym(shop.id, number),
        "on_progress": lambda done: None,
    }
    return loading.load(shop.id, lines, **arguments | changes)


def a_twin(domain: str) -> tuple[Shop, dict[str, Any]]:
    """Return a shop that differs from its twin by its address alone, and an order that names its decision."""
    shop = a_shop(domain, pseudonym_key="ab" * 32)
    Import.objects.for_shop(shop.id).create(state=ImportState.DONE, created_at=NOW, touched_at=NOW)
    decision = str(a_shown_decision(shop, 7, at=NOW - timedelta(days=2)))
    return shop, {"name": "_tailorbird", "value": decision}


def tell(shop: Shop, named: dict[str, str], **changes: Any) -> None:
    """Bring the order by its webhook, as far as the catalogue."""
    line = {
        "id": 1,
        "product_id": 7,
        "quantity": 2,
        "current_quantity": 2,
        "price": "2.50",
        "total_discount": "2.50",
        "properties": [named],
    }
    payload = {
        "id": 900,
        "name": "#1001",
        "order_number": 1001,
        "customer_key": pseudonym(shop.id, 17850),
        "created_at": PLACED,
        "processed_at": PLACED,
        "updated_at": PLACED,
        "currency": "GBP",
        "source_name": "web",
        "refunds": [],
        "line_items": [line],
    }
    assert services.apply_order(shop.id, payload | changes) == 900


def export(shop: Shop, named: dict[str, str], **changes: Any) -> loading.Loaded:
    """Bring the order by an export."""
    attribute = {"key": named["name"], "value": named["value"]}
    times = {"createdAt": PLACED, "processedAt": PLACED, "updatedAt": PLACED}
    return load(shop, bulk.order(900, **times | changes), bulk.line(1, 900, customAttributes=[attribute]))


def state(shop: Shop, named: dict[str, str]) -> dict[str, Any]:
    """Return all that is stored of a shop's orders, without what differs between any two rows or shops."""
    found: dict[str, Any] = {}
    for table in (Order, OrderLine, Refund, Interaction, Join, Credit, OrderAttribution, ChangedOrder):
        columns = [field.attname for field in table._meta.concrete_fields]
        moments = {"attributed_at", "joined_at", "recorded_at"}
        own = {"id", "shop_id"} | moments | ({"order_id"} if table is OrderLine else set())
        rows = table.objects.for_shop(shop.id).order_by("id").values(*(set(columns) - own))
        found[table.__name__] = [str(sorted(row.items())).replace(named["value"], "DECISION") for row in rows]
    past = features.recent_past(shop.id, pseudonym(shop.id, 17850))
    return found | {"past": past.items.tolist()}


def run(enqueued: Enqueued) -> None:
    """Do the jobs that were asked for, as workers would."""
    tasks: dict[Job, Callable[..., Any]] = {
        Job.FEATURES_EXTEND: extend,
        Job.ATTRIBUTE: attribute,
        Job.ORDERS_FOLLOW: follow_orders,
    }
    for job, ids in enqueued.jobs:
        tasks[job](**ids)
    enqueued.clear()


@pytest.fixture(autouse=True)
def _no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first training is another test's."""
    monkeypatch.setattr(training, "ensure_first_training", lambda *_, **__: None)


def test_an_order_whose_webhook_was_lost_ends_as_one_whose_was_not(enqueued: Enqueued) -> None:
    (told, its), (untold, others) = a_twin("told.myshopify.com"), a_twin("untold.myshopify.com")
    tell(told, its)
    extend(told.id, 900)
    attribute(told.id, 900)
    features.recent_past(untold.id, pseudonym(untold.id, 17850))

    export(told, its)
    export(untold, others)
    services.sweep_imports(now=NOW)
    run(enqueued)

    assert state(untold, others) == state(told, its)
    assert len(state(told, its)["Credit"]) == 1
    assert state(told, its)["past"] == [7]


def test_a_cancellation_that_was_lost_takes_features_and_credits_back(enqueued: Enqueued) -> None:
    (told, its), (untold, others) = a_twin("told.myshopify.com"), a_twin("untold.myshopify.com")
    later = "2026-11-20T18:00:00Z"
    for shop, named in ((told, its), (untold, others)):
        tell(shop, named)
        extend(shop.id, 900)
        attribute(shop.id, 900)
        assert state(shop, named)["past"] == [7]
    tell(told, its, updated_at=later, cancelled_at=later)
    extend(told.id, 900)
    attribute(told.id, 900)

    export(untold, others, updatedAt=later, cancelledAt=later)
    services.sweep_imports(now=NOW)
    run(enqueued)

    assert state(untold, others) == state(told, its)
    assert (attribution.credits_of(untold.id, 900), state(untold, others)["past"]) == ([], [])


def test_the_sweep_sends_what_a_broker_lost(enqueued: Enqueued) -> None:
    shop, named = a_twin("told.myshopify.com")
    export(shop, named)

    for _ in range(2):
        services.sweep_imports(now=NOW)
    assert enqueued.of(Job.ORDERS_FOLLOW) == [{"shop_id": shop.id}] * 2
    run(enqueued)
    services.sweep_imports(now=NOW)

    assert enqueued.jobs == []


def test_an_order_that_changes_again_while_it_is_followed_up_is_followed_up_again() -> None:
    shop, named = a_twin("told.myshopify.com")
    export(shop, named)
    seen = services.next_changes(shop.id)
    assert seen is not None

    export(shop, named, updatedAt="2026-11-20T18:00:00Z")
    services.strike_off(seen)

    again = services.next_changes(shop.id)
    assert again is not None
    assert again.order_ids == [900]
    services.strike_off(again)
    assert services.next_changes(shop.id) is None


def test_an_import_that_found_nothing_new_writes_nothing(enqueued: Enqueued) -> None:
    shop, named = a_twin("told.myshopify.com")
    catalogue = [bulk.product(7), bulk.variant(70, 7), bulk.collection(5, 7)]
    load(shop, *catalogue)
    export(shop, named)
    follow_orders(shop.id)
    tables = ("product", "variant", "collection", "productcollection", "order", "orderline", "changedorder")
    before = {table: versions(table) for table in tables}

    load(shop, *catalogue)
    export(shop, named)

    assert {table: versions(table) for table in tables} == before
    assert not queries.has_changed_orders(shop.id)
    services.sweep_imports(now=NOW)
    assert enqueued.jobs == []


def versions(table: str) -> list[tuple[int, str]]:
    """Return each row with where its newest version lies: a row that is written anew moves."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, ctid::text FROM catalog_{table} ORDER BY 1")
        return list(cursor.fetchall())


def test_orders_of_before_the_install_are_credited_only_if_they_name_a_decision() -> None:
    shop, named = a_twin("told.myshopify.com")
    key = {"key": named["name"], "value": named["value"]}

    load(
        shop,
        *(bulk.order(number) for number in (900, 901, 902)),
        bulk.order(903, updatedAt="2026-11-20T10:00:00Z"),
        bulk.order(904, customAttributes=[{"key": "_tailorbird_7", "value": named["value"]}]),
        bulk.line(1, 902, customAttributes=[key]),
        changed_since=datetime(2026, 11, 10, tzinfo=UTC),
    )

    changed = ChangedOrder.objects.for_shop(shop.id).order_by("order_id")
    assert list(changed.values_list("order_id", flat=True)) == [902, 903, 904]


# A refund and an import at once

BARRIER = 7_007


@pytest.mark.parametrize(
    ("case", "is_known", "updated_at", "in_the_file", "left"),
    [
        ("the export counts the refund, the stored order does not", True, "2026-11-20T13:00:00Z", 1, 1),
        ("the export is older than the refund", True, "2026-11-20T11:00:00Z", 2, 1),
        ("something else changed the order in the refund's second", True, "2026-11-20T12:00:00Z", 2, 1),
        ("the order is new and the export counts the refund", False, "2026-11-20T13:00:00Z", 1, 1),
        ("the order is new and the export is older than the refund", False, "2026-11-20T11:00:00Z", 2, 1),
    ],
)
def test_a_refund_that_meets_an_import_is_subtracted_once(
    monkeypatch: pytest.MonkeyPatch, case: str, is_known: bool, updated_at: str, in_the_file: int, left: int
) -> None:
    shop = a_shop()
    if is_known:
        load(shop, bulk.order(900, updatedAt=PLACED), bulk.line(2, 900))
    refund = a_refund(
        created_at="2026-11-20T12:00:00Z", refund_line_items=[{"line_item_id": 2, "quantity": 1}]
    )
    # The import has written everything and not committed while the refund comes.
    paused = (*loading.MERGE, f"SELECT pg_advisory_xact_lock({BARRIER})")
    monkeypatch.setattr(loading, "MERGE", paused)

    with ThreadPoolExecutor(2) as pool:
        with barrier():
            listed = [{"id": "gid://shopify/Refund/300"}] if in_the_file == 1 else []
            order = bulk.order(900, updatedAt=updated_at, refunds=listed)
            lines = [order, bulk.line(2, 900, currentQuantity=in_the_file)]
            loads = pool.submit(_then_close, lambda: load(shop, *lines))
            wait_for("advisory", 1)
            refunds = pool.submit(_then_close, lambda: services.apply_refund(shop.id, refund))
            # It may wait for the import; if it does not, it has to be right all the same.
            wait_until(lambda: refunds.done() or elsewhere(lambda: waiting("transactionid")) > 0)
        loads.result(timeout=30)
        refunds.result(timeout=30)

    [line] = queries.get_order(shop.id, 900).lines
    assert line.current_quantity == left, case
    assert Order.objects.for_shop(shop.id).count() == 1


def test_a_refund_of_an_order_that_never_comes_leaves_no_order_behind() -> None:
    shop = a_shop()

    assert services.apply_refund(shop.id, a_refund()) is None

    assert not Order.objects.for_shop(shop.id).exists()
    assert Refund.objects.for_shop(shop.id).count() == 1


def _then_close(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connections.close_all()


@contextmanager
def barrier() -> Iterator[None]:
    """Hold a lock that the paused import waits for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [BARRIER])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [BARRIER])


def waiting(kind: str) -> int:
    """Return how many sessions wait for a lock of a kind."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND locktype = %s", [kind])
        found: int = cursor.fetchone()[0]
        return found


def wait_for(kind: str, number: int) -> None:
    wait_until(lambda: waiting(kind) >= number)


def wait_until(is_true: Callable[[], bool]) -> None:
    for _ in range(300):
        if is_true():
            return
        time.sleep(0.05)
    pytest.fail("What was waited for did not happen.")


# Redis


def test_forgetting_a_shop_does_not_walk_the_key_space(redis_server: Any) -> None:
    redis_server.set("someone:elses", "kept")
    cache.keep_list(1, "popular", [7], seconds=60)
    cache.keep_list(2, "popular", [8], seconds=60)
    redis_server.config_resetstat()

    cache.drop_shop(1)

    assert cache.find_list(1, "popular") is None
    assert cache.find_list(2, "popular") == [8]
    assert not {"cmdstat_scan", "cmdstat_keys"} & set(redis_server.info("commandstats"))
