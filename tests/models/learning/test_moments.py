"""A basket is one moment: neither the order of its lines nor the numbers of its products tell anything."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.recommender.learning.blend.lessons import item_signs
from models.recommender.learning.simple.popularity import fit_popularity
from models.recommender.learning.simple.tuning import DEFAULTS, FAMILIES, Family, fit_all
from models.recommender.learning.transformer.batches import Chunks
from models.recommender.log.arrays import Ints
from models.recommender.log.content import ItemFacts
from models.recommender.log.history import History, longest_history
from models.recommender.log.log import Log
from models.recommender.log.splits import Kind, Split, divide
from models.recommender.metrics.ranking import rank
from models.recommender.serving.blend import Blend, LinearMixer, bought_column, feature_count
from models.recommender.serving.rankers import MARKOV, SESSION_KNN
from models.recommender.serving.transformer import TRENDS, TransformerHead
from tests.models.shops import UNBOUNDED, a_busy_shop, a_log

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    MARKOV: {"reach": 10, "decay": 0.6},
    SESSION_KNN: {"by_basket": False, "near_steps": 3.0, "near_before": 0.5},
}
AS_BY_DEFAULT: Mapping[str, Any] = {}


def a_shop() -> Log:
    log = a_log(*a_busy_shop(customers=60))
    titles = [f"scent{number % 7} candle{number % 3}" for number in range(log.items)]
    return replace(log, facts=tuple(ItemFacts(title) for title in titles))


def renumbered(log: Log, number: Ints) -> Log:
    """Return the log as it were if product ``i`` had the number ``number[i]``."""
    item, origin = number[log.item], np.argsort(number)
    order = np.lexsort((log.event, item, log.basket, log.at, log.user))
    return replace(
        replace(log, item=item).where(order),
        created_at=log.created_at[origin],
        is_listed=log.is_listed[origin],
        facts=tuple(log.facts[place] for place in origin),
    )


def under(number: Ints, history: History) -> History:
    return longest_history(replace(history, items=number[history.items]))


LOG = a_shop()
NUMBER = np.random.default_rng(5).permutation(LOG.items)
OTHER = renumbered(LOG, NUMBER)
HISTORIES = [case.history for case in divide(LOG, Split(Kind.LEAVE_ONE_OUT), seed=1).cases]


@pytest.mark.parametrize("variant", [AS_BY_DEFAULT, VARIANTS], ids=["default", "variant"])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_no_simple_model_reads_product_numbers(family: Family, variant: Mapping[str, Any]) -> None:
    params = {**family.defaults, **variant.get(family.name, {})}
    model, other = family.fit(LOG, **params), family.fit(OTHER, **params)

    for history in HISTORIES:
        assert other.scores(under(NUMBER, history))[NUMBER] == pytest.approx(
            model.scores(history), rel=1e-4, abs=1e-6
        )


def test_no_blend_reads_product_numbers() -> None:
    chance = np.random.default_rng(2)

    def blend(log: Log) -> Blend:
        members, signs = fit_all(log, DEFAULTS)[0], item_signs(log, int(log.at.max()) + 1)
        mixer = LinearMixer(linear, again, longer, np.array([bought_column(len(linear))]), UNBOUNDED)
        return Blend(tuple(members), signs, mixer, np.full(len(members), 1 / 7, np.float32), drops_seen=False)

    linear, again, longer = chance.normal(size=(3, feature_count(len(FAMILIES)))).astype(np.float32)
    ours, others = blend(LOG), blend(OTHER)

    for history in HISTORIES:
        assert others.scores(under(NUMBER, history))[NUMBER] == pytest.approx(
            ours.scores(history), rel=1e-3, abs=1e-3
        )


def test_the_question_is_the_same_whatever_the_product_numbers() -> None:
    split = Split(Kind.LEAVE_ONE_OUT)

    asked = [set(NUMBER[case.bought].tolist()) for case in divide(LOG, split, seed=1).cases]

    assert asked == [set(case.bought.tolist()) for case in divide(OTHER, split, seed=1).cases]


def test_what_is_asked_for_lies_no_more_often_above_the_last_basket_than_popularity_tells() -> None:
    chance = np.random.default_rng(4)
    taste = 1 / np.arange(2.0, 62.0)
    baskets = [
        (f"c{customer}", day, chance.choice(60, 6, replace=False, p=taste / taste.sum()).tolist())
        for customer in range(200)
        for day in range(3)
    ]
    log = renumbered(a_log(baskets, range(60)), chance.permutation(60))
    division = divide(log, Split(Kind.LEAVE_ONE_OUT), seed=1)
    popularity = fit_popularity(division.train).scores_by_item

    def above(history: History) -> np.ndarray:
        last = history.items[history.at == history.at[-1]]
        return np.where(np.arange(60) > last.max(), popularity + len(log), popularity)

    popular, trick = (
        rank(score, division.cases, items=60).ndcg_mean for score in (lambda _: popularity, above)
    )
    assert 0.9 * popular > trick


def a_head(vectors: np.ndarray) -> TransformerHead:
    """Return a head whose numbers, sales among them, are all different."""
    zeros = np.zeros(len(vectors), dtype=np.float32)
    return TransformerHead(vectors, zeros, zeros, np.full(len(vectors), 9.5, dtype=np.float32))


def test_the_encoder_is_asked_the_same_whatever_the_order_of_lines_and_the_product_numbers() -> None:
    chance = np.random.default_rng(2)
    vectors = chance.normal(size=(LOG.items, 8 + TRENDS)).astype(np.float32)
    head, other = a_head(vectors), a_head(vectors[np.argsort(NUMBER)])

    for history in HISTORIES:
        mixed = np.lexsort((chance.random(len(history)), history.at))
        lines = longest_history(replace(history, items=history.items[mixed]))
        asked = head.encoder_input(history, window=32).feeds()

        for feeds in (
            head.encoder_input(lines, window=32).feeds(),
            other.encoder_input(under(NUMBER, history), window=32).feeds(),
        ):
            for name, part in feeds.items():
                np.testing.assert_allclose(part, asked[name], rtol=1e-5, atol=1e-6, err_msg=name)


def rows_of(log: Log) -> list[tuple[np.ndarray, dict[int, list[float]], list[int]]]:
    """Return of each row that predicts the next basket its customer, its items' features, its targets."""
    chunks = Chunks(
        log, window=8, batch_tokens=64, together_share=0.0, prices=np.full(log.items, 9.5, np.float32)
    )
    found = []
    for batch in chunks.epoch(np.random.default_rng(1)):
        rows = batch.next
        for row in range(len(rows)):
            own = slice(rows.own_starts[row], rows.own_starts[row + 1])
            wanted = rows.target_items[rows.target_starts[row] : rows.target_starts[row + 1]]
            features = dict(zip(rows.own.items[own].tolist(), rows.own.features[own].tolist(), strict=True))
            found.append((rows.customer[row], features, wanted.tolist()))
    return found


def test_no_training_row_reads_product_numbers() -> None:
    for (customer, own, wanted), (its_customer, its_own, its_wanted) in zip(
        rows_of(LOG), rows_of(OTHER), strict=True
    ):
        assert its_customer == pytest.approx(customer)
        if not customer[0]:  # its moments are hidden: all orders of its steps are drawn
            continue
        assert {item: its_own[NUMBER[item]] for item in own} == {
            item: pytest.approx(features, rel=1e-5) for item, features in own.items()
        }
        assert sorted(its_wanted) == sorted(NUMBER[wanted].tolist())
