"""The names that a shop's customers have with us."""

import hashlib
import hmac
from typing import Final

from backend.shops import queries

PSEUDONYM_HEX_DIGITS: Final = 32


def pseudonym(shop_id: int, customer_id: int) -> str:
    """Return the name a customer has with us: a keyed hash that only this shop's key can make."""
    return pseudonym_under(queries.pseudonym_key(shop_id), customer_id)


def pseudonym_under(key: bytes, customer_id: int) -> str:
    """Return a customer's pseudonym under a key that is already at hand."""
    return hmac.new(key, str(customer_id).encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_HEX_DIGITS]
