import numpy as np
import pytest

from models.recommender import simple
from models.recommender.history import History, longest_history
from models.recommender.rankers import (
    MARKOV,
    ItemTable,
    ItemToItem,
    PersonalFrequency,
    repeat_features,
    top_k,
)
from tests.models.shops import a_log


def dense(table: ItemTable) -> np.ndarray:
    matrix = np.zeros((table.rows, table.rows), dtype=np.float32)
    for row in range(table.rows):
        items, values = table.row(row)
        matrix[row, items] = values
    return matrix


def test_popularity_counts_recent_sales_then_older_ones_then_the_newest_product() -> None:
    log = a_log([("ada", 1, [5, 6]), ("bob", 2, [6]), ("cleo", 30, [7]), ("dan", 31, [7])], [4, 5, 6, 7, 8])

    popularity = simple.fit_popularity(log, window_days=7)

    assert (log.item_ids[top_k(popularity.scores(History.of([])), 5)]).tolist() == [7, 6, 5, 8, 4]
    assert np.floor(popularity.scores_by_item).tolist() == [0, 0, 0, 2, 0]


def test_personal_frequency_halves_a_purchase_every_half_life() -> None:
    model = PersonalFrequency(popularity=np.array([0.0, 0.0, 4.0]), half_life=2.0, popularity_weight=0.1)

    scores = model.scores(History.of([0, 1, 0]))

    # Item 0: two steps back (1/2) and just now (1); item 1: one step back; item 2: popularity alone.
    assert scores == pytest.approx([1.5, 2**-0.5, 0.1])


def test_markov_counts_steps_with_decay_and_shrinks_rows() -> None:
    log = a_log(
        [("ada", 1, [1]), ("ada", 2, [2]), ("ada", 3, [3]), ("bob", 1, [1]), ("bob", 2, [2])], [1, 2, 3]
    )

    table = simple.fit_markov(log, reach=2, decay=0.5, shrink=1.0)

    # Row of item 1: two direct steps to 2, one at distance two to 3; sum 2.5, plus 1 to shrink.
    assert dense(table) == pytest.approx(
        np.array([[0, 2 / 3.5, 0.5 / 3.5], [0, 0, 1 / 2], [0, 0, 0]]), abs=1e-6
    )


def test_item_knn_matches_bm25_by_hand() -> None:
    """Golden numbers: BM25 weights and cosines written out densely, item by item."""
    baskets = [("ada", 1, [1, 2]), ("bob", 1, [1, 2, 3]), ("cleo", 1, [3, 4]), ("dan", 1, [1])]
    log = a_log(baskets, [1, 2, 3, 4])
    bought = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 0]], dtype=float)
    of_user, of_item = bought.sum(1), bought.sum(0)
    rarity = np.log1p((4 - of_user + 0.5) / (of_user + 0.5))
    norm = 1 - 0.75 + 0.75 * of_item / of_item.mean()
    weights = bought * 2.2 / (1 + 1.2 * norm)[None, :] * rarity[:, None]
    unit = weights / np.linalg.norm(weights, axis=0)
    expected = unit.T @ unit
    np.fill_diagonal(expected, 0)

    table = simple.fit_item_knn(log)

    assert dense(table) == pytest.approx(expected, abs=1e-6)


def test_a_table_model_sums_its_rows_newest_purchase_loudest() -> None:
    table = ItemTable(
        starts=np.array([0, 1, 2, 2]),
        items=np.array([2, 0], dtype=np.int32),
        values=np.array([1.0, 0.5], dtype=np.float32),
    )
    model = ItemToItem(table, np.array([0.0, 3.0, 0.0]), half_life=1.0, name=MARKOV)

    scores = model.scores(History.of([0, 1]))

    assert scores == pytest.approx([0.5, 1e-9, 0.5])


def test_a_table_without_self_keeps_everything_else() -> None:
    table = ItemTable(
        starts=np.array([0, 2, 3]),
        items=np.array([0, 1, 1], dtype=np.int32),
        values=np.array([3.0, 2.0, 1.0], dtype=np.float32),
    )

    cut = table.without_self()

    assert [part.tolist() for part in (cut.starts, cut.items, cut.values)] == [[0, 1, 1], [1], [2.0]]


def test_a_history_drops_direct_repeats_and_old_purchases() -> None:
    kept = longest_history(History.of([7, 7, *range(600)]))

    assert len(kept) == 500
    assert kept.items[-1] == 599
    assert longest_history(History.of([4, 4, 5, 4])).items.tolist() == [4, 5, 4]


def test_repeat_features_say_how_often_and_how_lately() -> None:
    items, features = repeat_features(np.array([8, 3, 8]))

    assert items.tolist() == [3, 8]
    assert features[:, 0].tolist() == [1.0, 1.0]
    assert features[:, 1] == pytest.approx(np.log([2, 3]))
    # Half-life 10: item 3 one step back; item 8 two steps back and just now.
    assert features[:, 2] == pytest.approx(np.log1p([100 * 2**-0.1, 100 * (1 + 2**-0.2)]))


@pytest.mark.parametrize(("k", "expected"), [(1, [3]), (3, [3, 1, 2]), (4, [3, 1, 2, 0]), (9, [3, 1, 2, 0])])
def test_top_k_is_stable_under_ties(k: int, expected: list[int]) -> None:
    assert top_k(np.array([0.0, 2.0, 2.0, 5.0]), k).tolist() == expected
