"""Find what fell between the stools."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Value
from django.db.models.functions import Concat

from backend.core.queue import Job, enqueue
from backend.webhooks import rules
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.services.processing import send_follow_ups
from backend.webhooks.values import DeliveryState

# A message that was sent and not picked up by then was lost.
LOST_AFTER: Final = timedelta(minutes=1)
# No handler works this long; its worker is gone.
ABANDONED_AFTER: Final = timedelta(minutes=15)
KEEP_FOR: Final = timedelta(days=30)
SWEEP_ROWS: Final = 2_000


def sweep(*, now: datetime) -> dict[str, int]:
    """
    Find what fell between the stools: lost messages, dead workers, unsent jobs, old rows.

    :returns: how many rows of each kind were found
    """
    return {
        "abandoned": _release_abandoned(now),
        "requeued": _requeue_due(now),
        "promised": _resend_promised(now),
        "pruned": _prune(now),
    }


def _release_abandoned(now: datetime) -> int:
    stuck = WebhookDelivery.objects.filter(
        state=DeliveryState.PROCESSING, claimed_at__lt=now - ABANDONED_AFTER
    )
    dead = stuck.filter(attempts__gte=rules.MOST_ATTEMPTS).update(
        state=DeliveryState.DEAD,
        finished_at=now,
        outcome=Concat("outcome", Value(". Its worker died or failed every time.")),
    )
    return dead + stuck.update(state=DeliveryState.PENDING, due_at=now)


def _requeue_due(now: datetime) -> int:
    lost = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, due_at__lte=now - LOST_AFTER)
    ids = list(lost.order_by("due_at").values_list("id", flat=True)[:SWEEP_ROWS])
    for delivery_id in ids:
        enqueue(Job.WEBHOOK_PROCESS, delivery_id=delivery_id)
    return len(ids)


def _resend_promised(now: datetime) -> int:
    promised = WebhookDelivery.objects.exclude(follow_ups=[])
    waiting = promised.filter(finished_at__lt=now - LOST_AFTER, due_at__lte=now)
    ids = list(waiting.order_by("finished_at").values_list("id", flat=True)[:SWEEP_ROWS])
    for delivery_id in ids:
        if not send_follow_ups(delivery_id, now=now):
            break
    return len(ids)


def _prune(now: datetime) -> int:
    old = WebhookDelivery.objects.filter(
        state=DeliveryState.DONE, finished_at__lt=now - KEEP_FOR, follow_ups=[]
    )
    ids = list(old.values_list("id", flat=True)[:SWEEP_ROWS])
    return WebhookDelivery.objects.filter(id__in=ids).delete()[0] if ids else 0
