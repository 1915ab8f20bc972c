"""Writes of features: one order at a time as it comes, or a whole shop after its import."""

from django.db import connection, transaction

from backend.features.gateway import cache
from backend.features.models import Interaction
from backend.features.queries import PURCHASES
from backend.features.values import Rebuilt

COLUMNS = (
    "shop_id, source, line_id, customer_key, basket_id, product_id, event, quantity, unit_price, occurred_at"
)

EXTEND = f"""
    INSERT INTO features_interaction ({COLUMNS})
    SELECT {COLUMNS} FROM ({PURCHASES} AND placed.order_id = %(order_id)s) purchase
    ON CONFLICT (shop_id, source, line_id) DO UPDATE
        SET customer_key = EXCLUDED.customer_key, basket_id = EXCLUDED.basket_id,
            product_id = EXCLUDED.product_id, quantity = EXCLUDED.quantity,
            unit_price = EXCLUDED.unit_price, occurred_at = EXCLUDED.occurred_at
"""  # noqa: S608 -- built from constants of this file; every value is a parameter

# Lines that stopped being purchases: refunded in full, or of an order cancelled or deleted meanwhile.
RETRACT = f"""
    DELETE FROM features_interaction
    WHERE shop_id = %(shop_id)s AND basket_id = %(order_id)s
      AND line_id NOT IN (SELECT line_id FROM ({PURCHASES} AND placed.order_id = %(order_id)s) purchase)
    RETURNING customer_key
"""  # noqa: S608 -- built from constants of this file; every value is a parameter

CLEAR = "DELETE FROM features_interaction WHERE shop_id = %(shop_id)s"

REBUILD = f"""
    INSERT INTO features_interaction ({COLUMNS})
    SELECT {COLUMNS} FROM ({PURCHASES}) purchase
"""  # noqa: S608 -- built from constants of this file; every value is a parameter


def extend(shop_id: int, order_id: int) -> None:
    """
    Bring the interactions of one order up to date. Replays change nothing.

    Its customer's cached sequence is dropped once the change is committed.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        _lock(shop_id, is_exclusive=False)
        values = {"shop_id": shop_id, "order_id": order_id}
        cursor.execute(RETRACT, values)
        customers = {row[0] for row in cursor.fetchall()}
        cursor.execute(EXTEND, values)
        rows = Interaction.objects.for_shop(shop_id).filter(basket_id=order_id)
        customers |= set(rows.values_list("customer_key", flat=True))
        transaction.on_commit(lambda: _drop_sequences(shop_id, customers - {None}))


def rebuild(shop_id: int) -> Rebuilt:
    """Write all interactions of a shop anew from its orders, in two statements."""
    with transaction.atomic(), connection.cursor() as cursor:
        _lock(shop_id, is_exclusive=True)
        cursor.execute(CLEAR, {"shop_id": shop_id})
        cursor.execute(REBUILD, {"shop_id": shop_id})
        written = cursor.rowcount
    with connection.cursor() as cursor:
        # The planner would otherwise go on with the statistics of an empty table.
        cursor.execute("ANALYZE features_interaction")
    cache.drop_shop(shop_id)
    return Rebuilt(written)


def forget_customer(shop_id: int, customer_key: str) -> int:
    """Erase one customer. Their baskets stay, each as a guest's: nothing ties them together any more."""
    rows = Interaction.objects.for_shop(shop_id).filter(customer_key=customer_key)
    untied = rows.update(customer_key=None)
    transaction.on_commit(lambda: cache.drop_sequence(shop_id, customer_key))
    return untied


def erase_shop(shop_id: int) -> None:
    """Delete everything derived from a shop's orders."""
    Interaction.objects.for_shop(shop_id).delete()
    transaction.on_commit(lambda: cache.drop_shop(shop_id))


def _drop_sequences(shop_id: int, customers: set[str | None]) -> None:
    for customer in customers:
        if customer:
            cache.drop_sequence(shop_id, customer)


def _lock(shop_id: int, *, is_exclusive: bool) -> None:
    """
    Keep a rebuild and single orders of one shop apart, for this transaction.

    An order that arrived between a rebuild's two statements would break its
    INSERT on the unique line. Single orders don't wait for each other.
    """
    function = "pg_advisory_xact_lock" if is_exclusive else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtext('features'), %s::int)", [shop_id])
