"""Erasing what the catalogue knows of a customer. A whole shop is erased by ``core.tenancy``."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q

from backend.catalog.models import Order, OrderLine


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
    Order.objects.for_shop(shop_id).filter(order_id__in=changed).update(
        customer_key=None, cart_token="", checkout_token=""
    )
    return changed


def describe_customer(shop_id: int, customer_key: str) -> dict[str, int]:
    """Return how much is held about a customer, for a data request."""
    orders = Order.objects.for_shop(shop_id).filter(customer_key=customer_key)
    lines = OrderLine.objects.for_shop(shop_id).filter(order__customer_key=customer_key)
    return {"orders": orders.count(), "order_lines": lines.count()}
