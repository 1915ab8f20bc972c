"""
Pure reading of what Shopify sends: webhook bodies (REST-shaped) and bulk lines (GraphQL-shaped).

Both become the same rows, so that an order means the same however it came.
"""

from .bulk import read_bulk_line, read_whole_product
from .order_names import called, is_called, numbers_in
from .product_updates import (
    Merged,
    ProductUpdate,
    conclude,
    merge,
    prices_of_others,
    read_product,
    totals,
)
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
    WholeProduct,
)
from .webhooks import read_collection, read_deletion, read_order, read_refund

# What reading raises of a record that is not what it should be.
UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError)

__all__ = [
    "UNREADABLE",
    "BulkRow",
    "CollectionRow",
    "LineRow",
    "MembershipRow",
    "Merged",
    "OrderRow",
    "ProductRow",
    "ProductUpdate",
    "Pseudonymise",
    "RefundRow",
    "VariantRow",
    "WholeProduct",
    "called",
    "conclude",
    "is_called",
    "merge",
    "numbers_in",
    "prices_of_others",
    "read_bulk_line",
    "read_collection",
    "read_deletion",
    "read_order",
    "read_product",
    "read_refund",
    "read_whole_product",
    "totals",
]
