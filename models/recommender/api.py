"""
The recommender's one door: train on a dataset folder, load an artifact folder.

Importing this module brings NumPy only; torch, pandas and SciPy come with ``train``, ONNX Runtime
with ``load``.
"""

from pathlib import Path

from models.recommender.history import Event
from models.recommender.scoring import ArtifactMismatch, Scorer, VersionInfo, load
from models.recommender.values import (
    CurvePoint,
    ModelMetrics,
    OnProgress,
    Progress,
    Reason,
    ReasonKind,
    Recipe,
    Report,
    Scored,
    Stage,
    ignore,
)

__all__ = [
    "ArtifactMismatch",
    "CurvePoint",
    "Event",
    "ModelMetrics",
    "OnProgress",
    "Progress",
    "Reason",
    "ReasonKind",
    "Recipe",
    "Report",
    "Scored",
    "Scorer",
    "Stage",
    "VersionInfo",
    "ignore",
    "load",
    "train",
]

STANDARD = Recipe()


def train(
    dataset: Path,
    out: Path,
    recipe: Recipe = STANDARD,
    *,
    on_progress: OnProgress = ignore,
    code_revision: str | None = None,
) -> Report:
    """
    Train every model on a dataset folder, compare them and write an artifact folder.

    :param out: an empty or absent folder
    :param code_revision: of the running code; read from git when it is not given
    :raises DatasetInvalid: if the dataset folder breaks its contract
    :raises FileExistsError: if ``out`` holds anything
    """
    from models.recommender import training
    from models.recommender.dataset import read
    from models.recommender.progress import Reporter
    from models.recommender.revision import code_revision as running_revision

    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"The artifact folder {out} is not empty.")
    reporter = Reporter(on_progress, budget=recipe.train_seconds, epochs=recipe.epochs)
    reporter.stage(Stage.READING, "Reading the purchases.", fraction=0.0)
    revision = code_revision or running_revision()
    return training.train_log(read(dataset), out, recipe, reporter, revision=revision)
