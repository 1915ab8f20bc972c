from datetime import timedelta
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.catalog.models import Order
from backend.features import queries, services
from backend.features.gateway import cache
from backend.features.models import Interaction
from backend.features.services import purchases
from backend.shops.models import Shop
from models.recommender.api import Event
from tests.backend.history import NOW, a_collection, a_shop, an_order, products, refund
from tests.backend.racing import Pause, Worker

pytestmark = pytest.mark.django_db

CUSTOMER = "c" * 32


@pytest.fixture(autouse=True)
def _empty_redis(redis_server: object) -> None:
    """Start each test with nothing cached."""


def bought(shop: Shop) -> list[tuple[int, int]]:
    rows = Interaction.objects.for_shop(shop.id).order_by("product_id")
    return list(rows.values_list("basket_id", "product_id"))


def bought_by(shop_id: int, customer_key: str) -> list[int]:
    return queries.recent_past(shop_id, customer_key).items.tolist()


def test_an_order_becomes_interactions_once_however_often_it_is_told() -> None:
    shop = a_shop()
    order = an_order(shop, [10, 11])

    services.extend(shop.id, order.order_id)
    services.extend(shop.id, order.order_id)

    assert bought(shop) == [(order.order_id, 10), (order.order_id, 11)]


@pytest.mark.parametrize("change", ["cancelled_at", "deleted_at"])
def test_a_cancelled_or_deleted_order_is_taken_back(change: str) -> None:
    shop = a_shop()
    order = an_order(shop, [10])
    services.extend(shop.id, order.order_id)

    Order.objects.for_shop(shop.id).filter(id=order.id).update(**{change: NOW})
    services.extend(shop.id, order.order_id)

    assert bought(shop) == []


def test_a_refunded_line_and_a_test_order_are_no_purchases() -> None:
    shop = a_shop()
    order = an_order(shop, [10, 11])
    rehearsal = an_order(shop, [12], test=True)
    services.extend(shop.id, order.order_id)
    refund(order, 10)

    services.extend(shop.id, order.order_id)
    services.extend(shop.id, rehearsal.order_id)

    assert bought(shop) == [(order.order_id, 11)]


def test_a_rebuild_gives_what_single_orders_gave_and_leaves_other_shops_alone() -> None:
    shop, other = a_shop(), a_shop("other.myshopify.com")
    orders = [an_order(shop, [10, 11]), an_order(shop, [12], customer_key=None)]
    theirs = an_order(other, [10])
    for order in orders:
        services.extend(shop.id, order.order_id)
    services.extend(other.id, theirs.order_id)
    one_by_one = bought(shop)

    rebuilt = services.rebuild(shop.id)

    assert rebuilt.interactions == 3
    assert bought(shop) == one_by_one
    assert bought(other) == [(theirs.order_id, 10)]


def test_a_rebuild_takes_two_statements_however_many_orders(django_assert_max_num_queries) -> None:
    shop = a_shop()
    for _ in range(20):
        an_order(shop, [10, 11])

    # A lock, a DELETE, an INSERT, an ANALYZE and the savepoints of the test.
    with django_assert_max_num_queries(7):
        services.rebuild(shop.id)


def test_a_past_is_oldest_first_and_follows_a_new_order_at_once(committed) -> None:
    shop = a_shop()
    first = an_order(shop, [10], at=NOW - timedelta(days=2), customer_key=CUSTOMER)
    with committed():
        services.extend(shop.id, first.order_id)
    assert bought_by(shop.id, CUSTOMER) == [10]

    second = an_order(shop, [11, 12], at=NOW - timedelta(days=1), customer_key=CUSTOMER)
    with committed():
        services.extend(shop.id, second.order_id)

    assert bought_by(shop.id, CUSTOMER) == [10, 11, 12]


def test_a_past_tells_when_and_what_from_the_database_and_from_the_cache_alike() -> None:
    shop = a_shop()
    for days, items in ((2, [11, 10]), (1, [12])):
        order = an_order(shop, items, at=NOW - timedelta(days=days), customer_key=CUSTOMER)
        services.extend(shop.id, order.order_id)

    stored, cached = (queries.recent_past(shop.id, CUSTOMER) for _ in range(2))

    day = 86_400_000_000
    now = 1_795_262_400_000_000
    for past in (stored, cached):
        assert past.items.tolist() == [10, 11, 12]
        assert past.at.tolist() == [now - 2 * day, now - 2 * day, now - day]
        assert past.events.tolist() == [Event.PURCHASE] * 3


def test_a_past_is_what_was_known_before_a_moment() -> None:
    shop = a_shop()
    for days, items in ((3, [10]), (1, [11])):
        order = an_order(shop, items, at=NOW - timedelta(days=days), customer_key=CUSTOMER)
        services.extend(shop.id, order.order_id)

    past = queries.stored_past(shop.id, CUSTOMER, before=NOW - timedelta(days=1))

    assert past.items.tolist() == [10]


def test_a_cache_entry_of_another_form_is_read_anew(redis_server: Any) -> None:
    shop = a_shop()
    order = an_order(shop, [10], customer_key=CUSTOMER)
    services.extend(shop.id, order.order_id)
    queries.recent_past(shop.id, CUSTOMER)
    [key] = redis_server.keys("features:*:past:*")
    redis_server.set(key, b"12345678")

    assert bought_by(shop.id, CUSTOMER) == [10]


def test_a_known_past_needs_no_database(django_assert_num_queries) -> None:
    shop = a_shop()
    queries.recent_past(shop.id, CUSTOMER)

    with django_assert_num_queries(0):
        assert bought_by(shop.id, CUSTOMER) == []


def test_a_past_is_this_shops_own() -> None:
    shop, other = a_shop(), a_shop("other.myshopify.com")
    order = an_order(other, [10], customer_key=CUSTOMER)
    services.extend(other.id, order.order_id)

    assert bought_by(shop.id, CUSTOMER) == []
    assert bought_by(other.id, CUSTOMER) == [10]


def test_without_redis_the_database_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = a_shop()
    order = an_order(shop, [10], customer_key=CUSTOMER)
    services.extend(shop.id, order.order_id)
    nobody = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(cache, "shoppers_connection", lambda: nobody)

    assert bought_by(shop.id, CUSTOMER) == [10]
    assert queries.popular(shop.id) == [10]


def test_popular_products_are_those_of_most_baskets_in_the_newest_two_weeks_of_sales() -> None:
    shop = a_shop()
    for days, items in ((100, [10]), (101, [10]), (102, [10]), (9, [11, 12]), (8, [11]), (7, [13])):
        order = an_order(shop, items, at=NOW - timedelta(days=days))
        services.extend(shop.id, order.order_id)

    assert queries.popular(shop.id) == [11, 12, 13]


def test_collection_mates_share_most_collections_first() -> None:
    shop = a_shop()
    products(shop, [10, 11, 12, 13])
    a_collection(shop, 1, [10, 11, 12])
    a_collection(shop, 2, [10, 11])
    a_collection(shop, 3, [13])

    assert queries.collection_mates(shop.id, 10) == [11, 12]


def test_a_forgotten_customer_has_no_past_and_their_baskets_have_no_owner(committed) -> None:
    shop = a_shop()
    order = an_order(shop, [10], customer_key=CUSTOMER)
    services.extend(shop.id, order.order_id)
    queries.recent_past(shop.id, CUSTOMER)

    with committed():
        services.forget_customer(shop.id, CUSTOMER, now=NOW)

    assert bought_by(shop.id, CUSTOMER) == []
    assert bought(shop) == [(order.order_id, 10)]


@pytest.mark.django_db(transaction=True)
def test_a_reader_from_before_a_cancellation_does_not_write_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = a_shop()
    order = an_order(shop, [10])
    has_read = Pause()
    monkeypatch.setattr(purchases.transaction, "on_commit", has_read.before(purchases.transaction.on_commit))

    def cancel() -> None:
        Order.objects.for_shop(shop.id).filter(id=order.id).update(cancelled_at=NOW)
        services.extend(shop.id, order.order_id)

    slow = Worker(lambda: services.extend(shop.id, order.order_id))
    with has_read.holding(slow):
        quick = Worker(cancel)
        quick.finish_or_wait()
    quick.finish()

    assert bought(shop) == []
