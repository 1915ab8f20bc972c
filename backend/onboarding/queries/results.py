"""What recommendations earned for a shop."""

from dataclasses import dataclass
from datetime import datetime

from backend.attribution import queries as attribution
from backend.attribution.values import CoverageReport, CurrencyResults, TopProduct
from backend.catalog import queries as catalog
from backend.events import queries as events
from backend.events.values import Counts
from backend.onboarding.queries.zones import shop_zone
from backend.onboarding.rules import results as rules
from backend.onboarding.rules.days import start_of_last
from backend.rollouts import queries as rollouts
from backend.rollouts.values import Incremental
from backend.shops import queries as shops
from backend.shops.values import PixelState


@dataclass(frozen=True, slots=True)
class Results:
    """
    What recommendations earned in a time.

    :param has_orders: whether anything was ordered in it at all
    :param counts: what shoppers did with recommendations; None while no browser tells us
    :param incremental: since the holdout was last changed, whatever the time; None without a holdout
    """

    days: int
    since: datetime
    until: datetime
    currency: str
    has_orders: bool
    currencies: tuple[CurrencyResults, ...]
    click_days: int
    view_hours: int
    incremental: Incremental | None
    pixel: PixelState
    counts: Counts | None
    top_products: tuple[TopProduct, ...]
    coverage: CoverageReport


def results(shop_id: int, *, days: int, now: datetime) -> Results:
    """Return what recommendations earned in the last days of a shop's own clock, today included."""
    since = start_of_last(days, shop_zone(shop_id), now=now)
    span = {"since": since, "until": now}
    earned = attribution.results(shop_id, **span)
    return Results(
        days=days,
        since=since,
        until=now,
        currency=shops.get_shop(shop_id).currency,
        has_orders=catalog.has_orders(shop_id, **span),
        currencies=earned.currencies,
        click_days=earned.window.days,
        view_hours=round(earned.view_window.total_seconds() / 3600),
        incremental=rollouts.incremental(shop_id),
        pixel=shops.pixel(shop_id).state,
        counts=events.counts(shop_id, **span) if events.has_events(shop_id, since=since) else None,
        top_products=tuple(attribution.top_products(shop_id, limit=rules.TOP_PRODUCTS, **span)),
        coverage=attribution.coverage(shop_id, **span),
    )
