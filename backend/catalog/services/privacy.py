"""What ties an order to a customer: undone for those who were redacted, and not made again."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Q

from backend.catalog import rules
from backend.catalog.models import Order, OrderLine
from backend.shops import services as shops

# What an order holds of whoever placed it, and of what they clicked before.
UNTIED: Final[dict[str, Any]] = {
    "customer_key": None,
    "cart_token": "",
    "checkout_token": "",
    "recommendation_ids": [],
}


@transaction.atomic
def forget_customer(shop_id: int, customer_key: str | None, *, order_ids: Collection[int] = ()) -> list[int]:
    """
    Untie a customer from their orders, which become a guest's.

    :param order_ids: orders that Shopify names beside those we know to be the customer's
    :returns: the orders that changed
    """
    is_theirs = Q(order_id__in=list(order_ids))
    if customer_key is not None:
        is_theirs |= Q(customer_key=customer_key)
    rows = Order.objects.for_shop(shop_id).filter(is_theirs)
    changed = list(rows.order_by("order_id").values_list("order_id", flat=True))
    Order.objects.for_shop(shop_id).filter(order_id__in=changed).update(**UNTIED)
    tied = OrderLine.objects.for_shop(shop_id).filter(order__order_id__in=changed, order__shop_id=shop_id)
    tied.filter(decision_id__isnull=False).update(decision_id=None)
    return changed


def without_suppressed_tie(
    shop_id: int, row: rules.OrderRow, lines: Sequence[rules.LineRow]
) -> tuple[rules.OrderRow, Sequence[rules.LineRow]]:
    """Return an order and its lines as they may be written; nobody is redacted until that is committed."""
    shops.hold_suppressions(shop_id)
    if not shops.is_suppressed(shop_id, customer_key=row.customer_key, order_id=row.order_id):
        return row, lines
    return replace(row, **UNTIED), [replace(line, decision_id=None) for line in lines]


def untie_staged(shop_id: int) -> None:
    """Untie the redacted from the orders of an import that are about to be written, in its transaction."""
    shops.hold_suppressions(shop_id)
    if not shops.has_suppressions(shop_id):
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT customer_key FROM staged_order WHERE customer_key IS NOT NULL")
        customers = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT order_id FROM staged_order")
        orders = [row[0] for row in cursor.fetchall()]
        customers, orders = shops.suppressed_among(shop_id, customer_keys=customers, order_ids=orders)
        cursor.execute(
            "UPDATE staged_order SET customer_key = NULL, cart_token = '', checkout_token = '',"
            " recommendation_ids = '[]' WHERE customer_key = ANY(%s) OR order_id = ANY(%s)"
            " RETURNING order_id",
            [customers, orders],
        )
        untied = [row[0] for row in cursor.fetchall()]
        cursor.execute("UPDATE staged_line SET decision_id = NULL WHERE order_id = ANY(%s)", [untied])


def describe_customer(shop_id: int, customer_key: str | None) -> dict[str, int]:
    """Return how much is held about a customer, for a data request; nothing about nobody."""
    if customer_key is None:
        return {"orders": 0, "order_lines": 0}
    orders = Order.objects.for_shop(shop_id).filter(customer_key=customer_key)
    lines = OrderLine.objects.for_shop(shop_id).filter(order__customer_key=customer_key)
    return {"orders": orders.count(), "order_lines": lines.count()}
