"""Orders that imports changed: worked off in batches by those who depend on orders."""

from dataclasses import dataclass
from typing import Final

from django.db import connection

from backend.catalog.models import ChangedOrder

BATCH_ORDERS: Final = 500

STRIKE_OFF: Final = """
    DELETE FROM catalog_changedorder changed
    USING unnest(%(ids)s::bigint[], %(changes)s::int[]) AS done(id, changes)
    WHERE changed.id = done.id AND changed.changes = done.changes
"""


@dataclass(frozen=True)
class Changes:
    """Some changed orders, and which of their changes were seen."""

    order_ids: list[int]
    ids: list[int]
    changes: list[int]


def next_changes(shop_id: int) -> Changes | None:
    """Return some orders of a shop that imports changed, or None if all is up to date."""
    rows = ChangedOrder.objects.for_shop(shop_id).order_by("id")[:BATCH_ORDERS]
    found = list(rows.values_list("order_id", "id", "changes"))
    return Changes(*map(list, zip(*found, strict=True))) if found else None


def strike_off(done: Changes) -> None:
    """Forget changes that were followed up; an order that changed again meanwhile stays."""
    with connection.cursor() as cursor:
        cursor.execute(STRIKE_OFF, {"ids": done.ids, "changes": done.changes})


def shops_behind() -> list[int]:
    """Return the shops with changes that nobody followed up yet."""
    rows = ChangedOrder.objects.across_shops(reason="the sweep serves all shops")
    return sorted(rows.order_by().values_list("shop_id", flat=True).distinct())
