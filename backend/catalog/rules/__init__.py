"""
Pure reading of what Shopify sends: webhook bodies (REST-shaped) and bulk lines (GraphQL-shaped).

Both become the same rows, so that an order means the same however it came.
"""

from .bulk import read_bulk_line
from .rows import (
    BulkRow,
    CollectionRow,
    LineRow,
    MembershipRow,
    OrderRow,
    ProductRow,
    Pseudonymise,
    RefundRow,
    VariantRow,
)
from .webhooks import read_collection, read_order, read_product, read_refund

__all__ = [
    "BulkRow",
    "CollectionRow",
    "LineRow",
    "MembershipRow",
    "OrderRow",
    "ProductRow",
    "Pseudonymise",
    "RefundRow",
    "VariantRow",
    "read_bulk_line",
    "read_collection",
    "read_order",
    "read_product",
    "read_refund",
]
