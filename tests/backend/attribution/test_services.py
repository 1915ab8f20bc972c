from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from backend.attribution import queries, rules, services
from backend.attribution.models import Credit, Join
from backend.attribution.values import CurrencyResults, Earned
from backend.audit import services as audit
from backend.audit.values import ShownItem
from backend.catalog.models import Order, OrderLine
from backend.core.models import PendingJob
from backend.shops.models import Shop
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.history import NOW, a_shop, an_order, refund
from tests.backend.racing import Pause, Worker

pytestmark = pytest.mark.django_db

SHOWN_AT = NOW - timedelta(days=2)


def a_shown_decision(shop: Shop, *products: int, at: datetime = SHOWN_AT, **changes: Any) -> UUID:
    items = tuple(
        ShownItem(product, 0.5, "Chosen for you", place) for place, product in enumerate(products, 1)
    )
    decision = a_decision(shop.id, at=at, items=items, **changes)
    audit.record_decision(decision)
    return decision.id


def standing(shop: Shop) -> list[tuple[int, UUID, Decimal]]:
    """Return what the rows of a shop's orders sum up to."""
    orders = sorted(set(Credit.objects.for_shop(shop.id).values_list("order_id", flat=True)))
    found = [credit for order_id in orders for credit in queries.credits_of(shop.id, order_id)]
    return [(one.product_id, one.decision_id, one.amount) for one in found]


def written(shop: Shop) -> list[tuple[int, int, Decimal, str, str]]:
    """Return each row of credit as it was written."""
    rows = Credit.objects.for_shop(shop.id).order_by("id")
    return list(rows.values_list("product_id", "quantity", "amount", "reason", "caused_by"))


def test_an_order_is_credited_once_however_often_it_is_replayed() -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10, 11)
    order = an_order(shop, [10, 99], decisions={10: decision})

    services.attribute(shop.id, order.order_id, now=NOW)
    first = list(Credit.objects.for_shop(shop.id).values())
    services.attribute(shop.id, order.order_id, now=NOW + timedelta(hours=1))

    assert standing(shop) == [(10, decision, Decimal("19.0000"))]
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

    rows = Credit.objects.for_shop(shop.id).order_by("id")
    assert list(rows.values_list("amount", "currency", "placed_at", "reason")) == [
        (Decimal(19), "GBP", order.processed_at, "BOUGHT"),
        (Decimal(-19), "GBP", order.processed_at, "CORRECTED"),
        (Decimal(19), "EUR", moved_to, "CORRECTED"),
    ]


def test_a_refund_takes_the_credit_back() -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10, 11)
    order = an_order(shop, [10, 11], decisions={10: decision, 11: decision})
    services.attribute(shop.id, order.order_id, now=NOW)

    refund(order, 10)
    for _ in range(2):
        services.attribute(shop.id, order.order_id, now=NOW)

    assert standing(shop) == [(11, decision, Decimal("19.0000"))]
    assert written(shop) == [
        (10, 2, Decimal(19), "BOUGHT", f"order {order.order_id}"),
        (11, 2, Decimal(19), "BOUGHT", f"order {order.order_id}"),
        (10, -2, Decimal(-19), "REFUNDED", "refund 300"),
    ]


def test_a_cancelled_or_deleted_order_keeps_no_credit() -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10)
    cancelled = an_order(shop, [10], decisions={10: decision})
    deleted = an_order(shop, [10], decisions={10: decision})
    for order in (cancelled, deleted):
        services.attribute(shop.id, order.order_id, now=NOW)
    assert len(standing(shop)) == 2

    Order.objects.for_shop(shop.id).filter(id=cancelled.id).update(cancelled_at=NOW)
    Order.objects.for_shop(shop.id).filter(id=deleted.id).update(deleted_at=NOW)
    for order in (cancelled, deleted):
        services.attribute(shop.id, order.order_id, now=NOW)

    assert standing(shop) == []
    assert [reason for _, _, _, reason, _ in written(shop)] == ["BOUGHT", "BOUGHT", "CANCELLED", "DELETED"]


def test_another_shops_decision_earns_nothing() -> None:
    mine, theirs = a_shop(), a_shop("other.myshopify.com")
    decision = a_shown_decision(theirs, 10)
    order = an_order(mine, [10], decisions={10: decision})

    services.attribute(mine.id, order.order_id, now=NOW)

    assert standing(mine) == []


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

    assert standing(shop) == []


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

    assert standing(shop) == [(11, decision, Decimal("19.0000"))]


def test_postgresql_refuses_to_change_a_join_or_a_credit() -> None:
    shop = a_shop()
    order = an_order(shop, [10], decisions={10: a_shown_decision(shop, 10)})
    services.attribute(shop.id, order.order_id, now=NOW)

    for table in (Credit, Join):
        rows = table.objects.for_shop(shop.id)
        for change in (lambda rows=rows: rows.update(product_id=11), rows.delete):
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                change()

    assert standing(shop) == [(10, queries.order_story(shop.id, order.order_id).joins[0].decision_id, 19)]


def test_one_click_earns_in_the_order_that_was_placed_first_whichever_arrives_first() -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10)
    click = {"decision_id": str(decision), "product_id": 10, "via": "clicked"}
    click["clicked_at"] = int((NOW - timedelta(hours=9)).timestamp())
    first, second = (
        an_order(shop, [10], at=NOW - timedelta(hours=hours), recommendation_ids=[click]) for hours in (8, 2)
    )

    for order in (second, first, second):
        services.attribute(shop.id, order.order_id, now=NOW)

    found = {order.order_id: queries.credits_of(shop.id, order.order_id) for order in (first, second)}
    assert [len(found[order.order_id]) for order in (first, second)] == [1, 0]
    assert {"job": "attribute", "ids": {"shop_id": shop.id, "order_id": second.order_id}} in list(
        PendingJob.objects.values("job", "ids")
    )


@pytest.mark.parametrize("became", ["CANCELLED", "SENT_BACK", "BETTER_CLICK"])
@pytest.mark.parametrize("arrived_before_that", [True, False])
@pytest.mark.parametrize("arrives_first", [0, 1])
def test_a_click_stays_with_the_first_order_whatever_became_of_it(
    became: str, arrived_before_that: bool, arrives_first: int
) -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10)
    click, better = (
        {
            "decision_id": str(decision),
            "product_id": 10,
            "via": "clicked",
            "clicked_at": int((NOW - timedelta(hours=hours)).timestamp()),
        }
        for hours in (10, 9)
    )
    orders = [
        an_order(shop, [10], at=NOW - timedelta(hours=hours), recommendation_ids=[click]) for hours in (8, 2)
    ]
    if arrived_before_that:
        services.attribute(shop.id, orders[0].order_id, now=NOW)
    rows = Order.objects.for_shop(shop.id).filter(id=orders[0].id)
    if became == "CANCELLED":
        rows.update(cancelled_at=NOW)
    elif became == "SENT_BACK":
        refund(orders[0], 10)
    else:
        rows.update(recommendation_ids=[click, better])

    for order in (orders[arrives_first], orders[1 - arrives_first]):
        services.attribute(shop.id, order.order_id, now=NOW)
    for ids in list(PendingJob.objects.filter(job="attribute").values_list("ids", flat=True)):
        services.attribute(ids["shop_id"], ids["order_id"], now=NOW)

    assert queries.credits_of(shop.id, orders[1].order_id) == []


def test_a_list_made_for_one_customer_earns_nothing_of_anothers_order() -> None:
    shop = a_shop()
    ada, bea = "a" * 32, "b" * 32
    an_order(shop, [99], customer_key=ada)
    decision = a_shown_decision(shop, 10, visitor_key=ada)
    hers, anothers = (an_order(shop, [10], customer_key=key, clicks=[(decision, 10)]) for key in (ada, bea))

    for order in (hers, anothers):
        services.attribute(shop.id, order.order_id, now=NOW)

    assert len(queries.credits_of(shop.id, hers.order_id)) == 1
    assert queries.order_story(shop.id, anothers.order_id).joins == ()


def test_a_credit_stands_though_all_that_it_was_found_by_is_gone() -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10, 11)
    order = an_order(shop, [10, 11], clicks=[(decision, None)])
    services.attribute(shop.id, order.order_id, now=NOW)
    Order.objects.for_shop(shop.id).update(recommendation_ids=[])
    audit.erase_shop(shop.id, now=NOW)

    refund(order, 10)
    services.attribute(shop.id, order.order_id, now=NOW)

    assert standing(shop) == [(11, decision, Decimal("19.0000"))]


def test_a_product_that_is_deleted_takes_no_credit_along() -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10)
    order = an_order(shop, [10], clicks=[(decision, 10)])
    services.attribute(shop.id, order.order_id, now=NOW)
    lines = OrderLine.objects.for_shop(shop.id)

    lines.update(product_id=None)
    services.attribute(shop.id, order.order_id, now=NOW)
    assert standing(shop) == [(10, decision, Decimal("19.0000"))]

    lines.update(current_quantity=1)
    services.attribute(shop.id, order.order_id, now=NOW)
    assert [row[1:4] for row in written(shop)] == [
        (2, Decimal(19), "BOUGHT"),
        (-1, Decimal("-9.5"), "EDITED"),
    ]


def test_results_tell_each_currency_and_keep_what_was_only_seen_apart() -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10, 11)
    pounds = an_order(shop, [10, 11], decisions={10: decision, 11: decision})
    euros = an_order(shop, [10], decisions={10: decision}, currency="EUR")
    for order in (pounds, euros):
        services.attribute(shop.id, order.order_id, now=NOW)
    refund(pounds, 10)
    services.attribute(shop.id, pounds.order_id, now=NOW)
    seen = {"kind": "VIEW", "shown_at": NOW, "placed_at": pounds.processed_at, "currency": "GBP"}
    Credit.objects.for_shop(shop.id).create(
        order_id=1, line_id=1, product_id=12, decision_id=decision, position=1, quantity=1, amount=5, **seen
    )

    found = queries.results(shop.id, since=NOW - timedelta(days=7), until=NOW)

    assert found.currencies == (
        CurrencyResults("EUR", Earned(Decimal(19), Decimal(0), 1, 1), Earned()),
        CurrencyResults("GBP", Earned(Decimal(19), Decimal(19), 1, 1), Earned(Decimal(5), Decimal(0), 1, 1)),
    )
    top = queries.top_products(shop.id, since=NOW - timedelta(days=7), until=NOW)
    assert [(one.product_id, one.currency, one.revenue, one.quantity) for one in top] == [
        (10, "EUR", Decimal(19), 2),
        (11, "GBP", Decimal(19), 2),
    ]
    nothing = queries.results(shop.id, since=NOW, until=NOW + timedelta(days=1))
    assert nothing.currencies == ()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("slow_one", [0, 1])
def test_of_two_orders_that_ask_for_one_click_at_once_one_gets_it(
    monkeypatch: pytest.MonkeyPatch, slow_one: int
) -> None:
    shop = a_shop()
    click = {"decision_id": str(a_shown_decision(shop, 10)), "product_id": 10, "via": "clicked"}
    click["clicked_at"] = int((NOW - timedelta(hours=9)).timestamp())
    orders = [
        an_order(shop, [10], at=NOW - timedelta(hours=hours), recommendation_ids=[click]) for hours in (8, 2)
    ]
    has_read = Pause()
    monkeypatch.setattr(rules, "match", has_read.before(rules.match))
    slow, quick = orders[slow_one], orders[1 - slow_one]

    first = Worker(lambda: services.attribute(shop.id, slow.order_id, now=NOW))
    with has_read.holding(first):
        second = Worker(lambda: services.attribute(shop.id, quick.order_id, now=NOW))
        second.finish_or_wait()
    second.finish()
    for ids in PendingJob.objects.filter(job="attribute").values_list("ids", flat=True):
        services.attribute(ids["shop_id"], ids["order_id"], now=NOW)

    assert [len(queries.credits_of(shop.id, order.order_id)) for order in orders] == [1, 0]
