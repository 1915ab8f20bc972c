import pandas as pd
import pytest

from models.recommender.log import splits
from models.recommender.log.arrays import DAY_US
from models.recommender.log.history import Event
from models.recommender.log.splits import (
    Case,
    Division,
    Kind,
    Repeat,
    Split,
    SplitInvalid,
    at_moment,
    divide,
    validation_cuts,
)
from tests.models.shops import OPENED, a_busy_shop, a_log, a_shop_of_guests

LEAVE_ONE_OUT = Split(Kind.LEAVE_ONE_OUT)


def asked(division: Division) -> list[tuple[list[int], list[int]]]:
    return [(case.history.items.tolist(), case.bought.tolist()) for case in division.cases]


def test_leave_one_out_asks_each_customer_for_their_last_order() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 2, [6]), ("ada", 3, [7]), ("bob", 9, [5])], [5, 6, 7])

    division = divide(log, LEAVE_ONE_OUT, seed=1)

    # Bob has a single purchase: it teaches, and he is not asked.
    assert asked(division) == [([0, 1], [2])]
    assert division.train.item.tolist() == [0, 1, 0]
    assert not division.train.has_clock
    assert division.cases[0].history.now == log.at[2]


def test_leave_one_out_leaves_no_line_of_the_last_order_to_learn_from() -> None:
    log = a_log([("ada", 1, [5, 8]), ("ada", 2, [6, 7]), ("bob", 9, [5, 6])], [5, 6, 7, 8])

    division = divide(log, LEAVE_ONE_OUT, seed=1)

    # Bob has a single order, however many lines.
    assert asked(division) == [([0, 3], [1, 2])]
    assert division.train.item.tolist() == [0, 3, 0, 1]
    assert division.cases[0].history.now == log.at[2]


def test_validation_cuts_peel_one_purchase_after_the_other_down_to_half_of_the_log() -> None:
    log = a_log([("ada", day, [item]) for day, item in enumerate([5, 6, 7, 5, 6, 7])], [5, 6, 7])

    cuts = validation_cuts(log, LEAVE_ONE_OUT, seed=1)

    assert [asked(cut) for cut in cuts] == [
        [([0, 1, 2], [0])],
        [([0, 1, 2, 0], [1])],
        [([0, 1, 2, 0, 1], [2])],
    ]


def test_no_validation_cut_learns_what_it_or_a_later_one_asks() -> None:
    log = a_log(*a_busy_shop(customers=20)).sequences

    cuts = validation_cuts(log, Split(days=14), seed=1)

    assert len(cuts) > 1
    for cut, later in zip(cuts, [*cuts[1:], None], strict=True):
        assert (cut.train.at < cut.moment).all()
        assert all((case.history.at < cut.moment).all() for case in cut.cases)
        end = log.at.max() + 1 if later is None else later.moment
        between = log.where((log.at >= cut.moment) & (log.at < end))
        for case in [*cut.tuning, *cut.cases]:
            assert set(case.bought) == set(between.item[between.user == case.user])


def test_one_validation_cut_with_enough_customers_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_log(*a_busy_shop(customers=20)).sequences
    newest = divide(log, Split(), seed=1)
    monkeypatch.setattr(splits, "ENOUGH_CASES", len(newest.cases))

    cuts = validation_cuts(log, Split(), seed=1)

    assert [cut.moment for cut in cuts] == [newest.moment]


def users_of(cases: list[Case]) -> set[int]:
    return {case.user for case in cases}


def test_older_cuts_tune_and_newer_ones_weigh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "FEWEST_TUNING", 30)
    log = a_log(*a_busy_shop(customers=40)).sequences

    cuts = validation_cuts(log, Split(), seed=1)

    assert [(len(cut.tuning), len(cut.cases)) for cut in cuts] == [(15, 0), (19, 0), (0, 21), (0, 10)]


def test_customers_of_the_only_cut_tune_or_weigh_and_never_both(monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_log(*a_busy_shop(customers=40)).sequences
    asked = divide(log, Split(), seed=1).cases
    monkeypatch.setattr(splits, "ENOUGH_CASES", len(asked))
    monkeypatch.setattr(splits, "FEWEST_TUNING", len(asked) // 2)

    (cut,) = validation_cuts(log, Split(), seed=1)

    assert len(cut.tuning) == len(asked) // 2
    assert users_of(cut.tuning).isdisjoint(users_of(cut.cases))
    assert users_of(cut.tuning) | users_of(cut.cases) == users_of(asked)


def test_a_customer_who_tunes_at_one_cut_weighs_at_none(monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_log(*a_busy_shop(customers=40)).sequences
    every = validation_cuts(log, Split(), seed=1)
    total = sum(len(cut.tuning) + len(cut.cases) for cut in every)
    # No number of whole cuts leaves both sides half of all cases.
    monkeypatch.setattr(splits, "FEWEST_TUNING", total // 2)

    cuts = validation_cuts(log, Split(), seed=1)

    assert len(cuts) > 1
    tuning = users_of([case for cut in cuts for case in cut.tuning])
    weighing = users_of([case for cut in cuts for case in cut.cases])
    assert tuning
    assert weighing
    assert tuning.isdisjoint(weighing)


def test_where_too_few_come_back_to_tune_the_oldest_cut_stops_and_the_others_weigh() -> None:
    log = a_log(*a_busy_shop(customers=20)).sequences

    oldest, *newer = validation_cuts(log, Split(), seed=1)

    assert 0 < len(oldest.tuning) < splits.FEWEST_TUNING
    assert oldest.cases == []
    assert sum(len(cut.cases) for cut in newer) >= splits.FEWEST_WEIGHING


def test_a_log_that_asks_nobody_has_a_validation_cut_without_cases() -> None:
    log = a_log([("ada", 1, [5])], [5])

    (cut,) = validation_cuts(log, Split(), seed=1)

    assert cut.cases == []


def test_dropping_repeats_takes_them_out_of_the_question() -> None:
    log = a_log(
        [("ada", 1, [5]), ("ada", 60, [5, 6]), ("bob", 1, [5]), ("bob", 60, [5])],
        [5, 6],
    )

    division = divide(log, Split(repeat=Repeat.DROP), seed=1)

    assert asked(division) == [([0], [1])]
    assert division.cases[0].seen.tolist() == [0]


def test_the_last_days_are_cut_at_one_moment_for_everybody() -> None:
    log = a_log([("ada", day, [5]) for day in range(0, 120, 10)], [5])

    division = divide(log, Split(days=14), seed=1)

    assert division.moment == log.at.max() - 14 * DAY_US
    assert (division.train.at < division.moment).all()
    assert len(division.train) == 10


def test_what_was_only_looked_at_is_never_the_answer() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 60, [6]), ("ada", 61, [7])], [5, 6, 7])
    log.event[1] = Event.VIEW

    division = divide(log, Split(), seed=1)

    assert asked(division) == [([0], [2])]


@pytest.mark.parametrize(
    ("words", "split"),
    [
        ("leave-one-out", Split(Kind.LEAVE_ONE_OUT)),
        ("last-days:7", Split(days=7.0)),
        ("last-days", Split(days=14.0)),
    ],
)
def test_words_for_a_split(words: str, split: Split) -> None:
    assert Split.parse(words) == split


@pytest.mark.parametrize("words", ["last-days:0", "last-days:nan", "last-days:x", "leave-two-out", ""])
def test_words_that_are_no_split_are_refused(words: str) -> None:
    with pytest.raises(SplitInvalid, match="neither"):
        Split.parse(words)


def test_an_order_is_asked_for_its_rest_whoever_placed_it() -> None:
    products = list(range(10))
    log = a_log(
        [("ada", 1, [0, 1]), ("ada", 9, [2, 3]), ("guest:3", 9, [4]), ("guest:4", 9, products)], products
    )
    moment = OPENED + pd.Timedelta(days=5)

    division = at_moment(log, moment.value // 1000, Split().of_orders(), seed=1)

    assert division.train.item.tolist() == [0, 1]
    assert [log.users, len(division.cases)] == [3, 2]  # what is alone in its order has no rest
    for case, order in zip(division.cases, [[2, 3], products], strict=True):
        given = case.history.items.tolist()
        assert 1 <= len(given) < len(order)
        assert case.seen.tolist() == sorted(given)
        assert sorted([*given, *case.bought.tolist()]) == order
        assert (case.history.at == case.history.now).all()


def test_orders_beyond_the_most_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "MAX_CASES", 40)
    log = a_log(*a_shop_of_guests())

    cases = divide(log, Split(days=100).of_orders(), seed=1).cases

    assert len(cases) == len({case.user for case in cases}) == 40
