"""Pure decisions about steps: whose browser it is, and what counts once."""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from backend.features.values import Link

# Within this one product is looked at once: a page that is opened again, or in two tabs, says no more.
VISIT: Final = timedelta(minutes=30)


def supersedes(told: Link, held: Link | None) -> bool:
    """
    Return whether a browser is another visitor's from now on.

    A decision names the customer where one was signed in, else the browser's own pseudonym. A customer is
    known better than a browser, and of two customers the one who came last holds it.
    """
    if held is None:
        return True
    if told.is_customer is not held.is_customer:
        return told.is_customer
    return told.seen_at > held.seen_at


def visit_number(at: datetime) -> int:
    """Return the number of a half hour since 1970."""
    return int(at.timestamp() // VISIT.total_seconds())


def visit_basket(client_key: str, visit: int) -> int:
    """Return the basket of a browser's half hour: below zero, where no order's number is."""
    digest = hashlib.blake2b(f"{client_key}:{visit}".encode(), digest_size=8).digest()
    return -(int.from_bytes(digest, "big") >> 2) - 1
