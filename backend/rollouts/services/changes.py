"""Note what else changes in a shop: what Shopify tells of, and what its prices say."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from backend.catalog import queries as catalog
from backend.core.errors import Corrupt, Refused
from backend.rollouts import models, rules
from backend.rollouts.values import ChangeKind
from backend.shopify.values import granted
from backend.shops import queries as shops
from backend.shops import services as shop_services

log = structlog.get_logger(__name__)

# Enough to tell a tenth of the products from a twentieth, and little enough to keep as one row.
MOST_PRICES: Final = 2_000
# Prices are compared with those of a day ago, and with younger ones until there are some.
PRICES_KEPT: Final = timedelta(days=1)
ROLLOUTS_SCOPE: Final = "read_rollouts"


def note_theme(shop_id: int, payload: Mapping[str, Any], *, at: datetime) -> bool:
    """
    Note that a merchant published a theme. Told twice, it stands once.

    :returns: whether it is a theme that visitors see
    """
    if payload.get("role") != "main":
        return False
    _note(
        shop_id,
        ChangeKind.THEME,
        key=f"{payload.get('id')} {payload.get('updated_at')}",
        began_at=at,
        ended_at=at,
        words=f'The theme "{payload.get("name")}" was published.',
    )
    return True


def watch_prices(shop_id: int, *, now: datetime) -> None:
    """Read a sample of the shop's prices, and note a sale that began or ended since the last look."""
    prices = {str(product): float(price) for product, price in catalog.sample_prices(shop_id, MOST_PRICES)}
    sale = _changes(shop_id).filter(kind=ChangeKind.SALE, ended_at=None).first()
    if sale is not None:
        if rules.share_fallen(sale.details["before"], prices) < rules.OVER_SHARE:
            sale.ended_at = now
            sale.save(update_fields=["ended_at"])
    elif (before := _oldest_prices(shop_id, now=now)) is not None:
        _note_sale(shop_id, before, prices, now=now)
    readings = models.PriceReading.objects.for_shop(shop_id)
    readings.filter(read_at__lt=now - PRICES_KEPT).delete()
    readings.create(read_at=now, prices=prices)


def _note_sale(shop_id: int, before: dict[str, float], prices: dict[str, float], *, now: datetime) -> None:
    share = rules.share_fallen(before, prices)
    if share >= rules.SALE_SHARE:
        words = f"A sale: the prices of {share:.0%} of the products fell by {rules.FALL:.0%} or more."
        details = {"share": share, "before": before}
        _note(shop_id, ChangeKind.SALE, key=now.isoformat(), began_at=now, words=words, details=details)


def _oldest_prices(shop_id: int, *, now: datetime) -> dict[str, float] | None:
    rows = models.PriceReading.objects.for_shop(shop_id).filter(read_at__gte=now - PRICES_KEPT)
    oldest: dict[str, float] | None = rows.order_by("read_at").values_list("prices", flat=True).first()
    return oldest


def watch_shopify_rollouts(shop_id: int, *, now: datetime) -> int:
    """
    Note which of Shopify's own rollouts and experiments run in a shop, where that is switched on.

    :returns: how many run
    :raises Unavailable: if Shopify does not answer
    """
    if not settings.SHOPIFY_ROLLOUTS or ROLLOUTS_SCOPE not in granted(shops.get_shop(shop_id).scopes):
        return 0
    try:
        found = shop_services.admin_client(shop_id, now=now).execute("rollouts")["rollouts"]["nodes"]
    except (Refused, Corrupt) as error:
        # Its version's schema is not here to check ours against: a rollout of ours must not fail with it.
        log.warning("shopify_rollouts_refused", shop_id=shop_id, code=error.code)
        return 0
    return sum(_note_shopify_rollout(shop_id, one, now=now) for one in found)


def _note_shopify_rollout(shop_id: int, told: Mapping[str, Any], *, now: datetime) -> bool:
    """Note one, and return whether it splits visitors now: at 0 and at 100 % all see the same."""
    began_at = parse_datetime(told.get("startedAt") or "")
    if began_at is None:
        return False
    ended_at = parse_datetime(told.get("concludedAt") or told.get("archivedAt") or "")
    share = told.get("effectiveTrafficAllocation")
    is_over = ended_at is not None or (share is not None and not 0 < float(share) < 100)
    row = _note(
        shop_id,
        ChangeKind.SHOPIFY_ROLLOUT,
        key=str(told["id"]),
        began_at=began_at,
        words=f'Shopify\'s own rollout "{told.get("name")}" is shown to a part of the visitors.',
        details={"status": told.get("status"), "percent": share},
    )
    wanted = (ended_at or row.ended_at or now) if is_over else None
    if row.ended_at != wanted:
        row.ended_at = wanted
        row.save(update_fields=["ended_at"])
    return not is_over


def _note(shop_id: int, kind: ChangeKind, *, key: str, **values: Any) -> models.ShopChange:
    row, _ = _changes(shop_id).get_or_create(kind=kind, key=key, defaults=values)
    return row


def _changes(shop_id: int) -> QuerySet[models.ShopChange]:
    return models.ShopChange.objects.for_shop(shop_id)
