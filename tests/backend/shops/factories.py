"""Shops with tokens."""

from datetime import datetime, timedelta
from typing import Any

from backend.shopify.values import REQUIRED_SCOPES
from backend.shops.models import AccessToken, Shop

SCOPES = list(REQUIRED_SCOPES)


def a_token(shop: Shop, *, now: datetime, **changes: Any) -> AccessToken:
    """Give a shop a fresh pair of tokens."""
    values = {
        "access_token": "shpat_held",
        "refresh_token": "shprt_held",
        "expires_at": now + timedelta(hours=1),
        "refresh_expires_at": now + timedelta(days=90),
        "scopes": SCOPES,
        "refreshed_at": now,
    }
    return AccessToken.objects.for_shop(shop.id).create(**values | changes)
