"""Bodies as the web pixel sends them, and the door that takes them."""

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from django.test import Client

from backend.audit import services as audit
from backend.audit.values import Channel, DecisionRecord, ShownItem, Surface
from backend.core import clock
from backend.core.ids import uuid7
from backend.shops.models import Shop

# As Chrome on a desktop says it.
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/131.0.0.0 Safari/537.36"
)
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
CLIENT = "b2ad4c5e-8f60-4e3a-9d1c-6f1c0c2d7a11"

_numbers = count(1)


def an_event(
    topic: str, *, at: datetime | str | None = None, client: str = CLIENT, **data: Any
) -> dict[str, Any]:
    """Return one event; ``event_id`` names it, otherwise it has a new id."""
    event_id = data.pop("event_id", None) or f"sh-{next(_numbers):08x}-6D79-4B52-9E1F"
    moment = at or clock.now()
    told = moment if isinstance(moment, str) else moment.isoformat().replace("+00:00", "Z")
    return {"id": event_id, "topic": topic, "at": told, "client": client, "data": data}


def post(shop: Shop | UUID | str, *events: Any, agent: str = BROWSER, **headers: str) -> Any:
    """Send events as the pixel does."""
    return send(shop, json.dumps({"events": list(events)}), agent=agent, **headers)


def send(shop: Shop | UUID | str, body: str | bytes, *, agent: str = BROWSER, **headers: str) -> Any:
    """Send a body as it is."""
    uuid = shop.uuid if isinstance(shop, Shop) else shop
    return Client(raise_request_exception=False).post(
        f"/events/{uuid}",
        body,
        content_type="text/plain;charset=UTF-8",
        headers={"Origin": "null", "User-Agent": agent, **headers},
    )


def a_decision(
    shop: Shop,
    products: Sequence[int] = (101, 102, 103),
    *,
    at: datetime | None = None,
    visitor_key: str | None = None,
) -> DecisionRecord:
    """Return a decision of a shop that is on record."""
    made = DecisionRecord(
        id=uuid7(),
        shop_id=shop.id,
        at=at or clock.now(),
        surface=Surface.HOME_PAGE,
        channel=Channel.APP_PROXY,
        arm="champion",
        items=tuple(ShownItem(product, 1.0, "", place) for place, product in enumerate(products, start=1)),
        requested=len(products),
        latency_ms=3.0,
        visitor_key=visitor_key,
    )
    audit.record_decision(made)
    return made
