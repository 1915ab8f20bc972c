"""Measure what a rollout earned: what is fixed beforehand, and a reading every minute."""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from backend.catalog import queries as catalog
from backend.rollouts import models, queries, rules
from backend.rollouts.values import Difference, Estimand, Rollout, RolloutPlan
from backend.shops import queries as shops

# Before a rollout, of which its bound is chosen: seasons included, and what a shop sold years ago left out.
ORDERS_BEFORE: Final = timedelta(days=365)
# Before a visitor's first exposure: most who come back have done so by then.
PAST_DAYS: Final = 30
# Of the last days, for a forecast: two weeks hold each day of the week twice.
TRAFFIC_DAYS: Final = 14


def measure_rollout(shop_id: int, *, now: datetime) -> bool:
    """
    Read what both arms' visitors did until now, and keep it as a point of the rollout's history.

    :returns: whether there was anything to measure
    """
    rollout = queries.find_live_rollout(shop_id)
    if rollout is None:
        return False
    estimand = fix_estimand(rollout, now=now)
    spans = queries.compared_spans(rollout, until=now)
    if not spans:
        return False
    began = time.perf_counter()
    # Once more than half see the candidate, the last span is over, and what was known of it stands.
    arms = queries.arm_outcomes(shop_id, rollout.id, spans, estimand, until=spans[-1].until)
    took = timedelta(seconds=time.perf_counter() - began)
    compared = rules.compare_outcomes(*arms)
    sums = {one.metric: (one.candidate, one.control) for one in compared}
    slopes = {one.metric: one.slope for one in compared}
    in_both = sum(arm.in_both_arms for arm in arms)
    rows = [
        _reading(one, slope=slopes[one.metric], in_both=in_both, now=now, took=took)
        for one in rules.compare_metrics(sums, rollout.plan)
    ]
    _keep(rollout, rows, age=now - spans[0].since, now=now)
    return True


def fix_estimand(rollout: Rollout, *, now: datetime) -> Estimand:
    """Return what a rollout's revenue is measured by, fixed for good when it is first asked for."""
    known = queries.find_estimand(rollout.shop_id, rollout.id)
    if known is not None:
        return known
    day = queries.plan_day()
    estimand = _choose_estimand(
        rollout.shop_id, window=rollout.plan.window_days * day, past=PAST_DAYS * day, until=rollout.opened_at
    )
    rows = models.RolloutEstimand.objects.for_shop(rollout.shop_id)
    row = models.Rollout.objects.for_shop(rollout.shop_id).get(uuid=rollout.id)
    fixed = models.RolloutEstimand(
        rollout=row,
        window=estimand.window,
        past=estimand.past,
        bound=estimand.bound,
        currency=estimand.currency,
        orders=estimand.orders,
        fixed_at=now,
    )
    # Two workers may come at once: the first one's word stands for both.
    rows.bulk_create([fixed], ignore_conflicts=True)
    return queries.find_estimand(rollout.shop_id, rollout.id) or estimand


def _choose_estimand(shop_id: int, *, window: timedelta, past: timedelta, until: datetime) -> Estimand:
    currency = shops.get_shop(shop_id).currency
    orders, bound = catalog.order_value_quantile(
        shop_id, rules.BOUND_SHARE, currency=currency, since=until - ORDERS_BEFORE, until=until
    )
    if orders < rules.MIN_ORDERS_FOR_BOUND:
        _, bound = catalog.order_value_quantile(
            shop_id, 1.0, currency=currency, since=until - ORDERS_BEFORE, until=until
        )
    return Estimand(window, past, bound, currency, orders)


def _reading(
    difference: Difference, *, slope: float, in_both: int, now: datetime, took: timedelta
) -> models.RolloutReading:
    return models.RolloutReading(
        metric=difference.metric,
        read_at=now,
        candidate_visitors=difference.candidate.visitors,
        candidate_total=difference.candidate.total,
        candidate_squares=difference.candidate.squares,
        control_visitors=difference.control.visitors,
        control_total=difference.control.total,
        control_squares=difference.control.squares,
        in_both_arms=in_both,
        slope=slope,
        percent=difference.percent,
        low=difference.low,
        high=difference.high,
        verdict=difference.verdict,
        took_ms=round(took / timedelta(milliseconds=1)),
    )


@transaction.atomic
def _keep(rollout: Rollout, rows: Iterable[models.RolloutReading], *, age: timedelta, now: datetime) -> None:
    """Write a reading; the one before goes where it is too near to its own forerunner for a plot to show."""
    held = models.Rollout.objects.for_shop(rollout.shop_id).get(uuid=rollout.id)
    readings = models.RolloutReading.objects.for_shop(rollout.shop_id)
    moments = readings.filter(rollout=held).order_by("-read_at").values_list("read_at", flat=True)
    newest = list(moments.distinct()[:2])
    if newest and newest[0] >= now:
        # Another worker was quicker, with what is newer.
        return
    if len(newest) == 2 and newest[0] - newest[1] < rules.keeps_apart(age):
        readings.filter(rollout=held, read_at=newest[0]).delete()
    for row in rows:
        row.rollout = held
    readings.bulk_create(rows)


def measure_traffic(shop_id: int, *, now: datetime) -> bool:
    """
    Read what a shop's visitors did lately, so that the length of a rollout can be told before it starts.

    :returns: whether anything is known: the pixel has to have been on for a while
    """
    on_since = shops.pixel(shop_id).activated_at
    if on_since is None or on_since >= now:
        return False
    days = min(timedelta(days=TRAFFIC_DAYS), now - on_since)
    window = timedelta(days=RolloutPlan().window_days)
    estimand = _choose_estimand(shop_id, window=window, past=timedelta(0), until=now - days)
    usual = queries.usual_outcomes(shop_id, estimand, since=now - days, until=now)
    clickers = queries.clickers(shop_id, since=now - days, until=now)
    models.TrafficReading.objects.for_shop(shop_id).update_or_create(
        defaults={
            "read_at": now,
            "days": days / timedelta(days=1),
            "visitors": usual.visitors,
            "buyers": usual.buyers,
            "revenue": usual.revenue,
            "squares": usual.revenue_squares,
            "clickers": clickers,
        }
    )
    return True
