"""Work off one run: export, check, train and register. What becomes of the version is not its business."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from django.db import transaction

from backend.core import leases
from backend.core.database import DATABASE_DOWN
from backend.core.errors import Failure, LostRace
from backend.core.queue import Job, enqueue
from backend.features import queries as features
from backend.features import services as feature_services
from backend.features.values import Dataset
from backend.registry import queries as registry_queries
from backend.registry import services as registry
from backend.registry.values import Lineage, Outcome, Version, purchases_by
from backend.training import gateway, rules
from backend.training.models import TrainingRun
from backend.training.services import states
from backend.training.services.reporting import Clock, Reporter
from backend.training.services.tracking import experiment_of
from backend.training.values import (
    BadDataset,
    DatasetFacts,
    RunState,
    TrainerOutOfMemory,
    UnknownRun,
)

log = structlog.get_logger(__name__)

# Finds the version that a new one is compared with, of a shop; which one serves, others know.
FindChampion = Callable[[int], Version | None]

UNEXPECTED = "Something unexpected went wrong. It was reported; the former model keeps serving."


def run_training(
    run_id: int, *, clock: Clock, find_champion: FindChampion, recipe: Mapping[str, Any] | None = None
) -> Version | None:
    """
    Work off one run: export, check, train and register. Then it is done, and its release is asked for.

    Does nothing if another worker holds the run or it is over, so a message
    that comes twice is harmless.

    :param recipe: what differs from the recommender's own recipe
    """
    row = _claim(run_id, now=clock())
    if row is None:
        return None
    structlog.contextvars.bind_contextvars(shop_id=row.shop_id, run_id=str(row.uuid))
    with _failing(row, clock), _workspace(row) as folder:
        dataset = _export(row, folder, clock)
        report = Reporter(row, clock)
        champion = find_champion(row.shop_id)
        trained = _train(row, dataset, folder, report, dict(recipe or {}), champion)
        # The report's curve is the whole one; progress may have left points out.
        curve = rules.storable_curve(trained.report["curve"])
        states.move(
            row,
            RunState.REGISTERING,
            now=clock(),
            message="Storing the new version.",
            fraction=1.0,
            curve=curve,
        )
        version = _register(row, dataset, trained, champion, now=clock())
        with transaction.atomic():
            now = clock()
            told = f"Version {version.number} is trained."
            states.move(row, RunState.DONE, now=now, finished_at=now, version_id=version.id, message=told)
            enqueue(Job.RELEASE, shop_id=row.shop_id, version_id=str(version.id))
    log.info("training_finished", version=version.number, served=version.outcome.served)
    return version


def _claim(run_id: int, *, now: datetime) -> TrainingRun | None:
    row = TrainingRun.objects.across_shops(reason="the job names the run").filter(id=run_id).first()
    if row is None:
        raise UnknownRun(f"There is no training run {run_id}.")
    is_alone = leases.is_held_here(Job.TRAIN.value, run_id=run_id)
    may_claim = partial(rules.may_claim, attempts=row.attempts, heard_at=row.heard_at, is_alone=is_alone)
    if not may_claim(RunState(row.state), now=now):
        log.info("training_not_claimed", run_id=str(row.uuid), state=row.state)
        return None
    # The number of attempts fences: a worker that comes back from the dead finds it changed.
    claimed = TrainingRun.objects.for_shop(row.shop_id).filter(
        id=row.id, state=row.state, attempts=row.attempts, heard_at=row.heard_at
    )
    moved = claimed.update(
        state=RunState.EXPORTING,
        attempts=row.attempts + 1,
        started_at=row.started_at or now,
        heard_at=now,
        message="Collecting the shop's orders and products.",
        fraction=0.0,
        curve=[],
    )
    if moved != 1:
        return None
    row.refresh_from_db()
    return row


@contextmanager
def _failing(row: TrainingRun, clock: Clock) -> Iterator[None]:
    """Leave a run FAILED with a plain message, whatever ends it, and let the error go on."""
    try:
        yield
    except LostRace:
        # Another worker or a person has the run now; its state is theirs.
        raise
    except DATABASE_DOWN:
        # Says nothing against the run, whose next attempt begins once the database is back.
        raise
    except Failure as error:
        states.fail(row, error.message, now=clock())
        raise
    except Exception:
        states.fail(row, UNEXPECTED, now=clock())
        raise


@contextmanager
def _workspace(row: TrainingRun) -> Iterator[Path]:
    """Give the run an empty folder that is gone afterwards, a former attempt's leavings included."""
    states.discard_workspace(row)
    folder = states.workspace_of(row)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        states.discard_workspace(row)


def _export(row: TrainingRun, folder: Path, clock: Clock) -> Dataset:
    dataset = features.export(row.shop_id, until=clock(), folder=folder / "dataset")
    checks = rules.check(DatasetFacts(**features.count_broken(dataset)))
    if not checks.is_passed:
        raise BadDataset("The shop's data failed its checks: " + " ".join(checks.failures))
    message = f"Learning from {purchases_by(dataset.purchases, dataset.customers)}."
    states.move(row, RunState.TRAINING, now=clock(), message=message)
    return dataset


def _train(
    row: TrainingRun,
    dataset: Dataset,
    folder: Path,
    report: Reporter,
    recipe: dict[str, Any],
    champion: Version | None,
) -> gateway.Trained:
    train = partial(
        gateway.train,
        dataset.folder,
        champion=_compared_with(champion),
        experiment=experiment_of(row.shop_id),
        on_progress=report,
    )
    try:
        return train(folder / "artifact", recipe=recipe)
    except TrainerOutOfMemory:
        log.warning("training_retried_with_half_batch")
        return train(folder / "smaller", recipe=gateway.with_half_batch(recipe))


def _compared_with(champion: Version | None) -> gateway.Champion | None:
    if champion is None:
        return None
    return gateway.Champion(registry_queries.artifact_folder(champion), champion.lineage.data_until)


def _register(
    row: TrainingRun,
    dataset: Dataset,
    trained: gateway.Trained,
    champion: Version | None,
    *,
    now: datetime,
) -> Version:
    report = trained.report
    lineage = Lineage(
        data_hash=report["data_hash"],
        data_until=dataset.until,
        code_revision=report["code_revision"],
        interactions=dataset.purchases,
        customers=dataset.customers,
        products=dataset.items,
        train_seconds=report["train_seconds"],
        params=report["params"],
        mlflow_run_id=trained.mlflow_run_id,
        mlflow_version=trained.mlflow_version,
        mlflow_url=trained.mlflow_url,
    )
    named = registry_queries.data_hashes(row.shop_id)
    feature_services.keep_snapshot(row.shop_id, dataset, named=named, now=now)
    outcome = Outcome(
        served=report["served"],
        metrics=tuple(report["metrics"]),
        curve=tuple(rules.storable_curve(report["curve"])),
        summary=report["summary"],
        gate=rules.storable_gate(report["gate"], champion_id=champion.id) if champion else None,
        weights=report["weights"],
        findings=rules.storable_findings(report),
    )
    return registry.register(row.shop_id, trained.artifact, lineage=lineage, outcome=outcome, now=now)
