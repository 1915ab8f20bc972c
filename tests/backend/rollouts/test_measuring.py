"""Readings of a rollout: what is fixed beforehand, what is kept, and what is said of it."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backend.catalog.models import Order, OrderLine
from backend.core import clock
from backend.core.queue import Job
from backend.events import queries as events
from backend.events.models import Event
from backend.events.rules import event_key
from backend.events.values import Topic
from backend.rollouts import models, queries, services
from backend.rollouts.queries.business import STALE
from backend.rollouts.values import Metric, Requirement, Rollout, RolloutPlan, RolloutState, Verdict
from backend.shops.models import Shop, WebPixel
from celery_worker.tasks import rollouts as tasks
from tests.backend.history import a_shop, an_order
from tests.backend.rollouts.made import a_rollout, in_canary
from tests.conftest import Enqueued

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]

_numbers = count(1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# A small shop's worth of orders is enough to say something.
PLAN = RolloutPlan(min_orders=20)


@pytest.fixture
def shop() -> Shop:
    return a_shop()


@pytest.fixture
def now() -> datetime:
    return clock.now().replace(microsecond=0)


def visitors(
    shop: Shop, rollout: Rollout, *, candidate: int, control: int, buyers: tuple[int, int], at: datetime
) -> None:
    """Write visitors of both arms, of whom some bought for 19.00 an hour later."""
    met = [
        Event(
            topic=Topic.EXPOSURE, at=at, client_key=f"{arm}-{one}", bucket=9_999 * arm, rollout_id=rollout.id
        )
        for arm, count in enumerate((candidate, control))
        for one in range(count)
    ]
    write(shop, met)
    paid = [f"{arm}-{one}" for arm, count in enumerate(buyers) for one in range(count)]
    orders(shop, dict.fromkeys(paid, at + HOUR))


def orders(shop: Shop, paid: dict[str, datetime], *, first: int = 1) -> None:
    """Let each browser end a checkout of 19.00."""
    key = events.checkout_namer(shop.id)
    write(
        shop,
        [
            Event(
                topic=Topic.CHECKOUT_COMPLETED,
                at=at,
                client_key=client,
                checkout_key=key(f"{first} of {client}"),
            )
            for client, at in paid.items()
        ],
    )
    rows = Order.objects.for_shop(shop.id).bulk_create(
        [
            Order(
                order_id=number, created_at=at, processed_at=at, updated_at=at, currency="GBP",
                checkout_token=f"{first} of {client}",
            )
            for number, (client, at) in enumerate(paid.items(), start=first)
        ]
    )  # fmt: skip
    OrderLine.objects.for_shop(shop.id).bulk_create(
        [
            OrderLine(
                order=row, line_id=row.order_id, product_id=101, quantity=1, current_quantity=1,
                unit_price=19, discounted_total=19,
            )
            for row in rows
        ]
    )  # fmt: skip


def write(shop: Shop, rows: list[Event]) -> None:
    for row in rows:
        row.id, row.received_at = event_key(shop.uuid, f"{next(_numbers)}", row.at), row.at
    Event.objects.for_shop(shop.id).bulk_create(rows)


def copy_of(event: Event, **changes: Any) -> Event:
    fields = {field.attname: getattr(event, field.attname) for field in Event._meta.concrete_fields}
    return Event(**fields | changes)


def test_both_arms_are_told_with_an_interval_and_a_verdict(shop: Shop, now: datetime) -> None:
    rollout = in_canary(shop, since=now - 20 * HOUR, plan=PLAN)
    visitors(shop, rollout, candidate=300, control=300, buyers=(90, 90), at=now - 10 * HOUR)
    # Two of the first arm cleared their storage, and were drawn into the other one.
    seen = Event.objects.for_shop(shop.id).filter(topic="EXPOSURE", bucket__lt=5_000).order_by("id")[:2]
    write(shop, [copy_of(one, bucket=9_999, at=one.at + HOUR) for one in seen])

    with CaptureQueriesContext(connection) as asked:
        assert services.measure_rollout(shop.id, now=now)

    # The longest reading of all is made once.
    assert sum("events_exposures" in one["sql"] for one in asked) == 1
    found = {one.metric: one for one in queries.differences(shop.id, rollout.id)}
    revenue = found[Metric.REVENUE]
    assert list(found) == list(Metric)
    assert (revenue.candidate.visitors, revenue.candidate.total) == (300, Decimal(90 * 19))
    assert revenue.percent == pytest.approx(0)
    assert revenue.low is not None
    assert revenue.high is not None
    assert revenue.low < -5 < 5 < revenue.high
    assert found[Metric.CLICK_THROUGH].percent is None
    exposed = queries.exposed(shop.id, rollout.id)
    assert (exposed.candidate, exposed.control, exposed.read_at, exposed.is_mismatched) == (
        300,
        300,
        now,
        False,
    )
    judged = queries.judge_business(rollout, now=now)
    assert judged.verdict is Verdict.NOT_ENOUGH
    assert "Revenue per visitor between" in judged.words
    assert judged.evidence["read_at"] == now.isoformat()
    assert (judged.evidence["in_both_arms"], exposed.in_both_arms) == (2, 2)
    assert queries.days_left(shop.id, rollout.id) == judged.days_left


@pytest.mark.parametrize(
    ("case", "arms", "buyers", "verdict"),
    [
        ("nobody buys from the candidate", (400, 400), (20, 160), Verdict.FAILED),
        ("far better", (400, 400), (240, 80), Verdict.SUCCESS),
        ("visitors of one arm are lost", (300, 1_200), (90, 360), Verdict.ERROR),
        ("too few orders", (50, 50), (9, 9), Verdict.NOT_ENOUGH),
    ],
)
def test_what_visitors_did_comes_to_a_verdict(
    shop: Shop, now: datetime, case: str, arms: tuple[int, int], buyers: tuple[int, int], verdict: Verdict
) -> None:
    rollout = in_canary(shop, since=now - 20 * HOUR, plan=PLAN)
    visitors(shop, rollout, candidate=arms[0], control=arms[1], buyers=buyers, at=now - 10 * HOUR)

    services.measure_rollout(shop.id, now=now)

    assert queries.judge_business(rollout, now=now).verdict is verdict, case


def test_what_visitors_do_once_their_control_sees_the_candidate_counts_no_more(
    shop: Shop, now: datetime
) -> None:
    half, whole = now - 20 * HOUR, now - 5 * HOUR
    rollout = a_rollout(shop, [(half, RolloutState.CANARY, 50), (whole, RolloutState.CANARY, 100)], plan=PLAN)
    visitors(shop, rollout, candidate=30, control=30, buyers=(3, 3), at=half + HOUR)
    visitors(shop, rollout, candidate=50, control=50, buyers=(0, 0), at=whole + HOUR)
    orders(shop, {"1-9": whole + HOUR}, first=1_000)

    services.measure_rollout(shop.id, now=now)

    revenue = queries.differences(shop.id, rollout.id)[-1]
    assert [(arm.visitors, arm.total) for arm in (revenue.candidate, revenue.control)] == [(30, 57), (30, 57)]


def test_no_reading_is_no_success_and_an_old_one_is_an_error(shop: Shop, now: datetime) -> None:
    rollout = in_canary(shop, since=now - 20 * HOUR, plan=PLAN)
    before = queries.judge_business(rollout, now=now)
    visitors(shop, rollout, candidate=400, control=400, buyers=(240, 80), at=now - 10 * HOUR)
    services.measure_rollout(shop.id, now=now)

    late = queries.judge_business(rollout, now=now + STALE + MINUTE)

    assert before.verdict is Verdict.NOT_ENOUGH
    assert late.verdict is Verdict.ERROR
    assert "Can't be measured" in late.words


def worth(order: Order, amount: int) -> None:
    OrderLine.objects.for_shop(order.shop_id).filter(order=order).update(discounted_total=Decimal(amount))


def test_the_bound_is_chosen_from_orders_of_before_and_never_moves(shop: Shop, now: datetime) -> None:
    opened = now - 2 * DAY
    rollout = a_rollout(shop, [(opened, RolloutState.SHADOW, 0), (now - DAY, RolloutState.CANARY, 50)])
    for number in range(200):
        order = an_order(shop, [101], at=opened - HOUR - number * MINUTE, checkout_token=f"t{number}")
        worth(order, number + 1)
    an_order(shop, [101], at=opened - HOUR, checkout_token="of another currency", currency="USD")
    dear = an_order(shop, [101], at=opened + HOUR, checkout_token="after it was opened")
    worth(dear, 100_000)

    services.measure_rollout(shop.id, now=now)

    estimand = queries.find_estimand(shop.id, rollout.id)
    assert estimand is not None
    # Of 200 orders the 199th holds 99.5 %.
    assert (estimand.bound, estimand.orders, estimand.currency) == (199, 200, "GBP")
    assert (estimand.window, estimand.past) == (7 * DAY, 30 * DAY)
    row = models.RolloutEstimand.objects.for_shop(shop.id)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        row.update(bound=1)
    services.measure_rollout(shop.id, now=now + MINUTE)
    assert queries.find_estimand(shop.id, rollout.id) == estimand


@pytest.mark.parametrize(("orders", "bound"), [(0, None), (3, 19)])
def test_of_few_orders_the_dearest_is_the_bound(
    shop: Shop, now: datetime, orders: int, bound: int | None
) -> None:
    rollout = in_canary(shop, since=now - HOUR)
    for number in range(orders):
        an_order(shop, [101], at=now - DAY, checkout_token=f"t{number}")

    services.measure_rollout(shop.id, now=now)

    estimand = queries.find_estimand(shop.id, rollout.id)
    assert estimand is not None
    assert (estimand.bound, estimand.orders) == (bound, orders)


def test_the_bound_stands_before_anybody_sees_the_candidate(shop: Shop, now: datetime) -> None:
    rollout = a_rollout(shop, [(now - HOUR, RolloutState.SHADOW, 0)])

    assert not services.measure_rollout(shop.id, now=now)

    assert queries.find_estimand(shop.id, rollout.id) is not None
    assert queries.differences(shop.id, rollout.id) == []


def test_the_newest_reading_is_kept_and_of_the_older_ones_enough_for_a_plot(
    shop: Shop, now: datetime
) -> None:
    rollout = in_canary(shop, since=now - 10 * DAY)
    moments = [now + number * MINUTE for number in range(200)]
    for moment in moments:
        services.measure_rollout(shop.id, now=moment)

    history = queries.history(shop.id, rollout.id, Metric.REVENUE)

    at = [point.at for point in history.points]
    assert at[0] == now
    assert at[-1] == moments[-1]
    # A two-hundredth of ten days is 72 minutes.
    assert len(at) == 4
    assert models.RolloutReading.objects.for_shop(shop.id).count() == 4 * len(Metric)


def test_a_reading_that_comes_late_changes_nothing(shop: Shop, now: datetime) -> None:
    rollout = in_canary(shop, since=now - HOUR)
    services.measure_rollout(shop.id, now=now)

    services.measure_rollout(shop.id, now=now - MINUTE)
    services.measure_rollout(shop.id, now=now)

    assert [point.at for point in queries.history(shop.id, rollout.id, Metric.REVENUE).points] == [now]


@pytest.mark.parametrize(
    ("requirement", "metric", "boundary"),
    [
        (Requirement.NO_WORSE, Metric.REVENUE, -5.0),
        (Requirement.BETTER, Metric.REVENUE, 0.0),
        (Requirement.NO_WORSE, Metric.CONVERSION, -5.0),
        (Requirement.NO_WORSE, Metric.CLICK_THROUGH, None),
    ],
)
def test_the_plot_knows_what_the_lower_end_has_to_pass(
    shop: Shop, now: datetime, requirement: Requirement, metric: Metric, boundary: float | None
) -> None:
    rollout = in_canary(shop, since=now - HOUR, plan=RolloutPlan(requirement=requirement))

    assert queries.history(shop.id, rollout.id, metric).boundary_percent == boundary


def test_each_live_rollout_is_measured_once_a_minute(
    shop: Shop, now: datetime, enqueued: Enqueued, committed: Any
) -> None:
    in_canary(shop, since=now - HOUR)
    a_rollout(
        a_shop("other.myshopify.com"),
        [(now - DAY, RolloutState.CANARY, 50), (now - HOUR, RolloutState.PROMOTED, 100)],
        ended_at=now - HOUR,
    )

    with committed():
        tasks.measure_rollouts()
    services.measure_rollout(shop.id, now=now)

    assert enqueued.of(Job.MEASURE_ROLLOUT) == [{"shop_id": shop.id}]
    assert queries.due_for_measuring(now=now + MINUTE / 2) == []
    assert queries.due_for_measuring(now=now + MINUTE) == [shop.id]
    models.RolloutReading.objects.for_shop(shop.id).update(took_ms=30_000)
    assert queries.due_for_measuring(now=now + 9 * MINUTE) == []
    assert queries.due_for_measuring(now=now + 10 * MINUTE) == [shop.id]


def test_a_forecast_is_of_the_shops_own_visitors(shop: Shop, now: datetime) -> None:
    WebPixel.objects.for_shop(shop.id).create(
        pixel_id="gid://shopify/WebPixel/1", settings={"endpoint": "https://app.example.com"},
        installed_at=shop.installed_at, activated_at=now - 10 * DAY,
    )  # fmt: skip
    met = {f"c{number}": now - 2 * HOUR - number * HOUR / 2 for number in range(400)}
    for later in (0 * HOUR, HOUR):
        write(
            shop,
            [Event(topic=Topic.IMPRESSION, at=at + later, client_key=client) for client, at in met.items()],
        )
    orders(shop, {client: at + HOUR for client, at in list(met.items())[::10]})

    before = queries.forecast(shop.id, RolloutPlan())
    assert services.measure_traffic(shop.id, now=now)

    known = queries.traffic(shop.id)
    assert before is None
    assert known is not None
    assert (known.visitors_per_day, known.conversion) == (40, 0.1)
    assert known.revenue_mean == pytest.approx(1.9)
    assert known.revenue_variance == pytest.approx(19 * 19 * 0.09, rel=0.01)
    small = queries.forecast(shop.id, RolloutPlan())
    assert small is not None
    assert [(step.percent, step.can_be_judged) for step in small] == [(5, False), (25, False), (50, False)]
    assert not queries.is_traffic_old(shop.id, now=now + 23 * HOUR)
    assert queries.is_traffic_old(shop.id, now=now + DAY)


def test_of_a_shop_without_a_pixel_nothing_is_forecast(shop: Shop, now: datetime) -> None:
    assert not services.measure_traffic(shop.id, now=now)

    assert queries.forecast(shop.id, RolloutPlan()) is None


def test_a_shop_that_is_erased_takes_its_readings_along(shop: Shop, now: datetime) -> None:
    in_canary(shop, since=now - HOUR)
    services.measure_rollout(shop.id, now=now)

    services.erase_shop(shop.id)

    assert not models.RolloutReading.objects.for_shop(shop.id).exists()
    assert not models.RolloutEstimand.objects.for_shop(shop.id).exists()


def test_no_visitor_is_joined_with_all_orders_one_by_one(shop: Shop, now: datetime) -> None:
    rollout = in_canary(shop, since=now - 20 * HOUR, plan=PLAN)
    visitors(shop, rollout, candidate=700, control=700, buyers=(200, 200), at=now - 10 * HOUR)
    plans: list[str] = []

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "events_acts" in sql:
            with connection.cursor() as cursor:
                cursor.cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(row[0] for row in cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        services.measure_rollout(shop.id, now=now)

    # The one that is left holds exposures to the few times at which the share was another.
    assert [plan.count("Nested Loop") for plan in plans] == [1]
    assert queries.exposed(shop.id, rollout.id).candidate == 700
