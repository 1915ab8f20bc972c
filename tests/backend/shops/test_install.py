"""The first page of a merchant, and what Shopify announces later."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from backend.audit.models import LedgerEvent
from backend.core.queue import Job
from backend.shopify import oauth
from backend.shopify.values import SessionToken
from backend.shops import queries, services
from backend.shops.models import AccessToken, Shop
from backend.shops.values import ShopState
from tests.backend.history import a_shop
from tests.backend.shopify.fake import SHOP, FakeShopify, a_grant, a_refusal, installation
from tests.conftest import Enqueued

from .factories import SCOPES, a_token

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TOKEN = SessionToken(SHOP, "7", "s")

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "tokens"]),
    pytest.mark.usefixtures("redis_server"),
]


def test_the_first_token_of_a_shop_installs_it(shopify: FakeShopify, enqueued: Enqueued) -> None:
    shopify.will(a_grant(), installation())

    principal = services.ensure_installed(TOKEN, "the.session.token", now=NOW)

    shop = Shop.objects.get(domain=SHOP)
    assert principal.shop_id == shop.id
    assert (shop.name, shop.currency, shop.timezone, shop.plan_name) == (
        "Willow Gifts",
        "GBP",
        "Europe/London",
        "Basic",
    )
    assert (shop.state, shop.installed_at, shop.scopes) == (ShopState.INSTALLED, NOW, SCOPES)
    assert len(bytes.fromhex(shop.pseudonym_key or "")) == 32
    ids = {"shop_id": shop.id}
    assert enqueued.jobs == [(Job.PIXEL_ACTIVATE, ids), (Job.IMPORT_START, ids)]
    assert LedgerEvent.objects.for_shop(shop.id).get().event == "SHOP_INSTALLED"


def test_details_that_no_column_holds_do_not_hold_up_an_installation(shopify: FakeShopify) -> None:
    answer = installation().json()
    answer["data"]["shop"] |= {"name": "W\x00illow", "currencyCode": "USDC"}
    shopify.will(a_grant(), httpx.Response(200, json=answer))

    services.ensure_installed(TOKEN, "t", now=NOW)

    shop = Shop.objects.get(domain=SHOP)
    assert (shop.name, shop.currency) == ("Willow", "")


def test_tokens_are_unreadable_in_the_database(shopify: FakeShopify) -> None:
    from django.db import connection

    shopify.will(a_grant(), installation())
    services.ensure_installed(TOKEN, "t", now=NOW)

    with connection.cursor() as cursor:
        cursor.execute("SELECT access_token, refresh_token FROM shops_accesstoken")
        stored = cursor.fetchone()
        cursor.execute("SELECT pseudonym_key FROM shops_shop")
        key = cursor.fetchone()[0]

    assert "shpat" not in stored[0]
    assert "shprt" not in stored[1]
    assert key.startswith("gAAAA")
    assert AccessToken.objects.for_shop(Shop.objects.get().id).get().access_token == "shpat_first"


def test_a_shop_with_a_good_token_is_not_asked_again(shopify: FakeShopify, enqueued: Enqueued) -> None:
    shop = a_shop(SHOP)
    a_token(shop, now=NOW)

    principal = services.ensure_installed(TOKEN, "t", now=NOW)

    assert principal.shop_id == shop.id
    assert (shopify.requests, enqueued.jobs) == ([], [])


@pytest.mark.parametrize(
    ("case", "changes", "token_changes"),
    [
        ("the merchant granted more", {"scopes": [*SCOPES, "read_all_orders"]}, {}),
        ("its token died", {"needs_reauth": True}, {}),
    ],
)
def test_a_token_that_no_longer_does_is_exchanged_without_a_new_import(
    shopify: FakeShopify,
    enqueued: Enqueued,
    case: str,
    changes: dict[str, Any],
    token_changes: dict[str, Any],
) -> None:
    shop = a_shop(SHOP, **changes)
    a_token(shop, now=NOW, **token_changes)
    shopify.will(a_grant(scope=",".join(changes.get("scopes", SCOPES))), installation())

    services.ensure_installed(TOKEN, "t", now=NOW)

    shop.refresh_from_db()
    assert not shop.needs_reauth
    assert AccessToken.objects.for_shop(shop.id).get().access_token == "shpat_first"
    assert enqueued.names == [Job.PIXEL_ACTIVATE]


def test_the_right_to_write_includes_the_right_to_read(shopify: FakeShopify) -> None:
    """Shopify may leave an implied scope out of an answer; that must not exchange on every call."""
    shop = a_shop(SHOP)
    a_token(shop, now=NOW, scopes=[scope for scope in SCOPES if scope != "read_products"])

    services.ensure_installed(TOKEN, "t", now=NOW)

    assert shopify.requests == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (a_refusal("invalid_subject_token"), oauth.SubjectTokenRefused),
        (a_refusal("invalid_client", 401), oauth.AppRefused),
    ],
)
def test_a_refused_exchange_installs_nothing(
    shopify: FakeShopify, enqueued: Enqueued, answer: httpx.Response, error: type[Exception]
) -> None:
    shopify.will(answer)

    with pytest.raises(error):
        services.ensure_installed(TOKEN, "t", now=NOW)

    assert not Shop.objects.exists()
    assert enqueued.jobs == []


def test_an_install_survives_a_shop_whose_details_cannot_be_read(
    shopify: FakeShopify, enqueued: Enqueued
) -> None:
    shopify.will(a_grant(), httpx.Response(403))

    services.ensure_installed(TOKEN, "t", now=NOW)

    shop = Shop.objects.get()
    assert (shop.state, shop.name) == (ShopState.INSTALLED, "")
    assert enqueued.names == [Job.PIXEL_ACTIVATE, Job.IMPORT_START]


def test_an_uninstall_forgets_the_tokens_and_keeps_the_key(enqueued: Enqueued) -> None:
    shop = a_shop(SHOP)
    a_token(shop, now=NOW)

    assert services.uninstall(shop.id, at=NOW, now=NOW)

    shop.refresh_from_db()
    assert (shop.state, shop.uninstalled_at) == (ShopState.UNINSTALLED, NOW)
    assert shop.pseudonym_key is not None
    assert not AccessToken.objects.for_shop(shop.id).exists()
    assert enqueued.jobs == [(Job.UNINSTALL_CLEANUP, {"shop_id": shop.id})]


def test_late_news_of_an_earlier_uninstall_change_nothing(enqueued: Enqueued) -> None:
    shop = a_shop(SHOP, installed_at=NOW)
    a_token(shop, now=NOW)

    assert not services.uninstall(shop.id, at=NOW - timedelta(hours=1), now=NOW)

    shop.refresh_from_db()
    assert shop.state == ShopState.INSTALLED
    assert AccessToken.objects.for_shop(shop.id).exists()
    assert enqueued.jobs == []


@pytest.mark.parametrize("late", [timedelta(seconds=6), timedelta(minutes=1), timedelta(hours=30)])
def test_an_uninstall_from_before_the_newest_token_changes_nothing(
    late: timedelta, enqueued: Enqueued
) -> None:
    """The merchant went and came back before we heard that they had gone; we saw no new installation."""
    shop = a_shop(SHOP, installed_at=NOW - timedelta(days=30))
    a_token(shop, now=NOW)

    assert not services.uninstall(shop.id, at=NOW - late, now=NOW)

    shop.refresh_from_db()
    assert (shop.state, shop.uninstalled_at) == (ShopState.INSTALLED, None)
    assert AccessToken.objects.for_shop(shop.id).get().access_token == "shpat_held"
    assert enqueued.jobs == []
    # What was left in the shop went with the former installation.
    assert shop.installed_at == NOW - late


@pytest.mark.parametrize(
    ("answers", "becomes"),
    [
        ([installation()], ShopState.INSTALLED),
        ([httpx.Response(401), a_refusal("invalid_client")], ShopState.UNINSTALLED),
        ([httpx.Response(403)], ShopState.UNINSTALLED),
    ],
)
def test_shopify_is_asked_where_two_clocks_cannot_tell(
    shopify: FakeShopify, answers: list[httpx.Response], becomes: ShopState
) -> None:
    shop = a_shop(SHOP, installed_at=NOW - timedelta(days=30))
    a_token(shop, now=NOW)
    shopify.will(*answers)

    services.uninstall(shop.id, at=NOW - timedelta(seconds=2), now=NOW)

    shop.refresh_from_db()
    assert shop.state == becomes


def test_a_token_that_came_while_shopify_was_asked_about_the_last_one_stays(shopify: FakeShopify) -> None:
    shop = a_shop(SHOP, installed_at=NOW - timedelta(days=30))
    a_token(shop, now=NOW)

    def refuse_the_old_token(_request: httpx.Request) -> httpx.Response:
        row = AccessToken.objects.for_shop(shop.id).get()
        row.access_token, row.refreshed_at = "shpat_new", NOW + timedelta(seconds=1)
        row.save()
        return httpx.Response(403)

    shopify.will(refuse_the_old_token)

    assert not services.uninstall(shop.id, at=NOW - timedelta(seconds=2), now=NOW)

    shop.refresh_from_db()
    assert shop.state == ShopState.INSTALLED
    assert AccessToken.objects.for_shop(shop.id).get().access_token == "shpat_new"


def test_a_shop_whose_token_died_may_hold_nothing_of_ours(shopify: FakeShopify) -> None:
    shop = a_shop(SHOP, installed_at=NOW - timedelta(days=30), needs_reauth=True)
    a_token(shop, now=NOW - timedelta(days=2))
    shopify.will(a_grant(), installation())

    services.ensure_installed(TOKEN, "t", now=NOW)

    shop.refresh_from_db()
    assert (shop.installed_at, shop.needs_reauth) == (NOW, False)


def test_a_shop_that_comes_back_keeps_its_key_and_is_imported_again(
    shopify: FakeShopify, enqueued: Enqueued
) -> None:
    shop = a_shop(SHOP, state=ShopState.UNINSTALLED, uninstalled_at=NOW)
    key = shop.pseudonym_key
    shopify.will(a_grant(), installation())

    services.ensure_installed(TOKEN, "t", now=NOW)

    shop.refresh_from_db()
    assert (shop.state, shop.uninstalled_at, shop.pseudonym_key) == (ShopState.INSTALLED, None, key)
    assert enqueued.names == [Job.PIXEL_ACTIVATE, Job.IMPORT_START]


def test_a_redacted_shop_gets_a_new_key_when_it_comes_back(shopify: FakeShopify) -> None:
    shop = a_shop(SHOP)
    before = services.pseudonym(shop.id, 17850)
    services.uninstall(shop.id, at=NOW, now=NOW)
    services.redact(shop.id, now=NOW)
    with pytest.raises(queries.UnknownShop):
        services.pseudonym(shop.id, 17850)
    shopify.will(a_grant(), installation())

    services.ensure_installed(TOKEN, "t", now=NOW)

    assert services.pseudonym(shop.id, 17850) != before


def test_pseudonyms_differ_between_shops_and_hold_within_one() -> None:
    first, second = a_shop(SHOP), a_shop("other.myshopify.com")

    assert services.pseudonym(first.id, 17850) == services.pseudonym(first.id, 17850)
    assert services.pseudonym(first.id, 17850) != services.pseudonym(second.id, 17850)
    assert len(services.pseudonym(first.id, 17850)) == 32
