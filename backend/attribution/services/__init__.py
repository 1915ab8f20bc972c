"""Writes of attribution: which decisions an order belongs to, and what they earned of it."""

from .attributing import attribute
from .looking import sweep
from .offers import note_offers, read_offers_again
from .privacy import erase_shop, forget_orders

__all__ = ["attribute", "erase_shop", "forget_orders", "note_offers", "read_offers_again", "sweep"]
