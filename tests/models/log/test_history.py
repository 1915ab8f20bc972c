import numpy as np

from models.recommender.log.history import (
    HISTORY_LIMIT,
    UNKNOWN_TIME,
    Event,
    History,
    begins_moment,
    distinct,
    longest_history,
    moment_starts,
    newer,
    newest_steps,
)


def test_a_history_keeps_the_newest_steps() -> None:
    kept = longest_history(History.of(np.arange(600)))

    assert (len(kept), kept.items[0], kept.items[-1]) == (HISTORY_LIMIT, 100, 599)


def test_the_same_step_at_one_moment_counts_once() -> None:
    one_order = History.of([4, 4, 5, 4], at=[1, 1, 1, 1])
    two_orders = History.of([4, 4], at=[1, 2])
    at_moments_nobody_knows = History.of([4, 4])
    looked_at_and_bought = History.of([4, 4], at=[1, 1], events=[Event.VIEW, Event.PURCHASE])

    assert longest_history(one_order).items.tolist() == [4, 5]
    assert len(longest_history(two_orders)) == 2
    assert len(longest_history(at_moments_nobody_knows)) == 1
    assert len(longest_history(looked_at_and_bought)) == 2


def test_steps_of_one_moment_are_read_by_item_in_whatever_order_they_come() -> None:
    history = History.of([7, 4, 5, 3], at=[1, 1, 1, 2])

    assert longest_history(history).items.tolist() == [4, 5, 7, 3]
    assert longest_history(History.of([7, 4, 5])).items.tolist() == [7, 4, 5]


def test_of_a_moment_that_does_not_fit_whole_steps_all_over_it_stay() -> None:
    history = History.of(np.arange(8), at=[1, 2, 2, 2, 3, 3, 3, 3])

    assert history.newest(7).items.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert history.newest(6).items.tolist() == [1, 3, 4, 5, 6, 7]
    assert history.newest(5).items.tolist() == [2, 4, 5, 6, 7]
    assert history.newest(2).items.tolist() == [4, 6]
    assert history.newest(2) is history.newest(2)


def test_the_newest_steps_of_many_customers_are_those_of_each() -> None:
    chance = np.random.default_rng(3)
    lengths = chance.integers(0, 9, 40)
    ends = np.cumsum(lengths)
    owner, at = np.repeat(np.arange(40), lengths), chance.integers(0, 3, ends[-1])
    at = at[np.lexsort((at, owner))]

    moments = moment_starts(begins_moment(at, owner))
    places, kept = newest_steps(moments, ends - lengths, ends, most=4)

    alone = [
        History.of(np.arange(end - length, end), at=at[end - length : end]).newest(4).items
        for end, length in zip(ends, lengths, strict=True)
    ]
    assert places.tolist() == np.concatenate(alone).tolist()
    assert kept.tolist() == [len(items) for items in alone]


def test_what_came_after_a_step_is_half_of_the_rest_of_its_moment_and_all_that_is_newer() -> None:
    at = np.array([1, 1, 2, 2, 2, UNKNOWN_TIME, UNKNOWN_TIME, 2, 3])
    begins = begins_moment(at, np.repeat([0, 1], [7, 2]))

    after = newer(np.array([1.0, 3.0, 1.0, 1.0, 1.0, 2.0, 2.0, 5.0, 5.0]), begins)

    assert begins.tolist() == [True, False, True, False, False, True, True, True, True]
    assert after.tolist() == [18.5, 17.5, 15, 15, 15, 12, 10, 5, 0]


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
