"""Find deliveries whose message or worker was lost, and forget old ones."""

from datetime import datetime, timedelta
from typing import Final

from django.db import models
from django.db.models import ExpressionWrapper, F

from backend.webhooks.models import WebhookDelivery
from backend.webhooks.services.sending import send
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
    waiting = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, due_at__lte=now - LOST_AFTER)
    # Each time after waiting as long again: behind a long queue a message is late, not lost.
    again_at = ExpressionWrapper(
        F("sent_at") + (F("sent_at") - F("due_at")), output_field=models.DateTimeField()
    )
    lost = waiting.filter(sent_at__lte=now - LOST_AFTER).annotate(again_at=again_at).filter(again_at__lte=now)
    found = list(lost.order_by("due_at").values_list("id", "topic")[:SWEEP_ROWS])
    WebhookDelivery.objects.filter(id__in=[id_ for id_, _ in found]).update(sent_at=now)
    for delivery_id, topic in found:
        send(delivery_id, topic)
    return len(found)


def _prune(now: datetime) -> int:
    old = WebhookDelivery.objects.filter(state=DeliveryState.DONE, finished_at__lt=now - KEEP_FOR)
    ids = list(old.values_list("id", flat=True)[:SWEEP_ROWS])
    return WebhookDelivery.objects.filter(id__in=ids).delete()[0] if ids else 0
