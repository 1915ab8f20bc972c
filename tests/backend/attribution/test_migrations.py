"""What was credited before rows were kept for ever comes along, and goes back as it was."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection

from backend.attribution import queries, services
from tests.backend.history import NOW, a_shop, an_order, refund
from tests.backend.migrating import migrate, migrated_back

from .test_services import a_shown_decision, written

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [("attribution", "0002_credits_of_today")]


@pytest.fixture
def old_tables() -> Iterator[None]:
    with migrated_back(BEFORE):
        yield


def credit_as_before(shop_id: int, order_id: int, line_id: int, decision: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO attribution_credit (shop_id, order_id, line_id, product_id, decision_id, kind,"
            " position, quantity, amount, currency, shown_at, placed_at)"
            " VALUES (%s, %s, %s, 10, %s, 'CLICK', 1, 2, 19, 'GBP', %s, %s)",
            [shop_id, order_id, line_id, decision, NOW - timedelta(days=2), NOW - timedelta(days=1)],
        )


def test_a_credit_of_before_is_known_again_and_corrected_by_rows(old_tables: None) -> None:
    shop = a_shop()
    decision = a_shown_decision(shop, 10)
    clicked_at = NOW - timedelta(hours=30)
    link = {"decision_id": str(decision), "product_id": 10, "via": "clicked"}
    order = an_order(shop, [10], recommendation_ids=[link | {"clicked_at": int(clicked_at.timestamp())}])
    with connection.cursor() as cursor:
        cursor.execute("SELECT line_id FROM catalog_orderline WHERE order_id = %s", [order.id])
        credit_as_before(shop.id, order.order_id, cursor.fetchone()[0], decision)

    migrate([("attribution", "0005_refuse_changes")])
    services.attribute(shop.id, order.order_id, now=NOW)

    assert written(shop) == [(10, 2, Decimal(19), "BOUGHT", f"order {order.order_id}")]
    [join] = queries.order_story(shop.id, order.order_id).joins
    assert (join.via, join.acted_at) == ("ATTRIBUTE", clicked_at)

    refund(order, 10)
    services.attribute(shop.id, order.order_id, now=NOW)

    assert [row[1] for row in written(shop)] == [2, -2]
    migrate(BEFORE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM attribution_credit")
        assert cursor.fetchone() == (0,)
