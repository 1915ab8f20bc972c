from collections.abc import Sequence

import numpy as np
import pytest

from models.recommender.judging import surfaces
from models.recommender.judging.surfaces import (
    RELATED_SHARES,
    Choice,
    Storefront,
    choose,
    compare,
    repeat_share,
    report,
    usual_choice,
    ways_of,
)
from models.recommender.judging.wording import what_serves
from models.recommender.learning.simple.tuning import DEFAULTS, fit_all
from models.recommender.log.log import Log
from models.recommender.log.surfaces import Surface, SurfaceCase, surface_cases
from models.recommender.serving.fusion import ALONE
from models.recommender.serving.rankers import Model
from tests.models.shops import Basket, a_log

PAIRS = 40  # products n and n + 100 are bought together, each pair as often as any other
HITS = list(range(500, 512))  # what sells most, always alone


def a_shop_of_pairs(*, customers: int = 400) -> Log:
    """Return a shop whose customers come once: for a pair, or for one of twelve hits."""
    chance = np.random.default_rng(5)
    baskets: list[Basket] = []
    for number in range(customers):
        pair = int(chance.integers(PAIRS))
        baskets.append((f"guest:{number}", float(number) / 4, [pair, pair + 100]))
        baskets += [(f"hit:{number}:{hit}", float(number) / 4, [hit]) for hit in HITS]
    return a_log(baskets, [*range(PAIRS), *range(100, 100 + PAIRS), *HITS])


@pytest.fixture(scope="module")
def log() -> Log:
    return a_shop_of_pairs()


@pytest.fixture(scope="module")
def cut(log: Log) -> int:
    return int(np.quantile(log.at, 0.8))


@pytest.fixture(scope="module")
def members(log: Log, cut: int) -> Sequence[Model]:
    return fit_all(log.before(cut), DEFAULTS)[0]


@pytest.fixture(scope="module")
def front(members: Sequence[Model]) -> Storefront:
    return Storefront(members, members[0], None)


def cases_of(surface: Surface, log: Log, cut: int) -> list[SurfaceCase]:
    return surface_cases(surface, log, cut=cut, seed=1)


def test_what_is_bought_together_is_found_where_popularity_finds_nothing(
    log: Log, cut: int, front: Storefront
) -> None:
    cases = cases_of(Surface.PRODUCT_BASKET, log, cut)

    told = report(Surface.PRODUCT_BASKET, front, Choice(), cases, items=log.items, seed=1)

    found = {way.way: way.hit_rate_at_10 for way in told.ways}
    assert (told.orders, told.customers) == (80, 80)
    assert (found["popularity"], found["item_knn"], found["fusion"]) == (0.0, 1.0, 1.0)
    assert [way.way for way in told.ways if way.is_served] == ["fusion"]
    assert told.over_popular is not None
    assert told.over_popular.low == np.inf
    assert told.words == (
        "On product pages: what is bought together, and what suits a customer whom the shop knows. Its first "
        "ten hold what was bought for 100% of 80 newer orders, popular products for 0%."
    )


def test_the_product_of_the_page_and_what_lies_in_the_cart_are_never_recommended(
    log: Log, cut: int, front: Storefront
) -> None:
    for surface in (Surface.PRODUCT_BASKET, Surface.CART):
        cases = cases_of(surface, log, cut)
        seen: list[np.ndarray] = []
        ways = ways_of(surface, front, Choice(cart_share=1.0))
        (ranking,) = compare([ways[0]], cases, items=log.items)

        assert ranking.coverage > 0
        for case in cases:
            for way in ways:
                top = surfaces.best_without(way.scores(case), case.hidden)
                seen.append(np.intersect1d(top, case.hidden))
        assert all(len(shared) == 0 for shared in seen)


def test_a_surface_serves_what_led_on_its_own_orders(log: Log, cut: int, front: Storefront) -> None:
    pages, carts = cases_of(Surface.PRODUCT_BASKET, log, cut), cases_of(Surface.CART, log, cut)

    choice = choose(front, pages, carts, items=log.items)

    assert (choice.page_orders, choice.cart_orders) == (80, 80)
    # Popularity, which serves customers here, says nothing of a cart: what goes with it must speak.
    assert choice.cart_share > 0


def test_too_few_orders_choose_nothing_and_give_no_figure(log: Log, cut: int, front: Storefront) -> None:
    pages = cases_of(Surface.PRODUCT_BASKET, log, cut)[: surfaces.FEWEST_ORDERS - 1]

    told = report(Surface.PRODUCT_BASKET, front, Choice(), pages, items=log.items, seed=1)

    assert choose(front, pages, pages, items=log.items) == Choice()
    assert (told.ways, told.over_popular, told.orders) == ([], None, 49)
    assert told.words.endswith("How good that is could not be measured: 49 orders, 50 are needed.")


@pytest.mark.parametrize(
    ("surface", "share", "words"),
    [
        (
            Surface.PRODUCT_BASKET,
            2.0,
            "what is bought together, and what suits a customer whom the shop knows",
        ),
        (
            Surface.PRODUCT_BASKET,
            0.0,
            "what suits a customer whom the shop knows, for strangers what is bought together",
        ),
        (Surface.PRODUCT_BASKET, ALONE, "what is bought together"),
        (Surface.CART, 0.0, "what suits the customer and the cart"),
        (Surface.CART, 1.0, "what is bought together, and what suits the customer and the cart"),
        (Surface.STRANGER, 2.0, "popular products"),
    ],
)
def test_the_words_are_true_of_strangers_too(surface: Surface, share: float, words: str) -> None:
    assert what_serves(surface, "item_knn", share) == words


def test_a_stranger_is_shown_what_sells(log: Log, cut: int, front: Storefront) -> None:
    cases = cases_of(Surface.STRANGER, log, cut)

    told = report(Surface.STRANGER, front, Choice(), cases, items=log.items, seed=1)

    assert [(way.way, way.is_served) for way in told.ways] == [("popularity", True)]
    assert 0 < told.ways[0].hit_rate_at_10 < 1
    assert told.over_popular is None


# Ada's second order repeats 5 (on two lines, once), her third 5 and 6: three of four later purchases.
REPEATS: list[Basket] = [
    ("ada", 1, [5, 6]),
    ("ada", 2, [5, 5, 7]),
    ("ada", 3, [5, 6]),
    ("bob", 1, [5]),
]


@pytest.mark.parametrize(
    ("baskets", "share"),
    [(REPEATS, 3 / 4), ([("ada", 1, [5]), ("ada", 2, [6])], 0.0), (REPEATS[-1:], 0.0), ([], 0.0)],
)
def test_repeats_are_counted_among_what_was_bought_after_a_first_order(
    baskets: list[Basket], share: float
) -> None:
    assert repeat_share(a_log(baskets, [5, 6, 7])) == share


def test_what_is_usual_follows_from_how_much_is_bought_again() -> None:
    repeats = a_log(REPEATS, [5, 6, 7])
    once = a_log([(f"guest:{day}", day, [5, 6]) for day in range(9)], [5, 6, 7])

    assert usual_choice(repeats, is_personal=True) == Choice(related_share=0.0)
    assert usual_choice(repeats, is_personal=True, drops_seen=True) == Choice()
    assert usual_choice(once, is_personal=True) == Choice()
    # A list that is the same for everybody must leave room for what goes with the page or the cart.
    assert usual_choice(repeats, is_personal=False) == Choice(cart_share=2.0)


def test_what_is_usual_serves_where_orders_are_too_few_or_say_no_more_than_noise(
    log: Log, cut: int, front: Storefront
) -> None:
    pages = cases_of(Surface.PRODUCT_BASKET, log, cut)
    usual = Choice(related_share=RELATED_SHARES[-1], cart_share=4.0)

    assert choose(front, pages[:49], pages[:49], items=log.items, usual=usual) == usual
    # Guests have no list of their own, so every share gives the same answers.
    assert choose(front, pages, [], items=log.items, usual=usual).related_share == usual.related_share


def test_a_lead_that_is_noise_changes_nothing(log: Log, cut: int, members: Sequence[Model]) -> None:
    # Every customer is a guest, so there is no list of theirs that a share could weigh.
    front = Storefront(members, members[0], None)
    pages = cases_of(Surface.PRODUCT_BASKET, log, cut)

    choice = choose(front, pages, [], items=log.items)

    assert choice.related_share == Choice().related_share
    assert choice.related_share != ALONE
