"""Shopify as the tests need it: a transport under our own client, and Shopify's own signatures."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt

from backend.shopify.values import REQUIRED_SCOPES

SECRET = "shpss_0123456789abcdef0123456789abcdef"
API_KEY = "test-api-key"
SHOP = "willow-gifts.myshopify.com"

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class FakeShopify:
    """Answers from a list, in order, and remembers what was asked. The last answer repeats."""

    answers: list[Answer] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    def will(self, *answers: Answer) -> None:
        self.answers.extend(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert self.answers, f"nothing was prepared for {request.url}"
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(request)
        # A response can be read once; the repeated one has to be a fresh copy.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


def a_grant(**changes: Any) -> httpx.Response:
    """Return what the token endpoint gives."""
    body = {
        "access_token": "shpat_first",
        "scope": ",".join(REQUIRED_SCOPES),
        "expires_in": 3600,
        "refresh_token": "shprt_first",
        "refresh_token_expires_in": 7_776_000,
    }
    return httpx.Response(200, json=body | changes)


def a_refusal(error: str, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": error})


def data(body: dict[str, Any], *, available: float = 1990.0, cost: float = 10) -> httpx.Response:
    """Return a GraphQL answer with its cost."""
    return httpx.Response(200, json={"data": body, "extensions": extensions(available=available, cost=cost)})


def throttled(*, cost: float = 100, available: float = 50) -> httpx.Response:
    errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
    return httpx.Response(
        200, json={"errors": errors, "extensions": extensions(available=available, cost=cost)}
    )


def extensions(
    *, available: float, cost: float, maximum: float = 2000.0, rate: float = 100.0
) -> dict[str, Any]:
    status = {"maximumAvailable": maximum, "currentlyAvailable": available, "restoreRate": rate}
    return {"cost": {"requestedQueryCost": cost, "actualQueryCost": cost, "throttleStatus": status}}


def installation() -> httpx.Response:
    return data(
        {
            "currentAppInstallation": {"id": "gid://shopify/AppInstallation/1", "accessScopes": []},
            "shop": {
                "id": "gid://shopify/Shop/42",
                "name": "Willow Gifts",
                "myshopifyDomain": SHOP,
                "ianaTimezone": "Europe/London",
                "currencyCode": "GBP",
                "plan": {"publicDisplayName": "Basic"},
            },
        }
    )


def session_token(shop: str = SHOP, *, secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    """Mint a session token; ``None`` removes a claim."""
    now = int(time.time())
    claims = {
        "iss": f"https://{shop}/admin",
        "dest": f"https://{shop}",
        "aud": API_KEY,
        "sub": "7",
        "exp": now + 60,
        "nbf": now,
        "iat": now,
        "jti": "4f1e",
        "sid": "9a2b",
    }
    kept = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(kept, secret if algorithm != "none" else "", algorithm=algorithm)


def webhook_signature(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def oauth_query(parameters: dict[str, str], secret: str = SECRET) -> str:
    message = "&".join(f"{key}={value}" for key, value in sorted(parameters.items()))
    signature = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return urlencode({**parameters, "hmac": signature})


def proxy_query(pairs: list[tuple[str, str]], secret: str = SECRET) -> str:
    """Sign a storefront query as documented: group, join by commas, sort the joined texts."""
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    message = "".join(sorted(f"{key}={','.join(each)}" for key, each in values.items()))
    signature = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return urlencode([*pairs, ("signature", signature)])
