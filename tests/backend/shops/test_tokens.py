"""The one pair of tokens a shop has: refreshed once, never lost."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.db import connections, transaction

from backend.core.errors import Unavailable
from backend.core.models import PendingJob
from backend.core.queue import Job
from backend.shops import queries, services
from backend.shops.models import AccessToken, Shop
from celery_worker.app import app
from celery_worker.tasks import shops as tasks
from tests.backend.history import a_shop
from tests.backend.shopify.fake import FakeShopify, a_grant, a_refusal
from tests.conftest import Enqueued

from .factories import a_token

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "tokens"])


def held(shop: Shop) -> AccessToken:
    return AccessToken.objects.for_shop(shop.id).get()


def test_a_fresh_token_is_used_as_it_is(shopify: FakeShopify) -> None:
    shop = a_shop()
    a_token(shop, now=NOW)

    assert services.usable_token(shop.id, now=NOW).access_token == "shpat_held"

    assert shopify.requests == []


def test_a_token_about_to_end_is_refreshed_and_both_parts_are_stored(shopify: FakeShopify) -> None:
    shop = a_shop()
    a_token(shop, now=NOW, expires_at=SOON)
    shopify.will(a_grant(access_token="shpat_new", refresh_token="shprt_new"))

    token = services.usable_token(shop.id, now=NOW)

    assert token.access_token == "shpat_new"
    assert shopify.bodies()[0]["refresh_token"] == "shprt_held"
    row = held(shop)
    assert (row.access_token, row.refresh_token, row.revision) == ("shpat_new", "shprt_new", 2)
    assert row.expires_at == NOW + timedelta(hours=1)


def test_a_refreshed_token_survives_the_rollback_around_it(shopify: FakeShopify) -> None:
    shop = a_shop()
    a_token(shop, now=NOW, expires_at=SOON)
    shopify.will(a_grant(refresh_token="shprt_new"))

    with transaction.atomic():
        services.usable_token(shop.id, now=NOW)
        transaction.set_rollback(True)

    assert held(shop).refresh_token == "shprt_new"


def test_two_workers_refresh_once(shopify: FakeShopify) -> None:
    shop = a_shop()
    a_token(shop, now=NOW, expires_at=SOON)
    begin = threading.Barrier(2)

    def slowly(request: httpx.Request) -> httpx.Response:
        time.sleep(0.3)
        return a_grant(access_token="shpat_new")

    shopify.will(slowly)
    found: list[str] = []

    def work() -> None:
        begin.wait()
        try:
            found.append(services.usable_token(shop.id, now=NOW).access_token)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == ["shpat_new", "shpat_new"]
    assert len(shopify.requests) == 1


def test_a_refused_token_is_replaced_though_it_looks_fresh(shopify: FakeShopify) -> None:
    shop = a_shop()
    a_token(shop, now=NOW)
    shopify.will(a_grant(access_token="shpat_new"))
    tokens = services.ShopTokens(shop.id, now=NOW)

    assert tokens.current() == "shpat_held"
    assert tokens.replace("shpat_held") == "shpat_new"
    assert tokens.replace("shpat_held") == "shpat_new"

    assert len(shopify.requests) == 1


@pytest.mark.parametrize(
    ("case", "answer", "changes"),
    [
        ("Shopify refuses the refresh token", a_refusal("invalid_grant"), {}),
        ("Shopify refuses the app", a_refusal("invalid_client", 401), {}),
        ("the refresh token is older than 90 days", None, {"refresh_expires_at": NOW}),
        ("there is no refresh token", None, {"refresh_token": ""}),
    ],
)
def test_a_dead_pair_waits_for_the_merchant(
    shopify: FakeShopify, case: str, answer: httpx.Response | None, changes: dict[str, Any]
) -> None:
    shop = a_shop()
    a_token(shop, now=NOW, expires_at=SOON, **changes)
    shopify.will(*[answer] if answer else [])

    with pytest.raises(services.NeedsReauth):
        services.usable_token(shop.id, now=NOW)
    with pytest.raises(services.NeedsReauth):
        services.usable_token(shop.id, now=NOW)

    assert queries.get_shop(shop.id).needs_reauth
    # The second try did not ask Shopify again: no loop of errors.
    assert len(shopify.requests) == (1 if answer else 0)


@pytest.mark.parametrize("answer", [httpx.Response(520), httpx.ReadTimeout("slow")])
def test_a_bad_day_at_shopify_keeps_the_old_refresh_token_for_the_next_try(
    shopify: FakeShopify, answer: Any
) -> None:
    shop = a_shop()
    a_token(shop, now=NOW, expires_at=SOON)
    shopify.will(answer, a_grant(access_token="shpat_new"))

    with pytest.raises(Unavailable):
        services.usable_token(shop.id, now=NOW)

    assert not queries.get_shop(shop.id).needs_reauth
    assert services.usable_token(shop.id, now=NOW).access_token == "shpat_new"
    assert [body["refresh_token"] for body in shopify.bodies()] == ["shprt_held", "shprt_held"]


def test_a_token_that_never_expires_is_never_refreshed(shopify: FakeShopify) -> None:
    shop = a_shop()
    a_token(shop, now=NOW, expires_at=None, refresh_token="", refresh_expires_at=None)

    assert services.usable_token(shop.id, now=NOW + timedelta(days=900)).access_token == "shpat_held"
    assert not services.keep_token_alive(shop.id, now=NOW)


def test_the_keepalive_asks_for_each_shop_so_that_ones_trouble_is_its_own(
    shopify: FakeShopify, enqueued: Enqueued
) -> None:
    shops = [a_shop(f"{name}.myshopify.com") for name in ("one", "two", "three")]
    for shop in shops:
        a_token(shop, now=NOW)
    shopify.will(
        a_grant(refresh_token="shprt_1"), a_refusal("invalid_grant"), a_grant(refresh_token="shprt_3")
    )

    tasks.token_keepalive()
    for ids in enqueued.of(Job.TOKEN_REFRESH):
        app.tasks[Job.TOKEN_REFRESH.task].apply(kwargs=ids)

    assert enqueued.of(Job.TOKEN_REFRESH) == [{"shop_id": shop.id} for shop in shops]
    assert [held(shop).refresh_token for shop in shops] == ["shprt_1", "shprt_held", "shprt_3"]
    assert [queries.get_shop(shop.id).needs_reauth for shop in shops] == [False, True, False]
    assert not PendingJob.objects.exists()


def test_a_shop_without_tokens_is_not_installed() -> None:
    shop = a_shop()

    with pytest.raises(services.NotInstalled):
        services.usable_token(shop.id, now=NOW)
