"""Customers' requests: noted when they come, answered by a file, forgotten when they are old."""

import json
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q

from backend.audit import services as audit
from backend.audit.values import Event
from backend.catalog import services as catalog
from backend.shops import queries as shops

from . import queries
from .models import DataRequest
from .values import ANSWER_WITHIN, KEEP_AFTER_DUE, DataRequestInfo

ABOUT = (
    "What Tailorbird stores about the customer who asked. It knows no name, e-mail address, phone number or"
    " postal address; the customer is found by a pseudonym that only this shop's secret can make."
)


@transaction.atomic
def note_request(
    shop_id: int,
    *,
    delivery_id: int,
    shopify_id: int | None,
    customer_key: str | None,
    order_ids: Collection[int],
    requested_at: datetime,
    now: datetime,
) -> DataRequestInfo:
    """Put a customer's request before the owner of the shop. Repeating it changes nothing."""
    row, is_new = DataRequest.objects.for_shop(shop_id).get_or_create(
        delivery_id=delivery_id,
        defaults={
            "shopify_id": shopify_id,
            "customer_key": customer_key,
            "order_ids": list(order_ids),
            "requested_at": requested_at,
            "due_at": requested_at + ANSWER_WITHIN,
        },
    )
    if is_new:
        audit.record(
            Event.CUSTOMER_DATA_REQUESTED,
            shop_id=shop_id,
            subject=f"webhook delivery {delivery_id}",
            reason="A customer asked what is stored about them.",
            details=catalog.describe_customer(shop_id, customer_key),
            now=now,
        )
    return queries.get_data_request(shop_id, row.uuid)


@transaction.atomic
def open_file(shop_id: int, request_id: UUID, *, now: datetime, actor: str) -> Iterator[str]:
    """
    Return the file that answers a request, piece by piece, and note who fetched it.

    :raises UnknownDataRequest: if the shop has no such request
    """
    request = queries.get_data_request(shop_id, request_id)
    DataRequest.objects.for_shop(shop_id).filter(uuid=request_id).update(downloaded_at=now)
    audit.record(
        Event.CUSTOMER_DATA_DOWNLOADED,
        shop_id=shop_id,
        subject=f"data request {request_id}",
        reason="The file for a customer was fetched in the app.",
        now=now,
        actor=actor,
    )
    head = {
        "about": ABOUT,
        "shop": shops.get_shop(shop_id).domain,
        "request": request.shopify_id,
        "requested_at": request.requested_at,
        "made_at": now,
    }
    return _written(head, queries.held_data(shop_id, request_id))


def _written(head: dict[str, Any], parts: dict[str, Iterator[dict[str, Any]]]) -> Iterator[str]:
    """Write one JSON object whose lists are read while they are sent."""
    yield _json(head)[:-2]
    for name, entries in parts.items():
        yield f",\n  {_json(name)}: ["
        for place, entry in enumerate(entries):
            yield (",\n" if place else "\n") + _json(entry)
        yield "\n  ]"
    yield "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)


def forget_customer(shop_id: int, customer_key: str | None, *, order_ids: Collection[int] = ()) -> int:
    """
    Untie a customer's requests from them; that there were some stays on record.

    :param order_ids: orders that were named with them: a guest's request is known by nothing else
    """
    is_theirs = Q(order_ids__overlap=list(order_ids))
    if customer_key is not None:
        is_theirs |= Q(customer_key=customer_key)
    rows = DataRequest.objects.for_shop(shop_id).filter(is_theirs)
    return rows.update(customer_key=None, order_ids=[])


def forget_old_requests(*, now: datetime) -> int:
    """Delete the requests whose time to answer is long over."""
    rows = DataRequest.objects.across_shops(reason="the timetable serves all shops")
    return rows.filter(due_at__lt=now - KEEP_AFTER_DUE).delete()[0]
