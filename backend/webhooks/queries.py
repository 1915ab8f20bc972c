"""Reads of the inbox."""

from django.db.models import Count

from backend.core.errors import Refused

from .models import WebhookDelivery
from .values import Delivery, Topic


class UnknownDelivery(Refused):
    """No delivery has this id."""

    code = "unknown_delivery"
    status = 404


def get_delivery(delivery_id: int) -> Delivery:
    """
    Return one stored delivery.

    :raises UnknownDelivery: if there is none
    """
    row = WebhookDelivery.objects.filter(id=delivery_id).first()
    if row is None:
        raise UnknownDelivery(f"No webhook delivery has the id {delivery_id}.")
    return delivery_of(row)


def delivery_of(row: WebhookDelivery) -> Delivery:
    """Return a stored row as the delivery that handlers read."""
    return Delivery(
        id=row.id,
        topic=Topic(row.topic),
        shop_id=row.shop_id,
        shop_domain=row.shop_domain,
        triggered_at=row.triggered_at,
        payload=row.payload,
    )


def counts_by_state() -> dict[str, int]:
    """Return how many deliveries are in each state, for dashboards."""
    rows = WebhookDelivery.objects.values_list("state").annotate(Count("id"))
    return dict(rows.order_by("state"))
