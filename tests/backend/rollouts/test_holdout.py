"""The share of visitors that is held out, and what it proves."""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, transaction
from scipy import stats

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.catalog.models import Order
from backend.core import clock
from backend.core.models import PendingJob
from backend.rollouts import queries, services
from backend.rollouts.models import HoldoutChange
from backend.rollouts.rules import boundary, compare_sales
from backend.rollouts.values import BadHoldout, GroupSales, Incremental, Unproven
from backend.shops.models import Shop
from tests.backend.events.bodies import an_event, post
from tests.backend.events.conftest import collector  # noqa: F401 -- each test gets one
from tests.backend.history import NOW, a_shop, an_order, refund

MERCHANT = "user 7"


def a_group(revenues: np.ndarray) -> GroupSales:
    cents = [Decimal(round(one * 100)) / 100 for one in revenues]
    squares = sum((one * one for one in cents), Decimal(0))
    return GroupSales(len(cents), sum(one > 0 for one in cents), sum(cents, Decimal(0)), squares)


def sales(seed: int, visitors: int, *, share: float, mean: float) -> np.ndarray:
    chance = np.random.default_rng(seed)
    bought = chance.random(visitors) < share
    return np.round(np.where(bought, chance.lognormal(math.log(mean), 1.0, visitors), 0.0), 2)


def compare(held_out: GroupSales, shown: GroupSales) -> Incremental:
    return compare_sales(held_out, shown, percent=10, since=NOW)


@pytest.mark.parametrize("seed", range(5))
def test_the_gain_and_its_interval_are_those_of_another_implementation(seed: int) -> None:
    held_out, shown = sales(seed, 1_000, share=0.15, mean=40), sales(seed + 50, 9_000, share=0.12, mean=44)

    told = compare(a_group(held_out), a_group(shown))

    welch = stats.ttest_ind(shown, held_out, equal_var=False)
    once = welch.confidence_interval(0.95)
    error = (once.high - once.low) / 2 / stats.t.ppf(0.975, welch.df)
    gain, reach = float(np.mean(shown) - np.mean(held_out)), boundary(10_000, alpha=0.05)
    got = [float(one) for one in (told.amount, told.low, told.high) if one is not None]
    wanted = [gain, gain - reach * error, gain + reach * error]
    assert got == pytest.approx([9_000 * one for one in wanted], rel=1e-4, abs=0.02)


GROUP = GroupSales(1_000, 100, Decimal(4_000), Decimal(200_000))
SHOWN = GroupSales(9_000, 1_000, Decimal(40_000), Decimal(2_000_000))


@pytest.mark.parametrize(
    ("held_out", "shown", "reason"),
    [
        (GroupSales(), GroupSales(), Unproven.FEW_VISITORS),
        (replace(GROUP, visitors=499), replace(SHOWN, visitors=4_491), Unproven.FEW_VISITORS),
        (replace(GROUP, buyers=99), SHOWN, Unproven.FEW_BUYERS),
        (replace(GROUP, visitors=820), SHOWN, Unproven.WRONG_SHARES),
        (replace(GROUP, visitors=1_200), SHOWN, Unproven.WRONG_SHARES),
        (replace(GROUP, visitors=880), SHOWN, None),
        (GROUP, SHOWN, None),
    ],
)
def test_groups_that_prove_nothing_give_no_amount(
    held_out: GroupSales, shown: GroupSales, reason: Unproven | None
) -> None:
    told = compare(held_out, shown)

    assert told.reason is reason
    assert (told.amount is None) == (told.low is None) == (told.high is None) == (reason is not None)


def test_a_holdout_that_is_looked_at_every_week_proves_no_difference_that_is_not_there() -> None:
    """An interval of 95 % for one look misses in a third of such half years."""
    missed = 0
    for seed in range(50):
        spent = [sales(2 * seed + group, 13_000 * (1 + 8 * group), share=0.03, mean=40) for group in (0, 1)]
        weeks = (told_after(week, *spent) for week in range(1, 27))
        missed += any(
            one.low > 0 or one.high < 0 for one in weeks if one.low is not None and one.high is not None
        )

    assert missed <= 5


def told_after(week: int, *spent: np.ndarray) -> Incremental:
    """Return what two groups say of whom so many of 26 weeks' visitors have come."""
    come = (each[: each.size * week // 26] for each in spent)
    groups = (
        GroupSales(
            each.size, int((each > 0).sum()), Decimal(float(each.sum())), Decimal(float((each**2).sum()))
        )
        for each in come
    )
    return compare(*groups)


@pytest.mark.django_db
def test_a_merchant_holds_visitors_out_and_lets_them_in_again() -> None:
    shop = a_shop()

    before = queries.fresh_holdout(shop.id)
    services.set_holdout(shop.id, 5, now=NOW, actor=MERCHANT)
    during = queries.fresh_holdout(shop.id)
    services.set_holdout(shop.id, 0, now=NOW + timedelta(days=9), actor=MERCHANT)
    after = queries.fresh_holdout(shop.id)

    assert (before.percent, before.since) == (0, None)
    assert (during.percent, during.since, during.salt) == (5, NOW, f"holdout:{shop.uuid}")
    assert (after.percent, after.since, after.salt) == (0, NOW + timedelta(days=9), during.salt)
    acts = audit.events(shop.id, event=Event.HOLDOUT_CHANGED)
    assert [(act.actor, act.old["percent"], act.new["percent"]) for act in acts] == [
        (MERCHANT, 5, 0),
        (MERCHANT, 0, 5),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("percent", [-1, 11, 100])
def test_a_share_that_is_not_offered_changes_nothing(percent: int) -> None:
    shop = a_shop()

    with pytest.raises(BadHoldout, match="1 to 10 percent"):
        services.set_holdout(shop.id, percent, now=NOW, actor=MERCHANT)

    assert queries.fresh_holdout(shop.id).since is None
    assert not PendingJob.objects.exists()


@pytest.mark.django_db
def test_the_same_share_again_keeps_what_was_measured() -> None:
    shop = a_shop()
    services.set_holdout(shop.id, 5, now=NOW, actor=MERCHANT)

    services.set_holdout(shop.id, 5, now=NOW + timedelta(days=1), actor=MERCHANT)

    assert queries.fresh_holdout(shop.id).since == NOW
    assert len(audit.events(shop.id, event=Event.HOLDOUT_CHANGED)) == 1


@pytest.mark.django_db
def test_nobody_changes_which_share_was_held_out_when() -> None:
    shop = a_shop()
    services.set_holdout(shop.id, 5, now=NOW, actor=MERCHANT)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        HoldoutChange.objects.for_shop(shop.id).update(percent=1)

    assert queries.fresh_holdout(shop.id).percent == 5


def drawn(shop: Shop, client: str, bucket: int, *, at: datetime = NOW) -> None:
    post(shop, an_event("tailorbird:group", client=client, bucket=bucket, at=at))


def bought(shop: Shop, client: str, token: str, *, at: datetime, told: bool = True, **changes: Any) -> Order:
    """Have a browser buy two of a product, for 19.00."""
    if told:
        post(shop, an_event("checkout_completed", client=client, checkout=token, order=None, at=at))
    return an_order(shop, [101], at=at, checkout_token=token, **changes)


@pytest.mark.django_db
def test_each_group_is_counted_with_what_it_bought_since_it_was_drawn() -> None:
    shop, now = a_shop(), clock.now()
    services.set_holdout(shop.id, 5, now=now - timedelta(hours=20), actor=MERCHANT)
    hours_ago = [now - timedelta(hours=hours) for hours in range(24)]
    for client, bucket in (
        ("held out", 499),
        ("held out, buys nothing", 0),
        ("shown", 500),
        ("other", 9_999),
    ):
        drawn(shop, client, bucket, at=hours_ago[10])
    drawn(shop, "held out", 9_000, at=hours_ago[1])  # cleared its storage: the first draw counts
    drawn(shop, "before the holdout", 3, at=hours_ago[22])
    bought(shop, "held out", "t1", at=hours_ago[5])
    bought(shop, "held out", "t2", at=hours_ago[4])
    bought(shop, "held out", "t3", at=hours_ago[15])  # before it was drawn
    refund(bought(shop, "shown", "t4", at=hours_ago[3]), 101)
    bought(shop, "shown", "t5", at=hours_ago[3], test=True)
    bought(shop, "shown", "t6", at=hours_ago[3], cancelled_at=now)
    bought(shop, "other", "t7", at=hours_ago[3])
    bought(shop, "nobody knows", "t8", at=hours_ago[3])
    bought(shop, "other", "t9", at=hours_ago[3], told=False)

    services.measure_holdout(shop.id, now=now)
    services.measure_holdout(shop.id, now=now)

    told = queries.incremental(shop.id)
    assert told is not None
    assert (told.percent, told.reason, told.amount) == (5, Unproven.FEW_VISITORS, None)
    assert told.held_out == GroupSales(2, 1, Decimal(38), Decimal(38 * 38))
    assert told.shown == GroupSales(2, 1, Decimal(19), Decimal(19 * 19))


@pytest.mark.django_db
def test_a_new_share_begins_a_new_measurement() -> None:
    shop, now = a_shop(), clock.now()
    services.set_holdout(shop.id, 5, now=now - timedelta(hours=9), actor=MERCHANT)
    drawn(shop, "a", 400, at=now - timedelta(hours=8))
    services.measure_holdout(shop.id, now=now)
    before = queries.incremental(shop.id)
    services.set_holdout(shop.id, 4, now=now, actor=MERCHANT)

    unmeasured = queries.incremental(shop.id)
    services.measure_holdout(shop.id, now=now + timedelta(minutes=1))
    after = queries.incremental(shop.id)
    services.set_holdout(shop.id, 0, now=now + timedelta(minutes=2), actor=MERCHANT)

    assert before is not None
    assert before.held_out.visitors == 1
    assert unmeasured is not None
    assert (unmeasured.percent, unmeasured.reason) == (4, Unproven.FEW_VISITORS)
    assert unmeasured.held_out == unmeasured.shown == GroupSales()
    assert after is not None
    assert (after.percent, after.held_out.visitors) == (4, 0)
    assert queries.incremental(shop.id) is None
    assert queries.holding_out() == []
