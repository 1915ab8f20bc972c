"""The inbox: store at once, work later, lose nothing, repeat nothing."""

from .accepting import BadDelivery, accept
from .privacy import erase_shop, forget_customer, note_outcome, note_shop_outcome, note_shop_progress
from .processing import process
from .sweeping import sweep

__all__ = [
    "BadDelivery",
    "accept",
    "erase_shop",
    "forget_customer",
    "note_outcome",
    "note_shop_outcome",
    "note_shop_progress",
    "process",
    "sweep",
]
