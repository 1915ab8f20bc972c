"""What happens when a release of ours can't read the version that is live."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from backend.monitoring import services
from backend.monitoring.services import looking, opening
from backend.monitoring.values import Kind, Verdict
from backend.registry import queries as registry
from backend.rollouts import queries as rollout_queries
from backend.rollouts import services as rollouts
from backend.shops.models import Shop
from backend.training import queries as training
from backend.training import services as training_services
from backend.training.models import TrainingRun
from backend.training.values import Reason, RunState
from models.recommender.serving import artifact
from tests.backend.history import NOW, a_shop
from tests.backend.registry.versions import a_live_version, a_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TRAINED_IN = artifact.FORMAT_VERSION


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def deploy_another_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this code read what the next release writes, and nothing older."""
    monkeypatch.setattr(artifact, "FORMAT_VERSION", TRAINED_IN + 1)


def test_a_version_that_can_be_read_is_quiet(shop: Shop, artifact: Path) -> None:
    live = a_live_version(shop, artifact)

    finding = opening.readable(live, NOW)

    assert (finding.verdict, finding.words) == (Verdict.QUIET, "The files of version 1 can be read.")


def test_a_release_that_can_not_read_the_live_version_asks_for_a_training(
    shop: Shop, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = a_live_version(shop, artifact)
    deploy_another_format(monkeypatch)

    row = services.watch(shop.id, Kind.UNREADABLE, now=NOW)

    run = training.find_live_run(shop.id)
    assert row is not None
    assert run is not None
    assert (row.verdict, row.run_id, run.reason) == (Verdict.FIRED, run.id, Reason.UNREADABLE)
    assert row.words.startswith("The files of version 1 can no longer be read, so it answers nobody.")
    assert (row.evidence["version"], row.evidence["trained_by_revision"]) == (1, "abc123")
    told = f"has format {TRAINED_IN}; this code reads {TRAINED_IN + 1}. Train the model again."
    assert told in row.evidence["refusal"]
    # Merchants see the evidence; where our files lie is not theirs to know.
    assert str(registry.artifact_folder(live).parent) not in row.evidence["refusal"]


def test_it_waits_for_no_cool_down_but_for_the_run_under_way_and_asks_once_a_day(
    shop: Shop, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_live_version(shop, artifact)
    deploy_another_format(monkeypatch)
    training_services.request_training(shop.id, reason=Reason.MANUAL, now=NOW - HOUR)
    runs = TrainingRun.objects.for_shop(shop.id)

    under_way = services.watch(shop.id, Kind.UNREADABLE, now=NOW - HOUR)
    runs.update(state=RunState.DONE, finished_at=NOW - HOUR)
    at_once = services.watch(shop.id, Kind.UNREADABLE, now=NOW)
    runs.update(state=RunState.FAILED, finished_at=NOW)
    same_day = services.watch(shop.id, Kind.UNREADABLE, now=NOW + HOUR)
    next_day = services.watch(shop.id, Kind.UNREADABLE, now=NOW + DAY)

    found = [one and one.verdict for one in (under_way, at_once, same_day, next_day)]
    assert found == [Verdict.COOLING_DOWN, Verdict.FIRED, None, Verdict.FIRED]


def test_what_it_trains_goes_live_without_a_comparison(
    shop: Shop, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_live_version(shop, artifact)
    deploy_another_format(monkeypatch)
    manifest = artifact / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(told | {"format_version": TRAINED_IN + 1}))

    newer = a_version(shop, artifact)
    rollouts.stage(shop.id, newer.id, now=NOW)
    rollouts.release(shop.id, newer.id, now=NOW)

    live = rollout_queries.champion_version(shop.id)
    row = services.watch(shop.id, Kind.UNREADABLE, now=NOW)
    assert live is not None
    record = rollout_queries.find_gate_record(shop.id, live.id)
    assert live.number == 2
    assert record is not None
    assert record.words.startswith(
        "Goes live: the files of version 1, which was live before it, can no longer"
    )
    assert row is not None
    assert row.verdict is Verdict.QUIET


def test_accuracy_of_a_version_that_can_not_be_read_is_not_known(
    shop: Shop, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = a_live_version(shop, artifact, data_until=NOW - 30 * DAY)
    deploy_another_format(monkeypatch)

    finding = looking.accuracy(live, NOW)

    assert finding.verdict is Verdict.NOT_ENOUGH_DATA
    assert finding.words == "The files of version 1 can no longer be read, so it can't be asked."
