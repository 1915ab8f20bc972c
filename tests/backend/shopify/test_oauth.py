"""Tokens from Shopify: what is asked, what is understood, and who is to blame when it fails."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from backend.core.errors import Unavailable
from backend.shopify import oauth

from .fake import API_KEY, SECRET, SHOP, FakeShopify, a_grant, a_refusal

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_a_session_token_is_exchanged_for_an_expiring_offline_token(shopify: FakeShopify) -> None:
    shopify.will(a_grant())

    grant = oauth.exchange_session_token(SHOP, "the.session.token", now=NOW)

    assert str(shopify.requests[0].url) == f"https://{SHOP}/admin/oauth/access_token"
    assert shopify.bodies() == [
        {
            "client_id": API_KEY,
            "client_secret": SECRET,
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": "the.session.token",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
            "expiring": "1",
        }
    ]
    assert grant.access_token == "shpat_first"
    assert grant.expires_at == NOW + timedelta(hours=1)
    assert grant.refresh_expires_at == NOW + timedelta(days=90)
    assert "write_app_proxy" in grant.scopes


def test_an_answer_without_a_life_span_is_a_token_that_never_expires(shopify: FakeShopify) -> None:
    shopify.will(httpx.Response(200, json={"access_token": "shpat_old", "scope": "read_products"}))

    grant = oauth.exchange_code(SHOP, "the-code", now=NOW)

    assert (grant.expires_at, grant.refresh_token) == (None, "")


@pytest.mark.parametrize(
    ("case", "answer", "error"),
    [
        ("a stale session token", a_refusal("invalid_subject_token"), oauth.SubjectTokenRefused),
        ("an uninstalled app", a_refusal("invalid_client", 401), oauth.AppRefused),
        ("a dead refresh token", a_refusal("invalid_grant"), oauth.GrantRefused),
        ("an inactive refresh token", a_refusal("invalid_request", 401), oauth.GrantRefused),
        ("the 520 of June 2026", httpx.Response(520, text="<html>"), Unavailable),
        ("a server error", httpx.Response(503), Unavailable),
        ("too many requests", httpx.Response(429), Unavailable),
        ("an answer that is not JSON", httpx.Response(200, text="<html>"), Unavailable),
        ("an answer without a token", httpx.Response(200, json={}), Unavailable),
        ("a broken connection", httpx.ConnectError("refused"), Unavailable),
        ("no answer in time", httpx.ReadTimeout("slow"), Unavailable),
    ],
)
def test_a_failure_tells_a_dead_grant_from_a_bad_day(
    shopify: FakeShopify, case: str, answer: Any, error: type[Exception]
) -> None:
    shopify.will(answer)

    with pytest.raises(error):
        oauth.refresh(SHOP, "shprt_first", now=NOW)


@pytest.mark.parametrize("shop", ["evil.example.com", "a.myshopify.com.evil.com", "x/../y.myshopify.com", ""])
def test_secrets_travel_to_shops_only(shopify: FakeShopify, shop: str) -> None:
    with pytest.raises(ValueError, match="not a shop's domain"):
        oauth.refresh(shop, "shprt_first", now=NOW)

    assert shopify.requests == []


def test_the_consent_page_is_asked_for_our_scopes_and_state() -> None:
    url = oauth.authorize_url(
        SHOP,
        scopes=["read_products", "read_orders"],
        redirect_uri="https://app.example.com/auth/callback",
        state="s1",
    )

    assert url == (
        f"https://{SHOP}/admin/oauth/authorize?client_id={API_KEY}&scope=read_products%2Cread_orders"
        "&redirect_uri=https%3A%2F%2Fapp.example.com%2Fauth%2Fcallback&state=s1"
    )


def test_a_grant_does_not_print_its_tokens(shopify: FakeShopify) -> None:
    shopify.will(a_grant())

    assert "shpat" not in repr(oauth.exchange_code(SHOP, "c", now=NOW))
