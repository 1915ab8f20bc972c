import numpy as np

from models.recommender.log.history import (
    HISTORY_LIMIT,
    UNKNOWN_TIME,
    Event,
    History,
    distinct,
    longest_history,
)


def test_a_history_keeps_the_newest_steps() -> None:
    kept = longest_history(History.of(np.arange(600)))

    assert (len(kept), kept.items[0], kept.items[-1]) == (HISTORY_LIMIT, 100, 599)


def test_the_same_step_at_one_moment_counts_once() -> None:
    one_order = History.of([4, 4, 5, 4], at=[1, 1, 1, 1])
    two_orders = History.of([4, 4], at=[1, 2])
    at_moments_nobody_knows = History.of([4, 4])
    looked_at_and_bought = History.of([4, 4], at=[1, 1], events=[Event.VIEW, Event.PURCHASE])

    assert longest_history(one_order).items.tolist() == [4, 5, 4]
    assert len(longest_history(two_orders)) == 2
    assert len(longest_history(at_moments_nobody_knows)) == 1
    assert len(longest_history(looked_at_and_bought)) == 2


def test_purchases_leave_out_what_was_only_looked_at() -> None:
    history = History.of([1, 2, 3], events=[Event.VIEW, Event.PURCHASE, Event.CART])

    assert history.purchases.tolist() == [2]
    assert history.at.tolist() == [UNKNOWN_TIME] * 3


def test_a_history_without_an_item_forgets_each_of_its_steps() -> None:
    history = History.of([1, 2, 1, 3], at=[10, 20, 30, 40], now=50)

    kept = history.without(1)

    assert (kept.items.tolist(), kept.at.tolist(), kept.now) == ([2, 3], [20, 40], 50)
    assert history.newest(2).items.tolist() == [1, 3]


def test_a_history_of_which_nothing_is_left_out_stays_itself() -> None:
    history = History.of([3, 1, 3])

    assert history.newest(3) is history
    assert history.where(history.items > 0) is history


def test_the_distinct_items_of_a_history_are_worked_out_once() -> None:
    history = History.of([3, 1, 3])

    items, place = distinct(history)

    assert (items.tolist(), place.tolist()) == ([1, 3], [1, 0, 1])
    assert distinct(history) is distinct(history)
    assert distinct(History.of([3, 1])) is not distinct(history)
