"""What the inbox forgets, and how it notes that it has."""

from backend.webhooks.models import WebhookDelivery
from backend.webhooks.values import DeliveryState, Topic


def erase_shop(shop_id: int) -> int:
    """
    Empty and close a shop's deliveries.

    The rows stay, without content, as the proof that they were received and
    of what became of the request to erase.
    """
    rows = WebhookDelivery.objects.filter(shop_id=shop_id).exclude(payload={})
    return rows.update(payload={})


def forget_customer(shop_id: int, customer_key: str) -> int:
    """Cut a customer out of the stored deliveries of a shop."""
    rows = WebhookDelivery.objects.filter(shop_id=shop_id, payload__customer_key=customer_key)
    forgotten = 0
    for row in rows.iterator(chunk_size=500):
        row.payload.pop("customer_key", None)
        row.save(update_fields=["payload"])
        forgotten += 1
    return forgotten


def note_outcome(delivery_id: int, outcome: str) -> None:
    """Write down how a privacy request ended, which is what its promise waited for."""
    WebhookDelivery.objects.filter(id=delivery_id).update(outcome=outcome[:1000], follow_ups=[])


def note_shop_outcome(shop_id: int, outcome: str) -> None:
    """Write down how the requests to erase a shop ended. They may have come more than once."""
    rows = WebhookDelivery.objects.filter(shop_id=shop_id, topic=Topic.SHOP_REDACT, state=DeliveryState.DONE)
    rows.exclude(follow_ups=[]).update(outcome=outcome[:1000], follow_ups=[])
