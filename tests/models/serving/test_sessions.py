from collections.abc import Sequence

import numpy as np
import pytest

from models.recommender.log.history import History
from models.recommender.serving.rankers import Decay
from models.recommender.serving.sessions import POSTINGS, Nearness, SessionKnn

SLOW = Decay(1e7)  # what came later is a little louder, and that is all


def a_shop(sessions: Sequence[Sequence[int]], *, items: int, nearness: Nearness | None = None) -> SessionKnn:
    """Return the neighbours of a shop in which all items are alike rare and all sessions count alike."""
    entries = np.concatenate([np.array(session, dtype=np.int32) for session in sessions])
    lengths = [len(session) for session in sessions]
    postings = np.argsort(entries, kind="stable").astype(np.int32)
    counts = np.bincount(entries, minlength=items)
    return SessionKnn(
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
        items=entries,
        moments=np.arange(len(entries), dtype=np.int32),
        volume=np.ones(len(sessions), dtype=np.float32),
        posting_starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        postings=postings,
        owners=np.repeat(np.arange(len(sessions), dtype=np.int32), lengths)[postings],
        rarity=np.ones(items, dtype=np.float32),
        popularity=np.zeros(items),
        decay=SLOW,
        nearness=nearness,
    )


def test_each_item_met_adds_its_part_in_the_likeness_of_a_session() -> None:
    knn = a_shop([[0, 1, 2], [1, 3], [4]], items=5)

    scores, addends = knn.told(History.of([0, 1]))

    # The first session holds both items met and votes with 1; the second holds one and votes with 1/2.
    assert scores == pytest.approx([1.0, 1.5, 1.0, 0.5, 0.0], abs=1e-6)
    assert addends.of(np.array([0, 1]), np.arange(5)) == pytest.approx(
        np.array([[0.5, 0.5], [0.5, 1.0], [0.5, 0.5], [0.0, 0.5], [0.0, 0.0]]), abs=1e-6
    )
    assert addends.of(np.array([1, 4]), np.array([3, 1])) == pytest.approx(
        np.array([[0.5, 0.0], [1.0, 0.0]]), abs=1e-6
    )


def test_an_item_adds_nothing_by_sessions_too_old_to_be_looked_at() -> None:
    knn = a_shop([[0, 1, 2], *[[0]] * POSTINGS], items=3)

    _, addends = knn.told(History.of([0, 1]))

    assert addends.of(np.array([0, 1]), np.array([2])) == pytest.approx(np.array([[0.0, 1.0]]))


def test_an_item_also_adds_that_places_are_counted_from_it() -> None:
    knn = a_shop([[0, 1, 2, 3]], items=4, nearness=Nearness(steps=1.0, before=0.5))

    scores, addends = knn.told(History.of([0, 1]))

    # Counted from 1, the loudest. Without it the session votes with 1/2, and places count from 0.
    assert scores == pytest.approx([0.25, 0.5, 0.5, 0.25])
    without = np.array([0.25, 0.25, 0.125, 0.0625])
    added = addends.of(np.array([0, 1]), np.arange(4))
    assert added[:, 0] == pytest.approx(scores / 2, abs=1e-6)
    assert added[:, 1] == pytest.approx(scores - without, abs=1e-6)


@pytest.mark.parametrize("nearness", [None, Nearness(steps=3.0, before=0.2), Nearness(steps=5.0, before=0.0)])
def test_what_is_left_without_an_item_is_what_the_shop_says_without_it(nearness: Nearness | None) -> None:
    chance = np.random.default_rng(6)
    knn = a_shop(
        [chance.choice(30, 6, replace=False).tolist() for _ in range(60)], items=30, nearness=nearness
    )
    history, items = History.of(chance.choice(30, 5, replace=False)), np.arange(30)
    met = np.unique(history.items)

    scores, addends = knn.told(history)
    left = scores[:, None] - addends.of(met, items)

    assert knn.scores(history).tolist() == scores.tolist()
    for column, item in enumerate(met):
        asked = knn.scores(history.without(item))
        # Scores of different histories are of one size; only what they compare to counts.
        assert left[:, column] / left[:, column].sum() == pytest.approx(asked / asked.sum(), abs=1e-5)


def test_nobody_known_adds_nothing() -> None:
    knn = a_shop([[0, 1]], items=4)

    scores, addends = knn.told(History.of([]))

    assert scores.tolist() == [0, 0, 0, 0]
    assert addends.of(np.array([2, 5]), np.array([1, 6])).tolist() == [[0, 0], [0, 0]]
