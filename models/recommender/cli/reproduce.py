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
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from models.recommender.runs.revision import ROOT, why_not_same
from models.recommender.serving.artifact import MANIFEST_FILE, ArtifactMismatch, file_sha256, read_manifest
from models.recommender.serving.rankers import TRANSFORMER
from models.recommender.values import Progress, Recipe

SAME, DIFFERENT, MISSING = 0, 1, 3

DATASET_FILE = "dataset.json"
PYTHON, PROCESSOR = "python", "cpu"  # among the manifest's versions, beside packages
# Settings of recipes that were searched for: the search was over when the recipe was written down.
SPENT = frozenset({"search_trials", "search_seconds"})

Say = Callable[[str], None]


class SomethingMissing(ValueError):
    """A version cannot be trained again here; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing that an artifact holds, and whether both trainings agree on it."""

    name: str
    verdict: str

    @property
    def is_same(self) -> bool:
        return self.verdict == "same"


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``reproduce`` to the commands of a parser."""
    parser = commands.add_parser(
        "reproduce", help="train a version again and compare it with its artifact, bit for bit"
    )
    parser.add_argument("version", help="an artifact folder, or a version's id among the artifacts")
    parser.add_argument("--artifacts", type=Path, default=ROOT / ".data" / "artifacts")
    parser.add_argument("--snapshots", type=Path, default=ROOT / ".data" / "snapshots")
    parser.add_argument("--out", type=Path, help="keep the new artifact in this empty or absent folder")
    parser.add_argument(
        "--anyway", action="store_true", help="train even if the code or the libraries are not the same"
    )
    parser.set_defaults(run=main)


def main(chosen: argparse.Namespace) -> int:
    """Reproduce what the command line names; return the exit status."""
    try:
        compared = reproduce(
            find_artifact(chosen.version, chosen.artifacts),
            snapshots=chosen.snapshots,
            out=chosen.out,
            is_anyway=chosen.anyway,
            say=_print,
        )
    except SomethingMissing as missing:
        _print(f"Missing: {missing}")
        return MISSING
    return _conclude(compared, _print)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- what a command is for


def reproduce(
    artifact: Path, *, snapshots: Path, out: Path | None = None, is_anyway: bool = False, say: Say
) -> list[Compared]:
    """
    Train an artifact's version again and return the comparison of everything it holds.

    :param snapshots: where the data of versions is kept
    :param out: where the new artifact shall stay; nowhere if it is not given
    :param is_anyway: go on where code, libraries or processor are not those of the first training
    :raises SomethingMissing: if the artifact, its data or, unless ``is_anyway``, its code is not here
    """
    manifest = _manifest(artifact)
    say(f"Version    {artifact}")
    snapshot = find_snapshot(manifest["data_hash"], snapshots)
    check_snapshot(snapshot, manifest["data_hash"])
    say(f"Data       {manifest['data_hash'][:12]}, every file as it was: {snapshot}")
    obstacles = list(_obstacles(manifest))
    for obstacle in obstacles:
        say(f"Obstacle   {obstacle}")
    if obstacles and not is_anyway:
        raise SomethingMissing("see the obstacles above; --anyway trains in spite of them.")
    if not obstacles:
        say(f"Code       {manifest['code_revision'][:12]}, libraries and processor as they were")
    recipe = recipe_of(manifest)
    say(f"Steps      {json.dumps(recipe.schedule)} as recorded; tuning and blend are computed anew")
    with tempfile.TemporaryDirectory() as folder:
        made = out or Path(folder) / "artifact"
        _train(snapshot, made, recipe, revision=manifest["code_revision"], say=say)
        return compare(artifact, made)


def find_artifact(name: str, artifacts: Path) -> Path:
    """
    Return the artifact folder that a path or a version's id names.

    :raises SomethingMissing: if there is none
    """
    for folder in (Path(name), artifacts / name):
        if (folder / MANIFEST_FILE).is_file():
            return folder
    raise SomethingMissing(f"There is no artifact {name}, neither as a folder nor in {artifacts}.")


def _manifest(artifact: Path) -> dict[str, Any]:
    try:
        return read_manifest(artifact)
    except ArtifactMismatch as error:
        raise SomethingMissing(f"The artifact itself is damaged: {error}") from error


def find_snapshot(sha256: str, snapshots: Path) -> Path:
    """
    Return the dataset folder with a hash: the folder given, or one inside it.

    :raises SomethingMissing: if there is none; it says when and why it was erased, if it was
    """
    for facts in (snapshots / DATASET_FILE, *sorted(snapshots.glob(f"**/{sha256}/{DATASET_FILE}"))):
        if facts.is_file() and _facts(facts).get("sha256") == sha256:
            return facts.parent
    for tombstone in sorted(snapshots.glob(f"**/{sha256}.erased.json")):
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


def check_snapshot(snapshot: Path, sha256: str) -> None:
    """
    Check every file of a snapshot against the hashes that it was stored with.

    :raises SomethingMissing: if one is gone, changed, or was never vouched for
    """
    files: Mapping[str, str] = _facts(snapshot / DATASET_FILE).get("files", {})
    if not files:
        raise SomethingMissing(
            f"{snapshot / DATASET_FILE} names no file's hash: nothing shows that the data is {sha256}."
        )
    for name, expected in sorted(files.items()):
        if not (snapshot / name).is_file():
            raise SomethingMissing(f"the snapshot {snapshot} has lost {name}.")
        if file_sha256(snapshot / name) != expected:
            raise SomethingMissing(f"the data as it was: {snapshot / name} was changed after it was stored.")


def _obstacles(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not as it was in the first training, each with what to do about it."""
    different_code = why_not_same(manifest["code_revision"])
    if different_code:
        yield different_code
    for name, then in sorted(manifest["versions"].items()):
        here = _version_here(name)
        if here != then:
            yield f"{name} is {here or 'not'} here and was {then}."
    learned = manifest["params"].get(TRANSFORMER)
    if learned is None:
        return
    if learned["device"] != "cpu":
        yield f"It was trained on {learned['device']}; only a processor adds up in the same order each time."
    if learned["batch_tokens"] != manifest["params"]["recipe"]["batch_tokens"]:
        yield "Memory ran out in the first training, which went on with smaller batches; nobody knows when."


def _version_here(name: str) -> str | None:
    if name == PYTHON:
        return platform.python_version()
    if name == PROCESSOR:
        import torch

        return str(torch.backends.cpu.get_cpu_capability())
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def recipe_of(manifest: Mapping[str, Any]) -> Recipe:
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


def _train(snapshot: Path, out: Path, recipe: Recipe, *, revision: str, say: Say) -> None:
    from models.recommender.api import train
    from models.recommender.values import DatasetInvalid

    heard: set[str] = set()

    def on_progress(progress: Progress) -> None:
        if progress.stage not in heard:
            heard.add(progress.stage)
            say(f"{progress.seconds:6.0f} s   {progress.stage.lower()}")

    try:
        train(snapshot, out, recipe, on_progress=on_progress, code_revision=revision)
    except (DatasetInvalid, FileExistsError) as error:
        raise SomethingMissing(str(error)) from error


def compare(artifact: Path, made: Path) -> list[Compared]:
    """Return for each file of two artifacts, and for the settings of each model, whether they agree."""
    then, now = read_manifest(artifact), read_manifest(made)
    compared = [
        Compared(name, _verdict(artifact / name, made / name))
        for name in sorted({*then["files"], *now["files"]})
    ]
    settings_then, settings_now = _settings(then), _settings(now)
    for name in sorted({*settings_then, *settings_now}):
        is_same = settings_then.get(name) == settings_now.get(name)
        compared.append(Compared(name, "same" if is_same else "differs"))
    return compared


def _settings(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a manifest says beside its files that decides a score."""
    models = {f"settings of {name}": settings for name, settings in manifest.get("models", {}).items()}
    return {**models, "served": manifest["served"], "related by": manifest["related_by"]}


def _verdict(then: Path, now: Path) -> str:
    if not now.is_file():
        return "missing from the new one"
    if not then.is_file():
        return "only in the new one"
    return "same" if then.read_bytes() == now.read_bytes() else "differs"


def _conclude(compared: list[Compared], say: Say) -> int:
    """Print the table and the verdict; return the exit status."""
    width = max(len(one.name) for one in compared)
    say("")
    for one in compared:
        say(f"{one.name:{width}}  {one.verdict}")
    different = sum(not one.is_same for one in compared)
    say("")
    if different:
        say(f"Different: {different} of {len(compared)} are not what they were.")
        return DIFFERENT
    say(f"The same, bit for bit: all {len(compared)}.")
    return SAME
