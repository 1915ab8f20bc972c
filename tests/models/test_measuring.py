from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.recommender.history import History
from models.recommender.measuring import cold_start, time_answers
from models.recommender.splits import Split, divide
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

    cold = cold_start(of_new, of_old, division.train, division.cases, drop_seen=False)

    assert cold == ColdStart(
        items=1,
        customers=2,
        recall_at_10=1.0,
        popularity_recall_at_10=0.0,
        # Two products were never sold: both are among the first ten of the two.
        recall_among_cold_at_10=1.0,
        popularity_recall_among_cold_at_10=1.0,
        chance_among_cold_at_10=1.0,
    )


def test_without_new_products_there_is_nothing_to_say() -> None:
    log = a_log([("ada", 1, [1]), ("ada", 60, [1])], [1])
    division = divide(log, Split(), seed=1)
    model = Fixed(np.ones(1))

    assert cold_start(model, model, division.train, division.cases, drop_seen=False) is None


def test_answers_are_timed_only_where_there_are_enough() -> None:
    log = a_log([(f"customer {n}", day, [1]) for n in range(40) for day in (1, 60)], [1])
    cases = divide(log, Split(), seed=1).cases
    model = Fixed(np.ones(1))

    timed = time_answers(model, cases)

    assert timed is not None
    assert 0 < timed[0] <= timed[1]
    assert time_answers(model, cases[:20]) is None
