"""The import of a history: one at a time, step by step, and taken up again after any interruption."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.db import OperationalError
from django.test import Client

from backend.audit.models import LedgerEvent
from backend.catalog import gateway, queries, services
from backend.catalog.models import ChangedOrder, Import, ImportPart, Product
from backend.catalog.services import exports, ingest, loading, rows
from backend.catalog.values import ImportState, PartState
from backend.core import clock
from backend.core.database import DATABASE_DOWN
from backend.core.errors import Corrupt, Failure, LostRace, Unavailable
from backend.core.queue import Job
from backend.shopify.gateway import UserErrors
from backend.shopify.values import gid
from backend.shops.models import Shop
from backend.shops.services import NeedsReauth, pseudonym
from tests.backend.history import OPENED, a_shop
from tests.backend.history import a_product as stored_product
from tests.backend.shopify.fake import FakeShopify, data, session_token
from tests.backend.shops.factories import a_token
from tests.conftest import Enqueued

from . import bulk
from .workers import elsewhere, end_session

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
    """Answers bulk operations: which state each export is in, and what goes wrong, is the test's to say."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.queries: dict[str, str] = {}
        self.cancelled: list[str] = []
        self.status = {"products": "RUNNING", "orders": "RUNNING"}
        self.error_code: str | None = None
        self.files: dict[str, str | bytes | None] = {"products": PRODUCTS_FILE, "orders": ORDERS_FILE}
        # Objects and roots that Shopify counted; None counts the file.
        self.counted: dict[str, tuple[int, int] | None] = {"products": None, "orders": None}
        self.breaks_off = False
        self.refuses: list[str] = []
        self.hears_and_breaks_off = 0
        self.others: list[dict[str, Any]] = []
        self.exist: set[int] = set()
        self.asked_for: list[list[int]] = []
        self.nodes_error: httpx.Response | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return self._file(request.url.path.strip("/"))
        body = json.loads(request.read())
        answers = {
            "BulkStart": self._start,
            "BulkStatus": self._describe,
            "BulkList": self._list,
            "BulkCancel": self._cancel,
            "ProductsExist": self._nodes,
        }
        [answer] = [found for name, found in answers.items() if name in body["query"].split("{")[0]]
        return answer(body["variables"])

    def _start(self, variables: dict[str, Any]) -> httpx.Response:
        kind = "orders" if "BulkOrders" in variables["query"] else "products"
        if self.refuses:
            problem = {"field": None, "message": "Later.", "code": self.refuses.pop(0)}
            return data({"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": [problem]}})
        self.started.append(kind)
        self.queries[kind] = variables["query"]
        if self.hears_and_breaks_off:
            self.hears_and_breaks_off -= 1
            raise httpx.ReadTimeout("no answer")
        operation = {"id": f"gid://shopify/BulkOperation/{kind}", "status": "CREATED"}
        return data({"bulkOperationRunQuery": {"bulkOperation": operation, "userErrors": []}})

    def _list(self, variables: dict[str, Any]) -> httpx.Response:
        ours = [
            {
                "id": f"gid://shopify/BulkOperation/{kind}",
                "status": self.status[kind],
                "query": " ".join(query.split()),
                "createdAt": "2026-11-21T11:59:00Z",
            }
            for kind, query in self.queries.items()
        ]
        return data({"bulkOperations": {"nodes": [*self.others, *ours]}})

    def _cancel(self, variables: dict[str, Any]) -> httpx.Response:
        self.cancelled.append(variables["id"].rpartition("/")[2])
        return data({"bulkOperationCancel": {"bulkOperation": None, "userErrors": []}})

    def _describe(self, variables: dict[str, Any]) -> httpx.Response:
        kind = variables["id"].rpartition("/")[2]
        file = self.files[kind]
        is_ready = self.status[kind] == "COMPLETED" and file is not None
        lines = (file.encode() if isinstance(file, str) else file or b"").splitlines()
        roots = sum(b"__parentId" not in line for line in lines)
        objects, roots = self.counted[kind] or (len(lines), roots)
        return data(
            {
                "bulkOperation": {
                    "id": variables["id"],
                    "status": self.status[kind],
                    "errorCode": self.error_code,
                    "objectCount": str(objects),
                    "rootObjectCount": str(roots),
                    "url": f"https://storage.example.com/{kind}" if is_ready else None,
                    "partialDataUrl": "https://storage.example.com/part"
                    if self.status[kind] == "FAILED"
                    else None,
                }
            }
        )

    def _nodes(self, variables: dict[str, Any]) -> httpx.Response:
        if self.nodes_error is not None:
            return self.nodes_error
        ids = [int(each.rpartition("/")[2]) for each in variables["ids"]]
        self.asked_for.append(ids)
        return data({"nodes": [{"id": gid("Product", one)} if one in self.exist else None for one in ids]})

    def _file(self, kind: str) -> httpx.Response:
        if self.breaks_off:
            raise httpx.ReadError("connection reset")
        file = self.files[kind]
        return httpx.Response(200, content=file.encode() if isinstance(file, str) else file or b"")


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


def ready(shop: Shop, remote: BulkShopify) -> int:
    """Start an import, have both files ready and return its id."""
    import_id = started(shop)
    remote.status = {"products": "COMPLETED", "orders": "COMPLETED"}
    services.poll_import(import_id, now=NOW)
    return import_id


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
    for _ in range(8):
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


@pytest.mark.parametrize("step", ["_shortage", "untie_staged"])
@pytest.mark.parametrize("ends", ["failover", "deadlock"])
def test_a_database_that_fails_over_is_no_worker_that_is_lost(
    shop: Shop, remote: BulkShopify, monkeypatch: pytest.MonkeyPatch, ends: str, step: str
) -> None:
    import_id = ready(shop, remote)
    healthy = getattr(loading, step)

    def fail(*args: Any, **kwargs: Any) -> Any:
        if ends == "failover":
            end_session()
            return healthy(*args, **kwargs)
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(loading, step, fail)
    for _ in range(ingest.MOST_LOST_LOADS + 1):
        with pytest.raises(DATABASE_DOWN):
            elsewhere(lambda: services.load_import(import_id, now=NOW))
    monkeypatch.setattr(loading, step, healthy)

    assert services.load_import(import_id, now=NOW)
    assert Import.objects.for_shop(shop.id).get().state == ImportState.DONE


def test_records_that_make_no_sense_are_left_out_and_told(shop: Shop, remote: BulkShopify) -> None:
    remote.files["orders"] = (
        ORDERS_FILE.encode() + b"\n\xff\n" + bulk.order(902, currencyCode="USDT").encode()
    )

    import_id = ready(shop, remote)
    assert services.load_import(import_id, now=NOW)

    progress = queries.import_progress(shop.id)
    assert progress is not None
    orders = progress.parts[1]
    assert (orders.state, orders.done, orders.total, orders.set_aside) == (PartState.DONE, 2, 4, 2)
    assert "2 records were left out" in orders.note
    assert "Line 5, a record without an id: its bytes are not UTF-8." in orders.note
    samples = ImportPart.objects.for_shop(shop.id).get(part="ORDERS").samples
    assert samples[1].startswith("Line 6, Order 902:")
    finished = LedgerEvent.objects.for_shop(shop.id).get(event="IMPORT_FINISHED")
    assert finished.reason == "1 products. 2 orders, 2 records left out."


# Exports that can't be used


@pytest.mark.parametrize("counted", [(4, 2), (1, 0), (0, 1)])
def test_a_file_that_got_lost_is_asked_for_again_and_deletes_nothing(
    shop: Shop, remote: BulkShopify, counted: tuple[int, int]
) -> None:
    stored_product(shop, 8)
    remote.files["products"], remote.counted["products"] = None, counted

    import_id = ready(shop, remote)
    for _ in range(8):
        services.poll_import(import_id, now=NOW)

    assert remote.started.count("products") == 3
    row = Import.objects.for_shop(shop.id).get()
    assert row.state == ImportState.FAILED
    assert "no file came with it" in row.error
    assert queries.counts(shop.id).products == 1
    assert remote.asked_for == []


def test_a_file_that_is_shorter_than_counted_is_asked_for_again_until_it_is_whole(
    shop: Shop, remote: BulkShopify, enqueued: Enqueued
) -> None:
    stored_product(shop, 8)
    remote.counted["products"] = (3, 2)
    import_id = ready(shop, remote)
    enqueued.clear()

    assert not services.load_import(import_id, now=NOW)
    assert parts(shop)["PRODUCTS"][0] == "WAITING"
    assert "1 of 2" in ImportPart.objects.for_shop(shop.id).get(part="PRODUCTS").note
    assert enqueued.of(Job.IMPORT_POLL) == [{"import_id": import_id}]
    assert queries.counts(shop.id).products == 1

    remote.files["products"], remote.exist = PRODUCTS_FILE + "\n" + bulk.product(9), {8}
    for _ in range(2):
        services.poll_import(import_id, now=NOW)
    assert services.load_import(import_id, now=NOW)
    assert queries.counts(shop.id).products == 3


def test_a_file_that_stays_short_ends_the_import_in_words(shop: Shop, remote: BulkShopify) -> None:
    remote.counted["orders"] = (4, 3)
    import_id = ready(shop, remote)

    for _ in range(exports.MOST_ATTEMPTS - 1):
        services.load_import(import_id, now=NOW)
        for _ in range(2):
            services.poll_import(import_id, now=NOW)
    with pytest.raises(UserErrors):
        services.load_import(import_id, now=NOW)

    row = Import.objects.for_shop(shop.id).get()
    assert row.state == ImportState.FAILED
    assert "holds 2 of 3" in row.error
    assert "Nothing was changed or deleted" in row.error


def test_a_partial_file_is_not_used(shop: Shop, remote: BulkShopify) -> None:
    stored_product(shop, 8)
    import_id = started(shop)
    remote.status["products"], remote.error_code = "FAILED", "TIMEOUT"

    services.poll_import(import_id, now=NOW)

    assert parts(shop)["PRODUCTS"][0] == "WAITING"
    note = ImportPart.objects.for_shop(shop.id).get(part="PRODUCTS").note
    assert "TIMEOUT, only a part of the file is there" in note
    assert queries.counts(shop.id).products == 1


# Deletions


def test_what_a_whole_catalogue_lacks_is_asked_for_and_only_a_null_deletes(
    shop: Shop, remote: BulkShopify
) -> None:
    for number in (8, 9):
        stored_product(shop, number)
    # Made, or changed, while Shopify paged through: it exists and is not in the file.
    remote.exist = {9}

    assert services.load_import(ready(shop, remote), now=NOW)

    assert remote.asked_for == [[8, 9]]
    gone = Product.objects.for_shop(shop.id).exclude(deleted_at=None).get()
    assert (gone.product_id, gone.deletion_is_inferred, gone.available) == (8, True, False)


def test_products_are_asked_for_in_as_many_calls_as_shopify_allows(shop: Shop, remote: BulkShopify) -> None:
    for number in range(100, 400):
        stored_product(shop, number)
    remote.exist = set(range(100, 399))

    assert services.load_import(ready(shop, remote), now=NOW)

    assert [len(ids) for ids in remote.asked_for] == [250, 50]
    assert [row.product_id for row in Product.objects.for_shop(shop.id).exclude(deleted_at=None)] == [399]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(200, json={"data": {"nodes": [None]}, "errors": [{"message": "Internal"}]}),
        httpx.Response(200, json={"data": {"nodes": []}}),
    ],
)
def test_anything_but_a_null_is_no_proof(shop: Shop, remote: BulkShopify, answer: httpx.Response) -> None:
    stored_product(shop, 8)
    remote.nodes_error = answer
    import_id = ready(shop, remote)

    with pytest.raises((Failure, ValueError)):
        services.load_import(import_id, now=NOW)

    assert Product.objects.for_shop(shop.id).get(product_id=8).deleted_at is None


def test_a_part_of_the_catalogue_asks_for_nothing(shop: Shop, remote: BulkShopify) -> None:
    stored_product(shop, 8)
    services.request_import(shop.id, now=NOW, since=NOW - timedelta(days=3))

    assert services.load_import(ready(shop, remote), now=NOW)

    assert remote.asked_for == []
    assert queries.counts(shop.id).products == 2


# Starts


@pytest.mark.parametrize("code", ["OPERATION_IN_PROGRESS", "LIMIT_REACHED"])
def test_busy_slots_mean_later(shop: Shop, remote: BulkShopify, enqueued: Enqueued, code: str) -> None:
    remote.refuses = [code] * 10
    remote.others = [
        {"id": gid("BulkOperation", number), "status": status, "query": "", "createdAt": OPENED.isoformat()}
        for number, status in ((1, "RUNNING"), (2, "COMPLETED"))
    ]
    import_id = started(shop)
    for _ in range(4):
        services.poll_import(import_id, now=NOW)

    assert parts(shop)["PRODUCTS"][0] == "WAITING"
    assert set(remote.cancelled) == {"1"}
    assert enqueued.jobs[-1] == (Job.IMPORT_POLL, {"import_id": import_id})
    progress = queries.import_progress(shop.id)
    assert progress is not None
    assert progress.parts[0].note == exports.BUSY

    services.poll_import(import_id, now=NOW)
    remote.status = {"products": "COMPLETED", "orders": "COMPLETED"}
    services.poll_import(import_id, now=NOW)
    assert services.load_import(import_id, now=NOW)


def test_a_start_without_an_answer_is_looked_up_and_not_repeated(shop: Shop, remote: BulkShopify) -> None:
    remote.hears_and_breaks_off = 1
    with pytest.raises(Unavailable):
        services.start_import(shop.id, now=NOW)
    import_id = Import.objects.for_shop(shop.id).get().id
    assert parts(shop)["PRODUCTS"][0] == "STARTING"

    services.poll_import(import_id, now=NOW)

    assert remote.started == ["products", "orders"]
    assert {state for state, _, _ in parts(shop).values()} == {"EXPORTING"}


def test_a_start_that_shopify_never_heard_is_repeated_once_it_cannot_arrive_any_more(
    shop: Shop, remote: BulkShopify
) -> None:
    remote.hears_and_breaks_off = 1
    with pytest.raises(Unavailable):
        services.start_import(shop.id, now=NOW)
    import_id = Import.objects.for_shop(shop.id).get().id
    remote.queries.clear()

    services.poll_import(import_id, now=NOW + timedelta(seconds=10))
    assert remote.started == ["products", "orders"]
    for _ in range(2):
        services.poll_import(import_id, now=NOW + timedelta(minutes=1))

    assert remote.started == ["products", "orders", "products"]
    assert ImportPart.objects.for_shop(shop.id).get(part="PRODUCTS").attempts == 1


def test_the_other_export_is_cancelled_when_one_is_denied(shop: Shop, remote: BulkShopify) -> None:
    import_id = started(shop)
    remote.status["products"], remote.error_code = "FAILED", "ACCESS_DENIED"

    services.poll_import(import_id, now=NOW)

    assert "orders" in remote.cancelled


# Workers that are lost


def test_a_load_whose_worker_is_killed_each_time_stops_and_says_so(
    shop: Shop, remote: BulkShopify, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = ready(shop, remote)

    def killed(*_: Any, **__: Any) -> None:
        raise SystemExit(137)

    monkeypatch.setattr(ingest, "_load_part", killed)
    for _ in range(3):
        with pytest.raises(SystemExit):
            services.load_import(import_id, now=NOW)
    monkeypatch.undo()
    with pytest.raises(Corrupt):
        services.load_import(import_id, now=NOW)

    row = Import.objects.for_shop(shop.id).get()
    assert row.state == ImportState.FAILED
    assert "was begun 3 times and never ended" in row.error


def test_a_load_that_waits_for_shopify_is_not_a_lost_one(shop: Shop, remote: BulkShopify) -> None:
    import_id = ready(shop, remote)
    remote.breaks_off = True

    for _ in range(5):
        with pytest.raises(Unavailable):
            services.load_import(import_id, now=NOW)

    remote.breaks_off = False
    assert services.load_import(import_id, now=NOW)


# Two workers


def test_an_export_that_ends_while_another_is_loaded_is_loaded_too(
    shop: Shop, remote: BulkShopify, enqueued: Enqueued, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = started(shop)
    remote.status["products"] = "COMPLETED"
    services.poll_import(import_id, now=NOW)
    plain = ingest._end_part
    others: list[bool] = []

    def while_products_are_loaded(part: ImportPart, loaded: Any) -> None:
        if part.part == "PRODUCTS":
            others.append(elsewhere(lambda: _orders_are_ready(import_id, remote)))
        plain(part, loaded)

    monkeypatch.setattr(ingest, "_end_part", while_products_are_loaded)
    is_done = services.load_import(import_id, now=NOW)

    assert others == [False]
    assert is_done
    assert Import.objects.for_shop(shop.id).get().state == ImportState.DONE


def test_an_export_that_ends_as_the_loader_lets_go_is_loaded_too(
    shop: Shop, remote: BulkShopify, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = started(shop)
    remote.status["products"] = "COMPLETED"
    services.poll_import(import_id, now=NOW)
    plain = ingest._load_ready
    others: list[bool] = []

    def and_then_another_comes(row: Import, *, now: datetime) -> None:
        plain(row, now=now)
        if not others:
            others.append(elsewhere(lambda: _orders_are_ready(import_id, remote)))

    monkeypatch.setattr(ingest, "_load_ready", and_then_another_comes)

    assert services.load_import(import_id, now=NOW)
    assert others == [False]


def _orders_are_ready(import_id: int, remote: BulkShopify) -> bool:
    """Do as Shopify's message has another worker do: look, find the file ready, and try to load it."""
    remote.status["orders"] = "COMPLETED"
    services.poll_import(import_id, now=NOW)
    return services.load_import(import_id, now=NOW)


def test_two_polls_at_once_start_each_export_once(
    shop: Shop, remote: BulkShopify, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.request_import(shop.id, now=NOW)
    import_id = Import.objects.for_shop(shop.id).get().id
    plain = gateway.start_export

    def while_another_polls(*args: Any, **named: Any) -> str:
        elsewhere(lambda: services.poll_import(import_id, now=NOW))
        return plain(*args, **named)

    monkeypatch.setattr(gateway, "start_export", while_another_polls)
    services.poll_import(import_id, now=NOW)

    assert sorted(remote.started) == ["orders", "products"]


def test_an_import_that_ended_is_not_brought_back_by_a_late_poll(
    shop: Shop, remote: BulkShopify, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = started(shop)
    plain = rows.touch

    def after_the_end(row: Import, *, now: datetime) -> None:
        services.stop_imports(shop.id, reason="The app was uninstalled.", now=NOW)
        plain(row, now=now)

    monkeypatch.setattr(rows, "touch", after_the_end)
    with pytest.raises(LostRace):
        services.poll_import(import_id, now=NOW)

    assert Import.objects.for_shop(shop.id).get().state == ImportState.FAILED


def test_an_import_whose_worker_died_before_its_end_is_ended(
    shop: Shop, remote: BulkShopify, enqueued: Enqueued
) -> None:
    import_id = ready(shop, remote)
    ImportPart.objects.for_shop(shop.id).update(state=PartState.DONE)
    enqueued.clear()

    services.poll_import(import_id, now=NOW)
    assert enqueued.of(Job.IMPORT_LOAD) == [{"import_id": import_id}]

    assert services.load_import(import_id, now=NOW)


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


def test_a_weekly_look_asks_for_all_and_one_that_finds_nothing_does_nothing(
    shop: Shop, remote: BulkShopify, enqueued: Enqueued
) -> None:
    assert services.reconcile_whole(now=NOW) == 0
    services.load_import(ready(shop, remote), now=NOW)
    ChangedOrder.objects.for_shop(shop.id).delete()
    enqueued.clear()

    assert services.reconcile_whole(now=NOW + timedelta(days=7)) == 1
    again = Import.objects.for_shop(shop.id).latest("created_at")
    assert again.since is None
    for _ in range(2):
        services.poll_import(again.id, now=NOW + timedelta(days=7))
    assert services.load_import(again.id, now=NOW + timedelta(days=7))

    assert not {Job.FEATURES_REBUILD, Job.FEATURES_EXTEND, Job.ORDERS_FOLLOW} & set(enqueued.names)


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
