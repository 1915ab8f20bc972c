"""A product that arrived after the model was trained: known within a minute, on real PostgreSQL."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backend.catalog.models import Product
from backend.core import clock
from backend.rollouts import queries as rollouts
from backend.serving import gateway, views
from backend.serving import queries as serving
from backend.shops import services as shops
from backend.shops.models import Shop
from tests.backend.history import NOW, a_product
from tests.backend.serving.storefront import GRANTED, ask, recorded, shown

# Outside a test's transaction: what is new is looked for on another connection.
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server"),
]

NEW = 900


@pytest.fixture(autouse=True)
def _no_thread_outlives_its_test(monkeypatch: pytest.MonkeyPatch, _own_desk: None) -> Iterator[None]:
    """A thread that still holds a connection would keep the test's database from being emptied."""
    monkeypatch.setattr(serving, "FRESH_SECONDS", serving.USABLE_SECONDS)
    yield
    views.desk.models._loaders.shutdown(wait=True)


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for new products at each question instead of once a minute."""
    monkeypatch.setattr(gateway, "NEW_PRODUCTS_SECONDS", 0.0)


def arrive(shop: Shop) -> None:
    a_product(shop, NEW, title="Product 900", created_at=clock.now(), published_at=clock.now())
    serving.forget_cached()


def by_the_model(response: Any) -> dict[int, str]:
    """Return what a JSON answer says of each of its products."""
    return {item["product_id"]: item["why"] for item in response.json()["items"]}


def eventually(is_so: Callable[[], bool], *, seconds: float = 60.0) -> bool:
    ends = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > ends:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.usefixtures("_at_once")
def test_the_page_of_a_new_product_gets_products_like_it(shop: Shop, live: Any) -> None:
    arrive(shop)

    def why() -> set[str]:
        return set(by_the_model(ask(surface="product", product=NEW, limit=4)).values())

    assert eventually(lambda: why() == {"Similar to Product 900"}), why()


@pytest.mark.usefixtures("_at_once")
def test_the_model_ranks_a_new_product_for_a_visitor_among_all_others(shop: Shop, live: Any) -> None:
    arrive(shop)

    def score() -> float | None:
        ask(surface="home", consent=GRANTED, recent="110", limit=24)
        newest = recorded(shop.id)[-1]
        return next((item.score for item in newest.items if item.product_id == NEW), None)

    # Few others are left, so that everything the model ranks is shown.
    Product.objects.for_shop(shop.id).filter(product_id__lt=125).exclude(product_id=110).update(
        available=False
    )
    serving.forget_cached()
    assert eventually(lambda: score() is not None)


HOME = {"surface": "home", "consent": GRANTED, "recent": "110", "limit": 6}


def wait_for_the_place() -> None:
    assert eventually(lambda: shown(ask(**HOME))[-1:] == [NEW])


@pytest.mark.usefixtures("_at_once")
def test_a_new_product_gets_the_last_place_of_a_visitors_list_and_it_is_on_record(
    shop: Shop, live: Any
) -> None:
    before = shown(ask(**HOME))
    arrive(shop)
    wait_for_the_place()

    answer = ask(**HOME)

    assert shown(answer) == [*before[:5], NEW]
    assert (answer.json()["version"], answer.json()["fallback"]) == (1, None)
    decision = recorded(shop.id)[-1]
    placed = decision.items[-1]
    assert str(decision.id) == answer.json()["decision"]
    assert (placed.product_id, placed.position) == (NEW, 6)
    assert placed.why == "New arrival in Candles"
    assert not any("New arrival" in item.why for item in decision.items[:-1])


@pytest.mark.usefixtures("_at_once")
def test_a_new_product_is_placed_by_what_the_visitor_met(shop: Shop, live: Any) -> None:
    Product.objects.for_shop(shop.id).filter(product_id=110).update(product_type="Lamps")
    for product_id, product_type in ((NEW, "Lamps"), (901, "Candles")):
        born = clock.now()
        a_product(shop, product_id, product_type=product_type, created_at=born, published_at=born)
    serving.forget_cached()

    # What the version was taught of product 110 is that it is a candle.
    assert eventually(lambda: shown(ask(**HOME))[-1:] == [901])
    assert by_the_model(ask(**HOME))[901].startswith("New arrival in Candles")


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(
    ("case", "asked"),
    [
        ("the page of a product", {"surface": "product", "product": 110}),
        ("a visitor of whom nothing is known", {"recent": ""}),
        ("a list too short to spare a place", {"limit": 3}),
        ("in the cart already", {"cart": str(NEW)}),
        ("looked at already", {"recent": f"{NEW},110"}),
    ],
)
def test_no_place_is_kept_where_it_would_be_out_of_place(
    shop: Shop, live: Any, case: str, asked: dict[str, Any]
) -> None:
    arrive(shop)
    wait_for_the_place()

    answer = ask(**HOME | asked)

    assert NEW not in shown(answer), case
    assert len(shown(answer)) == (HOME | asked)["limit"], case


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize("changes", [{"available": False}, {"published_at": None}, {"status": "DRAFT"}])
def test_a_new_product_that_nobody_may_see_gets_no_place(
    shop: Shop, live: Any, changes: dict[str, Any]
) -> None:
    before = shown(ask(**HOME))
    arrive(shop)
    wait_for_the_place()

    Product.objects.for_shop(shop.id).filter(product_id=NEW).update(**changes)
    serving.forget_cached()

    assert shown(ask(**HOME)) == before


@pytest.mark.usefixtures("_at_once")
def test_a_merchant_who_does_not_want_it_gets_every_place_as_ranked(shop: Shop, live: Any) -> None:
    before = shown(ask(**HOME))
    arrive(shop)
    wait_for_the_place()

    shops.show_new_products(shop.id, is_on=False, now=NOW, actor="user 1")

    assert shown(ask(**HOME)) == before


def test_a_version_in_memory_looks_for_new_products_once_in_a_while_only(shop: Shop, live: Any) -> None:
    ask(surface="home")
    [arm] = rollouts.live_arms(shop.id).arms
    known = views.desk.models.get(arm)
    arrive(shop)

    ask(surface="home")

    assert views.desk.models.get(arm) is known


def test_a_version_that_cannot_ask_for_new_products_answers_all_the_same(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("The database is down.")

    monkeypatch.setattr(gateway, "NEW_PRODUCTS_SECONDS", 0.0)
    monkeypatch.setattr(views.desk.models, "find_new", fail)

    answers = [ask(surface="home", limit=4).json()["items"] for _ in range(3)]

    assert all(len(items) == 4 for items in answers)
