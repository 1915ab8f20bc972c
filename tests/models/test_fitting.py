import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.recommender import fitting
from models.recommender.batches import Chunks, popularity_trends
from models.recommender.dataset import DAY_US, Log
from models.recommender.export import write_encoder
from models.recommender.fitting import Fitter, OutOfMemory, head_of, readouts
from models.recommender.history import History
from models.recommender.rankers import Transformer
from models.recommender.scoring import onnx_encoder
from models.recommender.splits import Split, divide
from models.recommender.values import Recipe
from tests.models.shops import Basket, a_busy_shop, a_log

SMALL = Recipe(width=32, window=16, dropout=0.0, threads=1)


def silent(share: float, loss: float) -> None:
    """Hear nothing."""


def forever() -> float:
    return time.monotonic() + 3600


def a_busy_log() -> Log:
    return a_log(*a_busy_shop(customers=30)).sequences


def losses_of(recipe: Recipe, log: Log, *, epochs: int) -> list[float]:
    fitter = Fitter(recipe, items=log.items)
    chunks = fitter.chunks(log)
    return [fitter.epoch(chunks, deadline=forever(), on_share=silent) for _ in range(epochs)]


def eight_customers() -> Log:
    """Eight customers whose second basket is one new product, told apart by their first."""
    baskets: list[Basket] = []
    for number in range(8):
        baskets += [(f"c{number}", 1, [100 + number]), (f"c{number}", 2, [200 + number])]
    return a_log(baskets, [*range(100, 108), *range(200, 208)])


@pytest.mark.parametrize("full_softmax_items", [20_000, 1], ids=["full softmax", "sampled softmax"])
def test_a_batch_of_eight_is_learned_by_heart(full_softmax_items: int) -> None:
    recipe = replace(SMALL, together_share=0.0, learning_rate=0.01, full_softmax_items=full_softmax_items)

    losses = losses_of(recipe, eight_customers(), epochs=150)

    assert losses[0] > 2.0
    assert losses[-1] < 0.02


def test_the_same_seed_gives_the_same_loss_curve_and_another_seed_does_not() -> None:
    log = a_busy_log()

    first = losses_of(SMALL, log, epochs=2)

    assert losses_of(SMALL, log, epochs=2) == first
    assert losses_of(replace(SMALL, seed=8), log, epochs=2) != first


def test_every_purchase_is_dealt_once_an_epoch_and_every_return_is_a_target_once() -> None:
    log = a_busy_log()
    chunks = Chunks(log, window=5, batch_tokens=64, together_share=0.0)

    batches = list(chunks.epoch(np.random.default_rng(1)))

    visits = [id(visit) for batch in batches for visit in batch.next_visits]
    returns = len(np.unique(log.basket)) - log.users
    assert len(visits) == len(set(visits)) == returns
    assert max(batch.items.shape[1] for batch in batches) <= 5
    assert max(batch.items.size for batch in batches) <= 64


def test_an_only_basket_costs_a_few_steps_however_long_it_is() -> None:
    log = a_log(
        [("guest:1", 1, list(range(100, 140))), ("ada", 1, [100]), ("ada", 2, [101])], list(range(100, 140))
    )
    chunks = Chunks(log, window=32, batch_tokens=4096, together_share=1.0)

    batches = list(chunks.epoch(np.random.default_rng(1)))

    assert sum(batch.items.size for batch in batches) == 16
    assert max(len(targets) for batch in batches for targets in batch.together_targets) == 39


def test_a_row_sees_only_its_past() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 2, [6, 7]), ("ada", 3, [5])], [5, 6, 7])
    chunks = Chunks(log, window=8, batch_tokens=64, together_share=1.0)

    (batch,) = chunks.epoch(np.random.default_rng(1))

    asked = {
        int(position): visit for position, visit in zip(batch.next_position, batch.next_visits, strict=True)
    }
    assert {position: visit.own.tolist() for position, visit in asked.items()} == {0: [0], 2: [0, 1, 2]}
    assert {position: visit.targets.tolist() for position, visit in asked.items()} == {0: [1, 2], 2: [0]}
    assert batch.together_position.tolist() == [1]
    assert sorted([int(batch.items[0, 1]), *batch.together_targets[0].tolist()]) == [1, 2]


def test_trends_count_only_what_was_sold_before_the_moment() -> None:
    log = a_log([("ada", 0, [5]), ("bob", 20, [6]), ("cleo", 21, [6])], [5, 6])
    start = int(log.at.min())

    trends = popularity_trends(log, np.array([start, start + 20 * DAY_US, start + 22 * DAY_US]))

    # Differences survive the centring: log sales of item 6 minus item 5 over 7, 30 and all days.
    difference = trends[:, 1] - trends[:, 0]
    expected = [[0, 0, 0], [0, -np.log(2), -np.log(2)], [np.log(3), np.log(1.5), np.log(1.5)]]
    assert difference == pytest.approx(np.array(expected), abs=1e-6)


def test_the_exported_encoder_scores_as_the_training_graph_does(tmp_path: Path) -> None:
    log = a_busy_log()
    fitter = Fitter(SMALL, items=log.items)
    fitter.epoch(fitter.chunks(log), deadline=forever(), on_share=silent)
    write_encoder(fitter.average, tmp_path / "encoder.onnx")
    head = head_of(fitter.average, log, moment=int(log.at.max()))
    served = Transformer(onnx_encoder(tmp_path), head, window=16)

    for length in (1, 2, 9, 16, 40):
        history = np.random.default_rng(length).integers(0, log.items, length)
        following = readouts(fitter.average, [history], kind="next")[0]
        together = readouts(fitter.average, [history], kind="together")[0]
        width = head.vectors.shape[1]

        np.testing.assert_allclose(
            served.scores(History.of(history)), head.scores(following, history), atol=1e-4
        )
        np.testing.assert_allclose(
            served.together_scores(History.of(history)),
            head.vectors @ together[:width] + head.bias,
            atol=1e-4,
        )


def test_readouts_do_not_depend_on_who_is_encoded_together() -> None:
    log = a_busy_log()
    model = Fitter(SMALL, items=log.items).average
    histories = [np.arange(length) for length in (12, 1, 5, 30)]

    together = readouts(model, histories, kind="next")

    alone = np.concatenate([readouts(model, [history], kind="next") for history in histories])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_running_out_of_memory_halves_the_batch_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_log(*a_busy_shop(customers=600)).sequences
    fitter = Fitter(replace(SMALL, batch_tokens=512), items=log.items)
    chunks = fitter.chunks(log)
    learn = fitter._learn

    def learn_if_small(batch: object, *rest: object) -> float:
        if batch.items.size > 300:  # type: ignore[attr-defined]
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return learn(batch, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(fitter, "_learn", learn_if_small)

    loss = fitter.epoch(chunks, deadline=forever(), on_share=silent)

    assert fitter.batch_tokens == 256
    assert np.isfinite(loss)


def test_the_smallest_batch_that_does_not_fit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_busy_log()
    fitter = Fitter(SMALL, items=log.items)

    def never_fits(*_rest: object) -> float:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes.")

    monkeypatch.setattr(fitter, "_learn", never_fits)

    with pytest.raises(OutOfMemory, match="does not fit"):
        fitter.epoch(fitter.chunks(log), deadline=forever(), on_share=silent)


def test_an_epoch_stops_at_its_deadline() -> None:
    log = a_busy_log()
    fitter = Fitter(SMALL, items=log.items)

    fitter.epoch(fitter.chunks(log), deadline=time.monotonic(), on_share=silent)

    assert fitter.step == 1


def test_training_beats_the_untrained_model_on_the_newest_days() -> None:
    log = a_log(*a_busy_shop(customers=150)).sequences
    asked = divide(log, Split(), seed=1)
    known, cases, cut = asked.train, asked.cases, asked.moment
    fitter = Fitter(replace(SMALL, dropout=0.1, learning_rate=5e-3), items=log.items)
    untrained = fitting.validate(fitter.average, known, cases, moment=cut).ndcg_mean

    chunks = fitter.chunks(known)
    for _ in range(12):
        fitter.epoch(chunks, deadline=forever(), on_share=silent)

    assert fitting.validate(fitter.average, known, cases, moment=cut).ndcg_mean > untrained + 0.03
