from dataclasses import replace

import pandas as pd
import pytest

from models.recommender.log.log import Log
from models.recommender.log.surfaces import Surface, SurfaceCase, surface_cases
from tests.models.shops import OPENED, a_log, catalogue_of, log_of_frames, purchases_of

ITEMS = [5, 6, 7, 8, 9]  # numbered 0 to 4


def at_day(day: float) -> int:
    return int((OPENED + pd.Timedelta(days=day)).value // 1000)


def asked(
    surface: Surface, log: Log, *, day: float = 8, seed: int = 1, **settings: object
) -> list[SurfaceCase]:
    return surface_cases(surface, log, cut=at_day(day), seed=seed, **settings)  # type: ignore[arg-type]


@pytest.fixture
def log() -> Log:
    return a_log(
        [
            ("ada", 1, [5, 6]),
            ("ada", 9, [6, 7, 8]),
            ("ada", 10, [9, 5]),
            ("guest:1", 9.5, [5, 7]),
            ("guest:2", 2, [5, 9]),
            ("guest:3", 11, [8]),
        ],
        ITEMS,
    )


def test_each_order_after_the_cut_is_asked_once_with_one_product_and_what_was_before_it(log: Log) -> None:
    cases = asked(Surface.PRODUCT_BASKET, log)

    ada, ada_later, guest = cases
    assert [case.history.items.tolist() for case in cases] == [[0, 1], [0, 1, 1, 2, 3], []]
    assert [sorted([case.page, *case.bought]) for case in cases] == [[1, 2, 3], [0, 4], [0, 2]]
    assert [case.history.now for case in cases] == [at_day(9), at_day(10), at_day(9.5)]
    assert ada.user == ada_later.user != guest.user


def test_a_later_order_and_one_of_the_same_moment_are_not_known() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 9, [6, 7]), ("ada", 9, [8, 9]), ("ada", 12, [5, 9])], ITEMS)

    cases = asked(Surface.PRODUCT_BASKET, log)

    assert [case.history.items.tolist() for case in cases] == [[0], [0], [0, 1, 2, 3, 4]]
    assert all((case.history.at < case.history.now).all() for case in cases)


def test_an_order_that_began_before_the_cut_is_learned_from_and_not_asked() -> None:
    purchases = purchases_of([("ada", 7.9, [5, 6]), ("ada", 9, [7, 8])])
    purchases["basket"] = 1
    log = log_of_frames(purchases, catalogue_of(ITEMS))

    assert asked(Surface.CART, log) == []


def test_a_cart_holds_part_of_an_order_and_asks_for_the_rest(log: Log) -> None:
    cases = [
        case for seed in range(20) for case in asked(Surface.CART, log, seed=seed) if len(case.history) == 2
    ]

    for case in cases:
        assert sorted([*case.cart, *case.bought]) == [1, 2, 3]
        assert case.hidden.tolist() == case.cart.tolist()
    assert {len(case.cart) for case in cases} == {1, 2}


def test_who_has_a_history_is_asked_at_home_and_who_has_none_as_a_stranger(log: Log) -> None:
    home, strangers = asked(Surface.HOME, log), asked(Surface.STRANGER, log)

    assert [case.bought.tolist() for case in home] == [[1, 2, 3], [0, 4]]
    assert [case.bought.tolist() for case in strangers] == [[0, 2], [3]]
    assert [len(case.history) for case in strangers] == [0, 0]


def test_where_repeats_are_dropped_what_was_bought_before_is_not_asked_for(log: Log) -> None:
    cases = asked(Surface.HOME, log, drops_seen=True)

    # Ada's second order repeats an item; her third repeats another.
    assert [case.bought.tolist() for case in cases] == [[2, 3], [4]]


def test_orders_beyond_the_most_are_drawn_by_seed(log: Log) -> None:
    drawn = [asked(Surface.HOME, log, seed=seed, most=1) for seed in range(20)]

    assert {len(cases) for cases in drawn} == {1}
    assert {case.history.now for cases in drawn for case in cases} == {at_day(9), at_day(10)}
    again = asked(Surface.HOME, log, seed=3, most=1)
    assert again[0].history.now == drawn[3][0].history.now


def test_without_a_common_clock_the_last_order_of_who_had_one_before_is_asked(log: Log) -> None:
    cases = asked(Surface.CART, replace(log, has_clock=False), day=1000)

    assert [(case.history.now, sorted([*case.cart, *case.bought])) for case in cases] == [
        (at_day(10), [0, 4])
    ]


def test_without_a_common_clock_an_order_of_two_moments_is_not_asked() -> None:
    """Only its newest moment was held out: of the older one a model may have learned."""
    purchases = purchases_of([("ada", 1, [5]), ("ada", 9, [6, 7]), ("ada", 10, [8])])
    purchases.loc[purchases["basket"] == 1003, "basket"] = 1002
    log = log_of_frames(purchases, catalogue_of(ITEMS))

    assert asked(Surface.HOME, replace(log, has_clock=False)) == []


def a_log_with_views() -> Log:
    steps = purchases_of(
        [
            ("ada", 1, [5]),  # bought
            ("ada", 3, [9]),  # looked at, days before
            ("ada", 8.99, [6]),  # looked at in the visit of the order
            ("ada", 8.995, [7]),  # laid into the cart in the same visit
            ("ada", 9, [6, 7]),  # bought
        ]
    )
    steps["event"] = ["purchase", "view", "view", "cart", "purchase", "purchase"]
    return log_of_frames(steps, catalogue_of(ITEMS))


def test_what_the_customer_did_in_the_visit_of_the_order_is_not_known() -> None:
    (case,) = asked(Surface.HOME, a_log_with_views())

    assert case.history.items.tolist() == [0, 4]


def test_a_view_asks_for_the_next_order_without_the_product_itself() -> None:
    cases = [asked(Surface.PRODUCT_VIEW, a_log_with_views(), seed=seed)[0] for seed in range(10)]

    told = {(case.page, *case.history.items.tolist(), "asks", *case.bought.tolist()) for case in cases}
    # The view of the former visit knows the purchase alone; the later one knows that view too.
    assert told == {(4, 0, "asks", 1, 2), (1, 0, 4, "asks", 2)}
    assert all(case.history.now - case.history.at[-1] > 0 for case in cases)


def test_a_log_without_views_has_no_cases_of_them(log: Log) -> None:
    assert asked(Surface.PRODUCT_VIEW, log) == []


def test_a_log_without_orders_asks_nothing() -> None:
    empty = a_log([], ITEMS)

    assert [asked(surface, empty) for surface in Surface] == [[], [], [], [], []]
