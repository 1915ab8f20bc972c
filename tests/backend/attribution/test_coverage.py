"""Of which orders it is known what recommendations did, and why not of the others."""

from datetime import timedelta
from typing import Any

import pytest

from backend.attribution import queries, services
from backend.attribution.models import OfferedProduct
from backend.attribution.values import CoverageReport, Outcome
from backend.audit.values import Channel
from backend.shops.models import Shop
from tests.backend.history import NOW, a_shop, an_order

from .test_services import a_shown_decision

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LISTED = {"channel": Channel.METAFIELD, "visitor_key": None}


def report(shop: Shop) -> CoverageReport:
    services.note_offers(shop.id, now=NOW)
    return queries.coverage(shop.id, since=NOW - 30 * DAY, until=NOW)


def placed(shop: Shop, *bought: int, **changes: Any) -> None:
    order = an_order(shop, bought, **{"source_name": "web", "customer_key": None} | changes)
    services.attribute(shop.id, order.order_id, now=NOW)


@pytest.mark.parametrize(
    ("case", "shown_before", "channel", "counts"),
    [
        ("answered within the window", 3 * DAY, {}, True),
        ("answered too long before", 8 * DAY, {}, False),
        ("answered after the order only", -DAY / 2, {}, False),
        ("in a list that stands since long", 20 * DAY, LISTED, True),
        ("in a list that was written after the order", -DAY / 2, LISTED, False),
    ],
)
def test_an_order_counts_if_what_it_bought_was_recommended_to_anybody_before(
    case: str, shown_before: timedelta, channel: dict[str, Any], counts: bool
) -> None:
    shop = a_shop()
    a_shown_decision(shop, 10, 11, at=NOW - DAY - shown_before, **channel)

    placed(shop, 10, 99)
    placed(shop, 99)

    assert report(shop).orders_with_recommended_product == int(counts), case


def test_each_order_is_joined_or_has_its_reason_and_test_orders_are_none() -> None:
    shop = a_shop(installed_at=NOW - 5 * DAY)
    decision = a_shown_decision(shop, 10, at=NOW - 4 * DAY)
    placed(shop, 10, decisions={10: decision})
    placed(shop, 10, source_name="pos")
    placed(shop, 10)
    placed(shop, 10, test=True)
    placed(shop, 99)

    found = report(shop)

    assert found == CoverageReport(3, 1, {Outcome.OTHER_CHANNEL: 1, Outcome.NO_PIXEL: 1})
    assert found.share_joined == pytest.approx(1 / 3)
    assert queries.coverage(shop.id, since=NOW, until=NOW + DAY).share_joined is None


def test_reading_the_same_decisions_again_changes_nothing_and_new_ones_are_added() -> None:
    shop = a_shop()
    a_shown_decision(shop, 10, at=NOW - 3 * DAY)
    services.note_offers(shop.id, now=NOW - DAY)
    a_shown_decision(shop, 10, 11, at=NOW - DAY / 2)

    for _ in range(2):
        services.note_offers(shop.id, now=NOW)

    rows = OfferedProduct.objects.for_shop(shop.id).order_by("product_id")
    assert list(rows.values_list("product_id", "listed_at", "answered_first_at", "answered_last_at")) == [
        (10, None, NOW - 3 * DAY, NOW - DAY / 2),
        (11, None, NOW - DAY / 2, NOW - DAY / 2),
    ]
