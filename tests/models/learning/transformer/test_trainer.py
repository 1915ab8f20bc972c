import copy
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.recommender.learning.progress import Reporter
from models.recommender.learning.transformer import inference
from models.recommender.learning.transformer.batches import Chunks
from models.recommender.learning.transformer.inference import (
    head_of,
    readouts,
    serving_model,
    validate,
    weights_of,
)
from models.recommender.learning.transformer.learner import EXTEND_EPOCHS, LEARN, NEXT_CUT, Learner, Leg
from models.recommender.learning.transformer.trainer import (
    Part,
    Plan,
    Trainer,
    item_prices,
)
from models.recommender.log.content import ItemFacts
from models.recommender.log.history import History
from models.recommender.log.log import Log
from models.recommender.log.splits import Division, Repeat, Split, divide
from models.recommender.metrics.ranking import rank
from models.recommender.values import Recipe, ignore
from tests.models.shops import Basket, a_busy_shop, a_log

SMALL = Recipe(width=32, window=16, dropout=0.0, threads=1)


def silent(share: float, loss: float) -> None:
    """Hear nothing."""


def a_busy_log(customers: int = 30) -> Log:
    return a_log(*a_busy_shop(customers=customers)).sequences


def a_fit(recipe: Recipe, log: Log, *, epochs: int) -> tuple[Trainer, list[float]]:
    trainer = Trainer(recipe, log)
    chunks = trainer.begin(Part.LEARN, log, Plan(most=10**9, planned=10**9))
    return trainer, [trainer.epoch(chunks, silent) for _ in range(epochs)]


def eight_customers() -> Log:
    """Eight customers whose second basket is one new product, told apart by their first."""
    baskets: list[Basket] = []
    for number in range(8):
        baskets += [(f"c{number}", 1, [100 + number]), (f"c{number}", 2, [200 + number])]
    return a_log(baskets, [*range(100, 108), *range(200, 208)])


@pytest.mark.parametrize("repeat", ["keep", "drop"])
@pytest.mark.parametrize("full_softmax_items", [20_000, 1], ids=["full softmax", "sampled softmax"])
def test_a_batch_of_eight_is_learned_by_heart(full_softmax_items: int, repeat: str) -> None:
    recipe = replace(
        SMALL,
        together_share=0.0,
        learning_rate=0.01,
        id_dropout=0.0,
        full_softmax_items=full_softmax_items,
        repeat=repeat,
    )

    _, losses = a_fit(recipe, eight_customers(), epochs=150)

    assert losses[0] > 2.0
    assert losses[-1] < 0.02


def test_words_alone_learn_the_eight_where_items_have_no_part_of_their_own() -> None:
    log = replace(
        eight_customers(),
        facts=tuple(ItemFacts(f"{place} letter{number} of{number}") for place in "ab" for number in range(8)),
    )
    recipe = replace(SMALL, together_share=0.0, learning_rate=0.01, id_dropout=1.0)

    trainer, losses = a_fit(recipe, log, epochs=150)

    assert losses[-1] < 0.05
    assert float(trainer.average.bias.abs().max()) == 0.0


def test_the_same_seed_gives_the_same_loss_curve_and_another_seed_does_not() -> None:
    log = a_busy_log()

    _, first = a_fit(replace(SMALL, dropout=0.2), log, epochs=2)

    assert a_fit(replace(SMALL, dropout=0.2), log, epochs=2)[1] == first
    assert a_fit(replace(SMALL, dropout=0.2, seed=8), log, epochs=2)[1] != first


def test_an_item_that_never_sold_has_only_its_words() -> None:
    log = a_busy_log()
    unsold = log.items - 1
    known = log.where(log.item != unsold)

    trainer, _ = a_fit(SMALL, known, epochs=2)

    weights = weights_of(trainer.average)
    assert weights["items.own"][unsold].tolist() == [0.0] * 32
    assert weights["bias"][unsold] == 0.0
    vectors = head_of(trainer.average, known, moment=int(log.at.max())).vectors[:, :32]
    by_words = trainer.vocabulary.matrix(log.facts).vectors(weights["items.words"])
    np.testing.assert_allclose(vectors[unsold], by_words[unsold], atol=1e-6)
    assert np.abs(vectors - by_words).max(axis=1).min(where=np.arange(log.items) != unsold, initial=1) > 0


def test_readouts_do_not_depend_on_who_is_encoded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_busy_log()
    trainer, _ = a_fit(SMALL, log, epochs=1)
    head = head_of(trainer.average, log, moment=int(log.at.max()))
    histories = [History.of(np.arange(length)) for length in (12, 1, 5, 30)]

    together = readouts(trainer.average, head, histories)

    alone = np.concatenate([readouts(trainer.average, head, [history]) for history in histories])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    monkeypatch.setattr(inference, "ENCODE_AT_ONCE", 1)
    np.testing.assert_allclose(readouts(trainer.average, head, histories), alone, atol=1e-5)


def a_division(log: Log, repeat: Repeat = Repeat.KEEP) -> Division:
    return divide(log, Split(repeat=repeat), seed=1)


@pytest.mark.parametrize("repeat", list(Repeat))
def test_validation_ranks_as_the_scores_of_the_served_model_do(repeat: Repeat) -> None:
    log = a_busy_log(60)
    division = a_division(log, repeat)
    trainer, _ = a_fit(SMALL, division.train, epochs=3)
    served = serving_model(trainer.average, division.train, moment=division.moment)
    drops = repeat is Repeat.DROP

    fast = validate(trainer.average, division.train, division.cases, moment=division.moment, drop_seen=drops)

    slow = rank(served.scores, division.cases, items=log.items, drop_seen=drops)
    np.testing.assert_allclose(fast.ndcg, slow.ndcg)


def test_cases_asked_ahead_get_the_scores_of_cases_asked_one_by_one() -> None:
    division = a_division(a_busy_log(60))
    trainer, _ = a_fit(SMALL, division.train, epochs=1)
    ahead = serving_model(trainer.average, division.train, moment=division.moment, cases=division.cases)
    one_by_one = serving_model(trainer.average, division.train, moment=division.moment)

    histories = [case.history for case in division.cases[:5]] + [History.of([]), History.of([3, 4])]

    for history in histories:
        np.testing.assert_allclose(ahead.scores(history), one_by_one.scores(history), atol=1e-4)


def test_a_plan_falls_to_almost_nothing_over_the_steps_that_its_pace_allows() -> None:
    plan = Plan(most=10**6, deadline=1000.0)

    for step, seconds in ((1, 2.0), (20, 40.0), (30, 90.0)):
        plan.pace(step, seconds, now=40.0)

    # At two seconds a step the 960 seconds left are worth 480 steps, of which a tenth is kept back.
    assert plan.planned == 20 + 432
    assert [plan.rate(step) for step in (0, 19, 236, 452)] == pytest.approx([0.02, 0.4, 0.5, 0.02])


@pytest.mark.parametrize(
    ("case", "plan", "step", "is_over"),
    [
        ("the clock stops a stage", Plan(most=100, deadline=5.0), 1, True),
        ("but never before its first step", Plan(most=100, deadline=5.0), 0, False),
        ("the most steps stop it", Plan(most=100), 100, True),
        ("a repeated stage minds no clock", Plan(most=100, deadline=5.0, stop=30), 29, False),
        ("and stops at its step", Plan(most=100, stop=30), 30, True),
    ],
)
def test_when_a_stage_is_over(case: str, plan: Plan, step: int, is_over: bool) -> None:
    assert plan.is_over(step, now=6.0) is is_over, case


def a_run(recipe: Recipe, log: Log, *, pace: float = 0.0) -> Learner:
    """Learn, take the next cut, extend and refit as a training does, each step ``pace`` seconds longer."""
    test = a_division(log)
    newer = a_division(test.train)
    older = a_division(newer.train)
    reporter = Reporter(ignore, budget=recipe.train_seconds, epochs=recipe.epochs)
    learner = Learner(Trainer(recipe, log), reporter, cuts=2)
    if pace:
        learn = learner.trainer._learn

        def slow(*parts: object) -> float:
            time.sleep(pace)
            return learn(*parts)  # type: ignore[arg-type]

        learner.trainer._learn = slow  # type: ignore[method-assign, assignment]
    learner.learn(older.train, older.cases, moment=older.moment)
    learner.learn_next(newer.train, 1)
    learner.extend(test.train)
    learner.refit(log)
    return learner


def test_a_recorded_schedule_leads_to_the_same_weights_bit_for_bit() -> None:
    log = a_busy_log(60)
    recipe = replace(SMALL, dropout=0.2, epochs=5, train_seconds=8.0)
    first = a_run(recipe, log, pace=0.02)

    again = a_run(replace(recipe, schedule=first.schedule, train_seconds=0.001), log)

    assert list(first.schedule) == ["learn", "rehearse-1", "extend", "refit"]
    assert again.schedule == first.schedule
    weights, repeated = weights_of(first.trainer.average), weights_of(again.trainer.average)
    assert all(np.array_equal(weights[name], repeated[name]) for name in weights)


def test_a_pass_without_a_step_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_busy_log(60)
    recipe = replace(SMALL, epochs=3, train_seconds=600.0)
    learner = Learner(Trainer(recipe, log), Reporter(ignore, budget=600.0, epochs=3))
    complete = learner.trainer.epoch
    cut = a_division(log)

    def one_and_then_the_clock_runs_out(chunks: Chunks, on_share: Callable[[float, float], None]) -> float:
        if learner.trainer.step:
            learner.trainer.plan.deadline = 0.0
        return complete(chunks, on_share)

    monkeypatch.setattr(learner.trainer, "epoch", one_and_then_the_clock_runs_out)
    learner.learn(cut.train, cut.cases, moment=cut.moment)
    learner.extend(log)

    assert [learner.schedule[name]["epochs"] for name in ("learn", "extend")] == [1, 1]
    assert [(point.epoch, point.train_loss > 0) for point in learner.curve] == [(1, True)]


def test_a_stage_without_anything_newer_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    log = a_busy_log(60)
    learner = Learner(Trainer(SMALL, log), Reporter(ignore, budget=60.0, epochs=1))
    learner._known = log
    monkeypatch.setattr(learner.trainer, "epoch", lambda *_: pytest.fail("There is nothing to learn."))

    learner.extend(log)

    assert learner.schedule["extend"] == {"planned": 0, "steps": 0, "epochs": 0}


def test_a_stage_that_a_schedule_does_not_name_ends_as_without_one() -> None:
    log = a_busy_log(60)
    recipe = replace(SMALL, epochs=1, schedule={"learn": {"planned": 8, "steps": 8, "epochs": 1}})
    learner = Learner(Trainer(recipe, log), Reporter(ignore, budget=600.0, epochs=1))

    learner.extend(log)

    assert learner.schedule["extend"]["epochs"] == EXTEND_EPOCHS


def test_what_was_learned_for_a_comparison_is_forgotten_again() -> None:
    log = a_busy_log(60)
    steps = {"planned": 8, "steps": 8, "epochs": 1}
    recipe = replace(SMALL, epochs=1, schedule=dict.fromkeys(("learn", "catch-up", "refit"), steps))
    learner = Learner(Trainer(recipe, log), Reporter(ignore, budget=60.0, epochs=1))
    cut = a_division(log)
    learner.learn(cut.train, cut.cases, moment=cut.moment)
    alone, before = copy.deepcopy(learner), weights_of(learner.trainer.average)

    with learner.caught_up(log):
        during = weights_of(learner.trainer.average)
    after = weights_of(learner.trainer.average)
    for one in (alone, learner):
        one.refit(log)

    assert any(not np.array_equal(before[name], during[name]) for name in before)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    released, expected = (weights_of(one.trainer.average) for one in (learner, alone))
    assert all(np.array_equal(released[name], expected[name]) for name in expected)


@pytest.fixture
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a budget leaves is asked for at one moment, however long a machine takes to ask."""
    begun = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: begun)


def seconds_of(leg: Leg, *, cuts: int, started_late: float = 0.0) -> float:
    """Return how long a leg of a run of 100 s may learn."""
    log = a_busy_log(30)
    reporter = Reporter(ignore, budget=100.0, epochs=1)
    reporter.started -= started_late
    learner = Learner(Trainer(SMALL, log), reporter, cuts=cuts)
    plan, _ = learner._begin("leg", leg, log, 1)
    return plan.deadline - time.monotonic()


@pytest.mark.usefixtures("standing_clock")
def test_a_learner_that_starts_late_still_gets_its_least_share() -> None:
    assert seconds_of(LEARN, cuts=1) == pytest.approx(60.0)
    assert seconds_of(LEARN, cuts=1, started_late=90.0) == pytest.approx(40.0)


@pytest.mark.usefixtures("standing_clock")
@pytest.mark.parametrize("started_late", [0.0, 90.0])
def test_later_cuts_take_their_time_from_the_first_fit(started_late: float) -> None:
    alone = seconds_of(LEARN, cuts=1, started_late=started_late)
    first = seconds_of(LEARN, cuts=3, started_late=started_late)
    each = seconds_of(NEXT_CUT, cuts=3, started_late=started_late)

    assert each > 2.0
    assert first + 2 * each == pytest.approx(alone)


def test_the_schedule_of_an_early_stop_ends_at_the_best_pass() -> None:
    recipe = replace(SMALL, epochs=30, patience=2, learning_rate=0.03, train_seconds=60.0)

    learner = a_run(recipe, a_busy_log(60))

    told = learner.schedule["learn"]
    ndcg = [point.validation_ndcg or 0.0 for point in learner.curve]
    assert told["epochs"] == int(np.argmax(ndcg)) + 1 <= len(ndcg) - 2
    assert told["steps"] == learner.curve[told["epochs"] - 1].step


def test_the_catalogue_tells_prices_and_orders_fill_the_gaps() -> None:
    log = a_log([("ada", 1, [5]), ("bob", 2, [5, 6])], [5, 6, 7])
    price: NDArray[np.float32] = np.array([2.0, 4.0, np.nan], dtype=np.float32)
    log = replace(log, price=price, facts=(ItemFacts(), ItemFacts(price=9.0), ItemFacts()))

    assert item_prices(log) == pytest.approx([3.0, 9.0, np.nan], nan_ok=True)


def test_training_beats_the_untrained_model_on_the_newest_days() -> None:
    division = a_division(a_busy_log(150))
    recipe = replace(SMALL, dropout=0.1, learning_rate=5e-3)

    def ndcg(epochs: int) -> float:
        trainer, _ = a_fit(recipe, division.train, epochs=epochs)
        return validate(trainer.average, division.train, division.cases, moment=division.moment).ndcg_mean

    assert ndcg(12) > ndcg(0) + 0.03
