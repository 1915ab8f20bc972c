"""
Bodies of anybody to events.

Written by hand because it runs for every event of every shop; a serializer of the framework takes longer
than all the rest of a request. Texts are never kept: each becomes a hash, so none can hold what PostgreSQL
refuses.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from backend.core.bucketing import BUCKETS
from backend.core.errors import Refused
from backend.events.rules.plausibility import event_key, is_in_time
from backend.events.values import WIRE_TOPICS, Outcome, Parsed, Refusal, Told, Topic

MOST_EVENTS: Final = 20
MOST_BYTES: Final = 16 * 1024
MOST_PRODUCTS: Final = 50
MOST_LETTERS: Final = 128
MOST_QUANTITY: Final = 1_000_000
# Product ids are signed 64-bit and positive at Shopify.
LARGEST_ID: Final = 2**63 - 1

Pseudonym = Callable[[str], str]


class BadBody(Refused):
    """The body is no list of events."""

    code = "bad_body"


class _Bad(Exception):
    """An event, or something in it, that is not what it should be."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def parse_body(body: bytes) -> list[Any]:
    """
    Return the events of a body, each as it stands.

    :raises BadBody: if it is not ``{"events": […]}`` with at least one and at most ``MOST_EVENTS``
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadBody("The body is not JSON.") from error
    events = told.get("events") if isinstance(told, dict) else None
    if not isinstance(events, list):
        raise BadBody('The body must be {"events": [...]}.', field="events")
    if not 0 < len(events) <= MOST_EVENTS:
        raise BadBody(f"A body must hold 1 to {MOST_EVENTS} events.", field="events")
    return events


def parse_events(events: list[Any], *, shop: UUID, pseudonym: Pseudonym, now: datetime) -> Parsed:
    """
    Tell the well formed events of a body from the others.

    :param pseudonym: names a browser or a checkout under the shop's key, by a text that says which it is
    """
    told: dict[int, Told] = {}
    refused: list[Refusal] = []
    for index, event in enumerate(events):
        try:
            told[index] = _told(event, shop, pseudonym, now)
        except _Bad as bad:
            refused.append(Refusal(index, bad.outcome, _known_topic(event)))
    return Parsed(told, tuple(refused))


def _told(event: Any, shop: UUID, pseudonym: Pseudonym, now: datetime) -> Told:
    if not isinstance(event, dict):
        raise _Bad(Outcome.BAD_EVENT)
    topic = _known_topic(event)
    if topic is None:
        raise _Bad(Outcome.BAD_TOPIC)
    event_id, client = _text(event.get("id")), _text(event.get("client"))
    at, data = _moment(event.get("at"), now), event.get("data")
    if event_id is None or client is None or at is None:
        raise _Bad(Outcome.BAD_EVENT)
    if not isinstance(data, dict):
        raise _Bad(Outcome.BAD_DATA)
    said = SAID[topic](data, pseudonym)
    return Told(event_key(shop, event_id, at), topic, at, pseudonym(f"client:{client}"), **said)


def _known_topic(event: Any) -> Topic | None:
    topic = event.get("topic") if isinstance(event, dict) else None
    return WIRE_TOPICS.get(topic) if isinstance(topic, str) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MOST_LETTERS else None


def _moment(value: Any, now: datetime) -> datetime | None:
    try:
        at = datetime.fromisoformat(value)
        outcome = is_in_time(at, now=now)
    except (TypeError, ValueError, OverflowError):
        # A moment without a zone can't be compared, and says nothing.
        return None
    if outcome is not None:
        raise _Bad(outcome)
    return at


def _id(value: Any) -> int:
    """Return a positive 64-bit number that comes as one, or as its decimal digits."""
    # A truth value is a number to Python, and other scripts' digits are digits.
    if isinstance(value, str) and 0 < len(value) <= 19 and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is not int or not 0 < value <= LARGEST_ID:
        raise _Bad(Outcome.BAD_DATA)
    return value


def _uuid(value: Any) -> UUID:
    text = _text(value)
    try:
        if text is not None:
            return UUID(text)
    except ValueError:
        pass
    raise _Bad(Outcome.BAD_DATA)


def _impression(data: Mapping[str, Any], _: Pseudonym) -> dict[str, Any]:
    products = data.get("products")
    if not isinstance(products, list) or not 0 < len(products) <= MOST_PRODUCTS:
        raise _Bad(Outcome.BAD_DATA)
    return {
        "decision_id": _uuid(data.get("decision")),
        "product_ids": tuple(dict.fromkeys(_id(product) for product in products)),
    }


def _chosen(data: Mapping[str, Any], _: Pseudonym) -> dict[str, Any]:
    return {"decision_id": _uuid(data.get("decision")), "product_ids": (_id(data.get("product")),)}


def _viewed(data: Mapping[str, Any], _: Pseudonym) -> dict[str, Any]:
    return {"product_ids": (_id(data.get("product")),)}


def _put_in_cart(data: Mapping[str, Any], _: Pseudonym) -> dict[str, Any]:
    quantity = _id(data.get("quantity"))
    if quantity > MOST_QUANTITY:
        raise _Bad(Outcome.TOO_LARGE)
    return {"product_ids": (_id(data.get("product")),), "quantity": quantity}


def _checkout(data: Mapping[str, Any], pseudonym: Pseudonym) -> dict[str, Any]:
    token = _text(data.get("checkout"))
    if token is None:
        raise _Bad(Outcome.BAD_DATA)
    return {"checkout_key": pseudonym(f"checkout:{token}")}


def _completed(data: Mapping[str, Any], pseudonym: Pseudonym) -> dict[str, Any]:
    order = data.get("order")
    return _checkout(data, pseudonym) | {"order_id": None if order is None else _id(order)}


def _drawn(data: Mapping[str, Any], _: Pseudonym) -> dict[str, Any]:
    bucket = data.get("bucket")
    if type(bucket) is not int or not 0 <= bucket < BUCKETS:
        raise _Bad(Outcome.BAD_DATA)
    return {"bucket": bucket}


def _exposed(data: Mapping[str, Any], pseudonym: Pseudonym) -> dict[str, Any]:
    return _drawn(data, pseudonym) | {"rollout_id": _uuid(data.get("rollout"))}


# What each topic must say; whatever else comes is ignored.
SAID: Final[Mapping[Topic, Callable[[Mapping[str, Any], Pseudonym], dict[str, Any]]]] = {
    Topic.IMPRESSION: _impression,
    Topic.CLICK: _chosen,
    Topic.ADD: _chosen,
    Topic.VIEW: _viewed,
    Topic.CART: _put_in_cart,
    Topic.CHECKOUT_STARTED: _checkout,
    Topic.CHECKOUT_COMPLETED: _completed,
    Topic.GROUP: _drawn,
    Topic.EXPOSURE: _exposed,
}
