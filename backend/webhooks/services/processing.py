"""Work on deliveries, each by one worker and once, and ask for the jobs that follow from them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog
from django.db import DataError, connection, transaction

from backend.core.database import is_deadlock
from backend.core.errors import Corrupt, Refused, Unavailable, describe
from backend.core.queue import Job, enqueue
from backend.webhooks import queries, rules
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.services.sending import send
from backend.webhooks.values import APPLIED, DeliveryState, Handler, Topic

log = structlog.get_logger(__name__)

WORN_OUT: Final = "Its worker died or failed every time."


def process(delivery_id: int, *, handlers: Mapping[Topic, Handler], now: datetime) -> DeliveryState | None:
    """
    Work on one delivery, if nobody else does.

    The handler's writes, the jobs that follow and the state DONE share one
    transaction, which holds the row: a worker that dies loses both at once, so
    the next message for the row finds it free. Trouble outside puts it back
    with a later ``due_at``; trouble inside marks it DEAD for a person. A
    mistake of ours is written down, tried again later, and goes on to Celery.

    :returns: the state it was left in; None if it was not ours to work on
    """
    attempt = _begin(delivery_id, now=now)
    if attempt is None:
        return None
    with transaction.atomic():
        row = WebhookDelivery.objects.select_for_update(skip_locked=True).filter(**_due(delivery_id, now))
        held = row.filter(attempts=attempt).first()
        if held is None:
            return None
        mistake = _work(held, handlers, now=now)
    if mistake is not None:
        raise mistake
    return DeliveryState(held.state)


def _work(row: WebhookDelivery, handlers: Mapping[Topic, Handler], *, now: datetime) -> Exception | None:
    """Apply a delivery and leave its row in the state that this came to; return a mistake of ours."""
    try:
        _apply(row, handlers, now=now)
    except Unavailable as error:
        _put_back(row, f"{error.code}: {error.message}", now=now)
    except (Refused, Corrupt) as error:
        _give_up(row, f"{error.code}: {error.message}", now=now)
    except DataError as error:
        _give_up(row, f"unstorable_payload: {describe(error)}", now=now)
    except Exception as error:
        if is_deadlock(error) or not connection.is_usable():
            # Nothing was kept; the task base runs the whole of it again.
            raise
        _put_back(row, describe(error), now=now)
        return error
    return None


def _due(delivery_id: int, now: datetime) -> dict[str, object]:
    return {"id": delivery_id, "state": DeliveryState.PENDING, "due_at__lte": now}


@transaction.atomic
def _begin(delivery_id: int, *, now: datetime) -> int | None:
    """
    Count an attempt and return its number, unless the row is not to be worked on.

    It is committed before the work begins: a delivery that kills its workers must end too.
    """
    due = WebhookDelivery.objects.select_for_update(skip_locked=True).filter(**_due(delivery_id, now))
    row = due.only("attempts", "topic", "outcome").first()
    if row is None:
        return None
    if row.attempts >= rules.MOST_ATTEMPTS:
        _give_up(row, f"{row.outcome}. {WORN_OUT}".removeprefix(". "), now=now)
        return None
    row.attempts += 1
    row.save(update_fields=["attempts"])
    return row.attempts


@transaction.atomic
def _apply(row: WebhookDelivery, handlers: Mapping[Topic, Handler], *, now: datetime) -> None:
    for each in handlers[Topic(row.topic)](queries.delivery_of(row), now):
        enqueue(Job(each.job), **each.ids)
    _close(row, DeliveryState.DONE, APPLIED, now=now)


def _close(row: WebhookDelivery, state: DeliveryState, outcome: str, *, now: datetime) -> None:
    row.state, row.outcome, row.finished_at = state, outcome, now
    row.save(update_fields=["state", "outcome", "finished_at"])


def _give_up(row: WebhookDelivery, why: str, *, now: datetime) -> None:
    log.error("webhook_dead", delivery_id=row.id, topic=row.topic, error=why)
    _close(row, DeliveryState.DEAD, why, now=now)


def _put_back(row: WebhookDelivery, why: str, *, now: datetime) -> None:
    if row.attempts >= rules.MOST_ATTEMPTS:
        _give_up(row, why, now=now)
        return
    wait = rules.wait_after(row.attempts)
    row.due_at, row.outcome = now + wait, why
    row.sent_at = row.due_at
    row.save(update_fields=["due_at", "sent_at", "outcome"])
    send(row.id, row.topic, countdown=wait.total_seconds())
