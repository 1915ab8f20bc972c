"""The import of a history: one at a time, step by step, and taken up again after any interruption."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.test import Client

from backend.audit.models import LedgerEvent
from backend.catalog import queries, services
from backend.catalog.models import Import, ImportPart
from backend.catalog.values import ImportState, PartState
from backend.core import clock
from backend.core.errors import Unavailable
from backend.core.queue import Job
from backend.shops.models import Shop
from backend.shops.services import NeedsReauth, pseudonym
from tests.backend.history import a_shop
from tests.backend.shopify.fake import FakeShopify, data, session_token
from tests.backend.shops.factories import a_token
from tests.conftest import Enqueued

from . import bulk

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "tokens"]),
    pytest.mark.usefixtures("redis_server"),
]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PRODUCTS_FILE = "\n".join([bulk.product(7), bulk.variant(70, 7)])
ORDERS_FILE = "\n".join(
    [bulk.order(900), bulk.line(1, 900), bulk.order(901, customer=None), bulk.line(2, 901)]
)


class BulkShopify:
    """Answers bulk operations: which state each export is in is the test's to say."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.status = {"products": "RUNNING", "orders": "RUNNING"}
        self.error_code: str | None = None
        self.files: dict[str, str | None] = {"products": PRODUCTS_FILE, "orders": ORDERS_FILE}
        self.breaks_off = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return self._file(request.url.path.strip("/"))
        body = request.read().decode()
        if "BulkStart" in body:
            return self._start("orders" if "BulkOrders" in body else "products")
        return self._describe("orders" if "gid://shopify/BulkOperation/orders" in body else "products")

    def _start(self, kind: str) -> httpx.Response:
        self.started.append(kind)
        operation = {"id": f"gid://shopify/BulkOperation/{kind}", "status": "CREATED"}
        return data({"bulkOperationRunQuery": {"bulkOperation": operation, "userErrors": []}})

    def _describe(self, kind: str) -> httpx.Response:
        is_ready = self.status[kind] == "COMPLETED" and self.files[kind] is not None
        return data(
            {
                "bulkOperation": {
                    "id": f"gid://shopify/BulkOperation/{kind}",
                    "status": self.status[kind],
                    "errorCode": self.error_code,
                    "createdAt": "2026-11-21T11:59:00Z",
                    "objectCount": "4",
                    "rootObjectCount": "2" if kind == "orders" else "1",
                    "url": f"https://storage.example.com/{kind}" if is_ready else None,
                }
            }
        )

    def _file(self, kind: str) -> httpx.Response:
        if self.breaks_off:
            raise httpx.ReadError("connection reset")
        return httpx.Response(200, text=self.files[kind] or "")


@pytest.fixture
def shop() -> Shop:
    shop = a_shop()
    a_token(shop, now=NOW, expires_at=None)
    return shop


@pytest.fixture
def remote(shopify: FakeShopify) -> BulkShopify:
    remote = BulkShopify()
    shopify.will(remote)
    return remote


def parts(shop: Shop) -> dict[str, tuple[str, int, int]]:
    rows = ImportPart.objects.for_shop(shop.id).order_by("-id")
    return {row.part: (row.state, row.done, row.total) for row in rows}


def started(shop: Shop) -> int:
    """Start an import and return its id."""
    services.start_import(shop.id, now=NOW)
    return Import.objects.for_shop(shop.id).get().id


def test_an_import_goes_from_asking_to_done(shop: Shop, remote: BulkShopify, enqueued: Enqueued) -> None:
    import_id = started(shop)
    assert sorted(remote.started) == ["orders", "products"]
    assert enqueued.jobs == [(Job.IMPORT_POLL, {"import_id": import_id})]

    services.poll_import(import_id, now=NOW)
    assert parts(shop) == {"PRODUCTS": ("EXPORTING", 0, 1), "ORDERS": ("EXPORTING", 0, 2)}

    remote.status = {"products": "COMPLETED", "orders": "COMPLETED"}
    enqueued.clear()
    services.poll_import(import_id, now=NOW)
    assert enqueued.jobs == [(Job.IMPORT_LOAD, {"import_id": import_id})]

    assert services.load_import(import_id, now=NOW)
    assert parts(shop) == {"PRODUCTS": ("DONE", 1, 1), "ORDERS": ("DONE", 2, 2)}
    assert queries.get_order(shop.id, 900).customer_key == pseudonym(shop.id, 17850)
    assert enqueued.of(Job.FEATURES_REBUILD) == [{"shop_id": shop.id}]
    assert set(LedgerEvent.objects.for_shop(shop.id).values_list("event", flat=True)) == {
        "IMPORT_REQUESTED",
        "IMPORT_FINISHED",
    }


def test_a_shop_without_orders_is_done_too(shop: Shop, remote: BulkShopify, enqueued: Enqueued) -> None:
    remote.status = {"products": "COMPLETED", "orders": "COMPLETED"}
    remote.files["orders"] = None
    import_id = started(shop)
    services.poll_import(import_id, now=NOW)

    assert services.load_import(import_id, now=NOW)

    assert queries.counts(shop.id).orders == 0
    assert enqueued.names.count(Job.FEATURES_REBUILD) == 1


def test_one_import_of_a_shop_is_live_at_a_time(shop: Shop, remote: BulkShopify, enqueued: Enqueued) -> None:
    services.request_import(shop.id, now=NOW)
    enqueued.clear()

    with pytest.raises(services.AlreadyRunning):
        services.request_import(shop.id, now=NOW)

    assert Import.objects.for_shop(shop.id).count() == 1
    assert enqueued.jobs == []


def test_starting_twice_asks_shopify_once(shop: Shop, remote: BulkShopify) -> None:
    started(shop)
    started(shop)

    assert len(remote.started) == 2


def test_an_export_that_shopify_lost_is_asked_for_again_but_not_for_ever(
    shop: Shop, remote: BulkShopify
) -> None:
    import_id = started(shop)
    remote.status["products"] = "FAILED"
    for _ in range(6):
        services.poll_import(import_id, now=NOW)

    assert remote.started.count("products") == 3
    progress = queries.import_progress(shop.id)
    assert progress is not None
    assert progress.state is ImportState.FAILED
    assert progress.parts[0].state is PartState.FAILED
    assert "3 times" in progress.parts[0].error
    assert LedgerEvent.objects.for_shop(shop.id).filter(event="IMPORT_FAILED").count() == 1


def test_a_denied_export_fails_at_once_and_can_be_asked_for_again(
    shop: Shop, remote: BulkShopify, enqueued: Enqueued
) -> None:
    import_id = started(shop)
    remote.status["orders"], remote.error_code = "FAILED", "ACCESS_DENIED"

    services.poll_import(import_id, now=NOW)

    assert Import.objects.for_shop(shop.id).get().state == ImportState.FAILED
    services.request_import(shop.id, now=NOW)
    assert enqueued.jobs[-1] == (Job.IMPORT_START, {"shop_id": shop.id})


def test_a_file_that_breaks_off_is_loaded_again(shop: Shop, remote: BulkShopify) -> None:
    remote.status = {"products": "COMPLETED", "orders": "COMPLETED"}
    import_id = started(shop)
    services.poll_import(import_id, now=NOW)
    remote.breaks_off = True

    with pytest.raises(Unavailable):
        services.load_import(import_id, now=NOW)
    assert parts(shop)["PRODUCTS"][0] == "LOADING"

    remote.breaks_off = False
    assert services.load_import(import_id, now=NOW)


def test_a_file_that_makes_no_sense_fails_and_says_where(shop: Shop, remote: BulkShopify) -> None:
    remote.status = {"products": "COMPLETED", "orders": "COMPLETED"}
    remote.files["orders"] = bulk.order(900) + "\nnonsense"
    import_id = started(shop)
    services.poll_import(import_id, now=NOW)

    with pytest.raises(services.UnreadableExport):
        services.load_import(import_id, now=NOW)

    row = Import.objects.for_shop(shop.id).get()
    assert row.state == ImportState.FAILED
    assert row.error.startswith("Line 2 of a bulk result cannot be read")
    assert queries.counts(shop.id).orders == 0


def test_an_import_waits_for_a_merchant_whose_token_died(shop: Shop, remote: BulkShopify) -> None:
    import_id = started(shop)
    Shop.objects.filter(id=shop.id).update(needs_reauth=True)

    with pytest.raises(NeedsReauth):
        services.poll_import(import_id, now=NOW)
    assert Import.objects.for_shop(shop.id).get().state == ImportState.RUNNING

    Shop.objects.filter(id=shop.id).update(needs_reauth=False)
    remote.status = {"products": "COMPLETED", "orders": "COMPLETED"}
    services.poll_import(import_id, now=NOW)
    assert services.load_import(import_id, now=NOW)


def test_the_sweep_takes_up_what_nobody_works_on(shop: Shop, remote: BulkShopify, enqueued: Enqueued) -> None:
    import_id = started(shop)
    unasked = a_shop("never-asked.myshopify.com")
    enqueued.clear()

    assert services.sweep_imports(now=NOW + timedelta(seconds=90)) == 1
    assert services.sweep_imports(now=NOW + timedelta(minutes=3)) == 2

    assert enqueued.of(Job.IMPORT_POLL) == [{"import_id": import_id}]
    assert enqueued.of(Job.IMPORT_START) == [{"shop_id": unasked.id}] * 2


def test_shopifys_message_wakes_the_import_it_is_about(shop: Shop, remote: BulkShopify) -> None:
    import_id = started(shop)
    other = a_shop("other.myshopify.com")

    assert services.import_of_operation(shop.id, "gid://shopify/BulkOperation/orders") == import_id
    assert services.import_of_operation(shop.id, "gid://shopify/BulkOperation/999") is None
    assert services.import_of_operation(other.id, "gid://shopify/BulkOperation/orders") is None


def test_the_nightly_look_back_asks_for_what_changed(
    shop: Shop, remote: BulkShopify, shopify: FakeShopify, enqueued: Enqueued
) -> None:
    remote.status = {"products": "COMPLETED", "orders": "COMPLETED"}
    import_id = started(shop)
    services.poll_import(import_id, now=NOW)
    services.load_import(import_id, now=NOW)
    a_shop("never-imported.myshopify.com")
    shopify.requests.clear()

    assert services.reconcile(now=NOW + timedelta(days=1)) == 1
    services.start_import(shop.id, now=NOW + timedelta(days=1))

    asked = [body["variables"]["query"] for body in shopify.bodies() if "BulkStart" in body["query"]]
    assert len(asked) == 2
    assert all("updated_at:>='2026-11-19T12:00:00Z'" in query for query in asked)


def test_a_first_import_asks_for_everything(shop: Shop, remote: BulkShopify, shopify: FakeShopify) -> None:
    started(shop)

    asked = [body["variables"]["query"] for body in shopify.bodies()]
    assert all("updated_at" not in query for query in asked)
    assert all("groupObjects: false" in body["query"] for body in shopify.bodies())


def test_an_uninstalled_shops_import_ends(shop: Shop, remote: BulkShopify) -> None:
    started(shop)

    services.stop_imports(shop.id, reason="The app was uninstalled.", now=NOW)
    services.stop_imports(shop.id, reason="Again.", now=NOW)

    assert Import.objects.for_shop(shop.id).get().error == "The app was uninstalled."


def test_the_api_asks_for_an_import_of_the_callers_shop(client: Client, enqueued: Enqueued) -> None:
    shop = a_shop()
    a_token(shop, now=clock.now())
    headers: dict[str, Any] = {"Authorization": f"Bearer {session_token()}"}

    first = client.post("/api/imports", headers=headers)
    second = client.post("/api/imports", headers=headers)

    assert (first.status_code, first.json()["state"]) == (202, "QUEUED")
    assert [part["part"] for part in first.json()["parts"]] == ["PRODUCTS", "ORDERS"]
    assert (second.status_code, second.json()["error"]["code"]) == (409, "already_running")
    assert enqueued.jobs == [(Job.IMPORT_START, {"shop_id": shop.id})]
