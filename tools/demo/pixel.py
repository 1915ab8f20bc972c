"""
What the web pixel of a shopper who agreed tells: pages name the pixel and the events that it hears.

No browser is started for it; `tests/e2e` does the same in one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import httpx

from tools.demo.pages import Card, Element

# A collector sets machines apart; here one stands for a person.
BROWSER: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
)
ACCEPTED: Final = httpx.codes.ACCEPTED


class NotTold(Exception):
    """The collector did not take an event. The message says why."""


@dataclass
class Pixel:
    """The pixel in one shopper's browser, known to Shopify by a number of that browser."""

    client: str = field(default_factory=lambda: str(uuid4()))

    def hear(self, page: Element, cards: list[Card] | None = None) -> None:
        """Tell the standard events that a page begins with, and that a model's cards on it were seen."""
        about = _about(page)
        events = [
            (event["name"], data)
            for event in about["events"]
            if (data := _read(event["name"], event["data"]))
        ]
        events += [("tailorbird:impression", seen) for seen in _impressions(cards or [])]
        self.tell(page, *events)

    def tell(self, page: Element, *events: tuple[str, Mapping[str, Any]]) -> None:
        """
        Send events to the address that a page names for its pixel; nothing where no pixel runs.

        :raises NotTold: if the collector refuses one
        """
        running = _about(page)["pixel"]
        if running is None or not events:
            return
        with httpx.Client(trust_env=False, timeout=30) as http:
            send(http, _collector(running), self.client, events)


def send(http: httpx.Client, url: str, client: str, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """
    Send some events of one browser to a collector.

    :raises NotTold: if it refuses one
    """
    body = {"events": [_event(client, topic, data) for topic, data in events]}
    headers = {"Content-Type": "text/plain;charset=UTF-8", "User-Agent": BROWSER}
    answer = http.post(url, content=json.dumps(body), headers=headers)
    if answer.status_code != ACCEPTED or answer.json()["refused"]:
        raise NotTold(f"{url} answered {answer.status_code}: {answer.text[:300]}")


def _event(client: str, topic: str, data: Mapping[str, Any]) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": f"sh-{uuid4()}", "topic": topic, "at": at, "client": client, "data": data}


def collector_of(page: Element) -> str | None:
    """Return the address to which a page's pixel tells its events; None where no pixel runs."""
    running = _about(page)["pixel"]
    return _collector(running) if running else None


def _collector(running: Mapping[str, Any]) -> str:
    return f"{running['settings']['endpoint']}/events/{running['settings']['accountID']}"


def _about(page: Element) -> dict[str, Any]:
    """Return what the local Shopify says of its pixel on a page: whether one runs, what it hears first."""
    for script in page.all("script"):
        if "data-page" in script.attributes:
            found: dict[str, Any] = json.loads(script.attributes["data-page"])
            return found
    return {"pixel": None, "events": []}


def _read(topic: str, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the ids of a standard event, as ``extensions/tailorbird-pixel/src/events.js`` takes them out."""
    if topic == "product_viewed":
        return {"product": data["productVariant"]["product"]["id"]}
    if topic == "checkout_started":
        return {"checkout": data["checkout"]["token"]}
    if topic == "checkout_completed":
        return {"checkout": data["checkout"]["token"], "order": data["checkout"]["order"]["id"]}
    return None


def _impressions(cards: list[Card]) -> list[dict[str, Any]]:
    decisions = dict.fromkeys(card.decision_id for card in cards if card.decision_id)
    return [
        {"decision": one, "products": [card.product_id for card in cards if card.decision_id == one]}
        for one in decisions
    ]
