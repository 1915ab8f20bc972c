"""What the inbox forgets, and how it notes that it has."""

from collections.abc import Collection
from typing import Final

from django.db import connection
from django.db.models import Q

from backend.core.tenancy import BATCH_ROWS, in_batches
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.values import APPLIED, DeliveryState, Topic

ERASING: Final = "erasing"
# What of a payload names a customer or leads back to one. Requests list the orders of one person.
TIES: Final = ["customer_key", "cart_token", "checkout_token", "orders_requested", "orders_to_redact"]

FORGET: Final = """
    UPDATE webhooks_webhookdelivery SET payload = payload - %s
    WHERE shop_id = %s AND payload ?| %s
      AND (
        payload ->> 'customer_key' = %s
        OR (topic LIKE 'orders/%%' AND payload ->> 'id' = ANY(%s))
        OR payload -> 'orders_requested' @> ANY(%s::jsonb[])
        OR payload -> 'orders_to_redact' @> ANY(%s::jsonb[])
      )
"""


def erase_shop(shop_id: int) -> int:
    """
    Empty a shop's deliveries, some at a time.

    The rows stay, without content, as the proof that they were received and
    of what became of the request to erase.
    """
    rows = WebhookDelivery.objects.filter(shop_id=shop_id).exclude(payload={})
    keys = rows.order_by().values_list("pk", flat=True).iterator(chunk_size=BATCH_ROWS)
    return sum(WebhookDelivery.objects.filter(pk__in=some).update(payload={}) for some in in_batches(keys))


def forget_customer(shop_id: int, customer_key: str | None, *, order_ids: Collection[int] = ()) -> int:
    """
    Cut a customer, and whatever tied orders to them, out of the stored deliveries of a shop.

    A request without a customer, or of one who is nobody any more, still lists the orders of one person.

    :returns: how many deliveries changed
    """
    orders = [str(number) for number in order_ids]
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [TIES, shop_id, TIES, customer_key, orders, orders, orders])
        return int(cursor.rowcount)


def note_outcome(delivery_id: int, outcome: str) -> None:
    """Write down how a privacy request ended."""
    WebhookDelivery.objects.filter(id=delivery_id).update(outcome=outcome)


def note_shop_progress(shop_id: int, outcome: str) -> None:
    """Write down how far the erasure of a shop is."""
    _note_erasure(shop_id, f"{ERASING}: {outcome}")


def note_shop_outcome(shop_id: int, outcome: str) -> None:
    """Write down how the requests to erase a shop ended. They may have come more than once."""
    _note_erasure(shop_id, outcome)


def _note_erasure(shop_id: int, outcome: str) -> None:
    rows = WebhookDelivery.objects.filter(shop_id=shop_id, topic=Topic.SHOP_REDACT, state=DeliveryState.DONE)
    # What became of an earlier request stays as it was told then.
    rows.filter(Q(outcome=APPLIED) | Q(outcome__startswith=ERASING)).update(outcome=outcome)
