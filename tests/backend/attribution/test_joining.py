"""Orders join to what their browsers told, through the collector's own address, whichever comes first."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from backend.attribution import queries, services
from backend.attribution.models import Credit, OrderAttribution
from backend.attribution.services.looking import LOOKS
from backend.attribution.values import Kind, Outcome, Via
from backend.audit import services as audit
from backend.audit.values import ShownItem
from backend.catalog.models import Order
from backend.core import clock
from backend.core.queue import Job
from backend.events import views
from backend.events.services import Collector, Limits
from backend.serving.services import shipping
from backend.shops.models import Shop
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.events.bodies import an_event, post
from tests.backend.history import a_shop, an_order
from tests.conftest import Enqueued

from .test_services import a_shown_decision

pytestmark = pytest.mark.django_db(transaction=True)

ADA, BEA = "ada-1111", "bea-2222"
# Events are refused after two days, so these tests live now.
NOW = clock.now().replace(microsecond=0)
PLACED = NOW - timedelta(minutes=30)


def tell(shop: Shop, topic: str, *, minutes_ago: float, client: str = ADA, **data: Any) -> None:
    event = an_event(topic, at=NOW - timedelta(minutes=minutes_ago), client=client, **data)
    answer = post(shop, event).json()
    assert answer["accepted"] == 1, answer


def click(
    shop: Shop, decision: UUID, *, minutes_ago: float = 60, client: str = ADA, product: int = 10
) -> None:
    tell(
        shop,
        "tailorbird:click",
        minutes_ago=minutes_ago,
        client=client,
        decision=str(decision),
        product=product,
    )


def check_out(shop: Shop, token: str, *, client: str = ADA) -> None:
    tell(shop, "checkout_completed", minutes_ago=30, client=client, checkout=token, order=None)


def see(shop: Shop, decision: UUID, *products: int, minutes_ago: float, client: str = ADA) -> None:
    tell(
        shop,
        "tailorbird:impression",
        minutes_ago=minutes_ago,
        client=client,
        decision=str(decision),
        products=list(products),
    )


def placed(shop: Shop, *bought: int, token: str = "t-1", **changes: Any) -> Order:
    values = {"at": PLACED, "source_name": "web", "checkout_token": token} | changes
    return an_order(shop, bought or (10,), **values)


def attributed(shop: Shop, order: Order, *, now: datetime = NOW) -> list[tuple[UUID, Kind]]:
    services.attribute(shop.id, order.order_id, now=now)
    found = queries.credits_of(shop.id, order.order_id)
    return [(one.decision_id, one.kind) for one in found]


def outcome(shop: Shop, order: Order) -> str:
    return OrderAttribution.objects.for_shop(shop.id).get(order_id=order.order_id).outcome


@pytest.fixture(autouse=True)
def collector(monkeypatch: pytest.MonkeyPatch, redis_server: Any) -> None:
    """A collector of the test's own, as a new process has it."""
    monkeypatch.setattr(views, "collector", Collector(Limits(address=10_000, shop=10_000, client=1_000)))


@pytest.fixture
def shop() -> Shop:
    return a_shop(installed_at=NOW - timedelta(days=30))


@pytest.mark.parametrize("order_first", [True, False])
def test_a_click_joins_by_the_checkout_whichever_comes_first(shop: Shop, order_first: bool) -> None:
    decision = a_shown_decision(shop, 10, at=NOW - timedelta(hours=5))
    order = placed(shop)
    if order_first:
        assert attributed(shop, order) == []

    click(shop, decision)
    check_out(shop, "t-1")

    for _ in range(2):
        assert attributed(shop, order) == [(decision, Kind.CLICK)]
    assert Credit.objects.for_shop(shop.id).count() == 1
    [join] = queries.order_story(shop.id, order.order_id).joins
    assert (join.via, join.acted_at) == (Via.CHECKOUT, NOW - timedelta(hours=1))
    assert outcome(shop, order) == Outcome.JOINED


def test_a_later_click_that_comes_to_be_known_later_replaces_an_earlier_one(shop: Shop) -> None:
    older, newer = (a_shown_decision(shop, 10, at=NOW - timedelta(hours=hours)) for hours in (9, 8))
    order = placed(shop, token="t-2", customer_key=None)
    click(shop, older, minutes_ago=90)
    check_out(shop, "t-2")
    assert attributed(shop, order) == [(older, Kind.CLICK)]

    click(shop, newer, minutes_ago=40)

    assert attributed(shop, order) == [(newer, Kind.CLICK)]
    rows = Credit.objects.for_shop(shop.id).order_by("id").values_list("decision_id", "quantity", "reason")
    assert list(rows) == [(older, 2, "BOUGHT"), (older, -2, "REPLACED"), (newer, 2, "REPLACED")]


def test_a_second_witness_of_the_same_click_changes_nothing(shop: Shop) -> None:
    decision = a_shown_decision(shop, 10, at=NOW - timedelta(hours=5))
    clicked_at = NOW - timedelta(hours=1)
    link = {"decision_id": str(decision), "product_id": 10, "via": "clicked"}
    order = placed(shop, recommendation_ids=[link | {"clicked_at": int(clicked_at.timestamp()) - 1}])
    attributed(shop, order)

    click(shop, decision)
    check_out(shop, "t-1")
    attributed(shop, order)

    assert Credit.objects.for_shop(shop.id).count() == 1
    assert [one.via for one in queries.order_story(shop.id, order.order_id).joins] == [
        Via.ATTRIBUTE,
        Via.CHECKOUT,
    ]


def test_a_customers_own_list_joins_though_the_checkout_told_nothing(shop: Shop) -> None:
    customer = "a" * 32
    decision = a_shown_decision(shop, 10, at=NOW - timedelta(hours=5), visitor_key=customer)
    order = placed(shop, customer_key=customer)

    click(shop, decision)

    assert attributed(shop, order) == [(decision, Kind.CLICK)]
    assert [one.via for one in queries.order_story(shop.id, order.order_id).joins] == [Via.CUSTOMER]


def test_what_was_only_seen_earns_apart_and_within_a_day(shop: Shop) -> None:
    decision = a_shown_decision(shop, 10, 11, at=NOW - timedelta(hours=40))
    order = placed(shop, 10, 11)

    see(shop, decision, 10, minutes_ago=26 * 60)
    see(shop, decision, 11, minutes_ago=23 * 60)
    check_out(shop, "t-1")

    assert attributed(shop, order) == [(decision, Kind.VIEW)]
    found = queries.results(shop.id, since=PLACED, until=NOW)
    assert [(one.direct.orders, one.view_through.orders) for one in found.currencies] == [(0, 1)]


def by_another_client(shop: Shop, decision: UUID) -> None:
    click(shop, decision, client=BEA)
    check_out(shop, "t-1")


def by_a_forged_token(shop: Shop, decision: UUID) -> None:
    click(shop, decision)
    check_out(shop, "t-forged")


def after_the_order(shop: Shop, decision: UUID) -> None:
    click(shop, decision, minutes_ago=29)
    check_out(shop, "t-1")


def on_another_product(shop: Shop, decision: UUID) -> None:
    click(shop, decision, product=11)
    check_out(shop, "t-1")


@pytest.mark.parametrize(
    "happens", [by_another_client, by_a_forged_token, after_the_order, on_another_product]
)
def test_what_was_not_this_shoppers_click_on_this_product_earns_nothing(
    shop: Shop, happens: Callable[[Shop, UUID], None]
) -> None:
    decision = a_shown_decision(shop, 10, 11, at=NOW - timedelta(hours=5))
    order = placed(shop)

    happens(shop, decision)

    assert attributed(shop, order) == []


def test_another_shops_decision_is_no_event_of_this_one(shop: Shop) -> None:
    theirs = a_shop("other.myshopify.com", installed_at=NOW - timedelta(days=30))
    decision = a_shown_decision(theirs, 10, at=NOW - timedelta(hours=5))
    order = placed(shop)
    data = {"decision": str(decision), "product": 10}

    post(shop, an_event("tailorbird:click", at=NOW - timedelta(hours=1), client=ADA, **data))
    check_out(shop, "t-1")

    assert attributed(shop, order) == []


# Why not


def test_an_order_that_could_not_be_joined_says_why(shop: Shop) -> None:
    decision = a_shown_decision(shop, 10, at=NOW - timedelta(hours=5), visitor_key="a" * 32)
    orders = {
        Outcome.BEFORE_INSTALL: placed(shop, at=NOW - timedelta(days=31), token="t-0"),
        Outcome.OTHER_CHANNEL: placed(shop, source_name="shopify_draft_order", token=""),
        Outcome.NO_SCRIPT: placed(shop, token="t-ada", customer_key=None),
        Outcome.JOINED: placed(shop, 99, token="t-bea", customer_key=None),
        Outcome.BLOCKED: placed(shop, token="t-x", customer_key="a" * 32),
        Outcome.NO_CONSENT: placed(shop, token="t-y", customer_key=None),
        Outcome.NO_PIXEL: placed(shop, at=NOW - timedelta(days=9), token="t-z", customer_key=None),
    }
    check_out(shop, "t-ada")
    see(shop, decision, 10, minutes_ago=50, client=BEA)
    check_out(shop, "t-bea", client=BEA)

    for order in orders.values():
        services.attribute(shop.id, order.order_id, now=NOW)

    assert {wanted: outcome(shop, order) for wanted, order in orders.items()} == {one: one for one in orders}


def test_an_order_is_looked_at_again_until_no_event_can_come_any_more(shop: Shop, enqueued: Enqueued) -> None:
    order, other = placed(shop, at=NOW), placed(shop, at=NOW, token="", source_name="pos")
    for one in (order, other):
        services.attribute(shop.id, one.order_id, now=NOW)

    moments = []
    while row := OrderAttribution.objects.for_shop(shop.id).exclude(look_again_at=None).first():
        moments.append(row.look_again_at - NOW)
        assert services.sweep(now=row.look_again_at - timedelta(seconds=1)) == 0
        assert services.sweep(now=row.look_again_at) == 1
        assert enqueued.of(Job.ATTRIBUTE)[-1] == {"shop_id": shop.id, "order_id": order.order_id}
        assert services.sweep(now=row.look_again_at) == 0
        services.attribute(shop.id, order.order_id, now=row.look_again_at)

    assert tuple(moments) == LOOKS


def test_an_order_that_tells_of_a_decision_which_comes_late_is_looked_at_again(
    shop: Shop, tmp_path: Path, settings: Any
) -> None:
    """No browser told of it: without the decision nothing would have it looked at again."""
    settings.SPOOL_ROOT = tmp_path / "spool"
    decision = a_decision(shop.id, at=PLACED - timedelta(hours=1), items=(ShownItem(10, 0.5, "Popular", 1),))
    audit.spool_decision(decision)
    order = placed(shop, token="", decisions={10: decision.id})
    assert attributed(shop, order) == []
    waiting = OrderAttribution.objects.for_shop(shop.id).get(order_id=order.order_id)
    assert waiting.look_again_at == PLACED + LOOKS[2]

    shipping.ship()

    assert services.sweep(now=waiting.look_again_at) == 1
    assert [one for one, _ in attributed(shop, order, now=waiting.look_again_at)] == [decision.id]
    done = OrderAttribution.objects.for_shop(shop.id).get(order_id=order.order_id)
    assert (done.outcome, done.look_again_at) == (Outcome.JOINED, None)
