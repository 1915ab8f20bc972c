from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.serving.rules import (
    FEWEST_PLACES,
    explain,
    fill,
    percentile,
    with_arrival,
)
from backend.serving.values import Bought, Filled, Preference, Ranked, Why
from models.recommender.api import ReasonKind
from models.recommender.serving import arrivals
from tests.backend.history import NOW

ids = st.integers(1, 30)
lists = st.lists(ids, max_size=20)


def ranked(products: list[int], *, score: float | None = 0.5) -> list[Ranked]:
    return [Ranked(product, score, "") for product in products]


@given(
    model=lists, popular=lists, available=st.sets(ids), exclude=st.sets(ids, max_size=5), k=st.integers(1, 12)
)
def test_a_carousel_is_full_or_shows_all_that_may_be_shown(
    model: list[int], popular: list[int], available: set[int], exclude: set[int], k: int
) -> None:
    filled = fill(
        ranked(model),
        [ranked(popular, score=None), ranked(sorted(available), score=None)],
        k=k,
        available=available,
        exclude=exclude,
    )

    products = [item.product_id for item in filled.items]
    allowed = available - exclude
    assert len(products) == min(k, len(allowed))
    assert len(set(products)) == len(products)
    assert set(products) <= allowed
    assert [item.position for item in filled.items] == list(range(1, len(products) + 1))


@given(model=lists, available=st.sets(ids), k=st.integers(1, 12))
def test_the_models_order_is_kept(model: list[int], available: set[int], k: int) -> None:
    filled = fill(ranked(model), [], k=k, available=available, exclude=set())

    usable = [product for product in dict.fromkeys(model) if product in available]
    assert [item.product_id for item in filled.items] == usable[:k]


@pytest.mark.parametrize(
    ("model", "reason", "fallback"),
    [([1, 2, 3], "", ""), ([1], "", "model_short"), ([], "", "model_empty"), ([], "late", "late")],
)
def test_a_filled_place_is_told(model: list[int], reason: str, fallback: str) -> None:
    filled = fill(
        ranked(model),
        [ranked([4, 5, 6], score=None)],
        k=3,
        available=set(range(9)),
        exclude=set(),
        reason=reason,
    )

    assert filled.fallback == fallback


def test_no_fallback_is_read_before_it_is_needed() -> None:
    def never():
        raise AssertionError("The model filled every place.")
        yield []

    assert len(fill(ranked([1, 2]), never(), k=2, available={1, 2}, exclude=set()).items) == 2


def test_nothing_to_show_is_told() -> None:
    assert fill([], [], k=3, available=set(), exclude=set()).fallback == "nothing_to_show"


def a_list(product_ids: list[int], *, fallback: str = "") -> Filled:
    filled = fill(ranked(product_ids), [], k=len(product_ids), available=set(product_ids), exclude=set())
    return Filled(filled.items, fallback)


ARRIVAL = Preference(900, 0.25, Why.NEW_ARRIVAL, cause=None)


def test_a_new_product_gets_the_last_place_of_a_list() -> None:
    placed = with_arrival(a_list([1, 2, 3, 4], fallback="model_short"), ARRIVAL, new={900, 901})

    assert [item.product_id for item in placed.items] == [1, 2, 3, 900]
    assert (placed.items[3].position, placed.items[3].score) == (4, 0.25)
    assert placed.fallback == "model_short"


@pytest.mark.parametrize(
    ("case", "product_ids"),
    [
        ("a new one won a place by itself", [1, 901, 3, 4]),
        ("it is there already", [1, 2, 3, 4, 900]),
        ("no place to spare", [1, 2, 3]),
        ("nothing at all", []),
    ],
)
def test_a_list_keeps_what_it_has(case: str, product_ids: list[int]) -> None:
    filled = a_list(product_ids)

    assert with_arrival(filled, ARRIVAL, new={900, 901}) is filled, case


def test_a_place_is_kept_where_training_measured_it() -> None:
    assert FEWEST_PLACES == arrivals.FEWEST_PLACES


MAY = datetime(2026, 5, 4, tzinfo=UTC)
LAST_YEAR = datetime(2025, 11, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("why", "title", "bought", "product_type", "words"),
    [
        (Why.BOUGHT_BEFORE, None, Bought(1, MAY), "", "You bought this in May"),
        (Why.BOUGHT_BEFORE, None, Bought(3, MAY), "", "You bought this 3 times, last in May"),
        (Why.BOUGHT_BEFORE, None, Bought(2, LAST_YEAR), "", "You bought this 2 times, last in November 2025"),
        (Why.BOUGHT_BEFORE, None, None, "", "You looked at this lately"),
        (Why.OFTEN_BOUGHT_AFTER, "Candle", None, "", "Often bought after Candle"),
        (Why.OFTEN_BOUGHT_AFTER, None, None, "", "Chosen for you"),
        (Why.BOUGHT_TOGETHER, "Candle", None, "", "Often bought together with Candle"),
        (Why.BOUGHT_TOGETHER, None, None, "", "Often bought together"),
        (Why.SIMILAR_TO, "Candle", None, "Gifts", "Similar to Candle"),
        (Why.SIMILAR_TO, None, None, "Gifts", "Chosen for you"),
        (Why.NEW_SIMILAR_TO, "Candle", None, "Gifts", "New in Gifts, similar to Candle"),
        (Why.NEW_SIMILAR_TO, "Candle", None, "", "New in this shop, similar to Candle"),
        (Why.NEW_SIMILAR_TO, None, None, "Gifts", "New in Gifts"),
        (Why.NEW_ARRIVAL, "Candle", None, "Gifts", "New arrival in Gifts, similar to Candle"),
        (Why.NEW_ARRIVAL, "Candle", None, "", "New arrival, similar to Candle"),
        (Why.NEW_ARRIVAL, None, None, "Gifts", "New arrival in Gifts"),
        (Why.NEW_ARRIVAL, None, None, "", "New arrival"),
        (Why.POPULAR, None, None, "", "Popular in this shop right now"),
        (Why.NEWEST, None, None, "", "New in this shop"),
        (Why.FOR_YOU, None, None, "", "Chosen for you"),
    ],
)
def test_explain(why: Why, title: str | None, bought: Bought | None, product_type: str, words: str) -> None:
    assert explain(why, title=title, bought=bought, product_type=product_type, now=NOW) == words


def test_every_reason_of_a_model_has_words() -> None:
    assert {why.value for why in Why} == {kind.value for kind in ReasonKind}


@pytest.mark.parametrize(
    ("values", "share", "expected"), [([], 0.5, None), ([7.0], 0.99, 7.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0)]
)
def test_percentile(values: list[float], share: float, expected: float | None) -> None:
    assert percentile(values, share) == expected
