"""Reads about customers' requests."""

from collections.abc import Iterator
from itertools import chain
from typing import Any
from uuid import UUID

from backend.attribution import queries as attribution
from backend.audit import queries as audit
from backend.audit.values import DecisionRecord
from backend.catalog import queries as catalog
from backend.catalog.values import OrderInfo
from backend.core.errors import Refused
from backend.events import queries as events
from backend.features import queries as features

from .models import DataRequest
from .values import DataRequestInfo


class UnknownDataRequest(Refused):
    """No request of the shop has this id."""

    code = "unknown_data_request"
    status = 404


def data_requests(shop_id: int) -> list[DataRequestInfo]:
    """Return a shop's requests, the one that is due first first."""
    rows = DataRequest.objects.for_shop(shop_id).order_by("due_at", "id")[:100]
    return [_info(row) for row in rows]


def get_data_request(shop_id: int, request_id: UUID) -> DataRequestInfo:
    """
    Return one request.

    :raises UnknownDataRequest: if the shop has none of this id
    """
    return _info(_row(shop_id, request_id))


def held_data(shop_id: int, request_id: UUID) -> dict[str, Iterator[dict[str, Any]]]:
    """
    Return what is stored about who asked, in parts that are read as they are written out.

    :raises UnknownDataRequest: if the shop has no such request
    """
    row = _row(shop_id, request_id)
    key = row.customer_key
    orders = _orders(row)
    return {
        "orders": (_order(shop_id, order_id) for order_id in orders),
        "purchases_learned_from": features.purchases_of(shop_id, customer_key=key, order_ids=orders),
        "looked_at": features.browsing_of(shop_id, key) if key else iter(()),
        "told_by_browsers": _told(shop_id, key),
        "recommendations_shown": (_decision(shop_id, one) for one in _decisions(shop_id, key)),
    }


def _row(shop_id: int, request_id: UUID) -> DataRequest:
    row = DataRequest.objects.for_shop(shop_id).filter(uuid=request_id).first()
    if row is None:
        raise UnknownDataRequest(f"The shop has no data request {request_id}.")
    return row


def _orders(row: DataRequest) -> list[int]:
    theirs = catalog.order_ids_of_customer(row.shop_id, row.customer_key) if row.customer_key else []
    return list(dict.fromkeys(chain(theirs, row.order_ids)))


def _decisions(shop_id: int, customer_key: str | None) -> Iterator[DecisionRecord]:
    return audit.all_decisions_for_visitor(shop_id, customer_key) if customer_key else iter(())


def _told(shop_id: int, customer_key: str | None) -> Iterator[dict[str, Any]]:
    """Return what the browsers told that are known as the customer's."""
    clients = features.clients_of(shop_id, customer_key) if customer_key else []
    for one in events.told_by(shop_id, clients):
        yield {
            "what": one.topic,
            "at": one.at,
            "recommendation_id": one.decision_id,
            "products": list(one.product_ids),
            "quantity": one.quantity,
            "order_id": one.order_id,
        }


def _info(row: DataRequest) -> DataRequestInfo:
    key = row.customer_key
    return DataRequestInfo(
        id=row.uuid,
        shopify_id=row.shopify_id,
        requested_at=row.requested_at,
        due_at=row.due_at,
        downloaded_at=row.downloaded_at,
        # What Shopify names beside them may never have come here.
        orders=catalog.count_orders_of(row.shop_id, key, row.order_ids),
        decisions=audit.count_decisions_for_visitor(row.shop_id, key) if key else 0,
    )


def _order(shop_id: int, order_id: int) -> dict[str, Any]:
    order = catalog.find_order(shop_id, order_id)
    if order is None:
        return {"order_id": order_id, "stored": "nothing"}
    titles = catalog.titles(shop_id, [line.product_id for line in order.lines if line.product_id])
    return {
        "order_id": order.order_id,
        "placed_at": order.processed_at,
        "cancelled_at": order.cancelled_at,
        "currency": order.currency,
        "came_from": order.source_name,
        "products": _lines(order, titles),
        "recommendations_followed": [
            {
                "recommendation_id": link.decision_id,
                "product_id": link.product_id,
                "clicked_at": link.clicked_at,
            }
            for link in order.links
        ],
        **_credited(shop_id, order_id),
    }


def _credited(shop_id: int, order_id: int) -> dict[str, Any]:
    """Return which recommendations an order was joined to, and what they were credited with."""
    story = attribution.order_story(shop_id, order_id)
    return {
        "recommendations_joined": [
            {
                "recommendation_id": join.decision_id,
                "product_id": join.product_id,
                "known_by": join.via,
                "what_was_done": join.kind,
                "at": join.acted_at,
            }
            for join in story.joins
        ],
        "credited_to_recommendations": [
            {
                "recommendation_id": row.decision_id,
                "product_id": row.product_id,
                "quantity": row.quantity,
                "amount": row.amount,
                "currency": row.currency,
                "reason": row.reason,
            }
            for row in story.postings
        ],
    }


def _lines(order: OrderInfo, titles: dict[int, str]) -> list[dict[str, Any]]:
    return [
        {
            "product_id": line.product_id,
            "product": titles.get(line.product_id or 0),
            "quantity": line.quantity,
            "quantity_after_refunds": line.current_quantity,
            "unit_price": line.unit_price,
        }
        for line in order.lines
    ]


def _decision(shop_id: int, decision: DecisionRecord) -> dict[str, Any]:
    titles = catalog.titles(shop_id, [item.product_id for item in decision.items])
    return {
        "recommendation_id": decision.id,
        "shown_at": decision.at,
        "page": decision.surface,
        "beside_product_id": decision.context_product_id,
        "chosen_by": f"model version {decision.version_number}"
        if decision.version_number
        else "simple rules",
        "products": [
            {
                "place": item.position,
                "product_id": item.product_id,
                "product": titles.get(item.product_id),
                "reason": item.why,
                "score": item.score,
            }
            for item in decision.items
        ],
    }
