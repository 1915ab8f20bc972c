"""Requests as Shopify's app proxy sends them."""

import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.test import Client
from django.utils import timezone

from backend.audit import queries as audit
from backend.audit.models import Decision
from backend.audit.values import DecisionRecord

DOMAIN = "willow-gifts.myshopify.com"
GRANTED = "analytics,preferences"


def signature(query: str, *, secret: str = "") -> str:
    """Return the signature of a query, by the steps of the platform's documentation."""
    secret = secret or settings.SHOPIFY_API_SECRET
    values: dict[str, list[str]] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        values.setdefault(key, []).append(value)
    message = "".join(sorted(f"{key}={','.join(each)}" for key, each in values.items()))
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def a_query(*, secret: str = "", extra: str = "", **parameters: Any) -> str:
    """Return a signed query; ``extra`` is appended before signing, as a shopper could."""
    values = {
        "shop": DOMAIN,
        "path_prefix": "/apps/tailorbird",
        "timestamp": int(timezone.now().timestamp()),
        "logged_in_customer_id": "",
        "surface": "home",
    }
    query = urlencode(values | parameters) + extra
    return f"{query}&signature={signature(query, secret=secret)}"


def ask(**parameters: Any) -> Any:
    """Send a signed request and return the response."""
    return Client().get(f"/proxy/recommendations?{a_query(**parameters)}")


def shown(response: Any) -> list[int]:
    """Return the products of a JSON answer, in order."""
    return [item["product_id"] for item in response.json()["items"]]


def recorded(shop_id: int) -> list[DecisionRecord]:
    """Return every decision of a shop, oldest first."""
    ids = Decision.objects.for_shop(shop_id).values_list("id", flat=True)
    return audit.decisions(shop_id, list(ids))
