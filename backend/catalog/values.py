"""What crosses the border of the app ``catalog``."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID


class ProductStatus(StrEnum):
    """A product's status, as Shopify names it."""

    ACTIVE = "ACTIVE"
    DRAFT = "DRAFT"
    ARCHIVED = "ARCHIVED"
    UNLISTED = "UNLISTED"  # sold by link only; never recommended


class ImportState(StrEnum):
    """Where an import of a shop's history stands."""

    QUEUED = "QUEUED"  # asked for; Shopify was not called yet
    RUNNING = "RUNNING"  # Shopify prepares the files, or we load them
    DONE = "DONE"  # both parts are in
    FAILED = "FAILED"  # a part gave up; asking again starts anew


LIVE_IMPORT_STATES = (ImportState.QUEUED, ImportState.RUNNING)


class Part(StrEnum):
    """The two halves of a history, each one bulk operation."""

    PRODUCTS = "PRODUCTS"
    ORDERS = "ORDERS"


class PartState(StrEnum):
    """Where one half of an import stands."""

    WAITING = "WAITING"  # Shopify was not asked yet
    STARTING = "STARTING"  # Shopify is being asked; whether it heard us is not known until it answers
    EXPORTING = "EXPORTING"  # Shopify prepares the file
    LOADING = "LOADING"  # the file is ready, or being read
    DONE = "DONE"  # every row is in
    FAILED = "FAILED"  # gave up; ``error`` says why


@dataclass(frozen=True)
class PartProgress:
    """How far one half of an import is. ``total`` is 0 until Shopify knows it."""

    part: Part
    state: PartState
    done: int
    total: int
    unit: str
    error: str
    set_aside: int = 0  # records that could not be read or kept
    note: str = ""  # what people should know though the part goes on


@dataclass(frozen=True)
class ImportProgress:
    """How far an import is."""

    id: UUID
    state: ImportState
    created_at: datetime
    finished_at: datetime | None
    parts: tuple[PartProgress, ...]


@dataclass(frozen=True)
class Counts:
    """How much of a shop's history is here."""

    products: int
    orders: int
    order_lines: int
    customers: int
    guest_orders: int


@dataclass(frozen=True)
class ServingProduct:
    """A product as a recommendation shows it."""

    product_id: int
    handle: str
    title: str
    vendor: str
    product_type: str
    price: Decimal
    currency: str
    image_url: str
    image_width: int | None
    image_height: int | None
    image_alt: str
    available: bool


@dataclass(frozen=True)
class FoundProduct:
    """A product as somebody who searches for it sees it."""

    product_id: int
    title: str
    image_url: str
    is_available: bool


@dataclass(frozen=True)
class DescribedProduct:
    """What a product says of itself; ``price`` is its lowest."""

    product_id: int
    title: str
    vendor: str
    product_type: str
    tags: tuple[str, ...]
    price: Decimal
    created_at: datetime


class Via(StrEnum):
    """How a decision came into a cart's attributes."""

    ATTRIBUTE = "attribute"  # told by an older version of the block: a click, without its moment
    CLICKED = "clicked"
    ADDED = "added"


@dataclass(frozen=True)
class RecommendationLink:
    """
    A decision that an order names.

    :param product_id: None when it names the whole order
    :param clicked_at: by the shopper's clock, to the second; None where it was not told
    """

    decision_id: UUID
    product_id: int | None
    via: Via
    clicked_at: datetime | None


@dataclass(frozen=True)
class OrderLineInfo:
    """One line of an order. ``product_id`` is None when the product was deleted."""

    line_id: int
    product_id: int | None
    variant_id: int | None
    quantity: int
    current_quantity: int
    unit_price: Decimal
    discounted_total: Decimal
    decision_id: UUID | None


@dataclass(frozen=True, slots=True)
class PaidOrder:
    """What an order came to, less what was refunded, in the currency that the shop had then."""

    checkout_token: str
    placed_at: datetime
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class NamedOrder:
    """An order that was found by what people call it."""

    shop_id: int
    order_id: int
    name: str


@dataclass(frozen=True)
class OrderInfo:
    """
    An order as other apps see it. ``customer_key`` is a pseudonym; None means a guest.

    :param name: what people call it, such as ``#1001``; empty where nobody told yet
    """

    order_id: int
    name: str
    customer_key: str | None
    created_at: datetime
    processed_at: datetime
    updated_at: datetime
    cancelled_at: datetime | None
    currency: str
    is_test: bool
    source_name: str
    # Who has it may open the checkout.
    checkout_token: str = field(repr=False)
    links: tuple[RecommendationLink, ...]
    lines: tuple[OrderLineInfo, ...]
