"""Servers that hang or are gone: shoppers are answered in time, and every answer is in the ledger after."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import psycopg2  # type: ignore[import-untyped]  # its stubs say less than its manual
import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection, connections
from psycopg2 import extensions

from backend.audit import gateway, services, spooling
from backend.audit.values import Ledger
from backend.config import engines
from backend.core import database
from backend.core.redis import connection as redis_connection
from backend.core.spool import Spool
from backend.features.gateway import cache
from backend.serving import queries, views
from backend.serving.services import answering, replay
from backend.serving.values import ReplayVerdict
from backend.shops import queries as shops
from backend.shops.models import Shop
from backend.webhooks.models import WebhookDelivery
from tests.backend.events.bodies import BROWSER, an_event
from tests.backend.history import NOW, products
from tests.backend.racing import until
from tests.backend.shopify.fake import webhook_signature
from tests.backend.webhooks.payloads import an_order

from .storefront import DOMAIN, GRANTED, a_query, ask, recorded, shown
from .test_guard_processes import a_web_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_own_desk")]

# What waiting for a server may cost an answer; the rest is what a busy machine takes for it.
WAITS_SECONDS: Final = 0.3
BUSY_SECONDS: Final = 1.5
# What Shopify waits for the answer to a delivery.
SHOPIFYS_SECONDS: Final = 5.0
CUSTOMER: Final = 17850


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.SPOOL_ROOT = tmp_path / "spool"
    return settings.SPOOL_ROOT


@pytest.fixture(autouse=True)
def _no_connection_stays() -> Iterator[None]:
    yield
    queries._refreshers.submit(connections.close_all).result()


@contextmanager
def frozen(processes: list[psutil.Process]) -> Iterator[None]:
    """Stop some processes in their tracks, as a host does that hangs: their sockets stay open."""
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in reversed(processes):
            process.resume()


@contextmanager
def postgresql_frozen() -> Iterator[None]:
    """Freeze the tests' own server, while this process bounds its waits as a web process does."""
    postmaster = engines._postmaster(engines._layout(Path(django_settings.DATA_DIR)))
    assert postmaster is not None
    database.bound_waits()
    try:
        with frozen([postmaster, *postmaster.children(recursive=True)]):
            yield
    finally:
        extensions.set_wait_callback(None)
        database.close_breakers()
        connection.close()
        gateway.close()


@contextmanager
def valkey_frozen() -> Iterator[None]:
    with frozen([psutil.Process(redis_connection().info()["process_id"])]):
        yield


def timed(act: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    return act(), time.monotonic() - began


def ask_as_a_customer() -> Any:
    return ask(limit=4, consent=GRANTED, logged_in_customer_id=CUSTOMER)


@pytest.mark.parametrize("is_for_long", [False, True])
def test_a_frozen_database_keeps_no_shopper_and_loses_no_decision(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch, *, is_for_long: bool
) -> None:
    if is_for_long:
        # Whatever this process knows has grown too old by then.
        monkeypatch.setattr(shops, "CACHE_SECONDS", 0.0)
        monkeypatch.setattr(queries, "USABLE_SECONDS", 0.0)
    before = [ask_as_a_customer(), ask(limit=4)]

    with postgresql_frozen():
        first, waited = timed(ask_as_a_customer)
        others, waited_then = timed(lambda: [ask(limit=4), ask_as_a_customer()])

    assert waited < WAITS_SECONDS + BUSY_SECONDS
    assert waited_then < 2 * BUSY_SECONDS
    given = [*before, first, *others]
    assert [len(shown(one)) for one in given] == [4] * 5
    assert shown(first) == shown(before[0])
    assert views.desk.health().spooled == 3
    views.shipper.look()
    assert {str(one.id) for one in recorded(shop.id)} == {one.json()["decision"] for one in given}
    services.seal(Ledger.DECISIONS, now=NOW)
    assert services.verify(shop.id, Ledger.DECISIONS).findings == ()


def test_a_frozen_cache_keeps_no_shopper(shop: Shop, live: Any, redis_server: Any) -> None:
    cache.close_breaker()
    before = ask_as_a_customer()
    with valkey_frozen():
        first, waited = timed(ask_as_a_customer)
        second, waited_then = timed(ask_as_a_customer)

    assert shown(first) == shown(second) == shown(before)
    assert waited < WAITS_SECONDS + BUSY_SECONDS
    assert waited_then < BUSY_SECONDS


@pytest.mark.slow
@pytest.mark.usefixtures("artifact_root", "redis_server")
@pytest.mark.parametrize(
    ("servers", "is_stored"),
    [
        ([postgresql_frozen], False),
        ([valkey_frozen], True),
        ([postgresql_frozen, valkey_frozen], False),
    ],
)
def test_nobody_waits_for_long_for_servers_that_hang(
    shop: Shop,
    live: Any,
    tmp_path: Path,
    settings: Any,
    servers: list[Callable[[], AbstractContextManager[None]]],
    *,
    is_stored: bool,
) -> None:
    with a_web_server(settings, tmp_path, redis_url=settings.REDIS_URL, workers=1) as (origin, _):
        before = answers(origin, 20)
        with ExitStack() as hanging:
            for server in servers:
                hanging.enter_context(server())
            delivered, waited = timed(lambda: deliver(origin))
            told, waited_then = timed(lambda: tell(origin, shop))
            meanwhile = answers(origin, 20)
        assert WebhookDelivery.objects.count() == is_stored
        # It may be left alone for a second yet.
        until(lambda: deliver(origin).status_code == 200)

    assert [len(one.products) for one in (*before, *meanwhile)] == [4] * 40
    assert all(one.decision for one in meanwhile)
    assert max(one.seconds for one in meanwhile) < WAITS_SECONDS + BUSY_SECONDS
    assert (delivered.status_code, told.status_code) == ((200, 202) if is_stored else (503, 503))
    assert not is_stored or told.json()["accepted"] == 1
    assert is_stored or {delivered.headers["Retry-After"], told.headers["Retry-After"]} == {"5"}
    assert max(waited, waited_then) < SHOPIFYS_SECONDS
    assert WebhookDelivery.objects.count() == 1


def deliver(origin: str) -> httpx.Response:
    body = json.dumps(an_order()).encode()
    headers = {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": DOMAIN,
        "X-Shopify-Webhook-Id": "d-1",
        "X-Shopify-Hmac-Sha256": webhook_signature(body),
        "X-Shopify-Triggered-At": "2026-11-21T11:59:58Z",
        "Content-Type": "application/json",
    }
    return httpx.post(f"{origin}/webhooks", content=body, headers=headers, trust_env=False, timeout=90)


def tell(origin: str, shop: Shop) -> httpx.Response:
    body = json.dumps({"events": [an_event("product_viewed", product=101)]})
    headers = {"Content-Type": "text/plain", "User-Agent": BROWSER}
    return httpx.post(
        f"{origin}/events/{shop.uuid}", content=body, headers=headers, trust_env=False, timeout=90
    )


@pytest.mark.slow
@pytest.mark.usefixtures("artifact_root", "redis_server")
def test_web_processes_answer_while_the_database_is_frozen_and_one_of_them_is_killed(
    shop: Shop, live: Any, tmp_path: Path, settings: Any
) -> None:
    with a_web_server(settings, tmp_path) as (origin, arbiter):
        before: list[Given] = []

        def all_know_the_shop() -> bool:
            before.extend(answers(origin, 40))
            return has_answered(origin) == children(arbiter)

        until(all_know_the_shop)
        with postgresql_frozen():
            meanwhile = answers(origin, 40)
            # Not the one that comes in its place, which knows nothing yet.
            psutil.Process(min(children(arbiter))).kill()
        after = answers(origin, 20)
        given = {one.decision for one in (*before, *meanwhile, *after) if one.decision}
        until(lambda: not services.is_spool_waiting())
        in_ledger = {str(one.id) for one in recorded(shop.id)}

    assert [len(one.products) for one in meanwhile] == [4] * 40
    assert max(one.seconds for one in meanwhile) < WAITS_SECONDS + BUSY_SECONDS
    assert given <= in_ledger
    services.seal(Ledger.DECISIONS, now=NOW)
    assert services.verify(shop.id, Ledger.DECISIONS).findings == ()


def children(arbiter: int) -> set[int]:
    return {one.pid for one in psutil.Process(arbiter).children()}


def has_answered(origin: str) -> set[int]:
    """Return the processes whose model was asked: they know the shop."""
    told = [httpx.get(f"{origin}/health/models", trust_env=False, timeout=90).json() for _ in range(20)]
    return {one["pid"] for one in told if any(model["p50_ms"] is not None for model in one["models"])}


@dataclass(frozen=True)
class Given:
    """What a web process answered; no decision in an empty list."""

    decision: str | None
    products: list[int]
    seconds: float


def answers(origin: str, count: int) -> list[Given]:
    """Ask so often, eight at once and each by a connection of its own, so that every process is asked."""
    limits = httpx.Limits(max_keepalive_connections=0)
    with (
        # As long as a process takes to start: another one may not be there yet when one is killed.
        httpx.Client(base_url=origin, trust_env=False, timeout=90, limits=limits) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        return list(pool.map(lambda _: get(client), range(count)))


def get(client: httpx.Client) -> Given:
    began = time.monotonic()
    query = a_query(limit=4, consent=GRANTED, logged_in_customer_id=CUSTOMER)
    response = client.get(f"/proxy/recommendations?{query}")
    return Given(response.json().get("decision"), shown(response), time.monotonic() - began)


def away(*_: Any, **__: Any) -> None:
    raise OperationalError("The server is gone.")


def test_an_answer_while_the_ledger_is_away_is_in_it_after(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as down:
        down.setattr(answering.audit, "record_decision", away)
        given = [ask(limit=4), ask(limit=4, consent=GRANTED, logged_in_customer_id=17850)]
    assert recorded(shop.id) == []

    views.shipper.look()

    assert {str(one.id) for one in recorded(shop.id)} == {one.json()["decision"] for one in given}
    assert [len(shown(one)) for one in given] == [4, 4]


def test_what_this_process_knows_is_used_on_while_the_database_is_away(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    # Whatever it knows has grown too old.
    monkeypatch.setattr(shops, "CACHE_SECONDS", 0.0)
    monkeypatch.setattr(queries, "USABLE_SECONDS", 0.0)
    before = ask(limit=4)

    with monkeypatch.context() as down:
        down.setattr(connection, "cursor", away)
        down.setattr(gateway, "_parameters", lambda _: {"host": "/nowhere", "dbname": "gone"})
        gateway.close()
        during = ask(limit=4)
        as_customer = ask(limit=4, consent=GRANTED, logged_in_customer_id=CUSTOMER)

    assert shown(during) == shown(before)
    assert len(shown(as_customer)) == 4
    assert views.desk.health().spooled == 2
    views.shipper.look()
    assert len(recorded(shop.id)) == 3


def test_a_page_whose_collection_cannot_be_read_has_a_list_all_the_same(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of what the model does not know its collection would have the first word.
    products(shop, [900])
    ask(limit=4)

    with monkeypatch.context() as down:
        down.setattr(queries.features, "collection_mates", away)
        answer = ask(limit=4, surface="product", product=900)

    assert len(shown(answer)) == 4
    decided = recorded(shop.id)[-1]
    assert str(decided.id) == answer.json()["decision"]
    assert replay(shop.id, decided.id).verdict is ReplayVerdict.EQUAL


def test_a_list_is_whole_though_its_cards_cannot_be_read(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = {"limit": 8, "surface": "product", "product": 100, "cart": "139,138"}
    monkeypatch.setattr(queries, "STAPLES", 12)
    before = shown(ask(**page))
    # As if this process had never read them.
    queries._cards._cards.clear()

    with postgresql_frozen():
        first, waited = timed(lambda: ask(**page))
        second, waited_then = timed(lambda: ask(**page))

    staples = set(range(128, 138))
    assert [len(shown(one)) for one in (first, second)] == [8, 8]
    assert set(shown(first)) | set(shown(second)) <= staples
    assert not set(before) <= staples
    assert waited < WAITS_SECONDS + BUSY_SECONDS
    assert waited_then < BUSY_SECONDS
    views.shipper.look()
    for one in recorded(shop.id):
        assert replay(shop.id, one.id).verdict is ReplayVerdict.EQUAL
    # What it wanted then was read behind.
    queries._refreshers.submit(lambda: None).result()
    with monkeypatch.context() as down:
        down.setattr(queries.catalog, "products_for_serving", away)
        assert shown(ask(**page)) == before


def test_what_takes_longer_than_a_shopper_may_wait_is_read_behind_their_back() -> None:
    late = [OperationalError("PostgreSQL did not answer in time.")]

    def read(key: int) -> int:
        if late:
            raise late.pop()
        return key

    kept = queries.Kept(read)
    with pytest.raises(OperationalError):
        kept.get(1)

    queries._refreshers.submit(lambda: None).result()

    late.append(OperationalError("It was asked again."))
    assert kept.get(1) == 1


@pytest.mark.parametrize("is_written", [False, True])
def test_where_the_disk_is_full_a_ledger_that_is_late_is_waited_for(
    shop: Shop, live: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, *, is_written: bool
) -> None:
    ask(limit=4)
    for patience in (database.LAST_RESORT, database.ANSWER):
        monkeypatch.setattr(patience, "seconds", 10.0)
    with ledger_locked() as unlock:

        def full(_: Path) -> Spool:
            # From now on it is in time again, and writes first what came too late, or never does.
            unlock(is_written=is_written)
            return Spool(folder, most_bytes=10)

        monkeypatch.setattr(spooling, "_spool", full)
        answer = ask(limit=4)

    assert len(shown(answer)) == 4
    assert [str(one.id) for one in recorded(shop.id)][1:] == [answer.json()["decision"]]
    assert views.desk.health().unrecorded == 0


KILL_WAITING: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


@contextmanager
def ledger_locked() -> Iterator[Callable[..., None]]:
    """Let every decision wait for a lock, until it is let go."""
    database.bound_waits()
    holder, killer = (psycopg2.connect(**gateway._parameters(connection)) for _ in range(2))
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE audit_decision IN EXCLUSIVE MODE")

    def unlock(*, is_written: bool) -> None:
        if not is_written:
            with killer.cursor() as cursor:
                cursor.execute(KILL_WAITING)
        holder.rollback()

    try:
        yield unlock
    finally:
        extensions.set_wait_callback(None)
        database.close_breakers()
        holder.close()
        killer.close()
        connection.close()
        gateway.close()


def test_a_list_that_neither_the_ledger_nor_the_disk_takes_is_not_shown_and_counted(
    shop: Shop, live: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering.audit, "record_decision", away)
    monkeypatch.setattr(spooling, "_spool", lambda _: Spool(folder, most_bytes=10))

    answer = ask(limit=4)

    # The page keeps the list that was made ahead for it, whose decision is in the ledger.
    assert (answer.status_code, answer.json()) == (200, {"items": []})
    assert (views.desk.health().spooled, views.desk.health().unrecorded) == (0, 1)
    assert recorded(shop.id) == []


def test_health_tells_of_what_went_to_disk(shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as down:
        down.setattr(answering.audit, "record_decision", away)
        ask(limit=4)

    from django.test import Client

    told = Client().get("/health").json()
    assert (told["spooled"], told["unrecorded"]) == (1, 0)
