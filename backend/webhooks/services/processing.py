"""Work on deliveries, each by one worker and once, and send the jobs that follow from them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import DataError, transaction
from django.db.models import F

from backend.core.errors import Corrupt, Refused, Unavailable, describe
from backend.core.queue import Job, enqueue, try_dispatch
from backend.webhooks import queries, rules
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.values import COMPLIANCE_TOPICS, DeliveryState, FollowUp, Handler, Topic

log = structlog.get_logger(__name__)

# A privacy request whose job has not reported by then is asked for again: its message or its worker was lost.
UNANSWERED_AFTER: Final = timedelta(hours=1)


def process(delivery_id: int, *, handlers: Mapping[Topic, Handler], now: datetime) -> DeliveryState | None:
    """
    Work on one delivery, if nobody else does.

    The handler's writes, its follow-ups and the state DONE share one
    transaction. Trouble outside puts the row back with a later ``due_at``;
    trouble inside marks it DEAD for a person. A mistake of ours is written
    down and goes on to Celery; the sweep tries again once that is mended.

    :returns: the state it was left in; None if it was not ours to work on
    """
    row = _claim(delivery_id, now=now)
    if row is None:
        return None
    try:
        _apply(row, handlers, now=now)
    except Unavailable as error:
        return _put_back(row, error, now=now)
    except (Refused, Corrupt) as error:
        return _give_up(row, f"{error.code}: {error.message}", now=now)
    except DataError as error:
        return _give_up(row, f"unstorable_payload: {describe(error)}", now=now)
    except Exception as error:
        _note_crash(row, error)
        raise
    return DeliveryState.DONE


def _note_crash(row: WebhookDelivery, error: Exception) -> None:
    WebhookDelivery.objects.filter(id=row.id, state=DeliveryState.PROCESSING, attempts=row.attempts).update(
        outcome=describe(error)
    )


def _claim(delivery_id: int, *, now: datetime) -> WebhookDelivery | None:
    claimed = WebhookDelivery.objects.filter(
        id=delivery_id, state=DeliveryState.PENDING, due_at__lte=now
    ).update(state=DeliveryState.PROCESSING, claimed_at=now, attempts=F("attempts") + 1)
    return WebhookDelivery.objects.get(id=delivery_id) if claimed else None


def _apply(row: WebhookDelivery, handlers: Mapping[Topic, Handler], *, now: datetime) -> None:
    with transaction.atomic():
        follow_ups = handlers[Topic(row.topic)](queries.delivery_of(row), now)
        promised = [{"job": each.job, "ids": dict(each.ids)} for each in follow_ups]
        if _finish(row, DeliveryState.DONE, "applied", now=now, follow_ups=promised) is None:
            raise Unavailable(f"Delivery {row.id} was taken over while it was worked on.")
        if promised:
            transaction.on_commit(lambda: send_follow_ups(row.id, now=now))


def _finish(
    row: WebhookDelivery,
    state: DeliveryState,
    outcome: str,
    *,
    now: datetime,
    follow_ups: list[dict[str, Any]] | None = None,
) -> DeliveryState | None:
    """Close a row that is still ours: the number of attempts tells our claim from a later one."""
    closed = WebhookDelivery.objects.filter(
        id=row.id, state=DeliveryState.PROCESSING, attempts=row.attempts
    ).update(state=state, outcome=outcome[:1000], finished_at=now, follow_ups=follow_ups or [])
    return state if closed else None


def _give_up(row: WebhookDelivery, why: str, *, now: datetime) -> DeliveryState | None:
    log.error("webhook_dead", delivery_id=row.id, topic=row.topic, error=why)
    return _finish(row, DeliveryState.DEAD, why, now=now)


def _put_back(row: WebhookDelivery, error: Unavailable, *, now: datetime) -> DeliveryState | None:
    if row.attempts >= rules.MOST_ATTEMPTS:
        return _give_up(row, f"{error.code}: {error.message}", now=now)
    wait = rules.wait_after(row.attempts)
    WebhookDelivery.objects.filter(id=row.id, state=DeliveryState.PROCESSING, attempts=row.attempts).update(
        state=DeliveryState.PENDING, due_at=now + wait, outcome=f"{error.code}: {error.message}"[:1000]
    )
    enqueue(Job.WEBHOOK_PROCESS, delivery_id=row.id, countdown=wait.total_seconds())
    return DeliveryState.PENDING


def send_follow_ups(delivery_id: int, *, now: datetime) -> bool:
    """
    Send the jobs a delivery promised and strike them off; the sweep repeats what fails.

    A crash between the two sends a job twice, which every job bears. The
    promise of a privacy request stands until its job calls
    :func:`note_outcome`: what the law asks for must outlive a lost message.
    """
    row = WebhookDelivery.objects.filter(id=delivery_id).only("topic", "follow_ups").first()
    if row is None:
        return True
    promised = [FollowUp(each["job"], each["ids"]) for each in row.follow_ups]
    if not all(try_dispatch(Job(each.job), ids=dict(each.ids)) for each in promised):
        return False
    sent = WebhookDelivery.objects.filter(id=delivery_id)
    if row.topic in COMPLIANCE_TOPICS:
        sent.exclude(follow_ups=[]).update(due_at=now + UNANSWERED_AFTER)
    else:
        sent.update(follow_ups=[])
    return True
