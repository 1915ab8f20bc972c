"""What a merchant is told there is, counted ahead or as it is asked."""

from datetime import timedelta
from typing import Any

import pytest

from backend.catalog import queries, services
from backend.catalog.models import Order, ShopCounts
from backend.catalog.services import counting
from backend.catalog.values import Counts
from tests.backend.history import NOW, a_product, a_shop, an_order

pytestmark = pytest.mark.django_db

ANN, BOB = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def _count_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lines are many here."""
    monkeypatch.setattr(counting, "COUNTED_AHEAD_FROM_LINES", 2)


def a_history(shop: Any) -> None:
    a_product(shop, 1)
    an_order(shop, [1], customer_key=ANN)
    an_order(shop, [1], customer_key=None)


def test_what_came_since_the_count_is_counted_too() -> None:
    shop, other = a_shop(), a_shop("other.myshopify.com")
    a_history(shop)
    services.count_shop(shop.id, now=NOW)
    an_order(other, [1], customer_key=BOB)
    an_order(shop, [1], customer_key=ANN)
    an_order(shop, [1], customer_key=BOB)
    an_order(shop, [1], customer_key=BOB)
    an_order(shop, [1], customer_key=None)

    counted = queries.counts(shop.id)

    assert counted == Counts(products=1, orders=6, order_lines=6, customers=2, guest_orders=2)
    ShopCounts.objects.for_shop(shop.id).delete()
    assert queries.counts(shop.id) == counted


def test_what_was_taken_away_is_noticed_by_the_next_count() -> None:
    shop = a_shop()
    a_history(shop)
    services.count_shop(shop.id, now=NOW)
    Order.objects.for_shop(shop.id).filter(customer_key=ANN).update(deleted_at=NOW)

    counted = services.count_shops(now=NOW + timedelta(hours=1))

    assert counted == 1
    assert queries.counts(shop.id).orders == 1
    assert queries.counts(shop.id).customers == 0


def test_a_short_history_is_counted_as_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "COUNTED_AHEAD_FROM_LINES", 3)
    shop = a_shop()
    a_history(shop)

    services.count_shop(shop.id, now=NOW)

    assert not ShopCounts.objects.for_shop(shop.id).exists()
    assert queries.counts(shop.id).orders == 2
