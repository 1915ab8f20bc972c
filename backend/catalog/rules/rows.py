"""What is stored of a thing, however it came."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

Pseudonymise = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product as it is stored."""

    product_id: int
    handle: str
    title: str
    vendor: str
    product_type: str
    tags: list[str]
    status: str
    published_at: datetime | None
    price_min: Decimal
    price_max: Decimal
    currency: str
    image_url: str
    image_width: int | None
    image_height: int | None
    image_alt: str
    total_inventory: int | None
    available: bool
    is_gift_card: bool | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class VariantRow:
    """A variant as it is stored."""

    variant_id: int
    product_id: int
    title: str
    sku: str
    price: Decimal
    inventory_quantity: int | None
    inventory_policy: str
    tracked: bool | None
    available: bool
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class WholeProduct:
    """A product with all its variants, as the Admin API shows it."""

    product: ProductRow
    variants: tuple[VariantRow, ...]


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """A collection as it is stored."""

    collection_id: int
    handle: str
    title: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """That a product is in a collection."""

    product_id: int
    collection_id: int


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as it is stored."""

    order_id: int
    name: str
    number: int | None
    customer_key: str | None
    created_at: datetime
    processed_at: datetime
    updated_at: datetime
    cancelled_at: datetime | None
    currency: str
    test: bool
    source_name: str
    cart_token: str
    checkout_token: str
    recommendation_ids: list[dict[str, Any]]
    counted_refunds: list[int] | None


@dataclass(frozen=True, slots=True)
class LineRow:
    """An order line as it is stored; ``order_id`` is Shopify's number of its order."""

    line_id: int
    order_id: int
    product_id: int | None
    variant_id: int | None
    quantity: int
    current_quantity: int
    unit_price: Decimal
    discounted_total: Decimal
    decision_id: UUID | None


@dataclass(frozen=True, slots=True)
class RefundRow:
    """A refund: which quantity of which line went back."""

    refund_id: int
    order_id: int
    created_at: datetime
    lines: tuple[tuple[int, int], ...]


BulkRow = ProductRow | VariantRow | CollectionRow | MembershipRow | OrderRow | LineRow
