"""What the visitors of both arms did: by hand, and against a plain recomputation from the raw rows."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from backend.catalog.models import Order
from backend.core import clock
from backend.events import queries as events
from backend.events.services import forget_clients
from backend.rollouts import queries
from backend.rollouts.rules import draw_arm, is_compared
from backend.rollouts.values import CANDIDATE, ArmOutcomes, Estimand, Rollout, RolloutState
from backend.shops.models import Shop
from tests.backend.events.bodies import CRAWLER, a_decision, an_event, post
from tests.backend.events.conftest import collector  # noqa: F401 -- each test gets one
from tests.backend.history import a_shop, an_order, refund
from tests.backend.rollouts.made import a_rollout, in_canary

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LOW, HIGH = 0, 9_999  # of the candidate and of its control at any share
WEEK = Estimand(window=7 * DAY, past=30 * DAY, bound=Decimal(1_000), currency="GBP")


@pytest.fixture
def shop() -> Shop:
    return a_shop()


@pytest.fixture
def now() -> datetime:
    return clock.now().replace(microsecond=0)


def met(shop: Shop, rollout: Rollout, client: str, bucket: int, *, at: datetime, **how: Any) -> None:
    told = an_event("tailorbird:exposure", client=client, rollout=str(rollout.id), bucket=bucket, at=at)
    post(shop, told, **how)


def bought(shop: Shop, client: str, *, at: datetime, told: bool = True, **changes: Any) -> Order:
    """Have a browser buy two of a product, for 19.00."""
    token = uuid4().hex
    if told:
        post(shop, an_event("checkout_completed", client=client, checkout=token, order=None, at=at))
    return an_order(shop, [101], at=at, checkout_token=token, **changes)


def read(
    shop: Shop, rollout: Rollout, *, now: datetime, estimand: Estimand = WEEK
) -> tuple[ArmOutcomes, ArmOutcomes]:
    spans = queries.compared_spans(rollout, until=now)
    return queries.arm_outcomes(shop.id, rollout.id, spans, estimand, until=now)


def test_each_visitor_counts_once_with_what_they_did_since_they_met_the_rollout(
    shop: Shop, now: datetime
) -> None:
    rollout, start = in_canary(shop, since=now - 40 * HOUR), now - 30 * HOUR
    decision = a_decision(shop, at=now - 39 * HOUR)
    for client, bucket in (("a", LOW), ("b", 4_999), ("c", 5_000), ("d", HIGH)):
        met(shop, rollout, client, bucket, at=start)
    met(shop, rollout, "a", HIGH, at=start + HOUR)  # cleared its storage: the first draw counts
    bought(shop, "a", at=start + HOUR)
    bought(shop, "a", at=start + 2 * HOUR)  # comes back
    bought(shop, "a", at=start - HOUR)  # before
    bought(shop, "c", at=start + HOUR)
    click = {"decision": str(decision.id), "product": 101}
    post(shop, an_event("tailorbird:click", client="b", at=start + HOUR, **click))
    post(shop, an_event("tailorbird:click", client="b", at=start + 2 * HOUR, **click))
    post(shop, an_event("tailorbird:click", client="d", at=start - HOUR, **click))
    post(shop, an_event("product_added_to_cart", client="d", at=start + HOUR, product=101, quantity=1))

    candidate, control = read(shop, rollout, now=now)

    assert candidate == ArmOutcomes(
        visitors=2, clicked=1, buyers=1, revenue=Decimal(38), revenue_squares=Decimal(38 * 38),
        returning=1, past=Decimal(19), past_squares=Decimal(19 * 19), past_of_buyers=Decimal(19),
        past_by_revenue=Decimal(19 * 38), in_both_arms=1,
    )  # fmt: skip
    assert control == ArmOutcomes(
        visitors=2, added=1, buyers=1, revenue=Decimal(19), revenue_squares=Decimal(19 * 19)
    )


def test_who_was_drawn_into_both_arms_is_counted_once(shop: Shop, now: datetime) -> None:
    rollout, start = in_canary(shop, since=now - 40 * HOUR), now - 30 * HOUR
    told = {
        "cleared": (LOW, HIGH, 1),
        "cleared and drawn alike": (LOW, 1),
        "on another day": (HIGH, HIGH),
    }
    for client, buckets in told.items():
        for hours, bucket in enumerate(buckets):
            met(shop, rollout, client, bucket, at=start + hours * HOUR)

    candidate, control = read(shop, rollout, now=now)

    assert (candidate.visitors, candidate.in_both_arms) == (2, 1)
    assert (control.visitors, control.in_both_arms) == (1, 0)


@pytest.mark.parametrize(
    ("case", "changes", "is_refunded", "buyers"),
    [
        ("paid", {}, False, 1),
        ("refunded", {}, True, 0),
        ("cancelled", {"cancelled_at": clock.now()}, False, 0),
        ("deleted", {"deleted_at": clock.now()}, False, 0),
        ("a test order", {"test": True}, False, 0),
        ("of a browser that told nothing", {"told": False}, False, 0),
    ],
)
def test_orders_count_as_what_is_left_of_them(
    shop: Shop, now: datetime, case: str, changes: dict[str, Any], is_refunded: bool, buyers: int
) -> None:
    rollout = in_canary(shop, since=now - 20 * HOUR)
    met(shop, rollout, "a", LOW, at=now - 10 * HOUR)
    order = bought(shop, "a", at=now - 5 * HOUR, **changes)
    if is_refunded:
        refund(order, 101)

    candidate, _ = read(shop, rollout, now=now)

    assert (candidate.buyers, candidate.revenue) == (buyers, 19 * buyers), case


def test_the_window_holds_its_first_moment_and_not_its_end(shop: Shop, now: datetime) -> None:
    rollout, start = in_canary(shop, since=now - 47 * HOUR), now - 40 * HOUR
    met(shop, rollout, "a", LOW, at=start)
    met(shop, rollout, "b", HIGH, at=start)
    day = replace(WEEK, window=DAY)
    bought(shop, "a", at=start)
    bought(shop, "b", at=start + DAY)

    candidate, control = read(shop, rollout, now=now, estimand=day)

    assert (candidate.buyers, control.buyers) == (1, 0)


def test_an_order_of_the_same_second_came_after_the_exposure(shop: Shop, now: datetime) -> None:
    """Shopify tells an order's moment in whole seconds, a browser its own in milliseconds."""
    rollout, start = in_canary(shop, since=now - 20 * HOUR), (now - 10 * HOUR).replace(microsecond=0)
    met(shop, rollout, "a", LOW, at=start + timedelta(milliseconds=900))
    met(shop, rollout, "b", HIGH, at=start + timedelta(milliseconds=900))
    bought(shop, "a", at=start)
    bought(shop, "b", at=start - timedelta(seconds=1))

    candidate, control = read(shop, rollout, now=now)

    assert (candidate.buyers, control.buyers) == (1, 0)


def test_a_customers_two_browsers_are_two_visitors(shop: Shop, now: datetime) -> None:
    rollout = in_canary(shop, since=now - 20 * HOUR)
    met(shop, rollout, "phone", LOW, at=now - 10 * HOUR)
    met(shop, rollout, "desk", HIGH, at=now - 10 * HOUR)
    bought(shop, "desk", at=now - 5 * HOUR, customer_key="c" * 32)

    candidate, control = read(shop, rollout, now=now)

    assert (candidate.visitors, candidate.buyers) == (1, 0)
    assert (control.visitors, control.buyers) == (1, 1)


def test_no_visitor_counts_for_more_than_the_bound(shop: Shop, now: datetime) -> None:
    rollout = in_canary(shop, since=now - 20 * HOUR)
    met(shop, rollout, "a", LOW, at=now - 10 * HOUR)
    for _ in range(3):
        bought(shop, "a", at=now - 5 * HOUR)
    bought(shop, "a", at=now - 15 * HOUR)

    candidate, _ = read(shop, rollout, now=now, estimand=replace(WEEK, bound=Decimal(20)))
    unbounded, _ = read(shop, rollout, now=now, estimand=replace(WEEK, bound=None))

    assert (candidate.revenue, candidate.revenue_squares, candidate.past) == (20, 400, 19)
    assert (unbounded.revenue, unbounded.revenue_squares) == (57, 57 * 57)


def test_amounts_of_another_currency_are_no_revenue_and_their_orders_conversions(
    shop: Shop, now: datetime
) -> None:
    rollout = in_canary(shop, since=now - 20 * HOUR)
    met(shop, rollout, "a", LOW, at=now - 10 * HOUR)
    bought(shop, "a", at=now - 5 * HOUR, currency="USD")

    candidate, _ = read(shop, rollout, now=now)

    assert (candidate.buyers, candidate.revenue) == (1, 0)


def test_crawlers_the_forgotten_and_other_rollouts_visitors_are_in_neither_arm(
    shop: Shop, now: datetime
) -> None:
    other = a_rollout(
        shop, [(now - 9 * DAY, RolloutState.CANARY, 50), (now - 8 * DAY, RolloutState.ROLLED_BACK, 0)],
        ended_at=now - 8 * DAY,
    )  # fmt: skip
    rollout = in_canary(shop, since=now - 20 * HOUR)
    met(shop, rollout, "crawler", LOW, at=now - 10 * HOUR, agent=CRAWLER)
    met(shop, other, "of another", LOW, at=now - 10 * HOUR)
    met(a_shop("other.myshopify.com"), rollout, "of another shop", LOW, at=now - 10 * HOUR)
    met(shop, rollout, "forgotten", LOW, at=now - 10 * HOUR)
    forget_clients(shop.id, [events.namer(shop.id)("client:forgotten")])
    met(shop, rollout, "a", LOW, at=now - 10 * HOUR)

    candidate, control = read(shop, rollout, now=now)

    assert (candidate.visitors, control.visitors) == (1, 0)


def test_who_came_in_at_five_percent_stays_and_others_come_in_when_the_share_grows(
    shop: Shop, now: datetime
) -> None:
    first, second, third = now - 45 * HOUR, now - 30 * HOUR, now - 15 * HOUR
    rollout = a_rollout(
        shop, [
            (first, RolloutState.CANARY, 5),
            (second, RolloutState.CANARY, 25),
            (third, RolloutState.PAUSED, 25),
        ], former_state=RolloutState.CANARY,
    )  # fmt: skip
    met(shop, rollout, "early", 499, at=first + HOUR)
    met(shop, rollout, "outside", 500, at=first + HOUR)
    bought(shop, "outside", at=first + 2 * HOUR)
    met(shop, rollout, "outside", 500, at=second + HOUR)
    bought(shop, "outside", at=second + 2 * HOUR)
    met(shop, rollout, "never", 2_500, at=third + HOUR)
    met(shop, rollout, "late", 7_500, at=third + HOUR)
    met(shop, rollout, "before it was shown", LOW, at=first - HOUR)

    candidate, control = read(shop, rollout, now=now)

    assert (candidate.visitors, candidate.revenue, candidate.past) == (2, 19, 19)
    assert control.visitors == 1


@pytest.mark.parametrize("percent", [1, 5, 25, 37, 50])
def test_the_arms_are_those_of_the_draw(shop: Shop, now: datetime, percent: int) -> None:
    buckets = [
        0,
        99,
        100,
        499,
        500,
        2_499,
        2_500,
        3_699,
        3_700,
        4_999,
        5_000,
        7_499,
        7_500,
        9_899,
        9_900,
        HIGH,
    ]
    rollout = in_canary(shop, since=now - 20 * HOUR, percent=percent)
    for bucket in buckets:
        met(shop, rollout, f"client {bucket}", bucket, at=now - 10 * HOUR)

    candidate, control = read(shop, rollout, now=now)

    compared = [draw_arm(bucket, percent) for bucket in buckets if is_compared(bucket, percent)]
    assert candidate.visitors == compared.count(CANDIDATE)
    assert candidate.visitors + control.visitors == len(compared)
