"""
Random histories of orders, refunds, edits and cancellations, credited in any order, beside a plain oracle.

The oracle sees only how things stand at the end: no history of rows, no jobs. Whatever way led there, the
credits that are left must be the same.
"""

import random
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from backend.attribution import queries, services
from backend.attribution.models import Credit
from backend.catalog.models import Order, OrderLine, Refund
from backend.core.models import PendingJob
from backend.shops.models import Shop
from tests.backend.attribution.test_services import a_shown_decision
from tests.backend.history import NOW, a_shop, an_order

pytestmark = pytest.mark.django_db

PRODUCTS = (10, 11)
WINDOW_SECONDS = 7 * 86_400
FOURTH = Decimal("0.0001")


class Told(NamedTuple):
    """A click or an addition that an order may tell of."""

    decision_id: UUID
    product_id: int
    hours_ago: int
    via: str

    def link(self) -> dict[str, Any]:
        """Return it as the cart's attribute gives it."""
        at = int((NOW - timedelta(hours=self.hours_ago)).timestamp())
        return {
            "decision_id": str(self.decision_id),
            "product_id": self.product_id,
            "via": self.via,
            "clicked_at": at,
        }


Key = tuple[str, int, int]
Credited = dict[tuple[int, int], tuple[int, Decimal, str, str]]


def key_of(link: dict[str, Any]) -> Key:
    return link["decision_id"], link["product_id"], link["clicked_at"]


def is_within(link: dict[str, Any], order: Order) -> bool:
    assert order.processed_at is not None
    placed = order.processed_at.timestamp()
    return bool(link["clicked_at"] <= placed <= link["clicked_at"] + WINDOW_SECONDS)


def expected(shop: Shop) -> Credited:
    """Return what each line should be credited with: last addition or click, each good for one order only."""
    spent: set[Key] = set()
    found: Credited = {}
    for order in Order.objects.for_shop(shop.id).order_by("processed_at", "order_id"):
        lines = list(OrderLine.objects.for_shop(shop.id).filter(order=order))
        bought = {line.product_id for line in lines}
        links = [link for link in order.recommendation_ids if is_within(link, order)]
        if order.cancelled_at is None:
            for line in lines:
                best = best_of(links, line, spent)
                if best is not None:
                    amount = (line.discounted_total * line.current_quantity / line.quantity).quantize(FOURTH)
                    found[order.order_id, line.line_id] = (
                        line.current_quantity, amount, best["decision_id"], order.currency,
                    )  # fmt: skip
        spent |= {key_of(link) for link in links if link["product_id"] in bought}
    return found


def best_of(links: list[dict[str, Any]], line: OrderLine, spent: set[Key]) -> dict[str, Any] | None:
    if line.current_quantity <= 0:
        return None
    mine = [link for link in links if link["product_id"] == line.product_id and key_of(link) not in spent]
    return max(
        mine, key=lambda one: (one["via"] == "added", one["clicked_at"], one["decision_id"]), default=None
    )


def actual(shop: Shop) -> Credited:
    found: Credited = {}
    for order_id in Order.objects.for_shop(shop.id).values_list("order_id", flat=True):
        for one in queries.credits_of(shop.id, order_id):
            assert (order_id, one.line_id) not in found, "two claims on one line"
            found[order_id, one.line_id] = (one.quantity, one.amount, str(one.decision_id), one.currency)
    return found


def work_off(shop: Shop) -> None:
    """Do what crediting one order asked for of others, until nothing is asked any more."""
    for _ in range(20):
        rows = PendingJob.objects.filter(job="attribute", ids__shop_id=shop.id)
        asked = list(rows.values_list("ids", flat=True))
        if not asked:
            return
        rows.delete()
        for ids in asked:
            services.attribute(ids["shop_id"], ids["order_id"], now=NOW)
    pytest.fail("Orders ask for one another without an end.")


def change(order: Order, draw: random.Random, number: int) -> str:
    """Do something to an order, as webhooks would, and return what."""
    rows = Order.objects.for_shop(order.shop_id).filter(id=order.id)
    act = draw.choice(["nothing", "nothing", "refund", "edit", "currency", "cancel", "restore"])
    if act in {"cancel", "restore"}:
        rows.update(cancelled_at=NOW if act == "cancel" else None)
    elif act == "currency":
        rows.update(currency=draw.choice(["GBP", "EUR"]))
    elif act in {"refund", "edit"}:
        line = draw.choice(list(OrderLine.objects.for_shop(order.shop_id).filter(order=order)))
        left = draw.randint(0, line.quantity)
        OrderLine.objects.for_shop(order.shop_id).filter(id=line.id).update(current_quantity=left)
        if act == "refund":
            Refund.objects.for_shop(order.shop_id).create(
                refund_id=number, order_id=order.order_id, created_at=NOW
            )
    return act


@pytest.mark.parametrize("seed", range(40))
def test_credits_are_those_of_how_things_stand_whatever_way_led_there(seed: int) -> None:
    draw = random.Random(seed)
    shop = a_shop(f"s{seed}.myshopify.com")
    decisions = [a_shown_decision(shop, *PRODUCTS) for _ in range(2)]
    told = [
        Told(
            draw.choice(decisions),
            draw.choice(PRODUCTS),
            draw.randint(2, 40),
            draw.choice(["clicked", "added"]),
        )
        for _ in range(4)
    ]
    orders = [
        an_order(
            shop,
            [draw.choice(PRODUCTS) for _ in range(draw.randint(1, 3))],
            at=NOW - timedelta(hours=draw.randint(0, 20), minutes=number),
            recommendation_ids=[one.link() for one in draw.sample(told, draw.randint(0, 4))],
        )
        for number in range(3)
    ]
    acts = []
    for number in range(draw.randint(3, 14)):
        order = draw.choice(orders)
        acts.append((change(order, draw, number), orders.index(order)))
        services.attribute(shop.id, order.order_id, now=NOW)
        if draw.random() < 0.5:
            work_off(shop)
    for order in draw.sample(orders, 3):
        services.attribute(shop.id, order.order_id, now=NOW)
    work_off(shop)

    assert actual(shop) == expected(shop), acts
    assert_totals_add_up(shop)
    rows = Credit.objects.for_shop(shop.id).count()
    for order in orders:
        services.attribute(shop.id, order.order_id, now=NOW)
    assert Credit.objects.for_shop(shop.id).count() == rows, "crediting again wrote rows"


def assert_totals_add_up(shop: Shop) -> None:
    total: dict[str, Decimal] = defaultdict(Decimal)
    for _, amount, _, currency in actual(shop).values():
        total[currency] += amount
    found = queries.results(shop.id, since=NOW - timedelta(days=30), until=NOW + timedelta(days=1))
    assert {one.currency: one.direct.revenue for one in found.currencies if one.direct.revenue} == {
        currency: amount for currency, amount in total.items() if amount
    }
