"""Getting tokens from Shopify: exchange, refresh, and the authorization code grant."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import httpx
import structlog
from django.conf import settings

from backend.core import http
from backend.core.errors import Refused, Unavailable

from . import credentials
from .values import API_VERSION, Grant, is_shop_domain

log = structlog.get_logger(__name__)

TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant's name
ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a type's name
OFFLINE_TOKEN: Final = "urn:shopify:params:oauth:token-type:offline-access-token"  # noqa: S105 - a type's name


class SubjectTokenRefused(Refused):
    """Shopify did not take the session token: it lives 60 seconds. A fresh one will do."""

    code = "invalid_session_token"
    status = 401
    headers: ClassVar[dict[str, str]] = {"X-Shopify-Retry-Invalid-Session-Request": "1"}


class AppRefused(Refused):
    """Shopify does not know the app in this shop: uninstalled, or the credentials are wrong."""

    code = "app_not_installed"
    status = 403


class GrantRefused(Refused):
    """A refresh token or code is dead. The merchant has to open the app again."""

    code = "reauthorization_needed"
    status = 401


def shop_url(shop_domain: str) -> str:
    """
    Return the address under which a shop's Admin API and OAuth pages live.

    :raises ValueError: for anything but a shop's domain; our token must not travel elsewhere
    """
    if not is_shop_domain(shop_domain):
        raise ValueError(f"{shop_domain!r} is not a shop's domain.")
    return str(settings.SHOPIFY_SHOP_URL).replace("{shop}", shop_domain).rstrip("/")


def authorize_url(shop_domain: str, *, scopes: Sequence[str], redirect_uri: str, state: str) -> str:
    """Return where a merchant grants the app by hand: the fallback to managed installation."""
    from shopify import Session

    session = Session(shop_domain, version=API_VERSION)
    # Set on this object, not by Session.setup: that is global to all threads and shops.
    session.api_key = credentials.api_key()
    url = urlsplit(session.create_permission_url(scopes, redirect_uri, state=state))
    return f"{shop_url(shop_domain)}{url.path}?{url.query}"


def exchange_session_token(shop_domain: str, session_token: str, *, now: datetime) -> Grant:
    """
    Trade a session token for an expiring offline token.

    This revokes any earlier token of the shop, so only
    ``shops.services`` calls it, one at a time for each shop.

    :raises SubjectTokenRefused: if the session token is no longer good
    :raises AppRefused: if the shop does not have the app
    """
    answer = _ask(
        shop_domain,
        {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": session_token,
            "subject_token_type": ID_TOKEN,
            "requested_token_type": OFFLINE_TOKEN,
            "expiring": "1",
        },
    )
    return _grant(answer, now=now)


def refresh(shop_domain: str, refresh_token: str, *, now: datetime) -> Grant:
    """
    Trade a refresh token for a new pair; the old pair dies with its first use.

    :raises GrantRefused: if the refresh token is dead
    :raises AppRefused: if the shop does not have the app
    """
    answer = _ask(shop_domain, {"grant_type": "refresh_token", "refresh_token": refresh_token})
    return _grant(answer, now=now)


def exchange_code(shop_domain: str, code: str, *, now: datetime) -> Grant:
    """
    Trade an authorization code for an expiring offline token.

    :raises GrantRefused: if the code was used or is too old
    """
    return _grant(_ask(shop_domain, {"code": code, "expiring": "1"}), now=now)


def _ask(shop_domain: str, parameters: dict[str, str]) -> dict[str, Any]:
    body = {"client_id": credentials.api_key(), "client_secret": credentials.secret(), **parameters}
    url = f"{shop_url(shop_domain)}/admin/oauth/access_token"
    try:
        response = http.client().post(url, json=body, headers={"Accept": "application/json"})
    except httpx.HTTPError as error:
        raise Unavailable(f"Shopify's token endpoint for {shop_domain} did not answer.") from error
    if response.status_code == 200:
        return _json(response, shop_domain)
    raise _refusal(response, shop_domain)


def _json(response: httpx.Response, shop_domain: str) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        raise Unavailable(f"Shopify's token endpoint for {shop_domain} did not answer in JSON.") from error
    if not isinstance(answer, dict) or not answer.get("access_token"):
        raise Unavailable(f"Shopify's token endpoint for {shop_domain} gave no token.")
    return answer


def _refusal(response: httpx.Response, shop_domain: str) -> Refused | Unavailable:
    """Tell a dead grant from a bad day at Shopify: only the first needs the merchant."""
    try:
        error = str(response.json().get("error", ""))
    except (ValueError, AttributeError):
        error = ""
    log.warning("token_refused", shop=shop_domain, status=response.status_code, error=error[:80])
    if response.status_code not in {400, 401, 403}:
        return Unavailable(f"Shopify's token endpoint for {shop_domain} answered {response.status_code}.")
    if error == "invalid_subject_token":
        return SubjectTokenRefused("Shopify did not accept the session token. Load the page again.")
    if error in {"invalid_client", "application_cannot_be_found"}:
        return AppRefused(f"Shopify says that {shop_domain} does not have this app.")
    return GrantRefused(f"Shopify no longer accepts our grant for {shop_domain}.")


def _grant(answer: dict[str, Any], *, now: datetime) -> Grant:
    scopes = tuple(scope.strip() for scope in str(answer.get("scope", "")).split(",") if scope.strip())
    return Grant(
        access_token=str(answer["access_token"]),
        scopes=scopes,
        # An answer without a life span is a token that never expires. Taking "now" instead
        # would refresh on every call.
        expires_at=_after(now, answer.get("expires_in")),
        refresh_token=str(answer.get("refresh_token") or ""),
        refresh_expires_at=_after(now, answer.get("refresh_token_expires_in")),
    )


def _after(now: datetime, seconds: Any) -> datetime | None:
    return now + timedelta(seconds=int(seconds)) if seconds is not None else None
