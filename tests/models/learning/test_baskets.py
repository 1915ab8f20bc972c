from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.recommender.api import Event, Past, ReasonKind
from models.recommender.judging.surfaces import BASKET, CUSTOMER, Choice, Storefront, choose, report, ways_of
from models.recommender.learning.baskets import Baskets, learn_baskets
from models.recommender.learning.simple.tuning import DEFAULTS, fit_all
from models.recommender.log.content import ItemFacts
from models.recommender.log.log import Log
from models.recommender.log.splits import FEWEST_TUNING
from models.recommender.log.surfaces import Surface, SurfaceCase, surface_cases
from models.recommender.runs import export
from models.recommender.serving.artifact import load
from models.recommender.serving.blend import Blend
from models.recommender.serving.fusion import ALONE
from models.recommender.serving.newcomers import NewProduct
from models.recommender.serving.rankers import ITEM_KNN, ItemToItem, Model
from models.recommender.serving.scorer import Scorer
from tests.models.shops import Basket, a_log

PAIRS = 30  # products n and n + 100 are in one order
DAY = 86_400_000_000
FACTS = {
    "served": "personal_frequency",
    "related_by": ITEM_KNN,
    "cart_share": ALONE,
    "data_hash": "ab",
    "data_until": "2026-06-01T00:00:00Z",
    "code_revision": "1",
}


def a_shop_of_habits() -> Log:
    """
    Return a shop whose customers come back: each orders two random pairs, and the next day always bread, 200.

    So what a customer buys next is bread, and what goes with a product is its other half.
    """
    chance = np.random.default_rng(5)
    baskets: list[Basket] = []
    for number in range(260):
        day = float(number) / 4
        for visit in range(3):
            first, second = chance.choice(PAIRS, 2, replace=False).tolist()
            pairs = [first, first + 100, second, second + 100]
            baskets.append((f"customer {number}", day + 2 * visit, pairs))
            baskets.append((f"customer {number}", day + 2 * visit + 1, [200]))
    return a_log(baskets, [*range(PAIRS), *range(100, 100 + PAIRS), 200])


@pytest.fixture(scope="module")
def log() -> Log:
    return a_shop_of_habits().sequences


@pytest.fixture(scope="module")
def cut(log: Log) -> int:
    return int(np.quantile(log.at, 0.6))


def cases_of(surface: Surface, log: Log, cut: int) -> list[SurfaceCase]:
    return surface_cases(surface, log, cut=cut, seed=1)


@pytest.fixture(scope="module")
def baskets(log: Log, cut: int) -> Baskets:
    found = taught_by(
        log, cut, [*cases_of(Surface.PRODUCT_BASKET, log, cut), *cases_of(Surface.CART, log, cut)]
    )
    assert found is not None
    return found


def taught_by(log: Log, cut: int, cases: Sequence[SurfaceCase]) -> Baskets | None:
    return learn_baskets(log.before(cut), cases[::2], cases[1::2], moment=cut, seed=7)


@pytest.fixture(scope="module")
def basket(log: Log, cut: int, baskets: Baskets) -> Blend:
    return baskets.over(log.before(cut), moment=cut)


@pytest.fixture(scope="module")
def members(log: Log, cut: int) -> Sequence[Model]:
    return fit_all(log.before(cut), DEFAULTS)[0]


@pytest.fixture(scope="module")
def scorer(
    log: Log, cut: int, members: Sequence[Model], basket: Blend, tmp_path_factory: pytest.TempPathFactory
) -> Scorer:
    table = next(one.table for one in members if isinstance(one, ItemToItem) and one.name == ITEM_KNN)
    folder: Path = tmp_path_factory.mktemp("baskets")
    parts = export.Parts(log.before(cut), members, None, table.without_self(), None, basket=basket)
    export.write(folder, parts, FACTS)
    return load(folder)


def with_another_table(members: Sequence[Model]) -> ItemToItem:
    """Return an item-kNN whose table relates each product to the wrong ones."""
    model = next(one for one in members if isinstance(one, ItemToItem) and one.name == ITEM_KNN)
    table = model.table.without_self()
    return replace(model, table=replace(table, items=np.roll(table.items, 9)))


def number_of(log: Log, *ids: int) -> np.ndarray:
    return np.searchsorted(log.item_ids, ids)


def test_what_goes_into_a_cart_is_the_rest_of_each_pair_not_what_customers_buy_next(
    log: Log, basket: Blend
) -> None:
    found = basket.rest_of(number_of(log, 3, 7))

    assert set(log.item_ids[found[:2]].tolist()) == {103, 107}
    assert not set(found.tolist()) & set(number_of(log, 3, 7).tolist())


def test_a_cart_serves_what_orders_taught_where_that_leads(
    log: Log, cut: int, members: Sequence[Model], basket: Blend
) -> None:
    # The popular list stands for a customer's: it says nothing of a cart.
    front = Storefront(members, members[0], None, basket)
    pages, carts = cases_of(Surface.PRODUCT_BASKET, log, cut), cases_of(Surface.CART, log, cut)
    shuffled = with_another_table(members)
    worse = Storefront([members[0], shuffled], members[0], None, basket)

    choice = choose(worse, [], carts, items=log.items)

    assert (choice.cart_by, choice.related_by) == (BASKET, ITEM_KNN)
    assert choice.cart_share > 0
    told = report(Surface.CART, worse, choice, carts, items=log.items, seed=1)
    share = {way.way: way.hit_rate_at_10 for way in told.ways}
    # Half of a pair that lies in no cart can't be known.
    assert share[BASKET] > 0.8
    assert share[ITEM_KNN] < share[BASKET] - 0.2
    assert told.words.startswith("In the cart: what goes together")
    # Where a table does as well, it stays: a cart then costs no second model.
    assert (
        choose(front, pages, carts, items=log.items).cart_by
        == choose(front, pages, [], items=log.items).related_by
    )


def test_where_the_cart_is_not_asked_its_reader_is_in_no_way(
    log: Log, members: Sequence[Model], basket: Blend
) -> None:
    front = Storefront(members, members[0], None, basket)

    assert BASKET in [
        way.name for way in ways_of(Surface.CART, front, Choice(cart_by=BASKET, cart_share=ALONE))
    ]
    assert BASKET not in [way.name for way in ways_of(Surface.PRODUCT_BASKET, front, Choice(cart_by=BASKET))]
    assert ways_of(Surface.CART, front, Choice(cart_by=ITEM_KNN))[-1].name == CUSTOMER


def test_few_orders_teach_nothing(log: Log, cut: int) -> None:
    few = cases_of(Surface.CART, log, cut)[: 2 * FEWEST_TUNING - 1]

    assert taught_by(log, cut, few) is None


@pytest.mark.parametrize("share", [0.5, ALONE])
def test_an_artifact_serves_the_list_that_was_judged(
    log: Log, cut: int, members: Sequence[Model], basket: Blend, scorer: Scorer, share: float
) -> None:
    served = replace(scorer, version_info=replace(scorer.version_info, cart_share=share))
    way = Storefront(members, served.served_model, None, basket).beside(BASKET, share)

    for case in cases_of(Surface.CART, log, cut)[:20]:
        told = Past(log.item_ids[case.told.items], case.told.at, case.told.events)
        cart = frozenset(log.item_ids[case.cart].tolist())
        answer = served.score(told, exclude=cart, k=10, now=case.history.now)

        best = np.setdiff1d(np.argsort(-way.scores(case), kind="stable")[:14], case.cart)
        assert {one.item for one in answer} <= {*log.item_ids[best].tolist()}
        assert [one.item for one in answer[:2]] == [
            int(log.item_ids[item])
            for item in np.argsort(-way.scores(case), kind="stable").tolist()
            if item not in case.cart
        ][:2]


def test_only_what_was_bought_with_a_product_of_the_cart_is_called_so(log: Log, scorer: Scorer) -> None:
    cart = Past([3], np.array([50 * DAY]), np.array([Event.CART], dtype=np.int8))

    answer = scorer.score(cart, exclude={3}, k=61, now=50 * DAY)

    reasons = {one.item: one.reason for one in answer}
    assert (reasons[103].kind, reasons[103].item) == (ReasonKind.BOUGHT_TOGETHER, 3)
    row = scorer.related_table.row(int(number_of(log, 3)[0]))[0]
    beside = set(log.item_ids[row].tolist())
    called = {item for item, reason in reasons.items() if reason.kind is ReasonKind.BOUGHT_TOGETHER}
    assert called <= beside


def test_a_product_of_this_morning_may_lie_in_a_cart_and_be_put_into_one(log: Log, scorer: Scorer) -> None:
    fresh = NewProduct(999, ItemFacts(title="Bread of today"), created_at=0)

    extended = scorer.with_products([fresh])
    cart = Past([3, 999], np.full(2, 50 * DAY), np.full(2, Event.CART, dtype=np.int8))
    answer = extended.score(cart, exclude={3, 999}, k=5, now=50 * DAY)

    assert answer[0].item == 103
    assert len(answer) == 5
