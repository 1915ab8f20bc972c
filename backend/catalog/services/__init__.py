"""Writes of the catalogue: single changes as they are announced, and whole histories."""

from .apply import (
    UnreadablePayload,
    apply_collection,
    apply_order,
    apply_product,
    apply_refund,
    delete_collection,
    delete_order,
    delete_product,
)
from .changes import Changes, next_changes, strike_off
from .counting import count_shop, count_shops
from .imports import (
    AlreadyRunning,
    give_up_import,
    import_of_operation,
    poll_import,
    reconcile,
    reconcile_whole,
    request_import,
    start_import,
    stop_imports,
    sweep_imports,
)
from .ingest import load_import
from .privacy import describe_customer, forget_customer
from .reading import read_stale_products, sweep_stale_products
from .stale import ask

__all__ = [
    "AlreadyRunning",
    "Changes",
    "UnreadablePayload",
    "apply_collection",
    "apply_order",
    "apply_product",
    "apply_refund",
    "ask",
    "count_shop",
    "count_shops",
    "delete_collection",
    "delete_order",
    "delete_product",
    "describe_customer",
    "forget_customer",
    "give_up_import",
    "import_of_operation",
    "load_import",
    "next_changes",
    "poll_import",
    "read_stale_products",
    "reconcile",
    "reconcile_whole",
    "request_import",
    "start_import",
    "stop_imports",
    "strike_off",
    "sweep_imports",
    "sweep_stale_products",
]
