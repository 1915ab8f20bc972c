import numpy as np
import pytest

from models.recommender.log import splits
from models.recommender.log.arrays import DAY_US
from models.recommender.log.history import History
from models.recommender.log.splits import Case
from models.recommender.metrics.ranking import judge, rank, top_of
from tests.models.shops import a_log

NOTHING = History.of([])


def a_case(bought: list[int]) -> Case:
    return Case(history=NOTHING, bought=np.array(bought), seen=np.zeros(0, dtype=np.int64))


@pytest.mark.parametrize(
    ("case", "top", "bought", "ndcg", "recall", "hit", "reciprocal_rank"),
    [
        # By hand: DCG = 1/log2(3) + 1/log2(5) = 0.6309 + 0.4307; ideal of three = 1 + 0.6309 + 0.5.
        ("hits at 2 and 4 of three bought", [9, 1, 8, 2], [1, 2, 3], 1.061606 / 2.130930, 2 / 3, 1, 1 / 2),
        ("all bought, in front", [1, 2], [1, 2], 1.0, 1.0, 1, 1.0),
        ("nothing bought is shown", [7, 8, 9], [1], 0.0, 0.0, 0, 0.0),
        ("nothing is shown", [], [1], 0.0, 0.0, 0, 0.0),
    ],
)
def test_figures_of_one_list(
    case: str,
    top: list[int],
    bought: list[int],
    ndcg: float,
    recall: float,
    hit: float,
    reciprocal_rank: float,
) -> None:
    ranking = judge([np.array(top, dtype=np.int64)], [a_case(bought)], items=20)

    figures = (ranking.ndcg[0], ranking.recall[0], ranking.hit[0], ranking.reciprocal_rank[0])
    assert figures == pytest.approx((ndcg, recall, hit, reciprocal_rank), abs=1e-6), case


def test_more_than_ten_bought_can_still_reach_an_ndcg_of_one() -> None:
    ranking = judge([np.arange(10)], [a_case(list(range(15)))], items=20)

    assert ranking.ndcg[0] == pytest.approx(1.0)
    assert ranking.recall[0] == pytest.approx(10 / 15)


def test_coverage_is_the_share_of_all_items_that_anybody_sees() -> None:
    tops = [np.array([0, 1]), np.array([1, 2])]

    ranking = judge(tops, [a_case([0]), a_case([0])], items=12)

    assert ranking.coverage == pytest.approx(3 / 12)


def test_ranking_is_over_every_item_and_ties_go_by_number() -> None:
    scores = np.array([0.0, 2.0, 2.0, 5.0])

    ranking = rank(lambda _history: scores, [a_case([1])], items=4)

    assert ranking.reciprocal_rank[0] == pytest.approx(1 / 2)


def test_cases_split_each_customer_at_the_cut_and_keep_repeats() -> None:
    log = a_log(
        [("ada", 1, [5, 6]), ("ada", 3, [6]), ("ada", 9, [6, 7]), ("bob", 2, [5]), ("cleo", 9, [7])],
        [5, 6, 7],
    )
    cut = int(log.at.min()) + 8 * DAY_US

    cases = splits.at_moment(log, cut, splits.Split(), seed=1).cases

    # Bob never came back and Cleo was not known before, so only Ada is a case.
    assert [(case.history.items.tolist(), case.bought.tolist()) for case in cases] == [([0, 1, 1], [1, 2])]


def test_a_short_log_gives_a_fifth_of_its_days_to_the_test() -> None:
    log = a_log([("ada", day, [5]) for day in range(11)], [5])

    cut = splits.cut_before(log, days=14)

    assert (int(log.at.max()) - cut) / DAY_US == pytest.approx(2.0)


def test_what_was_seen_leaves_the_ranking_only_where_repeats_are_dropped() -> None:
    case = Case(History.of([2, 0]), bought=np.array([1]), seen=np.array([0, 2]))
    scores = np.array([3.0, 1.0, 2.0])

    assert top_of(scores, case, drop_seen=False).tolist() == [0, 2, 1]
    assert top_of(scores, case, drop_seen=True).tolist() == [1]
