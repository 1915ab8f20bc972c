from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from backend.attribution import queries, rules, services
from backend.attribution.models import Credit
from backend.audit import services as audit
from backend.audit.values import ShownItem
from backend.catalog.models import Order
from backend.shops.models import Shop
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.history import NOW, a_shop, an_order, refund
from tests.backend.racing import Pause, Worker

pytestmark = pytest.mark.django_db

SHOWN_AT = NOW - timedelta(days=2)


def a_shown_decision(shop: Shop, *products: int, at: datetime = SHOWN_AT) -> UUID:
    items = tuple(
        ShownItem(product, 0.5, "Chosen for you", place) for place, product in enumerate(products, 1)
    )
    decision = a_decision(shop.id, at=at, items=items)
    audit.record_decision(decision)
    return decision.id


def rows(shop: Shop) -> list[tuple[int, UUID, Decimal]]:
    found = Credit.objects.for_shop(shop.id).order_by("id")
    return list(found.values_list("product_id", "decision_id", "amount"))


def test_an_order_is_credited_once_however_often_it_is_replayed() -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10, 11)
    order = an_order(shop, [10, 99], decisions={10: decision})

    services.attribute(shop.id, order.order_id, now=NOW)
    first = list(Credit.objects.for_shop(shop.id).values())
    services.attribute(shop.id, order.order_id, now=NOW + timedelta(hours=1))

    assert rows(shop) == [(10, decision, Decimal("19.0000"))]
    assert list(Credit.objects.for_shop(shop.id).values()) == first


def test_a_list_that_stood_for_a_month_earns_by_the_click_on_it() -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10, 11, at=NOW - timedelta(days=30))
    clicked_at = int((NOW - timedelta(hours=2)).timestamp())
    told = [
        {"decision_id": str(decision), "product_id": 10, "via": "clicked", "clicked_at": clicked_at},
        {"decision_id": str(decision), "product_id": 11, "via": "added", "clicked_at": clicked_at},
    ]
    order = an_order(shop, [10, 11], at=NOW - timedelta(hours=1), recommendation_ids=told)

    services.attribute(shop.id, order.order_id, now=NOW)

    kinds = Credit.objects.for_shop(shop.id).order_by("product_id").values_list("product_id", "kind")
    assert list(kinds) == [(10, "CLICK"), (11, "ADD_TO_CART")]


def test_an_order_that_moves_takes_its_credits_along() -> None:
    shop = a_shop()
    order = an_order(shop, [10], decisions={10: a_shown_decision(shop, 10)})
    services.attribute(shop.id, order.order_id, now=NOW)
    moved_to = order.processed_at - timedelta(hours=1)
    Order.objects.for_shop(shop.id).update(processed_at=moved_to, currency="EUR")

    services.attribute(shop.id, order.order_id, now=NOW)

    [credit] = Credit.objects.for_shop(shop.id)
    assert (credit.placed_at, credit.currency) == (moved_to, "EUR")


def test_a_refund_takes_the_credit_back() -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10, 11)
    order = an_order(shop, [10, 11], decisions={10: decision, 11: decision})
    services.attribute(shop.id, order.order_id, now=NOW)

    refund(order, 10)
    services.attribute(shop.id, order.order_id, now=NOW)

    assert rows(shop) == [(11, decision, Decimal("19.0000"))]


def test_a_cancelled_or_deleted_order_keeps_no_credit() -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10)
    cancelled = an_order(shop, [10], decisions={10: decision})
    deleted = an_order(shop, [10], decisions={10: decision})
    for order in (cancelled, deleted):
        services.attribute(shop.id, order.order_id, now=NOW)
    assert len(rows(shop)) == 2

    Order.objects.for_shop(shop.id).filter(id=cancelled.id).update(cancelled_at=NOW)
    Order.objects.for_shop(shop.id).filter(id=deleted.id).update(deleted_at=NOW)
    for order in (cancelled, deleted):
        services.attribute(shop.id, order.order_id, now=NOW)

    assert rows(shop) == []
    counted = queries.coverage(shop.id, since=NOW - timedelta(days=90), until=NOW + timedelta(days=1))
    assert (counted.orders, counted.orders_credited) == (1, 0)


def test_another_shops_decision_earns_nothing() -> None:
    mine, theirs = a_shop(), a_shop("other.myshopify.com")
    decision = a_shown_decision(theirs, 10)
    order = an_order(mine, [10], decisions={10: decision})

    services.attribute(mine.id, order.order_id, now=NOW)

    assert rows(mine) == []


def test_coverage_counts_what_orders_name_and_what_the_ledger_knows() -> None:
    shop = a_shop()
    known, unknown = a_shown_decision(shop, 10), UUID(int=99)
    placed = [
        an_order(shop, [10], decisions={10: known}),
        an_order(shop, [10], clicks=[(unknown, 10)]),
        an_order(shop, [10]),
    ]

    for order in placed:
        services.attribute(shop.id, order.order_id, now=NOW)
    coverage = queries.coverage(shop.id, since=NOW - timedelta(days=7), until=NOW)

    assert (coverage.orders, coverage.orders_naming_decisions, coverage.orders_credited) == (3, 2, 1)
    assert coverage.share_known == 0.5


@pytest.mark.django_db(transaction=True)
def test_a_reader_from_before_a_cancellation_does_not_credit_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = a_shop()
    order = an_order(shop, [10], decisions={10: a_shown_decision(shop, 10)})
    has_read = Pause()
    monkeypatch.setattr(rules, "match", has_read.before(rules.match))

    def cancel() -> None:
        Order.objects.for_shop(shop.id).filter(id=order.id).update(cancelled_at=NOW)
        services.attribute(shop.id, order.order_id, now=NOW)

    slow = Worker(lambda: services.attribute(shop.id, order.order_id, now=NOW))
    with has_read.holding(slow):
        quick = Worker(cancel)
        quick.finish_or_wait()
    quick.finish()

    assert rows(shop) == []


@pytest.mark.django_db(transaction=True)
def test_a_reader_from_before_a_refund_does_not_credit_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10, 11)
    order = an_order(shop, [10, 11], decisions={10: decision, 11: decision})
    has_read = Pause()
    monkeypatch.setattr(rules, "match", has_read.before(rules.match))

    def take_back() -> None:
        refund(order, 10)
        services.attribute(shop.id, order.order_id, now=NOW)

    slow = Worker(lambda: services.attribute(shop.id, order.order_id, now=NOW))
    with has_read.holding(slow):
        quick = Worker(take_back)
        quick.finish_or_wait()
    quick.finish()

    assert rows(shop) == [(11, decision, Decimal("19.0000"))]
