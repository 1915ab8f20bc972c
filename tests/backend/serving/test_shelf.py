"""What a shop may show, in a process's memory."""

from collections.abc import Callable
from typing import Any

import pytest

from backend.catalog.models import Product
from backend.features import queries as features
from backend.serving import queries
from backend.shops.models import Shop
from tests.backend.history import NOW, a_product, a_shop, products

pytestmark = [
    # In the transaction of a test all would be new: what is not committed yet may still change.
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_server"),
]


@pytest.fixture
def shop() -> Shop:
    made = a_shop()
    products(made, [1, 2, 3])
    return made


def test_products_are_read_once_for_as_long_as_none_is_written(
    shop: Shop, later: Callable[[], None], django_assert_num_queries: Any
) -> None:
    first = queries.shelf(shop.id)
    later()

    with django_assert_num_queries(1) as sent:
        again = queries.shelf(shop.id)

    assert set(first.newest) == {1, 2, 3}
    assert again is first
    assert "pg_snapshot_xmin" in sent[0]["sql"]


@pytest.mark.parametrize(
    ("case", "changes", "left"),
    [
        ("sold out", {"available": False}, {2, 3}),
        ("deleted", {"deleted_at": NOW}, {2, 3}),
        ("taken from the shop", {"published_at": None}, {2, 3}),
        ("called otherwise", {"title": "Another name"}, {1, 2, 3}),
    ],
)
def test_what_is_written_is_seen(
    shop: Shop, later: Callable[[], None], case: str, changes: dict[str, Any], left: set[int]
) -> None:
    queries.shelf(shop.id)
    later()

    Product.objects.for_shop(shop.id).filter(product_id=1).update(**changes)

    for _ in range(2):
        assert set(queries.shelf(shop.id).newest) == left, case
        assert queries.shelf(shop.id).available == left, case


def test_a_new_product_is_seen(shop: Shop, later: Callable[[], None]) -> None:
    queries.shelf(shop.id)
    later()

    a_product(shop, 4)

    assert set(queries.shelf(shop.id).newest) == {1, 2, 3, 4}


def test_what_became_popular_is_seen_though_no_product_was_written(
    shop: Shop, later: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    queries.shelf(shop.id)
    later()

    monkeypatch.setattr(features, "popular", lambda _: [3, 1])

    assert queries.shelf(shop.id).popular == (3, 1)
    assert queries.shelf(shop.id).newest
