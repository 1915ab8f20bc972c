"""Writes of storefront events: what browsers tell, and what is forgotten."""

from backend.events.services.collecting import Collector, Delivery, Limits, RateLimited, UnknownAddress

__all__ = ["Collector", "Delivery", "Limits", "RateLimited", "UnknownAddress"]
