"""Writes of storefront events: what browsers tell, and what is forgotten."""

from backend.events.services.collecting import Collector, Delivery, Limits, RateLimited, UnknownAddress
from backend.events.services.forgetting import erase_shop, forget_clients, forget_orders
from backend.events.services.keeping import drop_old, make_partitions

__all__ = [
    "Collector",
    "Delivery",
    "Limits",
    "RateLimited",
    "UnknownAddress",
    "drop_old",
    "erase_shop",
    "forget_clients",
    "forget_orders",
    "make_partitions",
]
