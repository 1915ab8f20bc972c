"""Reads of attribution."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from backend.attribution.models import Credit, OrderAttribution
from backend.attribution.values import Coverage, Kind


@dataclass(frozen=True, slots=True)
class CreditInfo:
    """One credited order line, as other apps see it."""

    order_id: int
    line_id: int
    product_id: int
    decision_id: UUID
    kind: Kind


def credits_of(shop_id: int, order_id: int) -> list[CreditInfo]:
    """Return the credited lines of one order."""
    return _infos(Credit.objects.for_shop(shop_id).filter(order_id=order_id).order_by("line_id"))


def credits_to(shop_id: int, decision_id: UUID) -> list[CreditInfo]:
    """Return the order lines that one decision earned."""
    return _infos(
        Credit.objects.for_shop(shop_id).filter(decision_id=decision_id).order_by("order_id", "line_id")
    )


def coverage(shop_id: int, *, since: datetime, until: datetime) -> Coverage:
    """Return how much of what the orders placed in [since, until) name was found in the ledger."""
    rows = OrderAttribution.objects.for_shop(shop_id).filter(placed_at__gte=since, placed_at__lt=until)
    counted = rows.aggregate(
        orders=Count("id"),
        naming=Count("id", filter=Q(named__gt=0)),
        credited=Count("id", filter=Q(credited__gt=0)),
        named=Sum("named", default=0),
        known=Sum("known", default=0),
    )
    return Coverage(
        orders=counted["orders"],
        orders_naming_decisions=counted["naming"],
        orders_credited=counted["credited"],
        named=counted["named"],
        known=counted["known"],
    )


def _infos(rows: QuerySet[Credit]) -> list[CreditInfo]:
    return [
        CreditInfo(row.order_id, row.line_id, row.product_id, row.decision_id, Kind(row.kind)) for row in rows
    ]
