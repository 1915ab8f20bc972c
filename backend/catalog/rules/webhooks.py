"""Reading of webhook bodies, which have the shape of the REST API."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from . import attributes, fields
from .rows import CollectionRow, LineRow, OrderRow, RefundRow


def read_collection(payload: Mapping[str, Any]) -> CollectionRow:
    """Read a collection's webhook body."""
    return CollectionRow(
        collection_id=fields.identifier(payload["id"]),
        handle=fields.text(payload["handle"]),
        title=fields.text(payload["title"]),
        updated_at=fields.required_moment(payload["updated_at"]),
    )


def read_order(payload: Mapping[str, Any]) -> tuple[OrderRow, list[LineRow]]:
    """Read an order's webhook body, whose customer is a pseudonym already."""
    order_id = fields.identifier(payload["id"])
    created_at = fields.required_moment(payload["created_at"])
    row = OrderRow(
        order_id=order_id,
        name=fields.text(payload.get("name")),
        # Its twin ``number`` counts the shop's orders from one; this is the one in the name.
        number=fields.order_number(payload.get("order_number")),
        customer_key=payload.get("customer_key"),
        created_at=created_at,
        processed_at=fields.moment(payload.get("processed_at")) or created_at,
        updated_at=fields.required_moment(payload["updated_at"]),
        cancelled_at=fields.moment(payload.get("cancelled_at")),
        currency=fields.currency(payload["currency"]),
        test=bool(payload.get("test")),
        source_name=fields.text(payload.get("source_name")),
        cart_token=fields.text(payload.get("cart_token")),
        checkout_token=fields.text(payload.get("checkout_token")),
        recommendation_ids=attributes.links_of(attributes.named(payload.get("note_attributes"), "name")),
        counted_refunds=_refunds(payload),
    )
    # By id, because one statement cannot write a row twice.
    lines = [_read_line(each, order_id) for each in payload.get("line_items") or []]
    return row, list({line.line_id: line for line in lines}.values())


def _refunds(payload: Mapping[str, Any]) -> list[int] | None:
    """Return the refunds that an order's body lists, or None where it has no list."""
    listed = payload.get("refunds")
    # An element that is no object was one that we can't read: the list is not whole.
    if listed is None or not all(listed):
        return None
    return [fields.identifier(each["id"]) for each in listed]


def _read_line(payload: Mapping[str, Any], order_id: int) -> LineRow:
    quantity = fields.quantity(payload["quantity"])
    price = fields.money(payload["price"])
    left = payload.get("current_quantity")
    return LineRow(
        line_id=fields.identifier(payload["id"]),
        order_id=order_id,
        product_id=fields.optional_identifier(payload.get("product_id")),
        variant_id=fields.optional_identifier(payload.get("variant_id")),
        quantity=quantity,
        current_quantity=quantity if left is None else fields.quantity(left),
        unit_price=price,
        discounted_total=fields.money(price * quantity - _discount(payload)),
        decision_id=attributes.decision_of(attributes.named(payload.get("properties"), "name")),
    )


def _discount(payload: Mapping[str, Any]) -> Decimal:
    """Return what was taken off a line; ``total_discount`` leaves out discounts on the whole order."""
    allocations = payload.get("discount_allocations")
    if allocations is None:
        return fields.money(payload.get("total_discount") or 0)
    return sum((fields.money(each["amount"]) for each in allocations), Decimal(0))


def read_deletion(payload: Mapping[str, Any]) -> int:
    """Read which product, collection or order was deleted."""
    return fields.identifier(payload["id"])


def read_refund(payload: Mapping[str, Any]) -> RefundRow:
    """Read a refund's webhook body."""
    items = payload.get("refund_line_items") or []
    return RefundRow(
        refund_id=fields.identifier(payload["id"]),
        order_id=fields.identifier(payload["order_id"]),
        created_at=fields.required_moment(payload["created_at"]),
        lines=tuple(
            (fields.identifier(item["line_item_id"]), fields.returned(item["quantity"])) for item in items
        ),
    )
