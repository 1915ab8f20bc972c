import numpy as np
import pytest

from models.recommender.log.history import UNKNOWN_TIME, Event, History
from models.recommender.serving.rankers import (
    MARKOV,
    Decay,
    ItemTable,
    ItemToItem,
    PersonalFrequency,
    top_k,
)

DAY = 86_400_000_000


def test_personal_frequency_halves_a_purchase_every_half_life() -> None:
    model = PersonalFrequency(np.array([0.0, 0.0, 4.0]), Decay(2.0), popularity_weight=0.1)

    scores = model.scores(History.of([0, 1, 0]))

    # Item 0: two steps back (1/2) and just now (1); item 1: one step back; item 2: popularity alone.
    assert scores == pytest.approx([1.5, 2**-0.5, 0.1])


def test_days_count_from_the_moment_that_is_asked_about() -> None:
    history = History.of([0, 1], at=[0, 3 * DAY], now=5 * DAY)

    weights = Decay(steps=1e9, days=1.0).weights(history)

    assert weights == pytest.approx([2**-5, 2**-2])


@pytest.mark.parametrize(
    ("case", "at", "now", "expected"),
    [
        ("nobody wrote the moments down", [UNKNOWN_TIME, UNKNOWN_TIME], 5 * DAY, [0.5, 1.0]),
        ("one moment is missing", [UNKNOWN_TIME, 4 * DAY], 5 * DAY, [0.5, 1.0]),
        ("the moment asked about is unknown", [0, DAY], UNKNOWN_TIME, [0.25, 1.0]),
        ("a step lies in the future", [DAY, 9 * DAY], DAY, [0.5, 1.0]),
    ],
)
def test_days_that_are_not_known_do_not_count(
    case: str, at: list[int], now: int, expected: list[float]
) -> None:
    weights = Decay(steps=1.0, days=1.0).weights(History.of([0, 1], at=at, now=now))

    assert weights == pytest.approx(expected), case


def test_looking_around_counts_a_fraction_and_ages_a_purchase_by_that_fraction() -> None:
    history = History.of([7, 8, 9], events=[Event.PURCHASE, Event.CART, Event.VIEW])

    weights = Decay(steps=1.0).weights(history)

    assert weights == pytest.approx([2**-0.4, 0.3 * 2**-0.1, 0.1])


def test_repeated_steps_of_an_item_add_up() -> None:
    items, weights = Decay(steps=1.0).by_item(History.of([5, 3, 5]))

    assert items.tolist() == [3, 5]
    assert weights == pytest.approx([0.5, 1.25])


def a_table() -> ItemTable:
    return ItemTable(
        starts=np.array([0, 1, 2, 2]),
        items=np.array([2, 0], dtype=np.int32),
        values=np.array([1.0, 0.5], dtype=np.float32),
    )


def test_a_table_model_sums_its_rows_newest_purchase_loudest() -> None:
    model = ItemToItem(a_table(), np.array([0.0, 3.0, 0.0]), Decay(1.0), MARKOV)

    scores = model.scores(History.of([0, 1]))

    assert scores == pytest.approx([0.5, 1e-9, 0.5])


def test_a_table_model_reads_the_newest_hundred_steps() -> None:
    model = ItemToItem(a_table(), np.zeros(3), Decay(1e9), MARKOV)

    scores = model.scores(History.of([0, *[2] * 100]))

    assert scores.tolist() == [0, 0, 0]


def test_a_table_without_self_keeps_everything_else() -> None:
    table = ItemTable(
        starts=np.array([0, 2, 3]),
        items=np.array([0, 1, 1], dtype=np.int32),
        values=np.array([3.0, 2.0, 1.0], dtype=np.float32),
    )

    cut = table.without_self()

    assert [part.tolist() for part in (cut.starts, cut.items, cut.values)] == [[0, 1, 1], [1], [2.0]]


@pytest.mark.parametrize(("k", "expected"), [(1, [3]), (3, [3, 1, 2]), (4, [3, 1, 2, 0]), (9, [3, 1, 2, 0])])
def test_top_k_is_stable_under_ties(k: int, expected: list[int]) -> None:
    assert top_k(np.array([0.0, 2.0, 2.0, 5.0]), k).tolist() == expected
