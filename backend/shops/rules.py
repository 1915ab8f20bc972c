"""Pure decisions about shops."""

from datetime import timedelta
from typing import Final

from backend.shops.values import PIXEL_SCOPES, PixelState

# After a refusal: the extension is not deployed yet, or its settings differ from ours. Each wants a person.
PIXEL_PAUSE: Final = timedelta(minutes=15)

# Shopify drops a subscription whose news nobody took for four hours, and says so to nobody.
SUBSCRIPTION_LIFE: Final = timedelta(days=1)


def pixel_state(scopes: frozenset[str], *, is_active: bool, failure: str) -> PixelState:
    """Return how a shop's pixel stands, the first reason that keeps it from working."""
    if not scopes >= PIXEL_SCOPES:
        return PixelState.NOT_GRANTED
    if is_active:
        return PixelState.ACTIVE
    return PixelState.REFUSED if failure else PixelState.PENDING
