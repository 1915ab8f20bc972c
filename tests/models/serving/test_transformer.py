from dataclasses import replace

import numpy as np
import pytest

from models.recommender.log.arrays import DAY_US
from models.recommender.log.history import History
from models.recommender.serving.features import CUSTOMER_FEATURES, REPEAT_WIDTH
from models.recommender.serving.transformer import (
    AGE_SCALE,
    LOGITS_IN_BLAS,
    TRENDS,
    EncoderInput,
    Transformer,
    TransformerHead,
    item_trends,
)
from tests.models.shops import a_log

WIDTH = 4


def a_head(items: int = 5) -> TransformerHead:
    chance = np.random.default_rng(1)
    return TransformerHead(
        vectors=chance.normal(size=(items, WIDTH + TRENDS)).astype(np.float32),
        bias=chance.normal(size=items).astype(np.float32),
        again=np.ones(items, dtype=np.float32),
        prices=np.ones(items, dtype=np.float32),
    )


def test_trends_count_only_what_was_sold_before_the_moment() -> None:
    log = a_log([("ada", 0, [5]), ("bob", 20, [6]), ("cleo", 21, [6])], [5, 6])
    start = int(log.at.min())

    trends = item_trends(log, np.array([start, start + 20 * DAY_US, start + 22 * DAY_US]))

    # Differences survive the centring: log sales of item 6 minus item 5 over 7, 30 and all days.
    difference = trends[:, 1, :3] - trends[:, 0, :3]
    expected = [[0, 0, 0], [0, -np.log(2), -np.log(2)], [np.log(3), np.log(1.5), np.log(1.5)]]
    assert difference == pytest.approx(np.array(expected), abs=1e-6)
    assert trends[:, :, 3].tolist() == [[1, 1], [0, 1], [0, 0]]
    ages = np.array([[0, 0], [20, 0], [22, 2]])
    assert trends[:, :, 4] == pytest.approx(np.log1p(ages) / AGE_SCALE, abs=1e-6)


def test_without_a_clock_every_moment_sees_all_sales() -> None:
    log = replace(a_log([("ada", 0, [5]), ("bob", 20, [6])], [5, 6, 7]), has_clock=False)

    trends = item_trends(log, np.array([int(log.at.min())]))[0]

    sales = np.log1p([1, 1, 0])
    assert trends[:, :3] == pytest.approx(np.repeat((sales - sales.mean())[:, None], 3, axis=1), abs=1e-6)
    assert trends[:, 3:].tolist() == [[0, 0], [0, 0], [1, 0]]


def test_a_question_has_the_shapes_of_the_encoder_and_the_newest_steps() -> None:
    head = a_head()
    history = History.of([0, 1, 2, 3], events=[2, 2, 0, 2])

    feeds = head.encoder_input(history, window=3).feeds()

    assert list(feeds) == ["vectors", "events", "gaps", "since", "customer"]
    assert feeds["vectors"].dtype == feeds["customer"].dtype == np.float32
    assert np.array_equal(feeds["vectors"], head.vectors[None, 1:4, :WIDTH])
    assert feeds["events"].tolist() == [[2, 0, 2]]
    assert feeds["gaps"].shape == (1, 3)
    assert feeds["since"].shape == (1,)
    # The customer is told from the whole history, not from the newest steps.
    taste = np.exp2(-np.array([3, 2, 1, 0]) / 60) * [1, 1, 0.1, 1]
    assert feeds["customer"].shape == (1, CUSTOMER_FEATURES + WIDTH)
    assert feeds["customer"][0, CUSTOMER_FEATURES:] == pytest.approx(
        (taste / taste.sum()) @ head.vectors[:4, :WIDTH], abs=1e-6
    )


def an_encoder(asked: EncoderInput) -> tuple[np.ndarray, np.ndarray]:
    """Return the last step's vector as the query; weights of one for trends and repeats."""
    ones = np.ones(TRENDS + REPEAT_WIDTH, dtype=np.float32)
    return np.concatenate([asked.vectors[0, -1], ones]), np.concatenate([asked.vectors[0, -1], ones])


def test_a_stored_transformer_scores_as_before() -> None:
    model = Transformer(an_encoder, a_head(), window=3)
    history = History.of([0, 1, 2])

    restored = Transformer.restore(model.arrays(), model.settings(), an_encoder)

    assert np.array_equal(restored.scores(history), model.scores(history))


@pytest.mark.parametrize("items", [1, LOGITS_IN_BLAS // (WIDTH + TRENDS), 2_500])
def test_many_items_are_scored_as_by_one_product(items: int) -> None:
    head, readout = a_head(items), np.linspace(-1, 1, WIDTH + TRENDS + REPEAT_WIDTH, dtype=np.float32)

    scores = head.general(readout)

    assert scores == pytest.approx(head.vectors @ readout[: WIDTH + TRENDS] + head.bias, abs=1e-5)


def test_an_empty_history_gets_what_sold_of_late() -> None:
    head = a_head()

    scores = Transformer(an_encoder, head, window=3).scores(History.of([]))

    assert np.array_equal(scores, head.vectors[:, WIDTH + 1])


def test_a_new_product_is_scored_by_its_words_and_that_it_is_new() -> None:
    head = a_head()
    vectors = np.array([[1.0, 0.0, 0.0, 0.0]], dtype=np.float32)

    grown = head.with_products(vectors, np.array([np.nan], dtype=np.float32))

    readout = np.zeros(WIDTH + TRENDS + REPEAT_WIDTH, dtype=np.float32)
    readout[[0, WIDTH + 3]] = 2.0, 5.0
    assert grown.general(readout)[5] == pytest.approx(7.0)
    assert np.array_equal(grown.general(readout)[:5], head.general(readout))
    assert grown.vectors[5, WIDTH : WIDTH + 3].tolist() == head.vectors[:, WIDTH : WIDTH + 3].min(0).tolist()
