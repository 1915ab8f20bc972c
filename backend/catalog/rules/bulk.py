"""Reading of bulk lines, which have the shape of the GraphQL API."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from backend.shopify.values import number_of

from . import attributes, fields
from .rows import (
    BulkRow,
    CollectionRow,
    LineRow,
    MembershipRow,
    OrderRow,
    ProductRow,
    Pseudonymise,
    VariantRow,
)


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
                fields.text(node["handle"]),
                fields.text(node["title"]),
                fields.required_moment(node["updatedAt"]),
            ),
        )
    raise ValueError(f"A bulk result holds a {kind}, which was not asked for.")


def _bulk_product(node: Mapping[str, Any]) -> ProductRow:
    prices = node["priceRangeV2"]
    media = node.get("featuredMedia") or {}
    image = (media.get("preview") or {}).get("image") or {}
    return ProductRow(
        product_id=number_of(node["id"]),
        handle=fields.text(node["handle"]),
        title=fields.text(node["title"]),
        vendor=fields.text(node.get("vendor")),
        product_type=fields.text(node.get("productType")),
        tags=[fields.text(tag) for tag in node.get("tags") or []],
        status=fields.status(node["status"]),
        published_at=fields.moment(node.get("publishedAt")),
        price_min=Decimal(prices["minVariantPrice"]["amount"]),
        price_max=Decimal(prices["maxVariantPrice"]["amount"]),
        currency=prices["minVariantPrice"]["currencyCode"],
        image_url=fields.text(image.get("url")),
        image_width=fields.number(image.get("width")),
        image_height=fields.number(image.get("height")),
        image_alt=fields.text(media.get("alt")),
        total_inventory=node.get("totalInventory"),
        # Its variants decide, and they come later; see the load.
        available=False,
        created_at=fields.required_moment(node["createdAt"]),
        updated_at=fields.required_moment(node["updatedAt"]),
    )


def _bulk_variant(node: Mapping[str, Any]) -> VariantRow:
    return VariantRow(
        variant_id=number_of(node["id"]),
        product_id=number_of(node["__parentId"]),
        title=fields.text(node.get("title")),
        sku=fields.text(node.get("sku")),
        price=Decimal(node["price"]),
        inventory_quantity=node.get("inventoryQuantity"),
        inventory_policy=fields.text(node.get("inventoryPolicy")).upper(),
        available=bool(node["availableForSale"]),
    )


def _bulk_order(node: Mapping[str, Any], pseudonymise: Pseudonymise) -> OrderRow:
    customer = node.get("customer")
    created_at = fields.required_moment(node["createdAt"])
    return OrderRow(
        order_id=number_of(node["id"]),
        customer_key=pseudonymise(number_of(customer["id"])) if customer else None,
        created_at=created_at,
        processed_at=fields.moment(node.get("processedAt")) or created_at,
        updated_at=fields.required_moment(node["updatedAt"]),
        cancelled_at=fields.moment(node.get("cancelledAt")),
        currency=fields.text(node["currencyCode"]),
        test=bool(node.get("test")),
        source_name=fields.text(node.get("sourceName")),
        cart_token=fields.text(node.get("cartToken")),
        checkout_token=fields.text(node.get("checkoutToken")),
        recommendation_ids=attributes.links_of(attributes.named(node.get("customAttributes"), "key")),
    )


def _bulk_line(node: Mapping[str, Any]) -> LineRow:
    product, variant = node.get("product"), node.get("variant")
    custom = node.get("customAttributes")
    return LineRow(
        line_id=number_of(node["id"]),
        order_id=number_of(node["__parentId"]),
        product_id=number_of(product["id"]) if product else None,
        variant_id=number_of(variant["id"]) if variant else None,
        quantity=node["quantity"],
        current_quantity=node["currentQuantity"],
        unit_price=Decimal(node["originalUnitPriceSet"]["shopMoney"]["amount"]),
        discounted_total=Decimal(node["discountedTotalSet"]["shopMoney"]["amount"]),
        decision_id=attributes.decision_of(attributes.named(custom, "key")) if custom else None,
    )
