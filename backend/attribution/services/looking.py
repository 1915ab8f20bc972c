"""
Noting of each order whether it could be joined, and when to look at it again.

A browser's events come before its order or after it, up to two days late, so
an order is looked at again until none can come any more. So is one that tells
of a decision which the ledger doesn't know yet.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from backend.attribution import rules
from backend.attribution.models import OrderAttribution
from backend.attribution.values import DEFAULT_WINDOW, BoughtOrder, Evidence, Outcome
from backend.audit import queries as audit
from backend.catalog.values import OrderInfo
from backend.core.queue import Job, enqueue
from backend.events import queries as events
from backend.events.values import Outcome as EventOutcome
from backend.shops import queries as shops

from .sources import Findings

# Since the order was placed. A browser sends at once; one that was offline, when it is online again; what is
# older than two days is refused.
LOOKS: Final = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=2), timedelta(hours=49))
# The storefront, as Shopify names where an order came from. Drafts, tills and API clients have other names.
STOREFRONT: Final = "web"
# Orders taken up at each turn of the sweep.
SWEEP_ORDERS: Final = 2_000


def note(
    shop_id: int,
    order: OrderInfo,
    bought: BoughtOrder,
    found: Findings,
    *,
    is_joined: bool,
    now: datetime,
) -> None:
    """Write down whether an order could be joined."""
    outcome = Outcome.JOINED if is_joined else rules.outcome(_evidence(shop_id, order, found.client_key))
    products = {line.product_id for line in bought.lines if line.product_id is not None}
    row = OrderAttribution(
        order_id=order.order_id,
        placed_at=order.processed_at,
        attributed_at=now,
        product_ids=[] if order.is_test else sorted(products),
        outcome=outcome,
        look_again_at=_next_look(order, found, now=now),
    )
    OrderAttribution.objects.for_shop(shop_id).bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["shop", "order_id"],
        update_fields=["placed_at", "attributed_at", "product_ids", "outcome", "look_again_at"],
    )


def _next_look(order: OrderInfo, found: Findings, *, now: datetime) -> datetime | None:
    """Return when what came meanwhile is asked for; without a token no event can be found."""
    awaits_events = order.source_name == STOREFRONT and bool(order.checkout_token)
    if found.is_complete and not awaits_events:
        return None
    return next((at for at in (order.processed_at + wait for wait in LOOKS) if at > now), None)


def _evidence(shop_id: int, order: OrderInfo, client_key: str | None) -> Evidence:
    placed_at = order.processed_at
    since = placed_at - DEFAULT_WINDOW
    shop = shops.get_shop(shop_id)
    told = events.tallies(shop_id, since=placed_at, until=placed_at)
    return Evidence(
        is_of_storefront=order.source_name == STOREFRONT,
        is_before_install=shop.installed_at is not None and placed_at < shop.installed_at,
        has_pixel=any(outcome is EventOutcome.ACCEPTED for _, outcome in told),
        told_of_checkout=client_key is not None,
        told_of_block=client_key is not None
        and events.met_recommendations(shop_id, client_key, since=since, until=placed_at),
        asked_for_customer=order.customer_key is not None
        and bool(
            audit.decisions_for_visitor(shop_id, order.customer_key, since=since, until=placed_at, limit=1)
        ),
    )


@transaction.atomic
def sweep(*, now: datetime) -> int:
    """Have orders looked at again whose browsers may have told more since, in every shop."""
    rows = OrderAttribution.objects.across_shops(reason="the timetable serves all shops")
    due = rows.filter(look_again_at__lte=now).order_by("look_again_at").select_for_update(skip_locked=True)
    found = list(due.values_list("id", "shop_id", "order_id")[:SWEEP_ORDERS])
    for _, shop_id, order_id in found:
        enqueue(Job.ATTRIBUTE, shop_id=shop_id, order_id=order_id)
    # The job stands in its own row from here on, and says itself when to look next.
    rows.filter(id__in=[row_id for row_id, _, _ in found]).update(look_again_at=None)
    return len(found)
