"""Writes of storefront events: what browsers tell, and what is forgotten."""

from backend.events.services.collecting import Collector, Delivery, Limits, RateLimited, UnknownAddress
from backend.events.services.forgetting import erase_shop, forget_clients

__all__ = ["Collector", "Delivery", "Limits", "RateLimited", "UnknownAddress", "erase_shop", "forget_clients"]
