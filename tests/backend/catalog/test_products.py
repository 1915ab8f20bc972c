"""Reads of products, as other apps ask them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from backend.catalog import queries
from backend.catalog.values import DescribedProduct
from tests.backend.history import NOW, OPENED, a_product, a_shop

pytestmark = pytest.mark.django_db


def test_the_newest_products_come_first_and_only_this_shops() -> None:
    shop, other = a_shop(), a_shop("other.myshopify.com")
    a_product(shop, 1, created_at=OPENED)
    a_product(shop, 2, created_at=NOW - timedelta(hours=2), status="DRAFT", published_at=None)
    a_product(shop, 3, created_at=NOW - timedelta(hours=1), tags=["gift"], vendor="")
    a_product(shop, 4, created_at=NOW, deleted_at=NOW)
    a_product(other, 5, created_at=NOW)

    newest = queries.products_created_since(shop.id, NOW - timedelta(hours=2), limit=9)

    assert [one.product_id for one in newest] == [3, 2]
    hour_ago = NOW - timedelta(hours=1)
    assert newest[0] == DescribedProduct(
        3, "Product 3", "", "Candles", ("gift",), Decimal("9.5000"), hour_ago
    )
    assert queries.products_created_since(shop.id, OPENED, limit=1) == newest[:1]


def test_what_may_be_recommended_is_decided_once() -> None:
    shop = a_shop()
    a_product(shop, 1)
    a_product(shop, 2, is_gift_card=False)
    a_product(shop, 3, is_gift_card=True)
    a_product(shop, 4, price_min=0)
    a_product(shop, 5, available=False)
    a_product(shop, 6, deleted_at=NOW)
    a_product(shop, 7, status="UNLISTED")

    assert queries.available_product_ids(shop.id) == [2, 1]
    assert queries.never_recommended_ids(shop.id) == [3, 4, 6]
    newest = queries.products_created_since(shop.id, OPENED, limit=9)
    assert [one.product_id for one in newest] == [7, 5, 2, 1]


def test_which_products_have_a_page_is_told_alike_of_rows_and_of_one() -> None:
    shop = a_shop()
    changes = ({}, {"available": False}, {"published_at": None}, {"status": "UNLISTED"}, {"deleted_at": NOW})
    made = [a_product(shop, number, **changed) for number, changed in enumerate(changes, start=1)]
    a_product(a_shop("other.myshopify.com"), 1)

    assert queries.listed_products(shop.id) == [1, 2]
    assert [one.product_id for one in made if one.has_page] == [1, 2]
