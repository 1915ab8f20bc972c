"""Writes of training: ask for a run, work it off, report on it, clean up after dead workers."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.errors import Failure
from backend.core.queue import Job, enqueue
from backend.features import queries as features
from backend.features import services as feature_services
from backend.features.values import Dataset
from backend.registry import queries as registry_queries
from backend.registry import services as registry
from backend.registry.values import Lineage, Outcome, Version, VersionState
from backend.shops import queries as shops
from backend.training import gateway, queries, rules
from backend.training.models import TrainingRun
from backend.training.values import (
    LIVE,
    MAX_ATTEMPTS,
    PUBLISHING_ENDS_AFTER,
    AlreadyRunning,
    BadDataset,
    DatasetFacts,
    LostRace,
    Reason,
    Run,
    RunState,
    TrackingUnavailable,
    TrainerOutOfMemory,
    UnknownRun,
)

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]

# Progress is written at most this often; a page that shows it asks every two seconds.
WRITE_EVERY_SECONDS = 1.0

# The recommender's stages as the merchant's states.
STATE_OF_STAGE = {
    "READING": RunState.TRAINING,
    "BASELINES": RunState.TRAINING,
    "TRAINING": RunState.TRAINING,
    "EVALUATING": RunState.EVALUATING,
    "REFITTING": RunState.EVALUATING,
    "EXPORTING": RunState.EVALUATING,
    "DONE": RunState.EVALUATING,
}

LOST = "The worker stopped in the middle of the training. The former model keeps serving; please start again."
UNPUBLISHED = "The new version could not be brought to the whole shop within a day. Please start again."
UNEXPECTED = "Something unexpected went wrong. It was reported; the former model keeps serving."


def request_training(shop_id: int, *, reason: Reason, now: datetime, actor: str = audit.SYSTEM) -> Run:
    """
    Ask for a training run.

    :raises AlreadyRunning: if the shop has a live run; the database allows one
    """
    sweep(now=now, shop_id=shop_id)
    try:
        with transaction.atomic():
            row = TrainingRun.objects.for_shop(shop_id).create(
                reason=reason,
                requested_by=actor,
                created_at=now,
                heard_at=now,
                message="Waiting for a worker.",
            )
            audit.record(
                Event.TRAINING_REQUESTED,
                shop_id=shop_id,
                subject=f"training run {row.uuid}",
                reason=f"Asked for: {reason}.",
                now=now,
                actor=actor,
            )
            enqueue(Job.TRAIN, run_id=row.id)
    except IntegrityError as error:
        raise AlreadyRunning("A training is already running for this shop.") from error
    return queries.run_of(row)


def ensure_first_training(shop_id: int, *, now: datetime) -> Run | None:
    """Ask for a shop's first run after its import; do nothing once there was one."""
    if queries.find_last_run(shop_id) is not None:
        return None
    return request_training(shop_id, reason=Reason.INSTALL, now=now)


def sweep(*, now: datetime, shop_id: int | None = None) -> None:
    """
    Find live runs that nobody holds: hand them out again, or fail them after too many attempts.

    The message is a hint, the row is the truth: a lost message or a killed
    worker costs minutes, not the run.
    """
    rows = TrainingRun.objects.across_shops(reason="the sweep looks at every shop").filter(state__in=LIVE)
    if shop_id is not None:
        rows = rows.filter(shop_id=shop_id)
    for row in rows:
        if not rules.is_stale(RunState(row.state), heard_at=row.heard_at, now=now):
            continue
        if row.state == RunState.PUBLISHING:
            _repeat_release(row, now=now)
        elif row.attempts >= MAX_ATTEMPTS:
            _fail(row, LOST, now=now)
            _discard_workspace(row)
        else:
            _repeat_training(row, now=now)


def _repeat_release(row: TrainingRun, *, now: datetime) -> None:
    if now - (row.started_at or row.created_at) > PUBLISHING_ENDS_AFTER:
        _fail(row, UNPUBLISHED, now=now)
        return
    TrainingRun.objects.for_shop(row.shop_id).filter(id=row.id).update(heard_at=now)
    enqueue(Job.RELEASE, shop_id=row.shop_id, version_id=str(row.version_id))


def _repeat_training(row: TrainingRun, *, now: datetime) -> None:
    # A waiting run is marked, so that a long queue gets one more message in ten minutes and not one in
    # each sweep. A held run keeps its silence: it is what lets the next worker take the run over.
    TrainingRun.objects.for_shop(row.shop_id).filter(id=row.id, state=RunState.QUEUED).update(heard_at=now)
    enqueue(Job.TRAIN, run_id=row.id)


def run_training(run_id: int, *, clock: Clock, recipe: Mapping[str, Any] | None = None) -> Version | None:
    """
    Work off one run: export, check, train, register, and hand over to the release.

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
        report = _Reporter(row, clock)
        champion = registry_queries.find_champion(row.shop_id)
        wanted = {**rules.recipe_for(Reason(row.reason)), **(recipe or {})}
        trained = _train(row, dataset, folder, report, wanted, champion)
        # The report's curve is the whole one; progress may have left points out.
        curve = trained.report["curve"]
        _move(
            row,
            RunState.REGISTERING,
            now=clock(),
            message="Storing the new version.",
            fraction=1.0,
            curve=curve,
        )
        version = _register(row, dataset, trained, champion, now=clock())
        with transaction.atomic():
            _move(
                row,
                RunState.PUBLISHING,
                now=clock(),
                version_id=version.id,
                message="Releasing the new version.",
            )
            enqueue(Job.RELEASE, shop_id=row.shop_id, version_id=str(version.id))
    log.info("training_finished", version=version.number, served=version.outcome.served)
    return version


def _claim(run_id: int, *, now: datetime) -> TrainingRun | None:
    row = TrainingRun.objects.across_shops(reason="the job names the run").filter(id=run_id).first()
    if row is None:
        raise UnknownRun(f"There is no training run {run_id}.")
    if not rules.may_claim(RunState(row.state), attempts=row.attempts, heard_at=row.heard_at, now=now):
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
    except Failure as error:
        _fail(row, error.message, now=clock())
        raise
    except Exception:
        _fail(row, UNEXPECTED, now=clock())
        raise


@contextmanager
def _workspace(row: TrainingRun) -> Iterator[Path]:
    """Give the run an empty folder that is gone afterwards, a former attempt's leavings included."""
    _discard_workspace(row)
    folder = _workspace_of(row)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        _discard_workspace(row)


def _workspace_of(row: TrainingRun) -> Path:
    return Path(settings.ARTIFACT_ROOT) / ".runs" / str(row.uuid)


def _discard_workspace(row: TrainingRun) -> None:
    """Remove a run's folder. A killed worker leaves its copy of the shop's purchases there."""
    shutil.rmtree(_workspace_of(row), ignore_errors=True)


def _export(row: TrainingRun, folder: Path, clock: Clock) -> Dataset:
    dataset = features.export(row.shop_id, until=clock(), folder=folder / "dataset")
    checks = rules.check(DatasetFacts(**features.count_broken(dataset)))
    if not checks.is_passed:
        raise BadDataset("The shop's data failed its checks: " + " ".join(checks.failures))
    message = f"Learning from {dataset.interactions:,} purchases of {dataset.users:,} customers."
    _move(row, RunState.TRAINING, now=clock(), message=message)
    return dataset


def _train(
    row: TrainingRun,
    dataset: Dataset,
    folder: Path,
    report: "_Reporter",
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
        return train(folder / "smaller", recipe={**recipe, "batch_tokens": gateway.HALF_BATCH_TOKENS})


def _compared_with(champion: Version | None) -> gateway.Champion | None:
    if champion is None:
        return None
    return gateway.Champion(registry_queries.artifact_folder(champion), champion.lineage.data_until)


def experiment_of(shop_id: int) -> str:
    """Return the name under which MLflow knows a shop."""
    return f"tailorbird-{shops.get_shop(shop_id).domain.removesuffix('.myshopify.com')}"


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
        interactions=dataset.interactions,
        customers=dataset.users - dataset.guest_baskets,
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
        curve=tuple(report["curve"]),
        summary=report["summary"],
        gate=rules.storable_gate(report["gate"], champion_id=champion.id) if champion else None,
        weights=report["weights"],
        findings=rules.storable_findings(report),
    )
    return registry.register(row.shop_id, trained.artifact, lineage=lineage, outcome=outcome, now=now)


class _Reporter:
    """Writes the trainer's progress to the run, at most once a second, and to the log at each epoch."""

    def __init__(self, row: TrainingRun, clock: Clock) -> None:
        self.row = row
        self.clock = clock
        self.written_at: datetime | None = None
        self.curve: list[dict[str, Any]] = []

    def __call__(self, progress: dict[str, Any] | None) -> None:
        """Take one report, or None as a sign of life."""
        now = self.clock()
        if progress is None:
            _hear(self.row, now=now)
            return
        state = STATE_OF_STAGE[progress["stage"]]
        self._remember(progress)
        is_new_state = state != self.row.state
        if (
            not is_new_state
            and self.written_at
            and (now - self.written_at).total_seconds() < WRITE_EVERY_SECONDS
        ):
            return
        self.written_at = now
        values = {name: progress[name] for name in ("epoch", "epochs", "fraction", "message")}
        if is_new_state and rules.may_move(RunState(self.row.state), state):
            _move(self.row, state, now=now, curve=self.curve, **values)
        else:
            _hear(self.row, now=now, curve=self.curve, **values)

    def _remember(self, progress: dict[str, Any]) -> None:
        # Refitting starts its epochs over on other data; its losses are another curve.
        is_point = progress["stage"] == "TRAINING" and progress["train_loss"] is not None
        if not is_point or (self.curve and self.curve[-1]["epoch"] == progress["epoch"]):
            return
        point = {name: progress[name] for name in ("epoch", "seconds", "train_loss", "validation_ndcg")}
        # The trainer reports epochs; a point's step is its place in the curve.
        self.curve.append({"step": len(self.curve) + 1, **point})
        log.info("training_epoch", **point)


def track_release(shop_id: int, version_id: UUID, *, tags: Mapping[str, str], is_staged: bool) -> None:
    """
    Tell MLflow what the gate said of a version and what it is now, if it knows it.

    It may be down: serving never asks it.

    :param is_staged: whether it is the newest that got past the gate, on its own or by hand
    """
    version = registry_queries.get_version(shop_id, version_id)
    if version.lineage.mlflow_version is None:
        return
    aliases = ["staging"] if is_staged else []
    if version.state is VersionState.LIVE:
        aliases.append("champion")
    try:
        gateway.mark(experiment_of(shop_id), version.lineage.mlflow_version, aliases=aliases, tags=tags)
    except TrackingUnavailable as error:
        log.warning("tracking_unavailable", error=error.message)


def forget_tracking(experiment: str) -> None:
    """
    Let MLflow forget a shop, by the name that ``experiment_of`` gave it before the shop was erased.

    :raises TrackingUnavailable: if MLflow can't be told now; the shop is not forgotten until it was
    """
    gateway.forget(experiment)


def publish_progress(shop_id: int, version_id: UUID, *, fraction: float, message: str, now: datetime) -> None:
    """Tell how far the publishing of a version has come, if a run waits for it."""
    for row in _publishing(shop_id, version_id):
        _hear(row, now=now, fraction=fraction, message=message[:300])


def finish(shop_id: int, version_id: UUID, *, message: str, now: datetime) -> None:
    """End the run that waited for a version's release. Nothing happens if there is none."""
    for row in _publishing(shop_id, version_id):
        _move(row, RunState.DONE, now=now, finished_at=now, message=message[:300], fraction=1.0)


def cancel_all(shop_id: int, *, reason: str, now: datetime) -> None:
    """End a shop's live runs, for example because the app was uninstalled."""
    for row in TrainingRun.objects.for_shop(shop_id).filter(state__in=LIVE):
        _move(row, RunState.CANCELLED, now=now, finished_at=now, error=reason)
        _discard_workspace(row)


def _publishing(shop_id: int, version_id: UUID) -> list[TrainingRun]:
    rows = TrainingRun.objects.for_shop(shop_id)
    return list(rows.filter(version_id=version_id, state=RunState.PUBLISHING))


def _fail(row: TrainingRun, error: str, *, now: datetime) -> None:
    with transaction.atomic():
        _move(row, RunState.FAILED, now=now, finished_at=now, error=error)
        audit.record(
            Event.TRAINING_FAILED,
            shop_id=row.shop_id,
            subject=f"training run {row.uuid}",
            reason=error,
            now=now,
        )


def _move(row: TrainingRun, to: RunState, *, now: datetime, **values: Any) -> None:
    """Move a run by compare-and-set on state and attempt. The only writer of ``state`` after the claim."""
    if not rules.may_move(RunState(row.state), to):
        raise LostRace(f"Training run {row.uuid} is {row.state} and can't become {to}.")
    rows = TrainingRun.objects.for_shop(row.shop_id).filter(id=row.id, state=row.state, attempts=row.attempts)
    if rows.update(state=to, heard_at=now, **values) != 1:
        raise LostRace(f"Training run {row.uuid} is no longer {row.state} in attempt {row.attempts}.")
    row.state = to


def _hear(row: TrainingRun, *, now: datetime, **values: Any) -> None:
    rows = TrainingRun.objects.for_shop(row.shop_id).filter(id=row.id, state=row.state, attempts=row.attempts)
    if rows.update(heard_at=now, **values) != 1:
        raise LostRace(f"Training run {row.uuid} is no longer {row.state} in attempt {row.attempts}.")
