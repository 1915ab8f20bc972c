"""The API's door and the authorization code grant, over HTTP."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.handlers.base import BaseHandler
from django.test import Client

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.core import clock
from backend.shops import queries
from backend.shops.models import AccessToken, Shop
from tests.backend.history import a_shop
from tests.backend.shopify.fake import SHOP, FakeShopify, a_grant, installation, oauth_query, session_token

from .factories import a_token

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "tokens"]),
    pytest.mark.usefixtures("redis_server"),
]


def get(client: Client, path: str, token: str | None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return client.get(path, headers=headers)


def test_a_shop_sees_itself(client: Client) -> None:
    shop = a_shop(SHOP, scopes=["write_products", "read_orders"])
    a_token(shop, now=clock.now())

    answer = get(client, "/api/shop", session_token())

    assert answer.status_code == 200
    assert answer.json() == {
        "domain": SHOP,
        "name": "Willow Gifts",
        "currency": "GBP",
        "timezone": "Europe/London",
        "installed_at": "2026-07-24T12:00:00Z",
        "scopes": ["write_products", "read_orders"],
        "missing_scopes": ["read_customers", "write_app_proxy", "write_pixels", "read_customer_events"],
        "needs_reauth": False,
        "shows_new_products": True,
    }


def test_the_first_call_of_a_shop_installs_it(client: Client, shopify: FakeShopify) -> None:
    shopify.will(a_grant(), installation())

    answer = get(client, "/api/shop", session_token())

    assert (answer.status_code, answer.json()["name"]) == (200, "Willow Gifts")


@pytest.mark.parametrize(
    ("case", "token"),
    [
        ("none", None),
        ("empty", ""),
        ("expired", session_token(exp=int(time.time()) - 60, nbf=int(time.time()) - 120)),
        ("for another app", session_token(aud="another-app", exp=int(time.time()) + 3600)),
        ("unsigned", session_token(algorithm="none", exp=int(time.time()) + 3600)),
    ],
)
def test_a_bad_session_token_is_401_with_the_retry_header_and_writes_nothing(
    client: Client, shopify: FakeShopify, case: str, token: str | None
) -> None:
    answer = get(client, "/api/shop", token)

    assert answer.status_code == 401
    assert answer.headers["X-Shopify-Retry-Invalid-Session-Request"] == "1"
    assert answer.json()["error"]["code"] == "invalid_session_token"
    assert not Shop.objects.exists()
    assert shopify.requests == []


def test_a_shop_never_sees_another(client: Client) -> None:
    """Whatever a request says, the token alone chooses the shop."""
    for domain in (SHOP, "other.myshopify.com"):
        a_token(a_shop(domain, name=domain), now=clock.now())

    answer = client.get(
        f"/api/shop?shop={SHOP}&shop_id=1",
        headers={
            "Authorization": f"Bearer {session_token('other.myshopify.com')}",
            "X-Shopify-Shop-Domain": SHOP,
        },
    )

    assert answer.json()["domain"] == "other.myshopify.com"


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/shop", "application/json"), ("/auth/install", "text/html")]
)
def test_what_nobody_foresaw_is_told_in_json_to_programs_and_as_a_page_to_people(
    monkeypatch: pytest.MonkeyPatch, path: str, kind: str
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(BaseHandler, "resolve_request", broken)

    answer = Client(raise_request_exception=False).get(path)

    assert answer.status_code == 500
    assert answer.headers["Content-Type"].startswith(kind)
    if kind == "application/json":
        assert answer.json()["error"]["code"] == "unexpected"
    assert b"ZeroDivisionError" not in answer.content


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/shops", "/api/shop/", "/api/training/not-a-uuid"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_address_of_the_api_that_nothing_has_is_told_so_in_json(
    client: Client, path: str, method: str
) -> None:
    answer = getattr(client, method)(path)

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
    assert answer.json() == {
        "error": {"code": "not_found", "message": f"Nothing answers at {path}.", "field": None}
    }


# Authorization code grant


def begin(client: Client) -> str:
    answer = client.get(f"/auth/install?shop={SHOP}")
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]


def callback(**changes: str) -> str:
    parameters = {
        "code": "the-code",
        "shop": SHOP,
        "state": "s",
        "timestamp": str(int(time.time())),
    } | changes
    return f"/auth/callback?{oauth_query(parameters)}"


def test_a_merchant_can_grant_the_app_by_hand(client: Client, shopify: FakeShopify) -> None:
    shopify.will(a_grant(), installation())
    state = begin(client)
    cookie = client.cookies["tailorbird_oauth_state"]

    answer = client.get(callback(state=state))

    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"https://{SHOP}/admin/apps/test-api-key"
    assert shopify.bodies()[0]["code"] == "the-code"
    assert shopify.bodies()[0]["expiring"] == "1"
    assert AccessToken.objects.for_shop(Shop.objects.get().id).get().access_token == "shpat_first"


@pytest.mark.parametrize(
    ("case", "path", "status"),
    [
        ("another state", lambda: callback(state="another"), 401),
        ("no state", lambda: callback(state=""), 401),
        ("a state that is not ASCII", lambda: callback(state="é"), 401),
        ("a forged HMAC", lambda: callback() + "0", 401),
        ("no HMAC", lambda: f"/auth/callback?shop={SHOP}&code=c&state=s", 401),
        ("an HMAC that is not ASCII", lambda: f"/auth/callback?shop={SHOP}&code=c&state=s&hmac=%C3%A9", 401),
        ("a repeated HMAC", lambda: callback() + "&hmac=1", 400),
        ("another host", lambda: callback(shop="evil.example.com"), 400),
        ("stale", lambda: callback(timestamp=str(int(time.time()) - 600)), 401),
    ],
)
def test_a_bad_callback_installs_nothing(
    client: Client, shopify: FakeShopify, case: str, path: Callable[[], str], status: int
) -> None:
    begin(client)

    # Made now and not when the tests were collected: a signature is good for 90 seconds.
    answer = client.get(path())

    assert answer.status_code == status
    assert not Shop.objects.exists()
    assert shopify.requests == []


def test_a_callback_without_the_cookie_is_refused(client: Client, shopify: FakeShopify) -> None:
    state = begin(client)
    client.cookies.clear()

    assert client.get(callback(state=state)).status_code == 401
    assert shopify.requests == []


@pytest.mark.parametrize("shop", ["", "evil.example.com", f"{SHOP}%0a", f"{SHOP}/x", "é.myshopify.com"])
def test_only_shops_are_sent_to_a_consent_page(client: Client, shop: str) -> None:
    answer = client.get(f"/auth/install?shop={shop}")

    assert answer.status_code == 400
    assert "tailorbird_oauth_state" not in client.cookies


def put(client: Client, path: str, token: str | None, body: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return client.put(path, body, content_type="application/json", headers=headers)


def test_a_merchant_turns_the_place_of_new_products_off_and_on_and_it_is_on_record(client: Client) -> None:
    shop = a_shop(SHOP)
    a_token(shop, now=clock.now())
    other = a_shop("other.myshopify.com")

    off = put(client, "/api/shop/settings", session_token(), {"shows_new_products": False})

    assert (off.status_code, off.json()) == (200, {"shows_new_products": False})
    assert get(client, "/api/shop", session_token()).json()["shows_new_products"] is False
    assert queries.get_shop(shop.id).shows_new_products is False
    assert queries.get_shop(other.id).shows_new_products is True
    on = put(client, "/api/shop/settings", session_token(), {"shows_new_products": True})
    assert on.json() == {"shows_new_products": True}
    entries = audit.events(shop.id, event=Event.SHOP_SETTINGS_CHANGED)
    assert sorted((entry.reason, entry.new["shows_new_products"]) for entry in entries) == [
        ("New products get no place of their own.", False),
        ("New products get one place of a list.", True),
    ]
    assert all(entry.actor.startswith("user ") for entry in entries)


@pytest.mark.parametrize(
    ("token", "body", "status"),
    [
        (session_token(exp=int(time.time()) + 3600), {}, 400),
        (session_token(exp=int(time.time()) + 3600), {"shows_new_products": "often"}, 400),
        (None, {"shows_new_products": False}, 401),
    ],
)
def test_settings_that_are_refused_change_nothing(
    client: Client, token: str | None, body: Any, status: int
) -> None:
    shop = a_shop(SHOP)
    a_token(shop, now=clock.now())

    answer = put(client, "/api/shop/settings", token, body)

    assert answer.status_code == status
    assert queries.get_fresh_shop(shop.id).shows_new_products is True
    assert not audit.events(shop.id, event=Event.SHOP_SETTINGS_CHANGED)
