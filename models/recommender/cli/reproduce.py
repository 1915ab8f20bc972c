"""
Training a version again: ``python -m models.recommender reproduce VERSION``.

A version's manifest names the hash of its data, the revision of its code, its seed and how many steps
each stage took. With the same four on one kind of processor the weights are the same bit for bit. What
a clock decided the first time is read from the manifest: the steps. Everything else is computed anew
from the data, the tuned parameters and the blend included.

Exit status: 0 the same, 1 different, 3 something is missing.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from models.recommender.api import train
from models.recommender.cli.printing import print_progress
from models.recommender.runs.revision import ROOT, why_not_same
from models.recommender.serving.artifact import MANIFEST_FILE, ArtifactMismatch, file_sha256, read_manifest
from models.recommender.serving.blend import BASKET
from models.recommender.serving.rankers import TRANSFORMER
from models.recommender.values import DatasetInvalid, Recipe

SAME, DIFFERENT, MISSING = 0, 1, 3

DATASET_FILE = "dataset.json"
# What a manifest says beside its files and its models that decides an answer.
DECISIVE = ("served", "related_by", "related_share", "cart_share", BASKET)
# Settings of recipes that were searched for: the search was over when the recipe was written down.
SPENT = frozenset({"search_trials", "search_seconds"})

Facts = Mapping[str, Any]


class SomethingMissing(ValueError):
    """A version cannot be trained again here; the message says what is missing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``reproduce`` to its parser."""
    parser.add_argument("version", help="an artifact folder, or a version's id among the artifacts")
    parser.add_argument("--artifacts", type=Path, default=ROOT / ".data" / "artifacts")
    parser.add_argument("--snapshots", type=Path, default=ROOT / ".data" / "snapshots")
    parser.add_argument(
        "--anyway", action="store_true", help="train even if the code or the libraries are not the same"
    )


def reproduce(chosen: argparse.Namespace) -> int:
    """Train the version again that the command line names, print what became of it, return the status."""
    try:
        artifact = find_artifact(chosen.version, chosen.artifacts)
        is_same = retrain(artifact, snapshots=chosen.snapshots, is_anyway=chosen.anyway)
    except (ArtifactMismatch, DatasetInvalid, SomethingMissing) as missing:
        print(f"Missing: {missing}")
        return MISSING
    for name, same in is_same.items():
        print(f"{'same   ' if same else 'differs'}  {name}")
    different = list(is_same.values()).count(False)
    if different:
        print(f"Different: {different} of {len(is_same)} are not what they were.")
        return DIFFERENT
    print(f"The same, bit for bit: all {len(is_same)}.")
    return SAME


def retrain(artifact: Path, *, snapshots: Path, is_anyway: bool = False) -> dict[str, bool]:
    """
    Train an artifact's version again and return whether each thing that decides its answers is the same.

    :param snapshots: where the data of versions is kept
    :param is_anyway: go on where code, libraries or processor are not those of the first training
    :raises ArtifactMismatch: if the artifact itself is damaged
    :raises SomethingMissing: if the artifact, its data or, unless ``is_anyway``, its code is not here
    """
    manifest = read_manifest(artifact)
    snapshot = find_snapshot(manifest["data_hash"], snapshots)
    check_snapshot(snapshot)
    print(f"Data       {manifest['data_hash'][:12]}, every file as it was: {snapshot}")
    obstacles = list(_obstacles(manifest))
    for obstacle in obstacles or [f"none: code {manifest['code_revision'][:12]}, libraries and processor"]:
        print(f"Obstacle   {obstacle}")
    if obstacles and not is_anyway:
        raise SomethingMissing("see the obstacles above; --anyway trains in spite of them.")
    recipe = recipe_of(manifest)
    print(f"Steps      {json.dumps(recipe.schedule)} as recorded; tuning and blend are computed anew")
    with tempfile.TemporaryDirectory() as folder:
        revision = manifest["code_revision"]
        train(snapshot, Path(folder), recipe, on_progress=print_progress, code_revision=revision)
        return compare(manifest, read_manifest(Path(folder)))


def find_artifact(name: str, artifacts: Path) -> Path:
    """
    Return the artifact folder that a path or a version's id names.

    :raises SomethingMissing: if there is none
    """
    for folder in (Path(name), artifacts / name):
        if (folder / MANIFEST_FILE).is_file():
            return folder
    raise SomethingMissing(f"There is no artifact {name}, neither as a folder nor in {artifacts}.")


def find_snapshot(sha256: str, snapshots: Path) -> Path:
    """
    Return the dataset folder with a hash: the folder given, or one inside it.

    :raises SomethingMissing: if there is none; it says when and why it was erased, if it was
    """
    for facts in (snapshots / DATASET_FILE, *sorted(snapshots.glob(f"**/{sha256}/{DATASET_FILE}"))):
        if facts.is_file() and _facts(facts).get("sha256") == sha256:
            return facts.parent
    for tombstone in snapshots.glob(f"**/{sha256}.erased.json"):
        erased = _facts(tombstone)
        raise SomethingMissing(
            f"the data {sha256} was erased on {erased['erased_at'][:10]} because {erased['because']}."
        )
    raise SomethingMissing(f"the data {sha256} is not in {snapshots}.")


def _facts(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise SomethingMissing(f"{path} cannot be read: {error}.") from error


def check_snapshot(snapshot: Path) -> None:
    """
    Check every file of a snapshot against the hashes that it was stored with.

    :raises SomethingMissing: if one is gone, changed, or was never vouched for
    """
    files: Mapping[str, str] = _facts(snapshot / DATASET_FILE).get("files", {})
    if not files:
        raise SomethingMissing(f"{snapshot / DATASET_FILE} names no file's hash to check the data by.")
    for name, expected in sorted(files.items()):
        if not (snapshot / name).is_file():
            raise SomethingMissing(f"the snapshot {snapshot} has lost {name}.")
        if file_sha256(snapshot / name) != expected:
            raise SomethingMissing(f"the data as it was: {snapshot / name} was changed after it was stored.")


def _obstacles(manifest: Facts) -> Iterator[str]:
    """Yield what is not as it was in the first training, each with what to do about it."""
    from models.recommender.runs.pipeline import versions

    different_code = why_not_same(manifest["code_revision"])
    if different_code:
        yield different_code
    here = versions()
    for name, then in sorted(manifest["versions"].items()):
        if here.get(name) != then:
            yield f"{name} is {here.get(name, 'not')} here and was {then}."
    learned = manifest["params"].get(TRANSFORMER)
    if learned is None:
        return
    if learned["device"] != "cpu":
        yield f"It was trained on {learned['device']}; only a processor adds up in the same order each time."
    if learned["batch_tokens"] != manifest["params"]["recipe"]["batch_tokens"]:
        yield "Memory ran out in the first training, which went on with smaller batches; nobody knows when."


def recipe_of(manifest: Facts) -> Recipe:
    """
    Return the recipe that repeats a version: its own, with the steps that its clock allowed.

    :raises SomethingMissing: if it was trained by steps that nobody recorded
    """
    params = manifest["params"]
    given = {name: value for name, value in params["recipe"].items() if name not in SPENT}
    unknown = set(given) - {field.name for field in fields(Recipe)}
    if unknown:
        raise SomethingMissing(f"This code knows no recipe with {', '.join(sorted(unknown))}.")
    schedule = params.get("schedule")
    if schedule is None and TRANSFORMER in params:
        raise SomethingMissing("the manifest does not say how many steps each stage took.")
    return Recipe(**{**given, "schedule": schedule, "device": "cpu"})


def compare(then: Facts, now: Facts) -> dict[str, bool]:
    """Return whether two manifests agree on each file, each model's settings and whatever else decides."""
    before, after = _decisive(then), _decisive(now)
    return {name: before.get(name) == after.get(name) for name in sorted({*before, *after})}


def _decisive(manifest: Facts) -> dict[str, Any]:
    settings = {f"settings of {name}": told for name, told in manifest.get("models", {}).items()}
    return {**manifest["files"], **settings, **{name: manifest.get(name) for name in DECISIVE}}
