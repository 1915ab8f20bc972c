import numpy as np
import pytest

from models.recommender.judging.slices import popularity_bias, slices
from models.recommender.log.history import History
from models.recommender.log.splits import Case
from models.recommender.metrics.ranking import Ranking, judge
from models.recommender.values import PopularityBias
from tests.models.shops import a_log


def a_case(orders: int, bought: int = 0) -> Case:
    """Return a customer with so many orders of two products, each at a moment of its own."""
    items = np.array([0, 1] * orders)
    history = History.of(items, at=np.repeat(np.arange(orders), 2))
    return Case(history, np.array([bought]), np.unique(items))


def a_ranking(ndcg: list[float]) -> Ranking:
    row = np.array(ndcg)
    return Ranking(row, row, row, row, 1.0)


def test_customers_are_told_apart_by_their_orders_before_the_cut() -> None:
    cases = [a_case(orders) for orders in [1] * 20 + [2] * 15 + [4] * 15 + [5] * 19 + [9]]

    found = slices(a_ranking([0.1] * 20 + [0.2] * 15 + [0.4] * 15 + [0.5] * 20), cases, seed=1)

    assert [(one.name, one.customers) for one in found] == [
        ("bought once before", 20),
        ("2 to 4 orders before", 30),
        ("5 orders or more", 20),
    ]
    assert [one.ndcg_at_10 for one in found] == pytest.approx([0.1, 0.3, 0.5])
    assert found[1].ndcg_low < 0.3 < found[1].ndcg_high


def test_a_slice_of_a_handful_says_nothing() -> None:
    assert slices(a_ranking([0.1] * 19), [a_case(1)] * 19, seed=1) == []


def test_popularity_is_the_mean_percentile_of_a_customer_s_products() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 2, [5]), ("bob", 3, [5, 6])], [5, 6, 7, 8])
    cases = [a_case(1, bought=1), a_case(1, bought=2)]
    ranking = judge([np.array([0]), np.array([0, 1])], cases, items=4)

    found = popularity_bias(ranking, cases, log)

    assert found == PopularityBias(
        shown=pytest.approx((1.0 + 0.875) / 2), bought=pytest.approx((0.75 + 0.375) / 2)
    )
    assert popularity_bias(judge([], [], items=4), [], log) is None
