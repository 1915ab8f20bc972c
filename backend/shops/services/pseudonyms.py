"""The names that a shop's customers have with us."""

from collections.abc import Callable

from backend.core.crypto import pseudonym_under
from backend.shops import queries
from backend.shops.services.suppression import is_suppressed


def pseudonym(shop_id: int, customer_id: int) -> str:
    """
    Return the name a customer has with us: a keyed hash that only this shop's key can make.

    For finding what is held of them, redacted or not. What is about to be
    written or answered for them asks :func:`find_pseudonym`.
    """
    return pseudonym_under(queries.pseudonym_key(shop_id), str(customer_id))


def find_pseudonym(shop_id: int, customer_id: int) -> str | None:
    """Return a customer's name with us, or None for one who was redacted: they are nobody to us."""
    made = pseudonym(shop_id, customer_id)
    return None if is_suppressed(shop_id, customer_key=made) else made


def find_visitor_pseudonym(shop_id: int, customer_id: int) -> str | None:
    """
    Return the same for a shopper who waits: no query where nobody was ever redacted.

    A process learns of a shop's first redaction within half a minute. What it writes for them meanwhile
    asks :func:`suppression_of` as it is written.
    """
    if not queries.get_shop(shop_id).has_suppressions:
        return pseudonym(shop_id, customer_id)
    return find_pseudonym(shop_id, customer_id)


def pseudonymiser(shop_id: int) -> Callable[[int], str]:
    """Return a function that names many customers, for rows that are checked before they are kept."""
    key = queries.pseudonym_key(shop_id)
    return lambda customer_id: pseudonym_under(key, str(customer_id))
