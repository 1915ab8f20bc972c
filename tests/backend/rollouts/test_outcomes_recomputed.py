"""What the visitors of both arms did, beside plain loops over the raw rows of random histories."""

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest

from backend.catalog import queries as catalog_queries
from backend.catalog import services as catalog
from backend.catalog.models import Order, OrderLine, Refund
from backend.events import queries as events
from backend.events import services as event_services
from backend.events.models import Event
from backend.events.values import NOBODY, Topic
from backend.rollouts import queries
from backend.rollouts.rules import draw_arm, is_compared
from backend.rollouts.values import CANDIDATE, ArmOutcomes, Estimand, Rollout, RolloutState, Span
from backend.shops.models import Shop
from tests.backend.history import a_shop, an_order
from tests.backend.rollouts.made import a_rollout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
# In the shop's zone the clocks went forward the day before: a day of the window has 23 hours there.
NOW = datetime(2026, 3, 30, 9, 15, tzinfo=UTC)
BOUND = Decimal(150)
ESTIMAND = Estimand(window=6 * DAY, past=9 * DAY, bound=BOUND, currency="GBP")
ACTS = (Topic.CLICK, Topic.CART, Topic.ADD, Topic.VIEW, Topic.IMPRESSION)

_numbers = count(900_000)


@pytest.fixture
def shop() -> Shop:
    return a_shop(timezone="Europe/London")


@pytest.fixture
def rollout(shop: Shop) -> Rollout:
    return a_rollout(
        shop, [
            (NOW - 13 * DAY, RolloutState.SHADOW, 0),
            (NOW - 11 * DAY, RolloutState.CANARY, 5),
            (NOW - 8 * DAY, RolloutState.CANARY, 25),
            (NOW - 3 * DAY, RolloutState.CANARY, 50),
            (NOW - 1 * DAY, RolloutState.CANARY, 100),
        ],
    )  # fmt: skip


@dataclass
class Browsers:
    """Writes what browsers tell, and what is ordered in them, at random."""

    shop: Shop
    rollout: Rollout
    chance: random.Random
    events: list[Event] = field(default_factory=list)

    def live(self, number: int) -> None:
        """Let one browser meet the rollout, look around and buy; every third one is of the same customer."""
        client = events.namer(self.shop.id)(f"client {number}")
        met = [self._moment(12) for _ in range(self.chance.randint(1, 3))]
        for at in met:
            self._tell(Topic.EXPOSURE, at, client, bucket=self.chance.randrange(10_000))
        for topic in self.chance.choices(ACTS, k=self.chance.randint(0, 5)):
            self._tell(topic, self._near(met, 12), client, product_ids=[101])
        for _ in range(self.chance.choice([0, 0, 1, 2, 3])):
            self._buy(self._near(met, 20), client, customer=f"{number // 3 * 3:032x}")

    def _moment(self, days: int) -> datetime:
        return NOW - timedelta(milliseconds=self.chance.randint(0, days * 86_400_000))

    def _near(self, met: list[datetime], days: int) -> datetime:
        """Return any moment, or one at which it depends on a second whether it counts."""
        edge = self.chance.choice(met) + self.chance.choice([timedelta(0), ESTIMAND.window, -ESTIMAND.past])
        return self.chance.choice([self._moment(days), self._moment(days), edge])

    def _tell(self, topic: Topic, at: datetime, client: str, **told: Any) -> None:
        """Write an event once or twice, as if it had come late, or from a clock that was wrong."""
        for _ in range(self.chance.choice([1, 1, 1, 2])):
            day = at + timedelta(seconds=self.chance.randint(-47 * 3_600, 47 * 3_600))
            key = events.key_bounds(day, day)[0].int + (2 * 86_400_000 << 80) + self.chance.getrandbits(60)
            row = Event(topic=topic, at=at, client_key=client, id=UUID(int=key), received_at=day, **told)
            row.rollout_id = self.rollout.id if topic is Topic.EXPOSURE else None
            self.events.append(row)

    def _buy(self, at: datetime, client: str, *, customer: str) -> None:
        """Order something; some checkouts end in two browsers, and some become two orders."""
        token, placed_at = uuid4().hex, at.replace(microsecond=0)
        for name in [client] * self.chance.choice([1, 1, 1, 0]) + self._another():
            told_at = at + self.chance.choice([timedelta(0), HOUR])
            self._tell(
                Topic.CHECKOUT_COMPLETED, told_at, name,
                checkout_key=events.checkout_namer(self.shop.id)(token),
            )  # fmt: skip
        for _ in range(self.chance.choice([1, 1, 1, 2])):
            order = an_order(
                self.shop, [101, 102], at=placed_at, checkout_token=token, customer_key=customer,
                currency=self.chance.choice([*["GBP"] * 3, "EUR"]), test=self.chance.random() < 0.1,
                cancelled_at=self.chance.choice([None, None, None, NOW]),
                deleted_at=self.chance.choice([*[None] * 9, NOW]),
            )  # fmt: skip
            self._price(order)

    def _another(self) -> list[str]:
        if self.chance.random() > 0.1:
            return []
        return [events.namer(self.shop.id)(f"client {self.chance.randrange(250)}")]

    def _price(self, order: Order) -> None:
        """Let an order come to anything, often to the bound itself, and a part go back whenever."""
        lines = OrderLine.objects.for_shop(self.shop.id).filter(order=order)
        cents = self.chance.choice([int(BOUND * 50), self.chance.randint(100, 20_000)])
        lines.update(discounted_total=Decimal(cents) / 100)
        left = self.chance.choice([2, 2, 1, 0])
        for product in self.chance.sample([101, 102], self.chance.choice([0, 0, 1, 2])):
            Refund.objects.for_shop(self.shop.id).create(
                refund_id=next(_numbers), order_id=order.order_id,
                created_at=order.processed_at + timedelta(days=self.chance.randint(0, 15)),
            )  # fmt: skip
            lines.filter(product_id=product).update(current_quantity=left)


def a_busy_fortnight(shop: Shop, rollout: Rollout, seed: int) -> None:
    """Write what 250 browsers told and ordered."""
    browsers = Browsers(shop, rollout, random.Random(seed))
    for number in range(250):
        browsers.live(number)
    Event.objects.for_shop(shop.id).bulk_create(browsers.events)


@dataclass(frozen=True)
class Rows:
    """All that is known of a shop, as plain rows."""

    told: list[Event]  # the oldest first
    paid: dict[str, list[tuple[Order, Decimal]]]  # by checkout, what is left of each order

    @classmethod
    def of(cls, shop: Shop) -> "Rows":
        paid = defaultdict(list)
        name = events.checkout_namer(shop.id)
        for order in Order.objects.for_shop(shop.id).filter(cancelled_at=None, deleted_at=None, test=False):
            lines = OrderLine.objects.for_shop(shop.id).filter(order=order)
            left = sum((line.discounted_total * line.current_quantity / 2 for line in lines), Decimal(0))
            if order.checkout_token:
                paid[name(order.checkout_token)].append((order, left))
        return cls(list(Event.objects.for_shop(shop.id).order_by("at", "id")), paid)

    def without(self, checkouts: set[str]) -> "Rows":
        """Return what would be known had some checkouts and the browsers that told of them never been."""
        gone = {row.client_key for row in self.told if row.checkout_key in checkouts}
        told = [row for row in self.told if row.client_key not in gone]
        return Rows(told, {key: orders for key, orders in self.paid.items() if key not in checkouts})


First = Mapping[str, tuple[datetime, bool]]  # by browser: when it came in, and whether to the candidate
Exposure = tuple[str, datetime, bool]


def exposures(rows: Rows, spans: list[Span]) -> list[Exposure]:
    """Return when each browser was in which of both arms, the oldest first."""
    return [
        (row.client_key, row.at, draw_arm(row.bucket, span.percent) == CANDIDATE)
        for row in rows.told
        for span in spans
        if row.topic == Topic.EXPOSURE and row.client_key != NOBODY and row.bucket is not None
        if span.since <= row.at < span.until and is_compared(row.bucket, span.percent)
    ]


def of_arms(rows: Rows, spans: list[Span], *, until: datetime) -> tuple[ArmOutcomes, ArmOutcomes]:
    first: dict[str, tuple[datetime, bool]] = {}
    seen = defaultdict(set)
    for client, at, arm in exposures(rows, spans):
        first.setdefault(client, (at, arm))
        seen[client].add(arm)
    found = by_hand(rows, first, until=until)
    for client, (_, arm) in first.items():
        found[arm]["in_both_arms"] += len(seen[client]) > 1
    return ArmOutcomes(**found[True]), ArmOutcomes(**found[False])


def by_hand(rows: Rows, first: First, *, until: datetime) -> dict[bool, dict[str, Any]]:
    told, orders_of = defaultdict(list), defaultdict(list)
    browser_of = {}
    for row in rows.told:
        if row.at < until:
            told[row.client_key].append(row)
            browser_of[row.checkout_key] = row.client_key  # who told of a checkout last
    for key, orders in rows.paid.items():
        orders_of[browser_of.get(key)] += [one for one in orders if one[0].processed_at < until]
    sums: dict[bool, dict[str, Any]] = {True: defaultdict(Decimal), False: defaultdict(Decimal)}
    for client, (at, arm) in first.items():
        end, second = at + ESTIMAND.window, at.replace(microsecond=0)
        acts = {row.topic for row in told[client] if at <= row.at < end}
        after = [(one, left) for one, left in orders_of[client] if second <= one.processed_at < end]
        before = [one for one in orders_of[client] if at - ESTIMAND.past <= one[0].processed_at < second]
        revenue, past = (
            min(sum((left for one, left in few if one.currency == ESTIMAND.currency), Decimal(0)), BOUND)
            for few in (after, before)
        )
        is_buyer = any(left > 0 for _, left in after)
        for name, value in {
            "visitors": 1, "clicked": Topic.CLICK in acts, "added": bool(acts & {Topic.ADD, Topic.CART}),
            "buyers": is_buyer, "revenue": revenue, "revenue_squares": revenue * revenue,
            "returning": past > 0, "past": past, "past_squares": past * past,
            "past_of_buyers": past if is_buyer else 0, "past_by_revenue": past * revenue,
        }.items():  # fmt: skip
            sums[arm][name] += value
    return sums


@pytest.mark.parametrize("seed", range(3))
def test_the_sums_of_both_arms_at_two_moments(shop: Shop, rollout: Rollout, seed: int) -> None:
    a_busy_fortnight(shop, rollout, seed)
    spans = queries.compared_spans(rollout, until=NOW)
    rows = Rows.of(shop)

    for until in (NOW, spans[-1].until):
        candidate, control = queries.arm_outcomes(shop.id, rollout.id, spans, ESTIMAND, until=until)

        assert (candidate, control) == of_arms(rows, spans, until=until)
        assert min(candidate.buyers, control.buyers, candidate.clicked, control.in_both_arms) >= 3


def test_the_sums_of_all_who_saw_a_list(shop: Shop, rollout: Rollout) -> None:
    a_busy_fortnight(shop, rollout, seed=5)
    since = NOW - 10 * DAY

    usual = queries.usual_outcomes(shop.id, ESTIMAND, since=since, until=NOW)

    rows, first = Rows.of(shop), {}
    for row in rows.told:
        if row.topic == Topic.IMPRESSION and since <= row.at < NOW:
            first.setdefault(row.client_key, (row.at, True))
    assert usual == ArmOutcomes(**by_hand(rows, first, until=NOW)[True])
    assert usual.buyers >= 5


def test_once_customers_are_forgotten_the_sums_are_those_of_all_others(shop: Shop, rollout: Rollout) -> None:
    a_busy_fortnight(shop, rollout, seed=7)
    spans = queries.compared_spans(rollout, until=NOW)
    before, name = Rows.of(shop), events.checkout_namer(shop.id)
    forgotten = [f"{number:032x}" for number in range(0, 60, 3)]
    # Those that were cancelled or were a test as well: their browsers are the customer's all the same.
    orders = Order.objects.for_shop(shop.id).filter(customer_key__in=forgotten)
    rows = before.without({name(order.checkout_token) for order in orders})

    for key in forgotten:
        tokens = catalog_queries.checkout_tokens_of(shop.id, key, [])
        untied = catalog.forget_customer(shop.id, key)
        event_services.forget_orders(shop.id, untied, checkout_tokens=tokens)

    found = queries.arm_outcomes(shop.id, rollout.id, spans, ESTIMAND, until=NOW)
    assert found == of_arms(rows, spans, until=NOW)
    assert len(before.told) - len(rows.told) >= 50
