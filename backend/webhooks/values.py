"""What crosses the border of the app ``webhooks``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class DeliveryState(StrEnum):
    """Where a delivery stands in the inbox."""

    PENDING = "PENDING"  # stored; to be worked on once ``due_at`` has come, or under work: then it is locked
    DONE = "DONE"  # applied, or rightly left alone: see ``outcome``
    DEAD = "DEAD"  # gave up; a person must look


class Topic(StrEnum):
    """
    What Shopify tells us about.

    ``shopify.app.toml`` subscribes to exactly these but the last, which needs a scope that not every merchant
    grants: see ``shops.services.subscribing``.
    """

    APP_UNINSTALLED = "app/uninstalled"
    APP_SCOPES_UPDATE = "app/scopes_update"
    PRODUCTS_CREATE = "products/create"
    PRODUCTS_UPDATE = "products/update"
    PRODUCTS_DELETE = "products/delete"
    COLLECTIONS_CREATE = "collections/create"
    COLLECTIONS_UPDATE = "collections/update"
    COLLECTIONS_DELETE = "collections/delete"
    ORDERS_CREATE = "orders/create"
    ORDERS_UPDATED = "orders/updated"
    ORDERS_CANCELLED = "orders/cancelled"
    ORDERS_DELETE = "orders/delete"
    REFUNDS_CREATE = "refunds/create"
    BULK_OPERATIONS_FINISH = "bulk_operations/finish"
    CUSTOMERS_DATA_REQUEST = "customers/data_request"
    CUSTOMERS_REDACT = "customers/redact"
    SHOP_REDACT = "shop/redact"
    THEMES_PUBLISH = "themes/publish"


# The outcome of a delivery until a job that follows from it has more to say.
APPLIED = "applied"

COMPLIANCE_TOPICS = frozenset({Topic.CUSTOMERS_DATA_REQUEST, Topic.CUSTOMERS_REDACT, Topic.SHOP_REDACT})


# What changes products and collections, and comes by the thousand when many change at once.
CATALOG_TOPICS = frozenset(topic for topic in Topic if topic.startswith(("products/", "collections/")))


@dataclass(frozen=True)
class Incoming:
    """A delivery as it came: headers, and a body whose signature was already checked."""

    delivery_id: str
    event_id: str
    topic: str
    shop_domain: str
    api_version: str
    triggered_at: str
    body: bytes


@dataclass(frozen=True)
class Delivery:
    """A stored delivery as its handler sees it. ``payload`` holds allow-listed fields only."""

    id: int
    topic: Topic
    shop_id: int | None
    shop_domain: str
    triggered_at: datetime
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class FollowUp:
    """Later work that a delivery asks for: a job's name and its ids."""

    job: str
    ids: Mapping[str, Any]


Handler = Callable[[Delivery, datetime], list[FollowUp]]
