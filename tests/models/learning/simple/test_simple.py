from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from models.recommender.learning.simple import content_knn, ease, markov
from models.recommender.learning.simple.content_knn import fit_content_knn, likenesses
from models.recommender.learning.simple.item_knn import neighbours
from models.recommender.learning.simple.markov import fit_markov, transitions
from models.recommender.learning.simple.personal_frequency import fit_personal_frequency
from models.recommender.learning.simple.popularity import fit_popularity
from models.recommender.learning.simple.purchases import Bought
from models.recommender.learning.simple.session_knn import fit_session_knn
from models.recommender.learning.simple.tuning import DEFAULTS, FAMILIES, Family, fit_all
from models.recommender.log.content import ItemFacts
from models.recommender.log.history import Event, History
from models.recommender.log.log import Log
from models.recommender.serving.artifact import SIMPLE_MODELS
from models.recommender.serving.rankers import ItemTable, top_k
from tests.models.shops import a_busy_shop, a_log

DAY = 86_400_000_000
NOBODY = History.of([])
# Ada buys 1, 2 and 3 on three days, Bob 1 and 2 on two: five purchases, every number by hand.
FIVE = [("ada", 1, [1]), ("ada", 2, [2]), ("ada", 3, [3]), ("bob", 1, [1]), ("bob", 2, [2])]


def five_purchases() -> Log:
    return a_log(FIVE, [1, 2, 3])


def dense(table: ItemTable) -> np.ndarray:
    matrix = np.zeros((table.rows, table.rows), dtype=np.float32)
    for row in range(table.rows):
        items, values = table.row(row)
        matrix[row, items] = values
    return matrix


def test_popularity_halves_sales_by_their_age_then_counts_all_then_takes_the_newest_product() -> None:
    # So old that nothing is left of 6 and 5 but how often they were sold; 7 sold once, and 3 twice before.
    ages = [("ada", 0, [5, 6]), ("bob", 0, [6]), ("cleo", 1999, [3]), ("dan", 1999, [3]), ("eve", 2000, [7])]
    log = a_log(ages, [3, 4, 5, 6, 7, 8], until="2031-12-01T00:00:00Z")

    one, five = (fit_popularity(log, fresh_days=days).scores_by_item for days in (0.5, 5.0))

    assert log.item_ids[top_k(one, 6)].tolist() == [7, 3, 6, 5, 8, 4]
    assert log.item_ids[top_k(five, 6)].tolist() == [3, 7, 6, 5, 8, 4]
    # Sales by age, and what breaks ties: the place from behind, of six.
    assert one == pytest.approx(np.array([0.5, 0, 0, 0, 1, 0]) + np.array([4, 0, 2, 3, 5, 1]) / 7)


def test_popularity_counts_everything_where_customers_have_no_common_clock() -> None:
    log = replace(five_purchases(), has_clock=False)

    popularity = fit_popularity(log, fresh_days=0.5)

    assert np.floor(popularity.scores_by_item).tolist() == [2, 2, 1]


def test_personal_frequency_adds_popularity_to_what_was_bought() -> None:
    model = fit_personal_frequency(
        five_purchases(), half_life=2.0, half_life_days=None, popularity_weight=0.5, fresh_days=None
    )

    scores = model.scores(History.of([0, 1, 0]))

    # Two sales each and ties by newest creation: 2, 2 and 1, and fractions 2/4, 1/4 and 0 by rank.
    top = 2 + 2 / 4
    assert scores == pytest.approx([1.5 + 0.5 * 2.25 / top, 2**-0.5 + 0.5, 0.5 * 1 / top])


def test_markov_counts_orders_with_decay_and_shrinks_rows() -> None:
    model = fit_markov(five_purchases(), reach=2, decay=0.5, shrink=1.0, fresh_days=None, half_life=20.0)

    # Row of item 1: two direct orders to 2, one at distance two to 3; sum 2.5, plus 1 to shrink.
    assert dense(model.table) == pytest.approx(
        np.array([[0, 2 / 3.5, 0.5 / 3.5], [0, 0, 1 / 2], [0, 0, 0]]), abs=1e-6
    )


def test_markov_takes_an_order_for_one_moment_and_a_later_one_for_a_share() -> None:
    log = a_log([("ada", 1, [1, 2]), ("ada", 2, [3]), ("ada", 3, [1, 4]), ("bob", 1, [1])], [1, 2, 3, 4])

    table = transitions(log, reach=2, decay=0.5, shrink=1.0, fresh_days=None)

    # After 1 and 2 comes 3; a half of that later, in halves, 1 and 4. Nothing follows inside an order.
    first = [0.25 / 2.5, 0, 1 / 2.5, 0.25 / 2.5]
    assert dense(table) == pytest.approx(np.array([first, first, [0.25, 0, 0, 0.25], [0] * 4]), abs=1e-6)


def test_an_old_step_counts_less_than_a_fresh_one() -> None:
    table = transitions(five_purchases(), reach=1, decay=1.0, shrink=1.0, fresh_days=1.0)

    # Both steps to 2 are a day older than the newest purchase, Ada's step to 3.
    assert dense(table) == pytest.approx(np.array([[0, 1 / 2, 0], [0, 0, 1 / 2], [0, 0, 0]]), abs=1e-6)


def test_blocks_of_transitions_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_log(*a_busy_shop(customers=20))
    how = {"reach": 5, "decay": 0.8, "shrink": 10.0, "fresh_days": 30.0}
    whole = transitions(log, **how)

    monkeypatch.setattr(markov, "PAIRS_AT_ONCE", 50)
    parts = transitions(log, **how)

    assert np.array_equal(dense(parts), dense(whole))


def bm25_cosines(bought: np.ndarray) -> np.ndarray:
    """Return BM25 weights and cosines written out densely, item by item."""
    of_row, of_item = bought.sum(1), bought.sum(0)
    rarity = np.log1p((bought.shape[1] - of_row + 0.5) / (of_row + 0.5))
    norm = 1 - 0.75 + 0.75 * of_item / of_item.mean()
    weights = bought * 2.2 / (bought + 1.2 * norm[None, :]) * rarity[:, None]
    unit = weights / np.linalg.norm(weights, axis=0)
    cosines = unit.T @ unit
    np.fill_diagonal(cosines, 0)
    return cosines


@pytest.mark.parametrize(
    ("by_basket", "bought"),
    [
        (False, [[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 0]]),
        (True, [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1], [1, 0, 0, 0]]),
    ],
)
def test_item_knn_matches_bm25_by_hand(by_basket: bool, bought: list[list[int]]) -> None:
    baskets = [("ada", 1, [1, 2]), ("bob", 1, [1, 2]), ("bob", 2, [3]), ("cleo", 1, [3, 4]), ("dan", 1, [1])]
    log = a_log(baskets, [1, 2, 3, 4])

    table = neighbours(log, by_basket=by_basket, fresh_days=None)

    assert dense(table) == pytest.approx(bm25_cosines(np.array(bought, dtype=float)), abs=1e-6)


def test_ease_of_five_purchases_matches_algebra_by_hand() -> None:
    model = ease.fit_ease(
        five_purchases(), regularisation=1.0, by_basket=False, fresh_days=None, half_life=1.0
    )

    # Gram + 1: [[3,2,1],[2,3,1],[1,1,2]], inverse [[5,-3,-1],[-3,5,-1],[-1,-1,5]] / 8.
    weights = np.array([[0, 0.6, 0.2], [0.6, 0, 0.2], [0.2, 0.2, 0]])
    assert dense(model.table) == pytest.approx(weights, abs=1e-6)
    # Item 0 two steps back counts 1/2, item 1 just now 1 (half-life of one step).
    assert model.scores(History.of([0, 1])) == pytest.approx([0.6, 0.3, 0.3], abs=1e-6)


def test_ease_in_blocks_equals_the_dense_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_log(*a_busy_shop(customers=60))
    bought = np.zeros((log.users, log.items))
    np.add.at(bought, (log.user, log.item), 1)
    inverse = np.linalg.inv(bought.T @ bought + 30 * np.eye(log.items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)

    monkeypatch.setattr(ease, "WEIGHT_ROWS", 7)
    model = ease.fit_ease(log, regularisation=30.0, by_basket=False, fresh_days=None, half_life=20.0)

    assert dense(model.table) == pytest.approx(np.maximum(weights, 0), abs=1e-4)


def test_ease_keeps_to_the_most_sold_items() -> None:
    model = ease.fit_ease(
        five_purchases(), regularisation=1.0, by_basket=False, fresh_days=None, half_life=1.0, most_items=2
    )

    assert dense(model.table) == pytest.approx(np.array([[0, 2 / 3, 0], [2 / 3, 0, 0], [0, 0, 0]]), abs=1e-6)


def test_session_neighbours_vote_with_their_likeness() -> None:
    model = fit_session_knn(five_purchases(), by_basket=True, fresh_days=None, half_life=20.0)

    scores = model.scores(History.of([0]))

    # One item a basket, so sessions are the customers: Bob (1, 2), then Ada (1, 2, 3). Items 1 and 2
    # are in both, 3 in one; a match counts the square of its rarity by the session's own squares.
    common, rare = np.log(1 + 2 / 3), np.log(1 + 2 / 2)
    ada = 2 * common**2 / (2 * common**2 + rare**2)
    assert scores == pytest.approx([(1 + ada) * common**0.5] * 2 + [ada * rare**0.5], abs=1e-6)


def test_a_session_counts_by_its_age_and_by_what_is_near() -> None:
    model = fit_session_knn(
        five_purchases(), by_basket=False, fresh_days=1.0, half_life=20.0, near_steps=1.0, near_before=0.5
    )

    scores = model.scores(History.of([1]))

    # Bob's session is a day older, so half; item 1 stands one step before 2, item 3 one step after.
    common, rare = np.log(1 + 2 / 3), np.log(1 + 2 / 2)
    bob = (2 * common**2 + rare**2) / (2 * common**2) / 2
    ada, bob = 1 / max(bob, 1), bob / max(bob, 1)
    before, met, after = 0.25 * (ada + bob), 0.5 * (ada + bob), 0.5 * ada
    assert scores == pytest.approx([before * common**0.5, met * common**0.5, after * rare**0.5], abs=1e-6)


def test_what_is_near_in_a_session_is_counted_in_orders() -> None:
    log = a_log([("ada", 1, [1, 2]), ("ada", 2, [3, 4]), ("ada", 3, [5])], [1, 2, 3, 4, 5])

    model = fit_session_knn(
        log, by_basket=False, fresh_days=None, half_life=20.0, near_steps=1.0, near_before=0.5
    )

    votes = model.scores(History.of([2])) / np.sqrt(np.log1p(1 / 2))
    assert votes == pytest.approx([0.25, 0.25, 0.5, 0.5, 0.5], abs=1e-6)


def test_a_long_basket_is_no_more_its_highest_numbers_than_its_lowest() -> None:
    log = a_log([("ada", 1, list(range(300)))], list(range(300)))

    model = fit_session_knn(log, by_basket=True, fresh_days=None, half_life=20.0)

    assert model.items.tolist() == list(range(1, 300, 3))


def test_content_reaches_a_product_that_was_never_sold() -> None:
    facts = tuple(ItemFacts(title) for title in ("Red mug", "Blue cup", "Red mug", "Red lamp"))
    log = replace(a_log([("ada", 1, [1]), ("bob", 1, [2])], [1, 2, 3, 4]), facts=facts)

    model = fit_content_knn(log, half_life=20.0)

    # Known tokens: "red" in three titles, "mug" and "red mug" in two.
    red, mug = np.log(5 / 4) + 1, np.log(5 / 3) + 1
    lamp = red / np.sqrt(red**2 + 2 * mug**2)
    assert dense(model.table)[0] == pytest.approx([0, 0, 1, lamp], abs=1e-6)
    assert top_k(model.scores(History.of([0])), 2).tolist() == [2, 3]


def test_a_word_of_most_products_is_left_out_where_comparing_by_it_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = tuple(ItemFacts(title) for title in ("Red mug", "Red cup", "Red mug", "Red lamp"))
    log = replace(a_log([("ada", 1, [1])], [1, 2, 3, 4]), facts=facts)

    # "mug" and "red mug" cost 2 * 2 multiplications each, "red" 4 * 4 more.
    monkeypatch.setattr(content_knn, "MOST_PRODUCTS", 8)
    table = likenesses(log)

    assert dense(table) == pytest.approx(np.eye(4)[[2, 1, 0, 3]] * [[1], [0], [1], [0]], abs=1e-6)


def test_content_says_nothing_without_side_information() -> None:
    log = replace(five_purchases(), facts=())

    model = fit_content_knn(log, half_life=20.0)

    assert len(model.table.values) == 0
    assert np.isfinite(model.scores(History.of([0]))).all()


def test_only_the_newest_purchases_of_a_giant_customer_count() -> None:
    giant = [("giant", float(day), [1 + day % 3]) for day in range(600)]
    log = a_log([*giant, ("ada", 1, [4])], [1, 2, 3, 4])

    bought = Bought.of(log)

    assert np.bincount(bought.user).tolist() == [1, 500]
    assert bought.at[1] == log.at[101]  # row 0 is Ada's; the giant's first hundred are gone


def test_only_the_newest_purchases_of_a_giant_shop_teach() -> None:
    bought = Bought.of(five_purchases(), most=3)

    # Ada's second and third day and Bob's second: the first day is the oldest.
    assert list(zip(bought.user.tolist(), bought.item.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 1)]


def test_views_and_carts_teach_nothing() -> None:
    log = five_purchases()
    looked = replace(log, event=np.array([Event.VIEW, *[Event.PURCHASE] * 4], dtype=np.int8))

    assert len(Bought.of(looked)) == 4
    assert np.floor(fit_popularity(looked, fresh_days=None).scores_by_item).tolist() == [1, 2, 1]


SHOPS: Mapping[str, Log] = {
    "busy": a_log(*a_busy_shop(customers=40)),
    "no purchases": a_log([], [1, 2]),
    "nothing at all": a_log([], []),
    "one item": a_log([("ada", 1, [1]), ("bob", 2, [1])], [1]),
    "one purchase": a_log([("ada", 1, [1])], [1, 2]),
    "one customer": a_log([("ada", day, [1 + day % 3, 5]) for day in range(9)], [1, 2, 3, 5]),
    "one moment": a_log([("ada", 1, [1, 2]), ("bob", 1, [2, 3]), ("cleo", 1, [1, 3])], [1, 2, 3]),
    "no clock": replace(a_log(*a_busy_shop(customers=10)), has_clock=False),
}
HISTORIES: Mapping[str, Any] = {
    "nobody": lambda items: NOBODY,
    "one purchase": lambda items: History.of([0]),
    "purchases with moments": lambda items: History.of(
        np.arange(30) % items, at=np.arange(30) * DAY, now=40 * DAY
    ),
    "looks and carts": lambda items: History.of([0, 0], at=[0, 0], events=[Event.VIEW, Event.CART], now=DAY),
    "from long ago": lambda items: History.of([0], at=[-(10**18)], now=10**18),
}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize("shop", SHOPS)
def test_every_family_scores_every_shop_and_survives_storage(family: Family, shop: str) -> None:
    log = SHOPS[shop]
    model = family.fit(log, **family.defaults)
    restored = SIMPLE_MODELS[model.name].restore(model.arrays(), model.settings())

    for name, history_of in HISTORIES.items():
        if not log.items and name != "nobody":
            continue
        history = history_of(log.items)
        scores = model.scores(history)
        assert scores.shape == (log.items,), name
        assert np.isfinite(scores).all(), name
        assert np.array_equal(restored.scores(history), scores), name


def test_all_families_are_fitted_the_plainest_first() -> None:
    models, seconds = fit_all(SHOPS["busy"], DEFAULTS)

    assert [model.name for model in models] == [family.name for family in FAMILIES] == list(seconds)


@pytest.mark.parametrize("family", FAMILIES[1:], ids=lambda family: family.name)
def test_what_lies_longer_back_counts_less(family: Family) -> None:
    log = SHOPS["busy"]
    model = family.fit(log, **{**family.defaults, "half_life": 2.0})
    of_one = model.scores(History.of([0])) - model.scores(NOBODY)
    loudest = int(np.argmax(of_one))

    heard = [
        model.decay.by_item(History.of([0, *range(1, 1 + later)]))[1][0]  # type: ignore[attr-defined]
        for later in range(5)
    ]

    assert of_one[loudest] > 0
    assert heard == pytest.approx([2 ** (-later / 2) for later in range(5)])
    assert all(older < newer for newer, older in pairwise(heard))
