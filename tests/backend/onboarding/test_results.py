"""What recommendations earned, as the merchant's page asks for it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.attribution import services as attribution
from backend.attribution.values import Outcome
from backend.onboarding.queries import results
from backend.onboarding.queries.zones import shop_zone
from backend.onboarding.rules.days import start_of_last
from backend.onboarding.rules.results import NOT_JOINED, UNPROVEN
from backend.rollouts.models import HoldoutChange, HoldoutReading
from backend.rollouts.values import Unproven
from backend.shops import queries as shops
from backend.shops.models import Shop
from tests.backend.attribution.test_services import a_shown_decision
from tests.backend.history import NOW, a_product, an_order, refund
from tests.backend.onboarding.test_api import OTHER, a_signed_in_shop, call

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = a_signed_in_shop()
    a_product(shop, 10, title="Tea cup")
    monkeypatch.setattr("backend.onboarding.views.results.clock.now", lambda: NOW)
    return shop


def a_sale(shop: Shop, product_id: int = 10, *, days_ago: float = 1) -> Any:
    """Sell a product by a click on its recommendation."""
    at = NOW - timedelta(days=days_ago)
    decision = a_shown_decision(shop, product_id, at=at - timedelta(hours=1))
    order = an_order(shop, [product_id], at=at, decisions={product_id: decision})
    attribution.attribute(shop.id, order.order_id, now=NOW)
    return order


def asked(shop: Shop, query: str = "") -> Any:
    return call("GET", f"/api/results{query}", shop=shop).json()


def test_a_shop_without_orders_is_told_so_and_no_figure_is_made_up(shop: Shop) -> None:
    body = asked(shop)

    assert (body["has_orders"], body["currencies"], body["top_products"]) == (False, [], [])
    assert (body["counts"], body["incremental"]) == (None, None)
    assert body["coverage"] == {"orders": 0, "joined": 0, "reasons": []}


def test_why_nothing_is_measured_is_told(shop: Shop) -> None:
    assert asked(shop)["pixel"] == "PENDING"

    scopes = [scope for scope in shop.scopes if scope != "write_pixels"]
    Shop.objects.filter(id=shop.id).update(scopes=scopes)
    shops.forget_cached()

    assert asked(shop)["pixel"] == "NOT_GRANTED"


def test_what_clicks_brought_is_told_in_its_currency_with_what_was_taken_back(shop: Shop) -> None:
    a_sale(shop)
    returned = a_sale(shop)
    refund(returned, 10)
    attribution.attribute(shop.id, returned.order_id, now=NOW)

    body = asked(shop)

    assert body["has_orders"] is True
    assert body["currencies"] == [
        {
            "currency": "GBP",
            "direct": {"revenue": "19.0000", "reversed": "19.0000", "orders": 1, "lines": 1},
            "view_through": {"revenue": "0.0000", "reversed": "0.0000", "orders": 0, "lines": 0},
        }
    ]
    assert body["top_products"] == [
        {
            "product_id": 10,
            "title": "Tea cup",
            "currency": "GBP",
            "revenue": "19.0000",
            "quantity": 2,
            "orders": 1,
        }
    ]
    assert (body["click_days"], body["view_hours"]) == (7, 24)


@pytest.mark.parametrize(("query", "orders"), [("?days=7", 1), ("", 2), ("?days=30", 2), ("?days=90", 3)])
def test_the_time_is_chosen(query: str, orders: int, shop: Shop) -> None:
    for days_ago in (1, 20, 80):
        a_sale(shop, days_ago=days_ago)

    assert asked(shop, query)["currencies"][0]["direct"]["orders"] == orders


@pytest.mark.parametrize("days", ["0", "8", "-7", "all", "7.5"])
def test_a_time_that_is_not_offered_is_refused(days: str, shop: Shop) -> None:
    answer = call("GET", f"/api/results?days={days}", shop=shop)

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "days")


@pytest.mark.parametrize(
    ("zone", "now", "since"),
    [
        ("Europe/London", "2026-11-21T12:00:00", "2026-11-15T00:00:00"),
        ("Pacific/Auckland", "2026-11-21T12:00:00", "2026-11-15T11:00:00"),
        # Summer time ended in between: the week is an hour longer.
        ("Europe/Berlin", "2026-10-28T12:00:00", "2026-10-21T22:00:00"),
        ("Not/AZone", "2026-11-21T12:00:00", "2026-11-15T00:00:00"),
    ],
)
def test_days_begin_on_the_shops_own_clock(zone: str, now: str, since: str, shop: Shop) -> None:
    Shop.objects.filter(id=shop.id).update(timezone=zone)

    began = start_of_last(7, shop_zone(shop.id), now=datetime.fromisoformat(f"{now}+00:00"))

    assert began == datetime.fromisoformat(f"{since}+00:00")


def test_a_holdout_is_told_with_why_nothing_can_be_said_yet(shop: Shop) -> None:
    change = HoldoutChange.objects.for_shop(shop.id).create(percent=5, since=NOW, changed_by="user 7")
    sales = {
        f"{group}_{figure}": 0
        for group in ("held_out", "shown")
        for figure in ("visitors", "buyers", "revenue", "squares")
    }
    HoldoutReading.objects.for_shop(shop.id).create(change=change, read_at=NOW, **sales)

    told = asked(shop)["incremental"]

    assert (told["percent"], told["amount"], told["low"], told["high"]) == (5, None, None, None)
    assert told["reason"] == UNPROVEN[Unproven.FEW_VISITORS]
    assert (told["shown_visitors"], told["held_out_visitors"]) == (0, 0)


def test_another_shops_results_are_never_seen(shop: Shop) -> None:
    theirs = a_signed_in_shop(OTHER)
    a_sale(theirs)

    assert asked(shop)["currencies"] == []
    assert asked(shop)["has_orders"] is False
    assert asked(theirs)["currencies"][0]["direct"]["orders"] == 1


def test_results_ask_the_database_as_often_whatever_there_is(shop: Shop) -> None:
    shop_zone(shop.id)  # a process remembers it for a while
    counted = []
    for _ in range(2):
        for _ in range(3):
            a_sale(shop)
        with CaptureQueriesContext(connection) as queries:
            results.results(shop.id, days=30, now=NOW)
        counted.append(len(queries))

    assert counted[0] == counted[1] <= 12


def test_every_reason_has_words() -> None:
    assert set(NOT_JOINED) == set(Outcome) - {Outcome.JOINED}
    assert set(UNPROVEN) == set(Unproven)
