"""Reading of what the GraphQL API shows: lines of a bulk result, and products asked for by id."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from backend.core.errors import Unreadable
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
    WholeProduct,
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
        return (read_variant_node(node, _id(node["__parentId"])),)
    if kind == "Product":
        return (read_product_node(node),)
    if kind == "Collection":
        return (
            MembershipRow(_id(node["__parentId"]), _id(node["id"])),
            CollectionRow(
                _id(node["id"]),
                fields.text(node["handle"]),
                fields.text(node["title"]),
                fields.required_moment(node["updatedAt"]),
            ),
        )
    raise Unreadable(f"A bulk result holds a {kind}, which was not asked for.")


def read_whole_product(node: Mapping[str, Any], variants: Iterable[Mapping[str, Any]]) -> WholeProduct:
    """
    Read a product with all its variants.

    :raises ValueError, KeyError, TypeError, ArithmeticError: if the node is no product
    """
    product = read_product_node(node)
    rows = tuple(read_variant_node(each, product.product_id) for each in variants)
    return WholeProduct(replace(product, available=any(row.available for row in rows)), rows)


def read_product_node(node: Mapping[str, Any]) -> ProductRow:
    """Read a product without its variants, of a bulk line or of an answer."""
    prices = node["priceRangeV2"]
    media = node.get("featuredMedia") or {}
    image = (media.get("preview") or {}).get("image") or {}
    return ProductRow(
        product_id=_id(node["id"]),
        handle=fields.text(node["handle"]),
        title=fields.text(node["title"]),
        vendor=fields.text(node.get("vendor")),
        product_type=fields.text(node.get("productType")),
        tags=[fields.text(tag) for tag in node.get("tags") or []],
        status=fields.status(node["status"]),
        published_at=fields.moment(node.get("publishedAt")),
        price_min=fields.money(prices["minVariantPrice"]["amount"]),
        price_max=fields.money(prices["maxVariantPrice"]["amount"]),
        currency=fields.currency(prices["minVariantPrice"]["currencyCode"]),
        image_url=fields.text(image.get("url")),
        image_width=fields.pixels(image.get("width")),
        image_height=fields.pixels(image.get("height")),
        image_alt=fields.text(media.get("alt")),
        total_inventory=fields.stock(node.get("totalInventory")),
        # Its variants decide, and they come later; see the load.
        available=False,
        is_gift_card=node.get("isGiftCard"),
        created_at=fields.required_moment(node["createdAt"]),
        updated_at=fields.required_moment(node["updatedAt"]),
    )


def read_variant_node(node: Mapping[str, Any], product_id: int) -> VariantRow:
    """Read a variant, of a bulk line or of an answer."""
    return VariantRow(
        variant_id=_id(node["id"]),
        product_id=product_id,
        title=fields.text(node.get("title")),
        sku=fields.text(node.get("sku")),
        price=fields.money(node["price"]),
        inventory_quantity=fields.stock(node.get("inventoryQuantity")),
        inventory_policy=fields.policy(node.get("inventoryPolicy")),
        tracked=(node.get("inventoryItem") or {}).get("tracked"),
        available=bool(node["availableForSale"]),
        updated_at=fields.moment(node.get("updatedAt")),
    )


def _bulk_order(node: Mapping[str, Any], pseudonymise: Pseudonymise) -> OrderRow:
    customer = node.get("customer")
    created_at = fields.required_moment(node["createdAt"])
    return OrderRow(
        order_id=_id(node["id"]),
        name=fields.text(node["name"]),
        number=fields.order_number(node.get("number")),
        customer_key=pseudonymise(_id(customer["id"])) if customer else None,
        created_at=created_at,
        processed_at=fields.moment(node.get("processedAt")) or created_at,
        updated_at=fields.required_moment(node["updatedAt"]),
        cancelled_at=fields.moment(node.get("cancelledAt")),
        currency=fields.currency(node["currencyCode"]),
        test=bool(node.get("test")),
        source_name=fields.text(node.get("sourceName")),
        cart_token=fields.text(node.get("cartToken")),
        checkout_token=fields.text(node.get("checkoutToken")),
        recommendation_ids=attributes.links_of(attributes.named(node.get("customAttributes"), "key")),
        counted_refunds=[_id(each["id"]) for each in node["refunds"]] if "refunds" in node else None,
    )


def _bulk_line(node: Mapping[str, Any]) -> LineRow:
    product, variant = node.get("product"), node.get("variant")
    custom = node.get("customAttributes")
    return LineRow(
        line_id=_id(node["id"]),
        order_id=_id(node["__parentId"]),
        product_id=_id(product["id"]) if product else None,
        variant_id=_id(variant["id"]) if variant else None,
        quantity=fields.quantity(node["quantity"]),
        current_quantity=fields.quantity(node["currentQuantity"]),
        unit_price=fields.money(node["originalUnitPriceSet"]["shopMoney"]["amount"]),
        discounted_total=fields.money(node["discountedTotalSet"]["shopMoney"]["amount"]),
        decision_id=attributes.decision_of(attributes.named(custom, "key")) if custom else None,
    )


def _id(gid: str) -> int:
    return fields.identifier(number_of(gid))
