"""What crosses the boundary of the storefront's events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Topic(StrEnum):
    """What happened, as it is stored."""

    IMPRESSION = "IMPRESSION"  # recommended products were really seen
    CLICK = "CLICK"  # one of them was followed to its page
    ADD = "ADD"  # one of them was put into the cart from its card
    VIEW = "VIEW"  # the page of a product was opened
    CART = "CART"  # a product was put into the cart, from wherever
    CHECKOUT_STARTED = "CHECKOUT_STARTED"
    CHECKOUT_COMPLETED = "CHECKOUT_COMPLETED"
    GROUP = "GROUP"  # a browser told its bucket, where a share of the visitors is held out
    EXPOSURE = "EXPOSURE"  # a browser showed what its arm of a rollout shows, and told its bucket in it


# What a pixel calls them: Shopify's standard events by their own names, ours with our name before.
WIRE_TOPICS: Mapping[str, Topic] = {
    "tailorbird:impression": Topic.IMPRESSION,
    "tailorbird:click": Topic.CLICK,
    "tailorbird:add": Topic.ADD,
    "tailorbird:group": Topic.GROUP,
    "tailorbird:exposure": Topic.EXPOSURE,
    "product_viewed": Topic.VIEW,
    "product_added_to_cart": Topic.CART,
    "checkout_started": Topic.CHECKOUT_STARTED,
    "checkout_completed": Topic.CHECKOUT_COMPLETED,
}


class Outcome(StrEnum):
    """What became of an event. All but the first three are not kept."""

    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"  # its id was accepted before, on the same day
    BOT = "BOT"  # kept apart: a crawler, or a client faster than any person
    BAD_EVENT = "BAD_EVENT"  # not an object, or without an id, a time or a client
    BAD_TOPIC = "BAD_TOPIC"  # nothing that we ask for
    BAD_DATA = "BAD_DATA"  # not what its topic must say
    TOO_OLD = "TOO_OLD"  # of more than two days ago
    TOO_NEW = "TOO_NEW"  # of more than two days ahead
    UNKNOWN_DECISION = "UNKNOWN_DECISION"  # nobody made it, or another shop did
    WRONG_PRODUCT = "WRONG_PRODUCT"  # its decision shows no such product
    BEFORE_DECISION = "BEFORE_DECISION"  # from before its decision was made
    BAD_REQUEST = "BAD_REQUEST"  # came in a body that is no list of events
    TOO_LARGE = "TOO_LARGE"  # came in a body, or in a number, beyond the limits
    RATE_LIMITED = "RATE_LIMITED"  # came from an address or for a shop that sent too much


# The name of a browser that was forgotten: no two events of it belong together.
NOBODY = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One event as its sender tells it: well formed, and nothing more is known of it."""

    key: UUID  # its day and its id, hashed
    topic: Topic
    at: datetime
    client_key: str
    decision_id: UUID | None = None
    product_ids: tuple[int, ...] = ()
    quantity: int | None = None
    checkout_key: str | None = None
    order_id: int | None = None
    bucket: int | None = None
    rollout_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One event that is not kept, by its place in its body."""

    index: int
    reason: Outcome
    topic: Topic | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A body's events: those well formed by their place, and the others."""

    told: Mapping[int, Told]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a body, once it is durable."""

    accepted: int = 0
    duplicate: int = 0
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A stored event. ``client_key`` is a pseudonym under the shop's key, never a browser's own id."""

    key: UUID
    topic: Topic
    at: datetime
    received_at: datetime
    client_key: str
    decision_id: UUID | None
    product_ids: tuple[int, ...]
    quantity: int | None
    checkout_key: str | None
    order_id: int | None
    bucket: int | None
    rollout_id: UUID | None


@dataclass(frozen=True, slots=True)
class ClickRecord:
    """A shopper followed a recommendation, or put it straight into the cart."""

    decision_id: UUID
    product_id: int
    at: datetime
    is_add: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What is read of an event by those who follow all of them."""

    shop_id: int
    topic: Topic
    at: datetime
    received_at: datetime
    client_key: str
    decision_id: UUID | None
    product_id: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of each was accepted."""

    impressions: int = 0
    clicks: int = 0
    adds: int = 0
    checkouts: int = 0


@dataclass(frozen=True, slots=True)
class DrawnClient:
    """A browser that told its bucket, and when first."""

    client_key: str
    bucket: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Exposed:
    """A browser that met a rollout, with its bucket in that one, and when first."""

    client_key: str
    bucket: int
    at: datetime
