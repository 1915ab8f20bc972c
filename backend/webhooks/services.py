"""
The inbox: store at once, work later, lose nothing, repeat nothing.

Decision on privacy and speed. A payload could be stored whole and encrypted,
or cut down before it is stored. We cut: what was never written cannot leak,
needs no erasure and no key. The cost is one JSON parse and an allow-list
before the INSERT: 0.7 ms for an order of twenty lines on a busy machine,
of 13 ms for the whole acceptance, against the 5 s that Shopify waits.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from django.db import DataError, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils.dateparse import parse_datetime

from backend.core.errors import Corrupt, Refused, Unavailable
from backend.core.queue import Job, enqueue, try_dispatch
from backend.shops import queries as shops
from backend.shops import services as shop_services
from backend.shops.values import ShopInfo, ShopState

from . import rules
from .models import WebhookDelivery
from .values import COMPLIANCE_TOPICS, Delivery, DeliveryState, FollowUp, Handler, Incoming, Topic

log = structlog.get_logger(__name__)

# A message that was sent and not picked up by then was lost.
LOST_AFTER: Final = timedelta(minutes=1)
# No handler works this long; its worker is gone.
ABANDONED_AFTER: Final = timedelta(minutes=15)
# A privacy request whose job has not reported by then is asked for again: its message or its worker was lost.
UNANSWERED_AFTER: Final = timedelta(hours=1)
KEEP_FOR: Final = timedelta(days=30)
SWEEP_ROWS: Final = 2_000


class BadDelivery(Refused):
    """A signed delivery makes no sense: it is not JSON, or its headers and body disagree."""

    code = "bad_delivery"
    status = 400


# Accepting


def accept(incoming: Incoming, *, now: datetime) -> bool:
    """
    Store a delivery and ask for its work.

    A duplicate is acknowledged like a first one and changes nothing. A
    delivery about a shop that does not have the app is stored without its
    payload and closed, so that there is a trace of it.

    :returns: whether it was new
    :raises BadDelivery: if the body is not what its headers say
    """
    topic = _topic(incoming.topic)
    domain = incoming.shop_domain
    payload = _parse(incoming.body)
    disagreement = rules.contradiction(topic, domain, payload)
    if disagreement:
        raise BadDelivery(f"A {topic} delivery for {domain} disagrees with its body: {disagreement}.")
    shop = shops.find_shop_by_domain(domain)
    if not _is_wanted(topic, shop):
        # Before a delivery is let go: the shop may have come back a moment ago, in another process.
        shop = shops.find_shop_by_domain(domain, is_fresh=True)
    row = _row(incoming, topic, shop, now=now)
    if _is_wanted(topic, shop):
        row.payload = rules.scrub(topic, payload, _pseudonymiser(shop))
    else:
        row.state, row.finished_at, row.outcome = (
            DeliveryState.DONE,
            now,
            "ignored: the shop does not have the app",
        )
    return _insert(row)


def _insert(row: WebhookDelivery) -> bool:
    with transaction.atomic():
        WebhookDelivery.objects.bulk_create([row], ignore_conflicts=True)
        stored = WebhookDelivery.objects.filter(shop_domain=row.shop_domain, delivery_id=row.delivery_id)
        found = stored.values_list("id", "received_at").get()
        is_new: bool = found[1] == row.received_at
        if is_new and row.state == DeliveryState.PENDING:
            enqueue(Job.WEBHOOK_PROCESS, delivery_id=found[0])
    return is_new


def _topic(name: str) -> Topic:
    try:
        return Topic(name)
    except ValueError as error:
        raise BadDelivery(f"Nobody subscribed to {name[:64]!r}.") from error


def _parse(body: bytes) -> Mapping[str, Any]:
    try:
        payload = json.loads(body, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadDelivery("A signed delivery is not JSON.") from error
    if not isinstance(payload, dict):
        raise BadDelivery("A signed delivery is not an object.")
    return payload


def _finite(text: str) -> float:
    """Read a number as JSON means it; Python alone takes NaN and 1e999 too, which PostgreSQL refuses."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is no number of JSON.")
    return number


def _row(incoming: Incoming, topic: Topic, shop: ShopInfo | None, *, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        shop_id=shop.id if shop else None,
        shop_domain=incoming.shop_domain,
        delivery_id=incoming.delivery_id,
        event_id=incoming.event_id,
        topic=topic,
        api_version=incoming.api_version,
        triggered_at=_moment(incoming.triggered_at) or now,
        received_at=now,
        payload={},
        due_at=now,
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
        # The ends of time exist in some zones only, and a row that holds one can't be read again.
        return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _is_wanted(topic: Topic, shop: ShopInfo | None) -> bool:
    """Privacy requests outlive an installation; everything else ends with it."""
    if shop is None or shop.state is ShopState.REDACTED:
        return False
    return topic in COMPLIANCE_TOPICS or shop.state is ShopState.INSTALLED


def _pseudonymiser(shop: ShopInfo | None) -> Any:
    if shop is None:
        return None
    key = shops.pseudonym_key(shop.id)
    return lambda customer_id: shop_services.pseudonym_under(key, customer_id)


# Processing


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
        return _give_up(row, f"unstorable_payload: {error}", now=now)
    except Exception as error:
        _note_crash(row, error)
        raise
    return DeliveryState.DONE


def _note_crash(row: WebhookDelivery, error: Exception) -> None:
    WebhookDelivery.objects.filter(id=row.id, state=DeliveryState.PROCESSING, attempts=row.attempts).update(
        outcome=f"{type(error).__name__}: {error}"[:900]
    )


def _claim(delivery_id: int, *, now: datetime) -> WebhookDelivery | None:
    claimed = WebhookDelivery.objects.filter(
        id=delivery_id, state=DeliveryState.PENDING, due_at__lte=now
    ).update(state=DeliveryState.PROCESSING, claimed_at=now, attempts=F("attempts") + 1)
    return WebhookDelivery.objects.get(id=delivery_id) if claimed else None


def _apply(row: WebhookDelivery, handlers: Mapping[Topic, Handler], *, now: datetime) -> None:
    with transaction.atomic():
        follow_ups = handlers[Topic(row.topic)](_to_delivery(row), now)
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


def _to_delivery(row: WebhookDelivery) -> Delivery:
    return Delivery(
        id=row.id,
        topic=Topic(row.topic),
        shop_id=row.shop_id,
        shop_domain=row.shop_domain,
        triggered_at=row.triggered_at,
        payload=row.payload,
    )


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


# Sweeping


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
        outcome=Concat("outcome", Value(" Its worker died or failed every time.")),
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


# Privacy


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
