"""Hold out a share of the visitors, and measure what that shows."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.catalog import queries as catalog
from backend.core.queue import Job, enqueue
from backend.events import queries as events
from backend.events.values import DrawnClient
from backend.rollouts import queries, rules
from backend.rollouts.models import (
    HoldoutChange,
    HoldoutReading,
)
from backend.rollouts.values import (
    HIGHEST_HOLDOUT,
    LOWEST_HOLDOUT,
    BadHoldout,
    HoldoutPolicy,
)
from backend.shops import queries as shops


@transaction.atomic
def set_holdout(shop_id: int, percent: int, *, now: datetime, actor: str) -> HoldoutPolicy:
    """
    Change the share of visitors that sees popular products instead of a model's; 0 ends the holdout.

    What was measured under another share is not mixed with what comes: some visitors changed sides.

    :raises BadHoldout: if the share is neither 0 nor within what is offered
    """
    if percent and not LOWEST_HOLDOUT <= percent <= HIGHEST_HOLDOUT:
        allowed = f"{LOWEST_HOLDOUT} to {HIGHEST_HOLDOUT}"
        raise BadHoldout(f"A holdout is {allowed} percent of the visitors, or 0 for none.", field="percent")
    former = queries.fresh_holdout(shop_id)
    if percent == former.percent:
        return former
    HoldoutChange.objects.for_shop(shop_id).create(percent=percent, since=now, changed_by=actor)
    audit.record(
        Event.HOLDOUT_CHANGED,
        shop_id=shop_id,
        subject="holdout",
        reason=_told_holdout(percent),
        now=now,
        actor=actor,
        old={"percent": former.percent},
        new={"percent": percent},
    )
    enqueue(Job.PUBLISH, shop_id=shop_id)
    return queries.fresh_holdout(shop_id)


def measure_holdout(shop_id: int, *, now: datetime) -> None:
    """
    Add up what the two groups of a shop's visitors bought since the share was last changed.

    A visitor is counted from the moment their browser first told its bucket; what they bought before says
    nothing of what they saw. Orders are theirs whose checkout ended in their browser.
    """
    change = HoldoutChange.objects.for_shop(shop_id).order_by("-id").first()
    if change is None or not change.percent:
        return
    visitors = {one.client_key: one for one in events.drawn_clients(shop_id, since=change.since, until=now)}
    spent = _spent(shop_id, visitors, since=change.since, now=now)
    held_out, shown = rules.add_up(visitors.values(), spent, percent=change.percent)
    HoldoutReading.objects.for_shop(shop_id).update_or_create(
        change=change,
        defaults={
            "read_at": now,
            **{f"held_out_{name}": value for name, value in asdict(held_out).items()},
            **{f"shown_{name}": value for name, value in asdict(shown).items()},
        },
    )


def _spent(
    shop_id: int, visitors: Mapping[str, DrawnClient], *, since: datetime, now: datetime
) -> dict[str, Decimal]:
    """Return what visitors paid since they were drawn, by their pseudonym."""
    browsers = events.completed_checkouts(shop_id, since=since, until=now)
    name, currency = events.checkout_namer(shop_id), shops.get_shop(shop_id).currency
    spent: defaultdict[str, Decimal] = defaultdict(Decimal)
    for order in catalog.paid_orders(shop_id, since=since, until=now):
        visitor = visitors.get(browsers.get(name(order.checkout_token), ""))
        # Amounts of a currency that the shop had before can't be added to those of the one that it has.
        # Shopify tells an order's moment in whole seconds.
        is_after = visitor is not None and visitor.at.replace(microsecond=0) <= order.placed_at
        if visitor is not None and is_after and order.currency == currency:
            spent[visitor.client_key] += order.amount
    return spent


def _told_holdout(percent: int) -> str:
    if percent == 0:
        return "Every visitor sees recommendations."
    return f"{percent}% of the visitors see popular products, to measure what recommendations add."
