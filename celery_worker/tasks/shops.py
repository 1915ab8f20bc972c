"""Jobs about tenants: tokens, uninstall, and the erasures in which every app has a part."""

from collections.abc import Collection
from typing import Final

from django.db import transaction

from backend.attribution import services as attribution
from backend.audit import queries as ledger
from backend.audit import services as audit
from backend.audit.values import Event
from backend.catalog import queries as catalog_queries
from backend.catalog import services as catalog
from backend.core import clock, leases, tenancy
from backend.core.queue import Job, enqueue
from backend.events import services as events
from backend.features import services as features
from backend.monitoring import services as monitoring
from backend.privacy import services as privacy
from backend.rollouts import services as rollouts
from backend.shops import queries, services
from backend.shops.values import ShopState
from backend.training import services as training
from backend.webhooks import queries as inbox
from backend.webhooks import services as webhooks

from .base import task_for


@task_for(Job.TOKEN_KEEPALIVE)
def token_keepalive() -> None:
    """Have the tokens of all shops refreshed before disuse kills them; one shop's trouble is its own."""
    for shop_id in queries.installed_shop_ids():
        enqueue(Job.TOKEN_REFRESH, shop_id=shop_id)


@task_for(Job.TOKEN_REFRESH)
def token_refresh(shop_id: int) -> bool:
    """Refresh one shop's tokens."""
    return services.keep_token_alive(shop_id, now=clock.now())


@task_for(Job.PIXEL_ACTIVATE)
def pixel_activate(shop_id: int) -> bool:
    """Bring a shop's web pixel to its settings."""
    return services.activate_pixel(shop_id, now=clock.now())


@task_for(Job.PIXEL_SWEEP)
def pixel_sweep() -> int:
    """Find shops whose web pixel is not as it should be."""
    return services.sweep_pixels(now=clock.now())


@task_for(Job.SUBSCRIBE)
def subscribe(shop_id: int, topic: str) -> bool:
    """Have Shopify tell us of a topic in one shop."""
    return services.subscribe(shop_id, topic, now=clock.now())


@task_for(Job.SUBSCRIBE_SWEEP)
def subscribe_sweep() -> int:
    """Find shops that granted a scope whose topics Shopify does not tell us of yet."""
    return services.sweep_subscriptions(now=clock.now())


@task_for(Job.UNINSTALL_CLEANUP)
def uninstall_cleanup(shop_id: int) -> None:
    """Stop what is under way for a shop that left. Its data waits for Shopify's shop/redact."""
    now = clock.now()
    if queries.get_fresh_shop(shop_id).state is ShopState.INSTALLED:
        return
    catalog.stop_imports(shop_id, reason="The app was uninstalled.", now=now)
    training.cancel_all(shop_id, reason="The app was uninstalled.", now=now)


# Rows between two words of progress on the request.
TELL_EVERY: Final = 100_000


@task_for(Job.SHOP_REDACT, time_limit=3 * 3600 + 60, soft_time_limit=3 * 3600)
def shop_redact(shop_id: int) -> None:
    """
    Erase a shop: files, caches, deliveries, ledgers, all its tables, then its keys.

    Each part can be repeated and goes on with what is left, so a killed worker's erasure is taken up again.
    """
    now = clock.now()
    if not services.begin_erasure(shop_id, now=now):
        # The merchant came back within the 48 hours; the data is theirs again.
        webhooks.note_shop_outcome(shop_id, "kept: the merchant came back")
        return
    catalog.stop_imports(shop_id, reason="The shop is being erased.", now=now)
    training.cancel_all(shop_id, reason="The shop is being erased.", now=now)
    progress = _Progress(shop_id)
    features.erase_shop(shop_id)
    webhooks.erase_shop(shop_id)
    monitoring.erase_shop(shop_id)
    rollouts.erase_shop(shop_id)
    events.erase_shop(shop_id, on_progress=progress)
    attribution.erase_shop(shop_id, on_progress=progress)
    audit.erase_shop(shop_id, now=now, on_progress=progress)
    tenancy.erase_rows(shop_id, on_progress=progress)
    services.redact(shop_id, now=now)
    # By name, which outlives the erasure; MLflow may be down now and is asked until it answers.
    enqueue(Job.FORGET_TRACKING, experiment=training.experiment_of(shop_id))
    webhooks.note_shop_outcome(shop_id, "erased")


class _Progress:
    """Tells the request how far its erasure is, every now and then."""

    def __init__(self, shop_id: int) -> None:
        self._shop_id = shop_id
        self._rows = self._told = 0

    def __call__(self, deleted: int) -> None:
        leases.ensure_held()
        self._rows += deleted
        if self._rows - self._told >= TELL_EVERY:
            self._told = self._rows
            webhooks.note_shop_progress(self._shop_id, f"{self._rows:,} rows are gone")


@transaction.atomic
def _untie_orders(shop_id: int, customer_key: str | None, order_ids: Collection[int]) -> list[int]:
    """
    Make a customer's orders a guest's, and cut what leads from them to a browser; return the orders.

    In one transaction: once they are a guest's, nobody finds the others by the customer again.
    """
    checkouts = catalog_queries.checkout_tokens_of(shop_id, customer_key, order_ids)
    orders = catalog.forget_customer(shop_id, customer_key, order_ids=order_ids)
    attribution.forget_orders(shop_id, orders)
    events.forget_orders(shop_id, {*orders, *order_ids}, checkout_tokens=checkouts)
    return orders


@task_for(Job.CUSTOMER_REDACT)
def customer_redact(delivery_id: int) -> None:
    """Make one customer unknown everywhere. Safe to repeat: what is forgotten stays so."""
    now = clock.now()
    request = inbox.get_delivery(delivery_id)
    if request.shop_id is None:
        return
    shop_id, key = request.shop_id, request.payload.get("customer_key")
    order_ids = [int(number) for number in request.payload.get("orders_to_redact") or []]
    # First, so that what is untied below is not tied again by a late webhook or an import.
    services.suppress(shop_id, customer_key=key, order_ids=order_ids, now=now)
    orders = _untie_orders(shop_id, key, order_ids)
    erased = features.forget_customer(shop_id, key, order_ids=order_ids, now=now).snapshots
    # Before what it tells of, which names it: an erased row without its entry would be taken for tampering,
    # and so would more of them than it tells of. No other is tied to the customer while they are counted.
    act = audit.record(
        Event.CUSTOMER_REDACTED,
        shop_id=shop_id,
        subject=f"webhook delivery {delivery_id}",
        reason="Shopify asked for it on the customer's behalf.",
        details={"orders": len(orders), "snapshots": list(erased), "decisions": _decisions_of(shop_id, key)},
        now=now,
    )
    if key:
        audit.forget_visitor(shop_id, key, act=act)
    # Last, because the request itself holds the pseudonym that the steps above need.
    privacy.forget_customer(shop_id, key, order_ids=order_ids)
    webhooks.forget_customer(shop_id, key, order_ids=order_ids)
    webhooks.note_outcome(delivery_id, f"forgotten, orders untied: {len(orders)}")


def _decisions_of(shop_id: int, customer_key: str | None) -> int:
    return ledger.count_decisions_for_visitor(shop_id, customer_key) if customer_key else 0


@task_for(Job.DATA_REQUEST)
def data_request(delivery_id: int) -> None:
    """Put a customer's request before the owner of the shop, who fetches the file in the app."""
    request = inbox.get_delivery(delivery_id)
    if request.shop_id is None:
        return
    asked = request.payload.get("data_request") or {}
    key = request.payload.get("customer_key")
    privacy.note_request(
        request.shop_id,
        delivery_id=delivery_id,
        shopify_id=asked.get("id"),
        customer_key=key,
        order_ids=[int(number) for number in request.payload.get("orders_requested") or []],
        requested_at=request.triggered_at,
        now=clock.now(),
    )
    held = catalog.describe_customer(request.shop_id, key)
    webhooks.note_outcome(delivery_id, f"orders held: {held['orders']}, order lines: {held['order_lines']}")


@task_for(Job.DATA_REQUEST_SWEEP)
def data_request_sweep() -> int:
    """Forget requests whose time to answer is long over."""
    return privacy.forget_old_requests(now=clock.now())
