"""
Pure reading of what Shopify sends: webhook bodies (REST-shaped) and bulk lines (GraphQL-shaped).

Both become the same rows, so that an order means the same however it came.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from backend.core.text import storable
from backend.shopify.values import number_of

from .values import ProductStatus

# On a cart: "_tailorbird_<product id>" names the decision behind that product. On a line: "_tailorbird".
ATTRIBUTE: Final = "_tailorbird"
# A shopper can click many cards; an order that names more than this is not shopping.
MOST_LINKS: Final = 250

_STATUSES: Final = frozenset(status.value for status in ProductStatus)

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
    available: bool


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


# Webhook bodies


def read_product(payload: Mapping[str, Any], *, currency: str) -> tuple[ProductRow, list[VariantRow]]:
    """
    Read a product's webhook body.

    :raises KeyError, ValueError, TypeError, ArithmeticError: if the body is not a product
    """
    product_id = int(payload["id"])
    variants = [_read_variant(each, product_id) for each in payload.get("variants") or []]
    prices = [variant.price for variant in variants] or [Decimal(0)]
    quantities = [
        variant.inventory_quantity for variant in variants if variant.inventory_quantity is not None
    ]
    image = payload.get("image") or {}
    row = ProductRow(
        product_id=product_id,
        handle=_text(payload["handle"]),
        title=_text(payload["title"]),
        vendor=_text(payload.get("vendor")),
        product_type=_text(payload.get("product_type")),
        tags=[tag.strip() for tag in _text(payload.get("tags")).split(",") if tag.strip()],
        status=_status(payload.get("status")),
        published_at=_moment(payload.get("published_at")),
        price_min=min(prices),
        price_max=max(prices),
        currency=currency,
        image_url=_text(image.get("src")),
        image_width=_number(image.get("width")),
        image_height=_number(image.get("height")),
        image_alt=_text(image.get("alt")),
        total_inventory=sum(quantities) if quantities else None,
        available=any(variant.available for variant in variants),
        created_at=_required_moment(payload["created_at"]),
        updated_at=_required_moment(payload["updated_at"]),
    )
    return row, variants


def _read_variant(payload: Mapping[str, Any], product_id: int) -> VariantRow:
    quantity = _number(payload.get("inventory_quantity"))
    policy = _text(payload.get("inventory_policy")).upper()
    # Stock is tracked unless the body says outright that nobody manages it.
    is_untracked = "inventory_management" in payload and payload["inventory_management"] is None
    return VariantRow(
        variant_id=int(payload["id"]),
        product_id=product_id,
        title=_text(payload.get("title")),
        sku=_text(payload.get("sku")),
        price=_money(payload["price"]),
        inventory_quantity=quantity,
        inventory_policy=policy,
        available=is_untracked or policy == "CONTINUE" or (quantity or 0) > 0,
    )


def read_collection(payload: Mapping[str, Any]) -> CollectionRow:
    """Read a collection's webhook body."""
    return CollectionRow(
        collection_id=int(payload["id"]),
        handle=_text(payload["handle"]),
        title=_text(payload["title"]),
        updated_at=_required_moment(payload["updated_at"]),
    )


def read_order(payload: Mapping[str, Any]) -> tuple[OrderRow, list[LineRow]]:
    """Read an order's webhook body, whose customer is a pseudonym already."""
    order_id = int(payload["id"])
    created_at = _required_moment(payload["created_at"])
    row = OrderRow(
        order_id=order_id,
        customer_key=payload.get("customer_key"),
        created_at=created_at,
        processed_at=_moment(payload.get("processed_at")) or created_at,
        updated_at=_required_moment(payload["updated_at"]),
        cancelled_at=_moment(payload.get("cancelled_at")),
        currency=_text(payload["currency"]),
        test=bool(payload.get("test")),
        source_name=_text(payload.get("source_name")),
        cart_token=_text(payload.get("cart_token")),
        checkout_token=_text(payload.get("checkout_token")),
        recommendation_ids=links_of(_named(payload.get("note_attributes"), "name")),
    )
    return row, [_read_line(each, order_id) for each in payload.get("line_items") or []]


def _read_line(payload: Mapping[str, Any], order_id: int) -> LineRow:
    quantity = int(payload["quantity"])
    price = _money(payload["price"])
    left = payload.get("current_quantity")
    return LineRow(
        line_id=int(payload["id"]),
        order_id=order_id,
        product_id=_number(payload.get("product_id")),
        variant_id=_number(payload.get("variant_id")),
        quantity=quantity,
        current_quantity=quantity if left is None else int(left),
        unit_price=price,
        discounted_total=price * quantity - _discount(payload),
        decision_id=_decision_of(_named(payload.get("properties"), "name")),
    )


def _discount(payload: Mapping[str, Any]) -> Decimal:
    """Return what was taken off a line; ``total_discount`` leaves out discounts on the whole order."""
    allocations = payload.get("discount_allocations")
    if allocations is None:
        return _money(payload.get("total_discount") or 0)
    return sum((_money(each["amount"]) for each in allocations), Decimal(0))


def read_refund(payload: Mapping[str, Any]) -> RefundRow:
    """Read a refund's webhook body."""
    items = payload.get("refund_line_items") or []
    return RefundRow(
        refund_id=int(payload["id"]),
        order_id=int(payload["order_id"]),
        created_at=_required_moment(payload["created_at"]),
        lines=tuple((int(item["line_item_id"]), int(item["quantity"])) for item in items),
    )


# Bulk lines

BulkRow = ProductRow | VariantRow | CollectionRow | MembershipRow | OrderRow | LineRow


def read_bulk_line(text: str, pseudonymise: Pseudonymise) -> tuple[BulkRow, ...]:
    """
    Read one line of a bulk result.

    Children come after their parent, not always right after it, so each
    carries its parent's id away with it.

    :raises ValueError, KeyError, TypeError, ArithmeticError: if the line is none we asked for
    """
    node = json.loads(text)
    kind = node["id"].split("/")[3]
    if kind == "LineItem":
        return (_bulk_line(node),)
    if kind == "Order":
        return (_bulk_order(node, pseudonymise),)
    if kind == "ProductVariant":
        return (_bulk_variant(node),)
    if kind == "Product":
        return (_bulk_product(node),)
    if kind == "Collection":
        return (
            MembershipRow(number_of(node["__parentId"]), number_of(node["id"])),
            CollectionRow(
                number_of(node["id"]),
                _text(node["handle"]),
                _text(node["title"]),
                _required_moment(node["updatedAt"]),
            ),
        )
    raise ValueError(f"A bulk result holds a {kind}, which was not asked for.")


def _bulk_product(node: Mapping[str, Any]) -> ProductRow:
    prices = node["priceRangeV2"]
    media = node.get("featuredMedia") or {}
    image = (media.get("preview") or {}).get("image") or {}
    return ProductRow(
        product_id=number_of(node["id"]),
        handle=_text(node["handle"]),
        title=_text(node["title"]),
        vendor=_text(node.get("vendor")),
        product_type=_text(node.get("productType")),
        tags=[_text(tag) for tag in node.get("tags") or []],
        status=_status(node["status"]),
        published_at=_moment(node.get("publishedAt")),
        price_min=Decimal(prices["minVariantPrice"]["amount"]),
        price_max=Decimal(prices["maxVariantPrice"]["amount"]),
        currency=prices["minVariantPrice"]["currencyCode"],
        image_url=_text(image.get("url")),
        image_width=_number(image.get("width")),
        image_height=_number(image.get("height")),
        image_alt=_text(media.get("alt")),
        total_inventory=node.get("totalInventory"),
        # Its variants decide, and they come later; see the load.
        available=False,
        created_at=_required_moment(node["createdAt"]),
        updated_at=_required_moment(node["updatedAt"]),
    )


def _bulk_variant(node: Mapping[str, Any]) -> VariantRow:
    return VariantRow(
        variant_id=number_of(node["id"]),
        product_id=number_of(node["__parentId"]),
        title=_text(node.get("title")),
        sku=_text(node.get("sku")),
        price=Decimal(node["price"]),
        inventory_quantity=node.get("inventoryQuantity"),
        inventory_policy=_text(node.get("inventoryPolicy")).upper(),
        available=bool(node["availableForSale"]),
    )


def _bulk_order(node: Mapping[str, Any], pseudonymise: Pseudonymise) -> OrderRow:
    customer = node.get("customer")
    created_at = _required_moment(node["createdAt"])
    return OrderRow(
        order_id=number_of(node["id"]),
        customer_key=pseudonymise(number_of(customer["id"])) if customer else None,
        created_at=created_at,
        processed_at=_moment(node.get("processedAt")) or created_at,
        updated_at=_required_moment(node["updatedAt"]),
        cancelled_at=_moment(node.get("cancelledAt")),
        currency=_text(node["currencyCode"]),
        test=bool(node.get("test")),
        source_name=_text(node.get("sourceName")),
        cart_token=_text(node.get("cartToken")),
        checkout_token=_text(node.get("checkoutToken")),
        recommendation_ids=links_of(_named(node.get("customAttributes"), "key")),
    )


def _bulk_line(node: Mapping[str, Any]) -> LineRow:
    product, variant = node.get("product"), node.get("variant")
    attributes = node.get("customAttributes")
    return LineRow(
        line_id=number_of(node["id"]),
        order_id=number_of(node["__parentId"]),
        product_id=number_of(product["id"]) if product else None,
        variant_id=number_of(variant["id"]) if variant else None,
        quantity=node["quantity"],
        current_quantity=node["currentQuantity"],
        unit_price=Decimal(node["originalUnitPriceSet"]["shopMoney"]["amount"]),
        discounted_total=Decimal(node["discountedTotalSet"]["shopMoney"]["amount"]),
        decision_id=_decision_of(_named(attributes, "key")) if attributes else None,
    )


# Parts


def links_of(attributes: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """
    Return the decisions that a cart's attributes name.

    Shoppers can write attributes too: what is not a decision's id under one
    of our names is passed over.
    """
    links = []
    for name, value in attributes:
        decision = _uuid(value)
        product = name.removeprefix(ATTRIBUTE).removeprefix("_")
        if not name.startswith(ATTRIBUTE) or decision is None:
            continue
        if product and not (product.isascii() and product.isdigit() and len(product) < 19):
            continue
        links.append(
            {
                "decision_id": str(decision),
                "product_id": int(product) if product else None,
                "via": "attribute",
            }
        )
    return links[:MOST_LINKS]


def _decision_of(attributes: Iterable[tuple[str, str]]) -> UUID | None:
    for name, value in attributes:
        if name == ATTRIBUTE:
            return _uuid(value)
    return None


def _named(attributes: Any, key: str) -> list[tuple[str, str]]:
    return [(str(each.get(key)), str(each.get("value"))) for each in attributes or []]


def _uuid(text: str) -> UUID | None:
    # Exactly the form we hand out: UUID() alone would also take braces and URNs.
    if len(text) != 36:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None


def _text(value: Any) -> str:
    return storable(str(value)) if value is not None else ""


def _status(value: Any) -> str:
    text = str(value or "ACTIVE").upper()
    # A status that Shopify invents later is not one to recommend from.
    return text if text in _STATUSES else ProductStatus.DRAFT.value


def _moment(value: Any) -> datetime | None:
    return _required_moment(value) if value else None


def _required_moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone.")
    # The ends of time exist in some zones only; this is where they are refused, not when they are read back.
    return moment.astimezone(UTC)


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def _money(value: Any) -> Decimal:
    amount = Decimal(str(value))
    if not amount.is_finite():
        raise ValueError(f"{value!r} is no amount of money.")
    return amount
