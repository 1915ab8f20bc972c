"""A whole run on real orders with the real trainer process."""

import math
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.core import leases
from backend.core.errors import LostRace
from backend.core.queue import Job
from backend.features import services as features
from backend.features.models import Interaction
from backend.registry import queries as registry
from backend.rollouts import queries as rollout_queries
from backend.rollouts import services as rollouts
from backend.rollouts.values import GateVerdict
from backend.shops.models import Shop
from backend.training import gateway, queries, rules, services
from backend.training.models import TrainingRun
from backend.training.services import states
from backend.training.services.reporting import Reporter
from backend.training.values import (
    MAX_ATTEMPTS,
    SILENCE,
    AlreadyRunning,
    BadDataset,
    Reason,
    Run,
    RunState,
    TrackingUnavailable,
    TrainerFailed,
    TrainerOutOfMemory,
    UnknownRun,
)
from models.recommender.api import Recipe
from tests.backend.history import NOW, a_busy_shop, a_product, a_shop, an_order
from tests.backend.registry.versions import a_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("artifact_root", "untracked")]

QUICK = {"train_seconds": 60.0, "epochs": 2, "width": 16, "window": 8}


@pytest.fixture
def untracked(settings: Any) -> None:
    """Do without MLflow: its own tests are the tracker's."""
    settings.MLFLOW_TRACKING_URI = ""


def clock() -> Any:
    return NOW


def request(shop: Shop) -> tuple[Run, int]:
    run = services.request_training(shop.id, reason=Reason.MANUAL, now=NOW)
    return run, TrainingRun.objects.for_shop(shop.id).get(uuid=run.id).id


# As the worker puts it together: which version serves, training does not know.
run_training = partial(services.run_training, find_champion=rollout_queries.find_champion)


def run_now(shop: Shop, run: Run) -> Run:
    return queries.get_run(shop.id, run.id)


@pytest.mark.slow
def test_a_shops_orders_become_a_registered_version(
    enqueued: Any, artifact_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_busy_shop()
    an_order(shop, [100], customer_key=None)
    features.rebuild(shop.id)
    run, row_id = request(shop)
    seen: list[str] = []
    told: list[str] = []
    plain = states.move

    def move(row: Any, to: RunState, *, message: str = "", **rest: Any) -> Any:
        seen.append(to)
        told.append(message)
        return plain(row, to, message=message, **rest)

    monkeypatch.setattr(states, "move", move)

    version = run_training(row_id, clock=clock, recipe=QUICK)

    assert version is not None
    assert (version.number, version.lineage.interactions, version.lineage.customers) == (1, 1593, 60)
    assert told[0] == "Learning from 1,593 purchases by 60 customers."
    # So small a shop may leave its transformer out.
    assert {metric["model"] for metric in version.outcome.metrics} >= {"personal_frequency", "popularity"}
    assert sum(metric["is_served"] for metric in version.outcome.metrics) == 1
    assert registry.open_scorer(version.artifact, manifest_sha256=version.manifest_sha256).score([], k=3)
    done = run_now(shop, run)
    assert (done.state, done.version_id, done.error) == (RunState.DONE, version.id, "")
    assert done.progress.curve
    assert (done.finished_at, done.progress.fraction) == (NOW, 1.0)
    assert seen[0] == RunState.TRAINING
    assert seen[-2:] == [RunState.REGISTERING, RunState.DONE]
    assert enqueued.of(Job.RELEASE) == [{"shop_id": shop.id, "version_id": str(version.id)}]
    assert list((artifact_root / ".runs").iterdir()) == []


@pytest.mark.slow
def test_a_shop_without_orders_gets_a_version_that_shows_its_newest_products() -> None:
    shop = a_shop()
    for product_id in (10, 11, 12):
        a_product(shop, product_id)
    _, row_id = request(shop)

    version = run_training(row_id, clock=clock, recipe=QUICK)

    assert version is not None
    scorer = registry.open_scorer(version.artifact, manifest_sha256=version.manifest_sha256)
    assert [one.item for one in scorer.score([], k=3)] == [12, 11, 10]
    assert all(metric["ndcg_at_10"] is None for metric in version.outcome.metrics)


def test_a_shop_has_one_live_run(enqueued: Any) -> None:
    shop, other = a_shop(), a_shop("other.myshopify.com")
    request(shop)

    with pytest.raises(AlreadyRunning):
        request(shop)
    request(other)

    assert TrainingRun.objects.for_shop(shop.id).count() == 1
    assert len(enqueued.of(Job.TRAIN)) == 2
    assert len(audit.events(shop.id, event=Event.TRAINING_REQUESTED)) == 1


def test_the_first_training_is_asked_for_once(enqueued: Any) -> None:
    shop = a_shop()

    first = services.ensure_first_training(shop.id, now=NOW)
    again = services.ensure_first_training(shop.id, now=NOW)

    assert first is not None
    assert first.reason is Reason.INSTALL
    assert again is None
    assert len(enqueued.of(Job.TRAIN)) == 1


def test_a_second_delivery_of_the_same_job_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = a_shop()
    run, row_id = request(shop)
    TrainingRun.objects.for_shop(shop.id).update(state=RunState.TRAINING, attempts=1, heard_at=NOW)

    assert run_training(row_id, clock=clock) is None

    assert run_now(shop, run).state is RunState.TRAINING


def test_a_trainer_that_fails_leaves_a_plain_message_and_the_run_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = a_shop()
    run, row_id = request(shop)

    with pytest.raises(TrainerFailed):
        run_training(row_id, clock=clock, recipe={"no_such_setting": 1})

    failed = run_now(shop, run)
    assert failed.state is RunState.FAILED
    assert failed.error.startswith("The trainer stopped")
    assert failed.finished_at == NOW
    assert registry.versions(shop.id) == []
    [entry] = audit.events(shop.id, event=Event.TRAINING_FAILED)
    assert entry.reason == failed.error


def test_a_dataset_that_breaks_a_promise_is_not_trained_on() -> None:
    shop = a_busy_shop(customers=2)
    features.rebuild(shop.id)
    Interaction.objects.for_shop(shop.id).update(unit_price=-1)
    run, row_id = request(shop)

    with pytest.raises(BadDataset):
        run_training(row_id, clock=clock)

    failed = run_now(shop, run)
    assert failed.state is RunState.FAILED
    assert "52 purchases have a negative or missing price." in failed.error


@pytest.mark.parametrize(
    ("recipe", "half"), [({}, Recipe().batch_tokens // 2), ({"batch_tokens": 512, "seed": 3}, 256)]
)
def test_out_of_memory_is_tried_once_more_with_half_the_batch(
    recipe: dict[str, Any], half: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop()
    _, row_id = request(shop)
    recipes: list[dict[str, Any]] = []

    def train(*_: Any, recipe: dict[str, Any], **__: Any) -> gateway.Trained:
        recipes.append(recipe)
        raise TrainerOutOfMemory("The trainer ran out of memory.")

    monkeypatch.setattr(gateway, "train", train)
    with pytest.raises(TrainerOutOfMemory):
        run_training(row_id, clock=clock, recipe=recipe)

    assert recipes == [recipe, {**recipe, "batch_tokens": half}]


@pytest.mark.parametrize(
    "printed",
    [
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 9.3 GiB",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "models.recommender.learning.transformer.trainer.OutOfMemory: A batch of 64 purchases does not fit.",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: not enough memory",
    ],
)
def test_a_trainer_that_finds_no_memory_is_told_from_one_that_fails(
    printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = f"import sys; sys.stdin.readline(); sys.exit({printed!r})"
    monkeypatch.setattr(sys, "executable", a_program(tmp_path, dying))

    with pytest.raises(TrainerOutOfMemory):
        gateway.train(
            tmp_path, tmp_path / "out", recipe={}, champion=None, experiment="one", on_progress=lambda _: None
        )


def a_program(folder: Path, source: str) -> str:
    """Return the path of a program that runs a Python source whatever its arguments are."""
    path = folder / "python"
    path.write_text(f"#!{sys.executable}\n{source}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_a_run_that_was_cancelled_stops_its_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = a_busy_shop(customers=5)
    features.rebuild(shop.id)
    run, row_id = request(shop)
    plain = Reporter.__call__

    def cancel_first(self: Any, progress: Any) -> None:
        services.cancel_all(shop.id, reason="The app was uninstalled.", now=NOW)
        plain(self, progress)

    monkeypatch.setattr(Reporter, "__call__", cancel_first)
    with pytest.raises(LostRace):
        run_training(row_id, clock=clock, recipe=QUICK)

    cancelled = run_now(shop, run)
    assert (cancelled.state, cancelled.error) == (RunState.CANCELLED, "The app was uninstalled.")
    [act] = audit.events(shop.id, event=Event.TRAINING_CANCELLED)
    assert (act.reason, act.new) == ("The app was uninstalled.", {"state": "CANCELLED"})


def told(**changes: Any) -> dict[str, Any]:
    """Return one report of the trainer."""
    report = {
        "stage": "TRAINING",
        "epoch": 1,
        "epochs": 8,
        "fraction": 0.5,
        "seconds": 3.0,
        "train_loss": 2.0,
        "validation_ndcg": 0.1,
        "message": "Learning.",
    }
    return report | changes


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("a sentence that goes on", {"message": "Learned from more customers than ever. " * 20}),
        ("a sign that no column takes", {"message": "Learning from \x00."}),
        ("a loss beyond all numbers", {"train_loss": math.nan, "validation_ndcg": math.inf}),
        ("a count beyond all columns", {"epochs": 10**12}),
    ],
)
def test_words_about_a_training_never_end_it(case: str, changes: dict[str, Any]) -> None:
    shop = a_shop()
    _, row_id = request(shop)
    row = TrainingRun.objects.for_shop(shop.id).get(id=row_id)
    states.move(row, RunState.EXPORTING, now=NOW)
    states.move(row, RunState.TRAINING, now=NOW)
    report = Reporter(row, clock)

    report(told(**changes))
    report.written_at = None
    report(told(stage="EVALUATING", epoch=2))

    assert queries.get_run(shop.id, row.uuid).state is RunState.EVALUATING, case


def test_a_long_sentence_is_told_whole() -> None:
    shop = a_shop()
    run, row_id = request(shop)
    sentence = "Measured on the purchases of the last two weeks. " * 20
    row = TrainingRun.objects.for_shop(shop.id).get(id=row_id)
    states.hear(row, now=NOW, message=sentence)

    assert run_now(shop, run).progress.message == sentence


def test_a_database_that_is_away_for_a_moment_does_not_end_a_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = a_shop()
    run, row_id = request(shop)

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(gateway, "train", away)
    with pytest.raises(OperationalError):
        run_training(row_id, clock=clock)

    assert run_now(shop, run).state is RunState.TRAINING


@pytest.mark.parametrize(("is_leased", "attempts"), [(True, 2), (False, 1)])
def test_the_run_of_a_worker_that_just_died_is_begun_by_the_one_that_has_its_lease(
    is_leased: bool, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop()
    _, row_id = request(shop)
    TrainingRun.objects.for_shop(shop.id).update(state=RunState.TRAINING, attempts=1, heard_at=NOW)
    monkeypatch.setattr(gateway, "train", raising(TrainerFailed("Enough.")))
    work = partial(run_training, row_id, clock=clock)

    if is_leased:
        lease = leases.claim(Job.TRAIN.value, {"run_id": row_id})
        assert lease is not None
        with leases.heartbeat(lease), pytest.raises(TrainerFailed):
            work()
    else:
        assert work() is None

    assert TrainingRun.objects.for_shop(shop.id).get().attempts == attempts


def raising(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def test_the_sweep_hands_a_silent_run_out_again_and_then_gives_it_up(enqueued: Any) -> None:
    shop = a_shop()
    run, row_id = request(shop)
    rows = TrainingRun.objects.for_shop(shop.id)
    rows.update(state=RunState.TRAINING, attempts=1, heard_at=NOW - SILENCE * 2)
    enqueued.clear()

    services.sweep(now=NOW)
    assert enqueued.of(Job.TRAIN) == [{"run_id": row_id}]
    rows.update(attempts=MAX_ATTEMPTS)
    services.sweep(now=NOW)

    lost = run_now(shop, run)
    assert lost.state is RunState.FAILED
    assert "please start again" in lost.error


def test_a_run_that_moves_under_the_sweep_does_not_end_it(
    enqueued: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving, waiting = a_shop(), a_shop("other.myshopify.com")
    (_, moving_id), (_, waiting_id) = request(moving), request(waiting)
    TrainingRun.objects.for_shop(moving.id).update(
        state=RunState.TRAINING, attempts=MAX_ATTEMPTS, heard_at=NOW - SILENCE * 2
    )
    TrainingRun.objects.for_shop(waiting.id).update(heard_at=NOW - timedelta(hours=1))
    plain = states.fail

    def after_someone_else(row: TrainingRun, *rest: Any, **named: Any) -> None:
        TrainingRun.objects.for_shop(moving.id).filter(id=row.id).update(state=RunState.REGISTERING)
        plain(row, *rest, **named)

    monkeypatch.setattr(states, "fail", after_someone_else)
    enqueued.clear()
    services.sweep(now=NOW)

    assert TrainingRun.objects.for_shop(moving.id).get(id=moving_id).state == RunState.REGISTERING
    assert enqueued.of(Job.TRAIN) == [{"run_id": waiting_id}]


def test_a_lost_run_does_not_stand_in_the_way_of_the_next() -> None:
    shop = a_shop()
    lost, _ = request(shop)
    TrainingRun.objects.for_shop(shop.id).update(
        state=RunState.TRAINING, attempts=MAX_ATTEMPTS, heard_at=NOW - SILENCE * 2
    )

    fresh, _ = request(shop)

    assert run_now(shop, lost).state is RunState.FAILED
    assert run_now(shop, fresh).state is RunState.QUEUED


def test_a_run_that_waits_long_gets_one_more_message_not_one_a_minute(enqueued: Any) -> None:
    shop = a_shop()
    _, row_id = request(shop)
    enqueued.clear()

    for minute in range(11, 20):
        services.sweep(now=NOW + timedelta(minutes=minute))

    assert enqueued.of(Job.TRAIN) == [{"run_id": row_id}]


@pytest.mark.parametrize("end", ["cancelled", "lost"])
def test_a_dead_workers_copy_of_the_purchases_goes_with_its_run(artifact_root: Path, end: str) -> None:
    shop = a_shop()
    run, _ = request(shop)
    leavings = artifact_root / ".runs" / str(run.id) / "dataset"
    leavings.mkdir(parents=True)
    TrainingRun.objects.for_shop(shop.id).update(
        state=RunState.TRAINING, attempts=MAX_ATTEMPTS, heard_at=NOW - SILENCE * 2
    )

    if end == "cancelled":
        services.cancel_all(shop.id, reason="The shop is being erased.", now=NOW)
    else:
        services.sweep(now=NOW)

    assert not leavings.exists()


def test_a_trainer_that_talks_on_past_its_deadline_is_stopped(
    artifact_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop()
    run, row_id = request(shop)
    monkeypatch.setattr(gateway, "DEADLINE_SECONDS", 0.0)

    with pytest.raises(TrainerFailed, match="still running"):
        run_training(row_id, clock=clock)

    assert run_now(shop, run).state is RunState.FAILED


def test_another_shops_run_is_unknown() -> None:
    mine, theirs = a_shop(), a_shop("other.myshopify.com")
    run, _ = request(theirs)

    with pytest.raises(UnknownRun):
        queries.get_run(mine.id, run.id)


def test_mlflow_is_told_of_the_versions_that_it_knows_and_may_be_down(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop()
    unknown = a_version(shop, artifact)
    known = a_version(shop, artifact, mlflow_version=3)
    told: list[Any] = []

    def refuse(experiment: str, mlflow_version: int | None, *, aliases: Any, tags: Any) -> None:
        told.append((experiment, mlflow_version, aliases, tags))
        raise TrackingUnavailable("MLflow is down.")

    monkeypatch.setattr(gateway, "mark", refuse)
    aliases = {"staging": known.id, "challenger": None, "champion": unknown.id}
    services.track_release(shop.id, known.id, tags={"gate.verdict": "PASSED"}, aliases=aliases)

    named = {"staging": 3, "challenger": None, "champion": None}
    assert told == [("tailorbird-willow-gifts", 3, named, {"gate.verdict": "PASSED"})]


@pytest.mark.slow
def test_a_second_training_is_compared_with_the_version_that_answers(enqueued: Any) -> None:
    shop = a_busy_shop(customers=110)
    features.rebuild(shop.id)
    _, row_id = request(shop)
    first = run_training(row_id, clock=lambda: NOW - timedelta(days=20), recipe=QUICK)
    assert first is not None
    rollouts.stage(shop.id, first.id, now=NOW)
    rollouts.release(shop.id, first.id, now=NOW)
    _, row_id = request(shop)

    second = run_training(row_id, clock=clock, recipe=QUICK)

    assert first.outcome.gate is None
    assert second is not None
    gate = second.outcome.gate
    assert gate is not None
    assert (gate["champion_id"], gate["customers"], gate["reason"]) == (str(first.id), 110, None)
    assert gate["low"] <= gate["gain"] <= gate["high"]
    rollouts.stage(shop.id, second.id, now=NOW)
    record = rollout_queries.find_gate_record(shop.id, second.id)
    simple = second.outcome.findings["against_simple"]
    assert record is not None
    assert (record.verdict is GateVerdict.PASSED) == (gate["low"] >= -0.02 and simple["gain"] >= 0.02)
    assert record.words.endswith("down to −2.0% is allowed.")


@pytest.mark.parametrize(
    ("gain", "stored"), [(0.05, 0.05), (math.inf, 10.0), (math.nan, None), (None, None), (-1.0, -1.0)]
)
def test_a_gain_is_stored_as_a_number_that_json_can_carry(gain: float | None, stored: float | None) -> None:
    gate = {"customers": 200, "gain": gain, "low": gain, "high": gain, "reason": None}

    kept = rules.storable_gate(gate, champion_id=UUID(int=7))

    assert kept == gate | {
        "gain": stored, "low": stored, "high": stored, "champion_id": str(UUID(int=7))
    }  # fmt: skip


@pytest.mark.parametrize(
    "against", [None, {"model": "markov", "gain": math.inf, "low": 0.1, "high": math.nan}]
)
def test_what_else_was_found_is_stored_in_numbers_that_json_can_carry(against: Any) -> None:
    cart = {"surface": "cart", "words": "In the cart.", "over_popular": against, "over_simple": None}
    plain = {"cold": {"items": 3}, "peak_memory_mb": 512.0, "card": "# Card"}
    report = {"asked": "orders", "against_simple": against, "surfaces": [cart], **plain}

    kept = rules.storable_findings(report)

    stored = against and against | {"gain": 10.0, "high": None}
    assert kept == {**report, "against_simple": stored, "surfaces": [cart | {"over_popular": stored}]}


def test_an_erased_shop_is_forgotten_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[str] = []
    monkeypatch.setattr(gateway, "forget", forgotten.append)

    services.forget_tracking(services.experiment_of(a_shop().id))

    assert forgotten == ["tailorbird-willow-gifts"]
