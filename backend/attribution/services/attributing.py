"""Bringing one order's joins and credits up to date."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from backend.attribution import rules
from backend.attribution.models import OrderAttribution
from backend.attribution.values import DEFAULT_WINDOW, BoughtLine, BoughtOrder, Claim, Match, Reason, Stand
from backend.catalog import queries as catalog
from backend.catalog.values import OrderInfo
from backend.core.queue import Job, enqueue

from . import ledger, looking, sources


@transaction.atomic
def attribute(
    shop_id: int, order_id: int, *, now: datetime, window: timedelta = DEFAULT_WINDOW
) -> tuple[Match, ...]:
    """
    Join an order to the decisions that led to it, and credit its lines to them.

    The credits come to what the order says now: a refund, a cancellation or a
    better claim is a row more. A replay adds nothing.
    """
    catalog.lock_order(shop_id, order_id)
    order = catalog.find_order(shop_id, order_id)
    stands = ledger.stands(shop_id, order_id)
    if order is None:
        ledger.post(shop_id, order_id, rules.postings(_deleted(order_id, now), stands, ()), now=now)
        OrderAttribution.objects.for_shop(shop_id).filter(order_id=order_id).delete()
        return ()
    bought = _bought(shop_id, order, stands)
    found = sources.find(shop_id, order, bought, window=window)
    # A join or a credit that stands is a claim too, whatever became of what it was found by. What stands
    # comes first: that a second witness tells of the same click changes nothing.
    known = [*(stand.claim for stand in stands), *ledger.joined(shop_id, order_id)]
    ledger.lock_clicks(shop_id, bought, [*known, *(claim for _, claim in found.proved)])
    proved = ledger.unspent(shop_id, bought, found.proved)
    ledger.join(shop_id, order_id, proved, now=now)
    claims = rules.distinct([*known, *(claim for _, claim in proved)])
    claims = ledger.unspent(shop_id, bought, claims)
    matches = rules.match(bought, claims, window=window)
    ledger.post(shop_id, order_id, rules.postings(bought, stands, matches), now=now)
    _ask_rivals(shop_id, bought, claims)
    looking.note(shop_id, order, bought, found, is_joined=bool(claims), now=now)
    return matches


def _bought(shop_id: int, order: OrderInfo, stands: Iterable[Stand]) -> BoughtOrder:
    # Shopify forgets what a line was once its product is deleted; a credit remembers, and was earned.
    credited = {stand.line_id: stand.claim.product_id for stand in stands}
    lines = tuple(
        BoughtLine(
            line_id=line.line_id,
            product_id=line.product_id or credited.get(line.line_id),
            quantity=line.current_quantity,
            # What was paid for what is left after refunds, as exactly as it is stored.
            amount=ledger.stored(line.discounted_total * line.current_quantity / max(line.quantity, 1)),
        )
        for line in order.lines
    )
    refund_id = catalog.last_refund_id(shop_id, order.order_id)
    return BoughtOrder(
        order_id=order.order_id,
        placed_at=order.processed_at,
        currency=order.currency,
        lines=lines,
        void=_void(order),
        took_back=f"refund {refund_id}" if refund_id else "",
    )


def _void(order: OrderInfo) -> Reason | None:
    if order.is_test:
        return Reason.TEST
    return Reason.CANCELLED if order.cancelled_at is not None else None


def _deleted(order_id: int, now: datetime) -> BoughtOrder:
    # Its moment and its currency are gone: all that stands is reversed as it stands.
    return BoughtOrder(order_id, now, "", (), void=Reason.DELETED)


def _ask_rivals(shop_id: int, order: BoughtOrder, claims: list[Claim]) -> None:
    """Have the orders looked at again that came here first and were placed later with the same clicks."""
    for order_id in ledger.later_orders(shop_id, order, claims):
        enqueue(Job.ATTRIBUTE, shop_id=shop_id, order_id=order_id)
