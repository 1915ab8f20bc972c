import numpy as np
import pytest

from models.recommender.log.arrays import DAY_US, HOUR_US
from models.recommender.log.history import UNKNOWN_TIME, Event, History
from models.recommender.serving.features import (
    GAPS,
    UNKNOWN_GAP,
    Steps,
    customer_features,
    gap_buckets,
    own_items,
    step_gaps,
)

PRICES = np.array([2.0, 4.0, 8.0, np.nan], dtype=np.float32)


def a_history() -> History:
    """Two orders on days 10 and 14 with item 0 in both, then a look at item 3; asked on day 17."""
    return History.of(
        [0, 1, 0, 2, 3],
        at=[10 * DAY_US, 10 * DAY_US, 14 * DAY_US, 14 * DAY_US, 15 * DAY_US],
        events=[2, 2, 2, 2, Event.VIEW],
        now=17 * DAY_US,
    )


def test_gaps_double_from_an_hour_and_unknown_moments_have_their_own_bucket() -> None:
    moments = np.array([0, HOUR_US - 1, HOUR_US, 3 * HOUR_US, 10_000 * HOUR_US, UNKNOWN_TIME])

    buckets = gap_buckets(np.zeros(6, dtype=np.int64), moments)

    assert buckets.tolist() == [1, 1, 2, 3, GAPS - 1, UNKNOWN_GAP]
    assert gap_buckets(np.array([UNKNOWN_TIME]), np.array([UNKNOWN_TIME])).tolist() == [UNKNOWN_GAP]


def test_the_gap_before_the_first_step_is_unknown() -> None:
    # 96 hours lie between 64 and 128, 24 between 16 and 32, 48 between 32 and 64.
    assert step_gaps(a_history()).tolist() == [UNKNOWN_GAP, 1, 8, 1, 6]
    assert Steps.of([a_history()]).since().tolist() == [7]
    assert step_gaps(History.of([])).tolist() == []


def test_customer_features_by_hand() -> None:
    features = customer_features(Steps.of([a_history()]), PRICES)[0]

    # Item 3 has no price and counts as the median, 4; the orders were worth 2 + 4 and 2 + 8.
    assert features == pytest.approx(
        [
            1.0,
            np.log1p(3.0) / 4,  # the last order was three days ago
            np.log1p(2.0) / 2,
            np.log1p(4.0) / 4,
            np.log1p(3.0) / 4,
            np.log1p((6 + 10) / 4 / 2) / 4,
            np.log1p(2.0) / 2,
            1 - 3 / 4,
            np.log1p(4.0) / 4,  # four days between the orders
            1 / 5,
        ],
        abs=1e-6,
    )


def test_customer_features_know_nothing_of_later_steps() -> None:
    whole = a_history()
    earlier = History(whole.items[:2], whole.at[:2], whole.events[:2], now=12 * DAY_US)

    features = customer_features(Steps.of([earlier]), PRICES)[0]

    assert features[:5] == pytest.approx(
        [1.0, np.log1p(2.0) / 4, np.log1p(1.0) / 2, np.log1p(2.0) / 4, np.log1p(2.0) / 4], abs=1e-6
    )


def test_purchases_of_unknown_moments_are_orders_of_their_own() -> None:
    features = customer_features(Steps.of([History.of([0, 0, 1])]), PRICES)[0]

    assert features[[0, 1, 8]].tolist() == [0.0, 0.0, 0.0]
    assert features[2] == pytest.approx(np.log1p(3.0) / 2)
    assert features[7] == pytest.approx(1 / 3)


def test_own_items_by_hand() -> None:
    own = own_items(Steps.of([a_history()]))

    ages = np.array([3.5, 3.5, 1.5, 1.5, 0])  # half of the rest of its order is newer
    decay = np.exp2(-ages / 10)  # of each step, at the first half-life
    taste = np.exp2(-ages / 60) * [1, 1, 1, 1, 0.1]
    share = np.array([taste[0] + taste[2], taste[1], taste[3], taste[4]])
    assert own.items.tolist() == [0, 1, 2, 3]
    assert own.features[:, 0].tolist() == [1, 1, 1, 0]
    assert own.features[:, 1] == pytest.approx(np.log1p([2, 1, 1, 0]))
    assert own.features[:, 2] == pytest.approx(
        np.log1p(np.array([decay[0] + decay[2], decay[1], decay[3], 0.0]) / 0.01), rel=1e-6
    )
    assert own.features[:, 5] == pytest.approx(np.log1p([3.0, 7.0, 3.0, 0.0]))
    assert own.features[:, 6].tolist() == [1, 0, 1, 0]
    assert own.features[:, 7] == pytest.approx([0, 0, 0, np.log1p(1 / 0.01)])
    assert own.affinity == pytest.approx(share / share.sum())


def test_histories_read_together_are_as_if_read_alone() -> None:
    histories = [a_history(), History.of([]), History.of([2, 1]), a_history().newest(2)]

    together = own_items(Steps.of(histories))
    features = customer_features(Steps.of(histories), PRICES)

    for row, history in enumerate(histories):
        alone = own_items(Steps.of([history]))
        mine = together.owner == row
        assert together.items[mine].tolist() == alone.items.tolist()
        assert np.array_equal(together.features[mine], alone.features)
        assert np.array_equal(together.affinity[mine], alone.affinity)
        assert np.array_equal(features[row], customer_features(Steps.of([history]), PRICES)[0])
    assert np.isfinite(features).all()
