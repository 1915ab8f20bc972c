"""Counting whole histories ahead, because a page can't wait for it."""

from datetime import datetime
from typing import Final

from django.db import connection

from backend.catalog.models import ShopCounts

# Below this a page counts in a few milliseconds by itself, exactly.
COUNTED_AHEAD_FROM_LINES: Final = 20_000

_COUNT = """
    INSERT INTO catalog_shopcounts
        (shop_id, orders, order_lines, customers, guest_orders, last_order, last_line, counted_at)
    SELECT %(shop_id)s, orders.total, lines.total, orders.customers, orders.guests, orders.last,
        lines.last, %(now)s
    FROM (
        SELECT COUNT(*) FILTER (WHERE deleted_at IS NULL) AS total,
            COUNT(DISTINCT customer_key) FILTER (WHERE deleted_at IS NULL) AS customers,
            COUNT(*) FILTER (WHERE deleted_at IS NULL AND customer_key IS NULL) AS guests,
            COALESCE(MAX(id), 0) AS last
        FROM catalog_order WHERE shop_id = %(shop_id)s
    ) orders, (
        SELECT COUNT(*) AS total, COALESCE(MAX(id), 0) AS last
        FROM catalog_orderline WHERE shop_id = %(shop_id)s
    ) lines
    WHERE lines.total >= %(from_lines)s
    ON CONFLICT (shop_id) DO UPDATE SET
        orders = EXCLUDED.orders, order_lines = EXCLUDED.order_lines, customers = EXCLUDED.customers,
        guest_orders = EXCLUDED.guest_orders, last_order = EXCLUDED.last_order,
        last_line = EXCLUDED.last_line, counted_at = EXCLUDED.counted_at
"""


def count_shop(shop_id: int, *, now: datetime) -> None:
    """Count what there is of a shop's history, if it is long."""
    values: dict[str, int | datetime] = {
        "shop_id": shop_id,
        "now": now,
        "from_lines": COUNTED_AHEAD_FROM_LINES,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        if cursor.rowcount == 0:
            ShopCounts.objects.for_shop(shop_id).delete()


def count_shops(*, now: datetime) -> int:
    """
    Count the long histories anew: orders are deleted, customers forgotten.

    :returns: how many shops were counted
    """
    rows = ShopCounts.objects.across_shops(reason="the timetable serves all shops")
    shop_ids = list(rows.order_by("counted_at").values_list("shop_id", flat=True))
    for shop_id in shop_ids:
        count_shop(shop_id, now=now)
    return len(shop_ids)
