"""A version trained again, for real, and what is said when it cannot be."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from models.recommender.api import Report
from models.recommender.cli import reproduce
from models.recommender.cli.main import main
from models.recommender.cli.reproduce import SomethingMissing, compare, find_snapshot, recipe_of, retrain
from models.recommender.serving.artifact import ArtifactMismatch
from tests.models.conftest import QUICK, keep_every_member

SHA256 = "ab" * 32


@pytest.fixture
def snapshots(trained: tuple[Report, object], tmp_path: Path) -> Path:
    """What the backend keeps: the dataset of the trained shop, under a shop's name and its own hash."""
    dataset = trained[0].manifest.parents[1] / "dataset"
    shutil.copytree(dataset, tmp_path / "snapshots" / "some shop" / SHA256)
    return tmp_path / "snapshots"


@pytest.fixture
def artifact(trained: tuple[Report, object], tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained[0].manifest.parent, tmp_path / "artifacts" / "version"))


def run(*words: str | Path) -> int:
    return main(["reproduce", *map(str, words)])


@pytest.mark.slow
def test_a_version_can_be_trained_again_bit_for_bit(
    artifact: Path, snapshots: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_every_member(monkeypatch)  # as it was trained

    status = run("version", "--artifacts", artifact.parent, "--snapshots", snapshots, "--anyway")

    told = capsys.readouterr().out
    assert status == reproduce.SAME, told
    assert "The same, bit for bit" in told
    assert "encoder.onnx" in told


def test_code_that_is_not_here_stops_it_with_the_command_that_gets_it(
    artifact: Path, snapshots: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(artifact, "--snapshots", snapshots)

    told = capsys.readouterr().out
    assert status == reproduce.MISSING
    assert "git fetch origin abc123" in told
    assert "--anyway" in told


def test_a_changed_byte_of_the_data_is_told(
    artifact: Path, snapshots: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    purchases = snapshots / "some shop" / SHA256 / "interactions.parquet"
    content = bytearray(purchases.read_bytes())
    content[len(content) // 2] ^= 1
    purchases.write_bytes(content)

    status = run(artifact, "--snapshots", snapshots, "--anyway")

    assert status == reproduce.MISSING
    assert f"{purchases} was changed after it was stored" in capsys.readouterr().out


def test_data_that_nobody_vouches_for_is_not_trusted(artifact: Path, snapshots: Path) -> None:
    facts = snapshots / "some shop" / SHA256 / "dataset.json"
    told = json.loads(facts.read_text())
    del told["files"]
    facts.write_text(json.dumps(told))

    with pytest.raises(SomethingMissing, match="names no file's hash"):
        retrain(artifact, snapshots=snapshots, is_anyway=True)


def test_missing_data_is_told_by_its_hash(artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(SomethingMissing, match=f"the data {SHA256} is not in"):
        retrain(artifact, snapshots=tmp_path / "nowhere")


def test_erased_data_says_when_and_why(snapshots: Path) -> None:
    shop = snapshots / "some shop"
    shutil.rmtree(shop / SHA256)
    why = {"sha256": SHA256, "erased_at": "2026-11-21T12:00:00+00:00", "because": "a customer asked for it"}
    (shop / f"{SHA256}.erased.json").write_text(json.dumps(why))

    with pytest.raises(SomethingMissing, match="was erased on 2026-11-21 because a customer asked for it"):
        find_snapshot(SHA256, snapshots)


def test_a_dataset_folder_may_be_named_itself(snapshots: Path) -> None:
    folder = snapshots / "some shop" / SHA256

    assert find_snapshot(SHA256, folder) == folder


def test_an_unknown_version_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nobody", "--artifacts", tmp_path) == reproduce.MISSING

    assert "There is no artifact nobody" in capsys.readouterr().out


def test_a_damaged_artifact_is_no_measure(artifact: Path, snapshots: Path) -> None:
    (artifact / "items.ids.npy").write_bytes(b"torn")

    with pytest.raises(ArtifactMismatch, match="does not match its sha256"):
        retrain(artifact, snapshots=snapshots)


def test_what_differs_is_named(trained: tuple[Report, object]) -> None:
    then = json.loads(trained[0].manifest.read_text())
    changed = {"files": {**then["files"], "items.ids.npy": SHA256, "new.npy": SHA256}, "served": "another"}

    is_same = compare(then, {**then, **changed})

    assert {name for name, same in is_same.items() if not same} == {"items.ids.npy", "new.npy", "served"}
    assert "settings of markov" in is_same


def test_the_recorded_steps_are_followed(trained: tuple[Report, object]) -> None:
    manifest = json.loads(trained[0].manifest.read_text())

    recipe = recipe_of(manifest)

    assert recipe.schedule == manifest["params"]["schedule"] is not None
    assert replace(recipe, schedule=None) == replace(QUICK, device="cpu")


def test_a_recipe_that_was_searched_for_is_followed_as_it_was_found(trained: tuple[Report, object]) -> None:
    manifest = json.loads(trained[0].manifest.read_text())
    plain = recipe_of(manifest)
    manifest["params"]["recipe"] |= {"search_trials": 0, "search_seconds": 180.0}

    assert recipe_of(manifest) == plain


def test_steps_that_nobody_recorded_cannot_be_repeated(trained: tuple[Report, object]) -> None:
    manifest = json.loads(trained[0].manifest.read_text())
    del manifest["params"]["schedule"]

    with pytest.raises(SomethingMissing, match="how many steps"):
        recipe_of(manifest)
