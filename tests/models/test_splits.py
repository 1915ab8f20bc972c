import pytest

from models.recommender.dataset import DAY_US
from models.recommender.history import Event
from models.recommender.splits import Division, Kind, Repeat, Split, SplitInvalid, divide
from tests.models.shops import a_log

LEAVE_ONE_OUT = Split(Kind.LEAVE_ONE_OUT)


def asked(division: Division) -> list[tuple[list[int], list[int]]]:
    return [(case.history.items.tolist(), case.bought.tolist()) for case in division.cases]


def test_leave_one_out_asks_each_customer_for_their_last_purchase() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 2, [6]), ("ada", 3, [7]), ("bob", 9, [5])], [5, 6, 7])

    division = divide(log, LEAVE_ONE_OUT, seed=1)

    # Bob has a single purchase: it teaches, and he is not asked.
    assert asked(division) == [([0, 1], [2])]
    assert division.train.item.tolist() == [0, 1, 0]
    assert not division.train.has_clock
    assert division.cases[0].history.now == log.at[2]


def test_cutting_twice_leaves_the_second_last_for_validation() -> None:
    log = a_log([("ada", day, [item]) for day, item in enumerate([5, 6, 7])], [5, 6, 7])

    validation = divide(divide(log, LEAVE_ONE_OUT, seed=1).train, LEAVE_ONE_OUT, seed=1)

    assert asked(validation) == [([0], [1])]


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
