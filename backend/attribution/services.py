"""Writes of attribution: bring the credits of one order up to date."""

from datetime import datetime, timedelta

from django.db import transaction

from backend.attribution import rules
from backend.attribution.models import Credit, OrderAttribution
from backend.attribution.values import DEFAULT_WINDOW, BoughtLine, BoughtOrder, Clicked, Kind, Match, Shown
from backend.audit import queries as audit
from backend.audit.values import DecisionRecord
from backend.catalog import queries as catalog
from backend.catalog.values import OrderInfo, RecommendationLink, Via


@transaction.atomic
def attribute(
    shop_id: int, order_id: int, *, now: datetime, window: timedelta = DEFAULT_WINDOW
) -> tuple[Match, ...]:
    """
    Credit an order's lines to the decisions that they name.

    The credits are what the order says now: a refund or a cancellation takes
    them back, a replay changes nothing.
    """
    catalog.lock_order(shop_id, order_id)
    order = catalog.find_order(shop_id, order_id)
    if order is None:
        for table in (Credit, OrderAttribution):
            table.objects.for_shop(shop_id).filter(order_id=order_id).delete()
        return ()
    bought = _bought(order)
    named = rules.named_decisions(bought)
    known = audit.decisions(shop_id, named)
    credits_ = rules.match(bought, {decision.id: _shown(decision) for decision in known}, window=window)
    _write(shop_id, bought, credits_)
    _note(shop_id, bought, named=len(named), known=len(known), credited=len(credits_), now=now)
    return credits_


def _bought(order: OrderInfo) -> BoughtOrder:
    lines = tuple(
        BoughtLine(
            line_id=line.line_id,
            product_id=line.product_id,
            quantity=line.current_quantity,
            # What was paid for what is left after refunds.
            amount=line.discounted_total * line.current_quantity / max(line.quantity, 1),
            decision_id=line.decision_id,
        )
        for line in order.lines
    )
    return BoughtOrder(
        order_id=order.order_id,
        placed_at=order.processed_at,
        currency=order.currency,
        counts=order.cancelled_at is None and not order.is_test,
        lines=lines,
        clicks=tuple(_clicked(link) for link in order.links),
    )


def _clicked(link: RecommendationLink) -> Clicked:
    kind = Kind.ADD_TO_CART if link.via is Via.ADDED else Kind.CLICK
    return Clicked(link.decision_id, link.product_id, link.clicked_at, kind)


def _shown(decision: DecisionRecord) -> Shown:
    return Shown(decision.id, decision.at, {item.product_id: item.position for item in decision.items})


def _write(shop_id: int, order: BoughtOrder, matches: tuple[Match, ...]) -> None:
    mine = Credit.objects.for_shop(shop_id).filter(order_id=order.order_id)
    mine.exclude(line_id__in=[match.line_id for match in matches]).delete()
    rows = [
        Credit(
            order_id=order.order_id,
            line_id=match.line_id,
            product_id=match.product_id,
            decision_id=match.decision_id,
            kind=match.kind,
            position=match.position,
            quantity=match.quantity,
            amount=match.amount,
            currency=order.currency,
            shown_at=match.shown_at,
            placed_at=order.placed_at,
        )
        for match in matches
    ]
    Credit.objects.for_shop(shop_id).bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["shop", "order_id", "line_id"],
        update_fields=[
            "product_id",
            "decision_id",
            "kind",
            "position",
            "quantity",
            "amount",
            "currency",
            "shown_at",
            "placed_at",
        ],
    )


def _note(shop_id: int, order: BoughtOrder, *, named: int, known: int, credited: int, now: datetime) -> None:
    row = OrderAttribution(
        order_id=order.order_id,
        placed_at=order.placed_at,
        attributed_at=now,
        named=named,
        known=known,
        credited=credited,
    )
    OrderAttribution.objects.for_shop(shop_id).bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["shop", "order_id"],
        update_fields=["placed_at", "attributed_at", "named", "known", "credited"],
    )
