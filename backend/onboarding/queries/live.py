"""What happened while each version answered shoppers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from backend.attribution import queries as attribution
from backend.core.statistics import Estimate
from backend.events import queries as events
from backend.events.values import Counts
from backend.onboarding.rules.live import rate
from backend.rollouts import queries as rollouts
from backend.rollouts.values import Answering, BesideChampion

# What was live longer ago met another season and another shop.
LOOKED_BACK: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class LiveVersion:
    """
    What shoppers did with the lists that they saw while a version answered them.

    Its figures are those of the days of the last 90 on which it alone answered: on others nobody knows whose
    list a count is of.

    :param orders: with something in them that was clicked in a list
    :param clicks_per_list: None where too little happened to say
    :param rollout: None where no rollout of it was measured
    """

    version: int
    since: datetime
    until: datetime | None
    days_alone: int
    lists: int
    clicks: int
    orders: int
    clicks_per_list: Estimate | None
    orders_per_list: Estimate | None
    rollout: BesideChampion | None


def live_versions(shop_id: int, *, now: datetime) -> list[LiveVersion]:
    """Return the versions that answered a shop's visitors in the last 90 days, the newest first."""
    since = now - LOOKED_BACK
    answering = rollouts.answering_versions(shop_id, now=now)
    counts = events.daily_counts(shop_id, since=since, until=now)
    orders = attribution.daily_orders(shop_id, since=since, until=now)
    measured = rollouts.beside_champions(shop_id)
    return [
        _live(one, counts, orders, measured.get(one.version), since=since)
        for one in answering
        if one.until is None or one.until > since
    ]


def _live(
    one: Answering,
    counts: Mapping[date, Counts],
    orders: Mapping[date, int],
    measured: BesideChampion | None,
    *,
    since: datetime,
) -> LiveVersion:
    days = [day for day in one.days_alone if day > since.date()]
    told = [counts.get(day, Counts()) for day in days]
    lists, clicks = [day.impressions for day in told], [day.clicks for day in told]
    sold = [orders.get(day, 0) for day in days]
    return LiveVersion(
        version=one.version,
        since=one.since,
        until=one.until,
        days_alone=len(days),
        lists=sum(lists),
        clicks=sum(clicks),
        orders=sum(sold),
        clicks_per_list=rate(list(zip(lists, clicks, strict=True))),
        orders_per_list=rate(list(zip(lists, sold, strict=True))),
        rollout=measured,
    )
