"""
The recommender's one door: train on a dataset folder, load an artifact folder.

Importing this module brings NumPy only; torch, pandas and SciPy come with ``train``, ONNX Runtime
with ``load``.
"""

from collections.abc import Sequence
from pathlib import Path

from models.recommender.log.content import ItemFacts
from models.recommender.log.history import Event
from models.recommender.serving.artifact import ArtifactMismatch, load
from models.recommender.serving.explain import Explanation, explain, words
from models.recommender.serving.newcomers import NewProduct
from models.recommender.serving.scorer import NotFinite, Past, RankedList, Scorer, VersionInfo
from models.recommender.values import (
    ModelMetrics,
    OnProgress,
    Progress,
    Reason,
    ReasonKind,
    Recipe,
    Report,
    Scored,
    Stage,
    TimeTravel,
    ignore,
)

__all__ = [
    "ArtifactMismatch",
    "Event",
    "Explanation",
    "ItemFacts",
    "ModelMetrics",
    "NewProduct",
    "NotFinite",
    "OnProgress",
    "Past",
    "Progress",
    "RankedList",
    "Reason",
    "ReasonKind",
    "Recipe",
    "Report",
    "Scored",
    "Scorer",
    "Stage",
    "TimeTravel",
    "VersionInfo",
    "explain",
    "ignore",
    "load",
    "look_back",
    "train",
    "words",
]

STANDARD = Recipe()


def train(
    dataset: Path,
    out: Path,
    recipe: Recipe = STANDARD,
    *,
    on_progress: OnProgress = ignore,
    code_revision: str | None = None,
    champion: Path | None = None,
    champion_until: str | None = None,
) -> Report:
    """
    Train every model on a dataset folder, compare them and write an artifact folder.

    :param out: an empty or absent folder
    :param code_revision: of the running code; read from git when it is not given
    :param champion: the artifact folder of the version that serves; the report then compares both
    :param champion_until: when that version's data end, ISO 8601; its own word where it is not given
    :raises DatasetInvalid: if the dataset folder breaks its contract
    :raises FileExistsError: if ``out`` holds anything
    """
    from models.recommender.files.dataset import read
    from models.recommender.learning.progress import Reporter
    from models.recommender.runs import evaluation, pipeline
    from models.recommender.runs.revision import code_revision as running_revision

    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"The artifact folder {out} is not empty.")
    reporter = Reporter(on_progress, budget=recipe.train_seconds, epochs=recipe.epochs)
    reporter.stage(Stage.READING, "Reading the purchases.", fraction=0.0)
    revision = code_revision or running_revision()
    live = None if champion is None else evaluation.ChampionArtifact(champion, champion_until)
    log = read(dataset, tell=reporter.notice)
    return pipeline.train_log(log, out, recipe, reporter, revision=revision, live=live)


def look_back(
    dataset: Path,
    recipe: Recipe,
    rivals: Sequence[tuple[Path, str]],
    *,
    on_progress: OnProgress = ignore,
) -> TimeTravel:
    """
    Judge a recipe over the newest 30 days as it would have served, beside the versions that were live.

    :param rivals: the artifact folders of the versions that were live, each with its data's end, ISO 8601
    :raises DatasetInvalid: if the dataset folder breaks its contract
    """
    from models.recommender.files.dataset import read
    from models.recommender.runs import evaluation, time_machine

    live = [evaluation.ChampionArtifact(artifact, until) for artifact, until in rivals]
    return time_machine.look_back(read(dataset).sequences, recipe, live, on_progress=on_progress)
