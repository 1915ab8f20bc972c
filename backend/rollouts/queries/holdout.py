"""Who is held out, and what that has shown."""

from dataclasses import fields
from typing import Final

from django.db import connection

from backend.core.bucketing import holdout_draw
from backend.rollouts import rules
from backend.rollouts.models import (
    HoldoutChange,
    HoldoutReading,
)
from backend.rollouts.queries.recent import Recent
from backend.rollouts.values import (
    GroupSales,
    HoldoutPolicy,
    Incremental,
)
from backend.shops import queries as shops


def holdout(shop_id: int) -> HoldoutPolicy:
    """Return the share of a shop's visitors that is held out, half a second old and one read at most."""
    return _held_out.get(shop_id)


def fresh_holdout(shop_id: int) -> HoldoutPolicy:
    """Return the share of a shop's visitors that is held out now."""
    return _read_holdout(shop_id, None)


# Of a shop that is asked once in a while each answer reads this; the ORM takes many times as long.
NEWEST: Final = (
    "SELECT percent, since FROM rollouts_holdoutchange WHERE shop_id = %s ORDER BY id DESC LIMIT 1"
)


def _read_holdout(shop_id: int, _known: HoldoutPolicy | None) -> HoldoutPolicy:
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, [shop_id])
        newest = cursor.fetchone()
    salt = holdout_draw(shops.get_shop(shop_id).uuid)
    return HoldoutPolicy(newest[0], salt, newest[1]) if newest else HoldoutPolicy(salt=salt)


_held_out = Recent(_read_holdout)


def holding_out() -> list[int]:
    """Return the shops that hold visitors out now."""
    newest = HoldoutChange.objects.across_shops(reason="every holdout is measured").order_by("shop_id", "-id")
    return [row.shop_id for row in newest.distinct("shop_id") if row.percent]


def incremental(shop_id: int) -> Incremental | None:
    """
    Return what recommendations added since the holdout's share was last changed, as it was last measured.

    Until the first measurement both groups are empty, and so too small to compare.

    :returns: None where nobody is held out
    """
    newest = HoldoutChange.objects.for_shop(shop_id).order_by("-id").first()
    if newest is None or not newest.percent:
        return None
    row = HoldoutReading.objects.for_shop(shop_id).filter(change=newest).first()
    held_out, shown = (_sales(row, group) for group in ("held_out", "shown"))
    return rules.compare_sales(held_out, shown, percent=newest.percent, since=newest.since)


def _sales(row: HoldoutReading | None, group: str) -> GroupSales:
    if row is None:
        return GroupSales()
    return GroupSales(**{one.name: getattr(row, f"{group}_{one.name}") for one in fields(GroupSales)})
