"""Find deliveries whose message or worker was lost, and forget old ones."""

from datetime import datetime, timedelta
from typing import Final

from backend.core.queue import Job, enqueue
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.values import DeliveryState

# A message that was sent and not picked up by then may be lost.
LOST_AFTER: Final = timedelta(seconds=30)
KEEP_FOR: Final = timedelta(days=30)
SWEEP_ROWS: Final = 2_000


def sweep(*, now: datetime) -> dict[str, int]:
    """
    Ask again for deliveries that still wait, and delete those that were done long ago.

    A delivery under work may be among them; whoever is asked finds it held and leaves it.

    :returns: how many rows of each kind were found
    """
    return {"requeued": _requeue_due(now), "pruned": _prune(now)}


def _requeue_due(now: datetime) -> int:
    lost = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, due_at__lte=now - LOST_AFTER)
    ids = list(lost.order_by("due_at").values_list("id", flat=True)[:SWEEP_ROWS])
    for delivery_id in ids:
        enqueue(Job.WEBHOOK_PROCESS, delivery_id=delivery_id)
    return len(ids)


def _prune(now: datetime) -> int:
    old = WebhookDelivery.objects.filter(state=DeliveryState.DONE, finished_at__lt=now - KEEP_FOR)
    ids = list(old.values_list("id", flat=True)[:SWEEP_ROWS])
    return WebhookDelivery.objects.filter(id__in=ids).delete()[0] if ids else 0
