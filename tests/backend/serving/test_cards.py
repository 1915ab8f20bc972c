"""Cards of products in a process's memory."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from backend.catalog.models import Product
from backend.serving import queries
from backend.shops.models import Shop
from tests.backend.history import NOW, a_product, a_shop, products
from tests.backend.racing import Worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    made = a_shop()
    products(made, [1, 2])
    return made


def titles(shop: Shop, *product_ids: int) -> dict[int, str]:
    return {one: card.title for one, card in queries.cards(shop.id, product_ids).items()}


# In the transaction of a test all would be new: what is not committed yet may still change.
@pytest.mark.django_db(transaction=True)
def test_a_card_is_read_once_for_as_long_as_its_product_stays_as_it_is(
    shop: Shop, later: Callable[[], None], django_assert_num_queries: Any
) -> None:
    titles(shop, 1, 2, 404)
    later()

    # That one asks what was written since.
    with django_assert_num_queries(1) as sent:
        found = titles(shop, 1, 2, 404)

    assert found == {1: "Product 1", 2: "Product 2"}
    assert "pg_snapshot_xmin" in sent[0]["sql"]


def test_what_was_written_since_is_read_again(shop: Shop, later: Callable[[], None]) -> None:
    titles(shop, 1, 2, 3)
    later()

    rows = Product.objects.for_shop(shop.id)
    rows.filter(product_id=1).update(title="Another name")
    rows.filter(product_id=2).update(deleted_at=NOW)
    a_product(shop, 3)

    assert titles(shop, 1, 2, 3) == {1: "Another name", 3: "Product 3"}


def rename(shop: Shop) -> None:
    Product.objects.for_shop(shop.id).filter(product_id=1).update(title="Another name")


@pytest.mark.django_db(transaction=True)
def test_a_change_that_began_before_a_look_and_was_committed_after_it_is_seen(
    shop: Shop, later: Callable[[], None]
) -> None:
    later()
    with transaction.atomic():
        rename(shop)
        during = Worker(lambda: titles(shop, 1, 2)).finish()
    # Another transaction comes and goes, so that later ones have higher numbers.
    a_product(shop, 3)

    assert during == {1: "Product 1", 2: "Product 2"}
    assert titles(shop, 2, 3) == {2: "Product 2", 3: "Product 3"}
    assert titles(shop, 1) == {1: "Another name"}


@pytest.mark.django_db(transaction=True)
def test_what_was_read_before_a_change_that_another_thread_saw_is_not_kept(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles(shop, 2)
    read = queries.catalog.products_for_serving

    def read_slowly(*asked: Any) -> Any:
        found = read(*asked)
        Worker(lambda: rename(shop)).finish()
        Worker(lambda: queries._cards.follow(shop.id)).finish()
        return found

    with monkeypatch.context() as slow:
        slow.setattr(queries.catalog, "products_for_serving", read_slowly)
        before = titles(shop, 1)

    assert (before, titles(shop, 1)) == ({1: "Product 1"}, {1: "Another name"})


def test_another_shops_product_of_the_same_number_has_its_own_card(shop: Shop) -> None:
    other = a_shop("other.myshopify.com")
    a_product(other, 1, title="Theirs")

    assert (titles(shop, 1), titles(other, 1)) == ({1: "Product 1"}, {1: "Theirs"})
