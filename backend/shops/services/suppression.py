"""
The suppression list: customers and orders that were redacted and stay so.

Shopify goes on sending what it holds: an import of older orders, a late
webhook. Whoever is about to write a tie between a customer and anything asks
here first. The list holds keyed hashes under a key of its own, so that no
pseudonym that was forgotten is kept for the sake of forgetting it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from backend.audit.values import Condition
from backend.shops import queries
from backend.shops.models import Shop, Suppression

# As SQL, because a shopper waits while the condition is made.
_LOST: Final = "current_setting('tailorbird.holds_suppressions', true) IS DISTINCT FROM 'true' OR "
_ANYBODY: Final = _LOST + "EXISTS (SELECT FROM shops_suppression WHERE shop_id = %s)"
_SOMEBODY: Final = _LOST + "EXISTS (SELECT FROM shops_suppression WHERE shop_id = %s AND digest = %s)"
# Sent as a statement of its own, before the one that looks: that one sees all that was committed by then,
# and :func:`suppress` waits for its commit. A shopper waits for nobody: while somebody is being put on the
# list, nobody is tied.
_HOLD: Final = (
    "SELECT set_config('tailorbird.holds_suppressions',"
    " pg_try_advisory_xact_lock_shared(hashtext('suppression'), %s::int)::text, true)"
)


def suppress(
    shop_id: int, *, customer_key: str | None, order_ids: Collection[int] = (), now: datetime
) -> None:
    """
    Put a customer, and orders named with them, on the list. Repeating it changes nothing.

    Returns when every writer that may have looked before has committed: what
    is untied after this call stays untied.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('suppression'), %s::int)", [shop_id])
        key = _made_key(shop_id)
        customers = [] if customer_key is None else [_of_customer(key, customer_key)]
        digests = [*customers, *(_of_order(key, order_id) for order_id in order_ids)]
        entries = [Suppression(digest=digest, since=now) for digest in digests]
        Suppression.objects.for_shop(shop_id).bulk_create(entries, ignore_conflicts=True)
    queries.forget_cached()


def hold_suppressions(shop_id: int) -> None:
    """Keep the list as it is until the current transaction ends: for those who write ties."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtext('suppression'), %s::int)", [shop_id])


def has_suppressions(shop_id: int) -> bool:
    """Return whether anybody is on the list."""
    return queries.find_suppression_key(shop_id) is not None


def is_suppressed(shop_id: int, *, customer_key: str | None = None, order_id: int | None = None) -> bool:
    """Return whether a customer or an order is on the list."""
    customers = [] if customer_key is None else [customer_key]
    orders = [] if order_id is None else [order_id]
    return any(suppressed_among(shop_id, customer_keys=customers, order_ids=orders))


def suppression_of(shop_id: int, customer_key: str) -> Condition:
    """
    Return whether a customer is on the list as a condition, for the statement that writes a tie to them.

    A process that has not heard yet of a shop's first redaction has no key to look anybody up with; until it
    has, within half a minute, its condition is true of everybody.
    """
    key = queries.find_suppression_key(shop_id) if queries.get_shop(shop_id).has_suppressions else None
    if key is None:
        return Condition(_ANYBODY, (shop_id,), _HOLD, (shop_id,))
    return Condition(_SOMEBODY, (shop_id, _of_customer(key, customer_key)), _HOLD, (shop_id,))


def suppressed_among(
    shop_id: int, *, customer_keys: Iterable[str], order_ids: Iterable[int] = ()
) -> tuple[list[str], list[int]]:
    """Return which of some customers and orders are on the list."""
    key = queries.find_suppression_key(shop_id)
    if key is None:
        return [], []
    customers = {_of_customer(key, each): each for each in customer_keys}
    orders = {_of_order(key, each): each for each in order_ids}
    found = _among(shop_id, [*customers, *orders])
    return (
        [each for digest, each in customers.items() if digest in found],
        [each for digest, each in orders.items() if digest in found],
    )


def _among(shop_id: int, digests: list[str]) -> set[str]:
    listed = Suppression.objects.for_shop(shop_id)
    # An import asks for hundreds of thousands; the list itself is always short beside them.
    if len(digests) <= 1_000:
        listed = listed.filter(digest__in=digests)
    return set(listed.values_list("digest", flat=True)) if digests else set()


def _made_key(shop_id: int) -> bytes:
    shop = Shop.objects.select_for_update().only("suppression_key").get(id=shop_id)
    if shop.suppression_key is None:
        shop.suppression_key = secrets.token_hex(32)
        shop.save(update_fields=["suppression_key"])
    return bytes.fromhex(shop.suppression_key)


def _of_customer(key: bytes, customer_key: str) -> str:
    return _digest(key, f"customer:{customer_key}")


def _of_order(key: bytes, order_id: int) -> str:
    return _digest(key, f"order:{order_id}")


def _digest(key: bytes, subject: str) -> str:
    return hmac.new(key, subject.encode(), hashlib.sha256).hexdigest()
