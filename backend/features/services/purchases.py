"""Purchases: orders as they come or a whole shop, the snapshots kept, and what is forgotten."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from backend.catalog import queries as catalog
from backend.events import services as events
from backend.features.gateway import cache, snapshots
from backend.features.models import BrowsingStep, ClientLink, Interaction
from backend.features.queries import PURCHASES
from backend.features.services.locking import lock
from backend.features.values import Dataset, Forgotten, Rebuilt
from backend.shops import queries as shops

COLUMNS = (
    "shop_id, source, line_id, customer_key, basket_id, product_id, event, quantity, unit_price, occurred_at"
)

EXTEND = f"""
    INSERT INTO features_interaction ({COLUMNS})
    SELECT {COLUMNS} FROM ({PURCHASES} AND placed.order_id = ANY(%(order_ids)s)) purchase
    ORDER BY line_id
    ON CONFLICT (shop_id, source, line_id) DO UPDATE
        SET customer_key = EXCLUDED.customer_key, basket_id = EXCLUDED.basket_id,
            product_id = EXCLUDED.product_id, quantity = EXCLUDED.quantity,
            unit_price = EXCLUDED.unit_price, occurred_at = EXCLUDED.occurred_at
"""  # noqa: S608 -- built from constants of this file; every value is a parameter

# Lines that stopped being purchases: refunded in full, or of an order cancelled or deleted meanwhile.
RETRACT = f"""
    DELETE FROM features_interaction
    WHERE shop_id = %(shop_id)s AND basket_id = ANY(%(order_ids)s)
      AND line_id NOT IN (SELECT line_id FROM ({PURCHASES} AND placed.order_id = ANY(%(order_ids)s)) purchase)
"""  # noqa: S608 -- built from constants of this file; every value is a parameter

CLEAR = "DELETE FROM features_interaction WHERE shop_id = %(shop_id)s"

REBUILD = f"""
    INSERT INTO features_interaction ({COLUMNS})
    SELECT {COLUMNS} FROM ({PURCHASES}) purchase
"""  # noqa: S608 -- built from constants of this file; every value is a parameter


# Why a snapshot is gone; each completes "it was erased because …".
FORGOTTEN = "a customer in it asked to be forgotten"
FORGOTTEN_MEANWHILE = "a customer asked to be forgotten while the model was trained"


def extend(shop_id: int, order_id: int) -> None:
    """
    Bring the interactions of one order up to date. Replays change nothing.

    Its customer's cached past is dropped once the change is committed.
    """
    extend_many(shop_id, [order_id])


def extend_many(shop_id: int, order_ids: Collection[int]) -> None:
    """Bring the interactions of some orders up to date, as :func:`extend` does of one."""
    wanted = sorted(order_ids)
    values: dict[str, Any] = {"shop_id": shop_id, "order_ids": wanted}
    with transaction.atomic(), connection.cursor() as cursor:
        lock(shop_id, is_exclusive=False)
        for order_id in wanted:
            catalog.lock_order(shop_id, order_id)
        # Those who bought by what was known, and those who did by what the orders say now.
        customers = _customers_of(shop_id, order_ids)
        cursor.execute(RETRACT, values)
        cursor.execute(EXTEND, values)
        customers |= _customers_of(shop_id, order_ids)
        transaction.on_commit(lambda: cache.drop_pasts(shop_id, customers))


def _customers_of(shop_id: int, order_ids: Collection[int]) -> set[str]:
    rows = Interaction.objects.for_shop(shop_id).filter(basket_id__in=list(order_ids))
    return {key for key in rows.values_list("customer_key", flat=True) if key is not None}


def rebuild(shop_id: int) -> Rebuilt:
    """Write all interactions of a shop anew from its orders, in two statements."""
    with transaction.atomic(), connection.cursor() as cursor:
        lock(shop_id, is_exclusive=True)
        cursor.execute(CLEAR, {"shop_id": shop_id})
        cursor.execute(REBUILD, {"shop_id": shop_id})
        written = cursor.rowcount
    with connection.cursor() as cursor:
        # The planner would otherwise go on with the statistics of an empty table.
        cursor.execute("ANALYZE features_interaction")
    cache.drop_shop(shop_id)
    return Rebuilt(written)


def keep_snapshot(shop_id: int, dataset: Dataset, *, named: Collection[str], now: datetime) -> None:
    """
    Keep a dataset, so that what was learned from it can be learned again, and drop those nobody names.

    Kept under its hash: the same content is kept once. If a customer was
    forgotten since the export began, the dataset may still hold them; then
    only the reason is kept.

    :param named: hashes of the datasets that the shop's versions come from
    """
    shop = shops.get_shop(shop_id).uuid
    snapshots.keep(shop, dataset.sha256, dataset.folder)
    for sha256 in snapshots.kept(shop) - {dataset.sha256, *named}:
        snapshots.drop(shop, sha256)
    # Only after it lies there: an erasure looks through what lies there after it has left its mark.
    if snapshots.read_mark(shop) != dataset.erasure_mark:
        snapshots.erase(shop, dataset.sha256, because=FORGOTTEN_MEANWHILE, now=now)


def forget_customer(
    shop_id: int, customer_key: str | None, *, order_ids: Collection[int] = (), now: datetime
) -> Forgotten:
    """
    Erase one customer. Their baskets stay, each as a guest's: nothing ties them together any more.

    What their browsers told stays, too, of browsers that nobody can name; what was derived from it goes.

    Snapshots that hold the customer go as a whole. A version that was learned
    from one can't be learned again, and the place of the snapshot says why.

    :param order_ids: orders to untie beside the customer's, whoever they were tied to
    """
    is_theirs = Q(basket_id__in=list(order_ids), customer_key__isnull=False)
    if customer_key is not None:
        is_theirs |= Q(customer_key=customer_key)
    # Committed before the mark is left, or an export in between would read the customer and trust the mark.
    with transaction.atomic(durable=True):
        # An order that was read before it was untied must not be written after.
        lock(shop_id, is_exclusive=True)
        rows = Interaction.objects.for_shop(shop_id).filter(is_theirs)
        tied = {*rows.values_list("customer_key", flat=True).distinct(), customer_key} - {None}
        untied = rows.update(customer_key=None)
        clients = _forget_browsing(shop_id, customer_key)
    events.forget_clients(shop_id, clients, order_ids=order_ids)
    shop = shops.get_shop(shop_id).uuid
    snapshots.leave_mark(shop)
    snapshots.drop_unfinished(shop)
    erased = sorted({sha256 for key in tied for sha256 in snapshots.holding(shop, str(key))})
    for sha256 in erased:
        snapshots.erase(shop, sha256, because=FORGOTTEN, now=now)
    cache.drop_pasts(shop_id, {key for key in tied if key is not None})
    return Forgotten(untied, tuple(erased))


def _forget_browsing(shop_id: int, customer_key: str | None) -> list[str]:
    """Delete a customer's views and carts, and return the browsers that they were known by."""
    if customer_key is None:
        return []
    links = ClientLink.objects.for_shop(shop_id).filter(visitor_key=customer_key)
    steps = BrowsingStep.objects.for_shop(shop_id).filter(visitor_key=customer_key)
    clients = {*links.values_list("client_key", flat=True), *steps.values_list("client_key", flat=True)}
    steps.delete()
    links.delete()
    return sorted(clients)


def erase_shop(shop_id: int) -> None:
    """Delete everything kept of a shop outside its tables; ``core.tenancy`` deletes the rows."""
    snapshots.erase_shop(shops.get_shop(shop_id).uuid)
    cache.drop_shop(shop_id)
