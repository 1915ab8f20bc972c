"""A shop's own clock."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backend.shops import queries as shops


def shop_zone(shop_id: int) -> ZoneInfo:
    """Return the clock of a shop; UTC where Shopify's name for it is unknown here."""
    try:
        return ZoneInfo(shops.get_shop(shop_id).timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
