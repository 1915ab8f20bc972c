from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.recommender.judging.cold_start import cold_start
from models.recommender.log.history import History
from models.recommender.log.log import NEVER
from models.recommender.log.splits import Split, divide
from models.recommender.values import ColdStart
from tests.models.shops import a_log


@dataclass(frozen=True)
class Fixed:
    """A model that always says the same."""

    said: NDArray[np.float64]
    name: str = "fixed"

    def scores(self, history: History) -> NDArray[np.float64]:
        return self.said


def a_shop_with_new_products() -> list[tuple[str, float, list[int]]]:
    """Ada and Bob buy product 20 in the newest days; nobody had before. Bob buys product 1 again too."""
    old = [("ada", 1, list(range(1, 13))), ("bob", 2, [1, 2])]
    return [*old, ("ada", 60, [20]), ("bob", 61, [1, 20])]


def test_cold_items_are_found_by_who_ranks_them_high() -> None:
    log = a_log(a_shop_with_new_products(), [*range(1, 13), 20, 21])
    division = divide(log, Split(), seed=1)
    of_new = Fixed(np.arange(14.0))
    of_old = Fixed(-np.arange(14.0))

    cold = cold_start(of_new, of_old, division.train, division.cases, moment=division.moment, drop_seen=False)

    assert cold == ColdStart(
        items=1,
        customers=2,
        recall_at_10=1.0,
        popularity_recall_at_10=0.0,
        # Two products were never sold: both are among the first ten of the two.
        recall_among_cold_at_10=1.0,
        # Its ten hold new products by themselves; popularity's get either of the two by chance.
        recall_with_place_at_10=1.0,
        chance_with_place_at_10=0.5,
        place_ndcg_change=0.0,
        place_ndcg_low=0.0,
        place_ndcg_high=0.0,
        is_simulated=False,
    )


def test_the_place_of_an_arrival_finds_what_it_shows_and_costs_what_it_takes() -> None:
    """Ada buys the one new product, Bob and Cyd what stood at the tenth place; Dan what stays first."""
    old = [("ada", 1, list(range(1, 13))), *((user, 2, [1]) for user in ("bob", "cyd", "dan"))]
    new = [("ada", 60, [20]), ("bob", 60, [10]), ("cyd", 60, [10]), ("dan", 60, [1])]
    log = a_log([*old, *new], [*range(1, 13), 20])
    division = divide(log, Split(), seed=1)
    of_old = Fixed(-np.arange(13.0))

    cold = cold_start(of_old, of_old, division.train, division.cases, moment=division.moment, drop_seen=False)

    assert cold is not None
    assert (cold.recall_at_10, cold.recall_with_place_at_10, cold.chance_with_place_at_10) == (0.0, 1.0, 1.0)
    tenth = 1 / np.log2(11)
    assert cold.place_ndcg_change == pytest.approx((1 + tenth) / (1 + 2 * tenth) - 1)
    assert cold.place_ndcg_low <= cold.place_ndcg_change <= cold.place_ndcg_high


def test_without_new_products_there_is_nothing_to_say() -> None:
    log = a_log([("ada", 1, [1]), ("ada", 60, [1])], [1])
    division = divide(log, Split(), seed=1)
    model = Fixed(np.ones(1))

    cold = cold_start(model, model, division.train, division.cases, moment=division.moment, drop_seen=False)

    assert cold is None


def test_a_product_that_came_after_the_cut_is_not_asked_about() -> None:
    log = a_log(a_shop_with_new_products(), [*range(1, 13), 20, 21])
    division = divide(log, Split(), seed=1)
    # Only product 21, which nobody buys, was there before the customers came back.
    created_at = division.train.created_at.copy()
    created_at[12] = division.moment
    known = replace(division.train, created_at=created_at)
    model = Fixed(np.arange(14.0))

    assert cold_start(model, model, known, division.cases, moment=division.moment, drop_seen=False) is None


@pytest.mark.parametrize(("case", "created_at"), [("nobody wrote it down", NEVER), ("its first sale", 2**62)])
def test_without_dates_of_its_own_a_catalogue_is_simulated(case: str, created_at: int) -> None:
    log = a_log(a_shop_with_new_products(), [*range(1, 13), 20])
    division = divide(log, Split(), seed=1)
    known = replace(division.train, created_at=np.full(13, created_at))
    model = Fixed(np.arange(13.0))

    cold = cold_start(model, model, known, division.cases, moment=division.moment, drop_seen=False)

    assert cold is not None, case
    assert (cold.items, cold.is_simulated) == (1, True), case
