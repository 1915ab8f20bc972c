"""
The run log and model registry: one MLflow run per training, one registered model per shop.

MLflow is imported where it is used: it takes a second and 100 MB, which no reader of this module's
errors should pay. It may be down at any time; that is ``TrackingUnavailable``, never a lost model.
"""

import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from models.recommender.log.surfaces import Surface
from models.recommender.values import GateEvidence, ModelMetrics, Report, SurfaceReport

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run
    from mlflow.entities.model_registry import RegisteredModel
    from mlflow.tracking import MlflowClient

CONNECT_SECONDS = 5
REQUEST_SECONDS = 20
REQUEST_RETRIES = 2  # MLflow's own seven keep a caller waiting for minutes
LONGEST_PARAM = 500  # characters; MLflow refuses values beyond 6,000
LONGEST_TAG = 1_000  # characters
ARTIFACT_PATH = "model"
CARD_FILE = "model_card.md"
FORGOTTEN = "forgotten"  # what is left of a forgotten shop's name
FIGURES = ("ndcg_at_10", "ndcg_low", "ndcg_high", "recall_at_10", "hit_rate_at_10", "mrr_at_10", "coverage")


class TrackingUnavailable(ConnectionError):
    """MLflow, its database or its file store is down or refuses. Try again later."""


class Alias(StrEnum):
    """What a version of a registered model is at the moment."""

    CANDIDATE = "candidate"  # the newest one that passed training
    STAGING = "staging"  # the newest one that passed the gate, or that a person let through
    CHALLENGER = "challenger"  # the one that a rollout compares with the champion
    CHAMPION = "champion"  # the one that serves


class Tracked(NamedTuple):
    """Where a training was written down."""

    run_id: str
    model_version: int


@dataclass
class Tracker:
    """
    The run log of one shop. ``experiment`` names both its experiment and its registered model.

    :param tracking_uri: of an MLflow server (http) or of its database; a PostgreSQL address may name
        its schema by ``options=-csearch_path=…``, which is made if it is missing
    :param artifact_root: folder or URI for artifacts of a new experiment; MLflow's own default if None
    """

    tracking_uri: str
    experiment: str
    artifact_root: Path | str | None = None

    def log(self, report: Report, artifact: Path) -> Tracked:
        """
        Write down a training with its files and register them as the shop's candidate.

        :raises TrackingUnavailable: if MLflow cannot be reached or refuses
        """
        with _speaking_to_mlflow():
            run = self._client.create_run(self._experiment_id, tags=_tags(report))
            run_id = str(run.info.run_id)
            self._log_figures(run_id, report, started_at_ms=int(run.info.start_time))
            self._client.log_artifacts(run_id, str(artifact), ARTIFACT_PATH)
            self._client.log_text(run_id, report.card, CARD_FILE)
            self._client.set_terminated(run_id)
            self._ensure_registered()
            version = self._client.create_model_version(
                self.experiment,
                source=f"{run.info.artifact_uri}/{ARTIFACT_PATH}",
                run_id=run_id,
                tags={"data_hash": report.data_hash, "served": report.served},
                description=report.summary,
            )
            tracked = Tracked(run_id, int(version.version))
        self.alias(Alias.CANDIDATE, tracked.model_version)
        return tracked

    def alias(self, alias: Alias, version: int) -> None:
        """
        Point an alias of the shop's model at a version, and away from any other.

        :raises TrackingUnavailable: if MLflow cannot be reached or has no such version
        """
        with _speaking_to_mlflow():
            self._client.set_registered_model_alias(self.experiment, alias.value, str(version))

    def unalias(self, alias: Alias) -> None:
        """
        Let an alias of the shop's model point at no version.

        :raises TrackingUnavailable: if MLflow cannot be reached
        """
        with _speaking_to_mlflow():
            found = self._find_registered()
            if found is not None and alias.value in found.aliases:
                self._client.delete_registered_model_alias(self.experiment, alias.value)

    def tag(self, version: int, tags: Mapping[str, str]) -> None:
        """
        Write words beside a version and its run, for example what the gate said of it.

        :raises TrackingUnavailable: if MLflow cannot be reached or has no such version
        """
        with _speaking_to_mlflow():
            run_id = self._client.get_model_version(self.experiment, str(version)).run_id
            for key, value in tags.items():
                self._client.set_model_version_tag(self.experiment, str(version), key, value[:LONGEST_TAG])
                if run_id:
                    self._client.set_tag(run_id, key, value[:LONGEST_TAG])

    def forget(self) -> None:
        """
        Delete the shop's registered model with all its versions, its runs with their files, and its name.

        A server keeps the bare figures of deleted runs, under no name, until its operator runs
        ``mlflow gc``. Forgetting what is not there does nothing.

        :raises TrackingUnavailable: if MLflow cannot be reached or refuses
        """
        with _speaking_to_mlflow():
            if self._find_registered():
                self._client.delete_registered_model(self.experiment)
            experiment = self._client.get_experiment_by_name(self.experiment)
            if experiment is None:
                return
            for run in self._runs(experiment.experiment_id):
                self._forget_run(run)
            # First the name, because a deleted experiment can't be renamed and keeps its name.
            self._client.rename_experiment(
                experiment.experiment_id, f"{FORGOTTEN}-{experiment.experiment_id}"
            )
            self._client.delete_experiment(experiment.experiment_id)

    def _runs(self, experiment_id: str) -> "list[Run]":
        from mlflow.entities import ViewType

        page = self._client.search_runs([experiment_id], run_view_type=ViewType.ALL)
        runs = list(page)
        while page.token:
            page = self._client.search_runs(
                [experiment_id], run_view_type=ViewType.ALL, page_token=page.token
            )
            runs += page
        return runs

    def _forget_run(self, run: "Run") -> None:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        files: Any = get_artifact_repository(str(run.info.artifact_uri), tracking_uri=self._uri)
        files.delete_artifacts(ARTIFACT_PATH)
        files.delete_artifacts(CARD_FILE)
        if run.info.lifecycle_stage == "active":
            self._client.delete_run(run.info.run_id)

    @cached_property
    def _uri(self) -> str:
        uri = self.tracking_uri
        if not uri.startswith(("postgresql:", "postgres:")):
            return uri
        # SQLAlchemy's own choice for this scheme is psycopg 3, which the project does not carry.
        return "postgresql+psycopg2:" + uri.partition(":")[2]

    @cached_property
    def _client(self) -> "MlflowClient":
        if self._uri.startswith("postgresql+"):
            _prepare_database(self._uri)
        mlflow = _import_mlflow()
        client: MlflowClient = mlflow.MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
        return client

    @cached_property
    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self.experiment)
        if found is not None:
            return str(found.experiment_id)
        root = self.artifact_root
        location = root.absolute().as_uri() if isinstance(root, Path) else root
        return str(self._client.create_experiment(self.experiment, artifact_location=location))

    def _ensure_registered(self) -> None:
        if not self._find_registered():
            self._client.create_registered_model(self.experiment)

    def _find_registered(self) -> "RegisteredModel | None":
        found = self._client.search_registered_models(f"name = '{self.experiment}'")
        return found[0] if found else None

    def _log_figures(self, run_id: str, report: Report, *, started_at_ms: int) -> None:
        from mlflow.entities import Param

        params = [Param(key, value[:LONGEST_PARAM]) for key, value in flat(report.params).items()]
        for start in range(0, len(params), 100):  # MLflow's limit for one call
            self._client.log_batch(run_id, params=params[start : start + 100])
        self._client.log_batch(run_id, metrics=_metrics(report, started_at_ms=started_at_ms))


def flat(params: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested parameters under dotted names, as text."""
    out: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, dict):
            out |= flat(value, f"{prefix}{name}.")
        else:
            out[f"{prefix}{name}"] = str(value)
    return out


def _tags(report: Report) -> dict[str, str]:
    return {
        "data_hash": report.data_hash,
        "data_until": report.data_until,
        "mlflow.source.git.commit": report.code_revision,
        "mlflow.note.content": report.summary,
        "served": report.served,
        "related_by": report.related_by,
        "seed": str(report.seed),
        **{f"version.{name}": number for name, number in report.versions.items()},
    }


def _metrics(report: Report, *, started_at_ms: int) -> "list[Metric]":
    """Return the figures of all models and the learning curve by step, stamped by time into the run."""
    from mlflow.entities import Metric

    ended_at = started_at_ms + int(report.train_seconds * 1000)
    single = {
        "train_seconds": report.train_seconds,
        "peak_memory_mb": report.peak_memory_mb,
        "interactions": float(report.interactions),
        **_models(report.metrics),
        **_surfaces(report.surfaces),
        **_gate(report.gate),
    }
    metrics = [Metric(name, value, ended_at, 0) for name, value in single.items()]
    for point in report.curve:
        at = started_at_ms + int(point.seconds * 1000)
        metrics.append(Metric("train_loss", point.train_loss, at, point.step))
        if point.validation_ndcg is not None:
            metrics.append(Metric("validation_ndcg_at_10", point.validation_ndcg, at, point.step))
    return metrics


def _models(rows: list[ModelMetrics]) -> dict[str, float]:
    figures = {f"{row.model}.{figure}": getattr(row, figure) for row in rows for figure in FIGURES}
    return {name: float(value) for name, value in figures.items() if value is not None}


def _surfaces(surfaces: list[SurfaceReport]) -> dict[str, float]:
    """Return how each way of answering a page, a cart or a stranger does; at home they are the models."""
    return {
        f"{told.surface}.{way.way}.{figure}": float(getattr(way, figure))
        for told in surfaces
        if told.surface != Surface.HOME
        for way in told.ways
        for figure in ("ndcg_at_10", "ndcg_low", "ndcg_high", "hit_rate_at_10", "coverage")
    }


def _gate(gate: GateEvidence | None) -> dict[str, float]:
    """Return how the candidate did beside the champion; nothing where there was no comparison."""
    if gate is None:
        return {}
    figures = {"gain": gate.gain, "low": gate.low, "high": gate.high, "customers": float(gate.customers)}
    # MLflow's databases do not all take infinity, the gain over a champion that found nothing.
    return {
        f"gate.{name}": value for name, value in figures.items() if value is not None and math.isfinite(value)
    }


def _import_mlflow() -> Any:
    # MLflow reports its use to its makers unless told otherwise before its first import; a shop's
    # training is nobody else's business.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # noqa: TID251  (written, not read)
    import mlflow

    limits: Any = mlflow.environment_variables

    limits.MLFLOW_HTTP_REQUEST_TIMEOUT.set(REQUEST_SECONDS)
    limits.MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(REQUEST_RETRIES)
    return mlflow


def _prepare_database(uri: str) -> None:
    """
    Make the schema that the address names, if it is missing.

    It also finds a dead database within seconds, where MLflow alone would try for minutes.
    """
    import sqlalchemy as sa

    engine = sa.create_engine(uri, poolclass=sa.NullPool, connect_args={"connect_timeout": CONNECT_SECONDS})
    with engine.begin() as connection:
        path = str(connection.scalar(sa.text("SHOW search_path")))
        schema = path.split(",", maxsplit=1)[0].strip().strip('"')
        if schema not in {"", "$user", "public"}:
            connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))


@contextmanager
def _speaking_to_mlflow() -> Iterator[None]:
    """Turn whatever MLflow, its driver or the network raises into ``TrackingUnavailable``."""
    _import_mlflow()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with warnings.catch_warnings():
            # MLflow uses names that its own libraries have deprecated; we cannot mend that.
            warnings.simplefilter("ignore")
            yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise TrackingUnavailable(f"MLflow did not take the record: {_without_password(error)}") from error


def _without_password(error: Exception) -> str:
    """Return the words of an error, whose addresses may hold who we are and our password."""
    return re.sub(r"//[^/@\s]*@", "//", str(error))
