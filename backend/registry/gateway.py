"""The one door to where artifacts are stored, and to the scorers inside them."""

import hashlib
import shutil
from pathlib import Path
from uuid import UUID

from django.conf import settings

from backend.registry.values import ArtifactRefused
from models.recommender import api

MANIFEST = "manifest.json"


def store(folder: Path, version_id: UUID) -> str:
    """
    Move a finished artifact folder to its place for good.

    The copy is made beside the final name and renamed, so that a reader sees
    the whole folder or none of it.

    :returns: the path below ARTIFACT_ROOT
    """
    relative = str(version_id)
    target = _root() / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{relative}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(folder, unfinished)
    unfinished.rename(target)
    return relative


def discard(relative: str) -> None:
    """Remove an artifact that no version names, such as one whose registration failed."""
    shutil.rmtree(locate(relative), ignore_errors=True)


def locate(relative: str) -> Path:
    """Return the absolute folder of a stored artifact."""
    return _root() / relative


def manifest_sha256(folder: Path) -> str:
    """
    Return the hash of an artifact's manifest, which in turn names every file's hash.

    :raises ArtifactRefused: if there is no manifest
    """
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError as error:
        raise ArtifactRefused(f"The artifact {folder.name} has no readable manifest.") from error


def open_scorer(folder: Path, *, registered_sha256: str) -> api.Scorer:
    """
    Load a scorer whose manifest is the registered one and whose files are the manifest's.

    :raises ArtifactRefused: if any byte differs or a file is missing
    """
    if manifest_sha256(folder) != registered_sha256:
        raise ArtifactRefused(f"The manifest of artifact {folder.name} is not the one that was registered.")
    try:
        return api.load(folder)
    except (ValueError, OSError) as error:
        # Merchants may read it: the file's name is enough, its place on our disk is nobody's business.
        told = str(error).replace(f"{folder}/", "")
        raise ArtifactRefused(f"The artifact {folder.name} was refused: {told}") from error


def size(folder: Path) -> int:
    """Return the bytes of an artifact's files; none of one that is missing."""
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except OSError:
        return 0


def _root() -> Path:
    return Path(settings.ARTIFACT_ROOT)
