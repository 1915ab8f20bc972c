"""How long a rollout would take, by what the shop's visitors usually do."""

from datetime import datetime, timedelta
from typing import Final

from backend.rollouts import models, rules
from backend.rollouts.rules import StepForecast
from backend.rollouts.values import RolloutPlan, Traffic

# Weekdays and promotions move what visitors do, hours don't.
TRAFFIC_LASTS: Final = timedelta(days=1)


def is_traffic_old(shop_id: int, *, now: datetime) -> bool:
    """Tell whether it is time to look again at what a shop's visitors usually do."""
    row = models.TrafficReading.objects.for_shop(shop_id).first()
    return row is None or now - row.read_at >= TRAFFIC_LASTS


def traffic(shop_id: int) -> Traffic | None:
    """Return what a shop's visitors usually do, or None while it was not measured for a day."""
    row = models.TrafficReading.objects.for_shop(shop_id).first()
    if row is None or row.days < 1 or row.visitors < 2:
        return None
    spread = row.squares - row.revenue * row.revenue / row.visitors
    return Traffic(
        visitors_per_day=row.visitors / row.days,
        conversion=row.buyers / row.visitors,
        revenue_mean=float(row.revenue) / row.visitors,
        revenue_variance=float(spread) / (row.visitors - 1),
        clickers_per_day=row.clickers / row.days,
    )


def forecast(shop_id: int, plan: RolloutPlan) -> tuple[StepForecast, ...] | None:
    """
    Return how many days each step of a plan takes until it can be judged, and whether it can be at all.

    :returns: None while too little is known of the shop's visitors to say
    """
    known = traffic(shop_id)
    return None if known is None else rules.forecast(known, plan)
