"""Judge a version's way of learning over the last weeks, as it would have served."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from backend.features import queries as features
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.training import gateway
from models.recommender.api import Recipe

OnProgress = Callable[[float, str], None]


def look_back(
    version: Version, rivals: Sequence[Version], *, now: datetime, on_progress: OnProgress
) -> dict[str, Any]:
    """
    Return how a version's recipe would have done over the last weeks beside versions that were live.

    :param on_progress: called with the share that is done and with words; what it raises ends the work
    :returns: what ``models.recommender.api.look_back`` found, as JSON carries it
    """
    heard = _Heard(on_progress)
    # In a folder of ours: it holds the shop's purchases, and temporary folders may be readable by others.
    root = Path(settings.ARTIFACT_ROOT) / ".runs"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="look-back-", dir=root) as name:
        folder = Path(name)
        dataset = features.export(version.shop_id, until=now, folder=folder / "dataset")
        return gateway.look_back(
            dataset.folder,
            recipe=_recipe_of(version),
            rivals=[
                gateway.Champion(registry.artifact_folder(one), one.lineage.data_until) for one in rivals
            ],
            errors=folder / "trainer.log",
            on_progress=heard,
        )


def _recipe_of(version: Version) -> dict[str, Any]:
    """Return how a version was trained, as far as it is told; its steps belong to its own data."""
    told = version.lineage.params.get("recipe", {})
    known = {one.name for one in fields(Recipe)} - {"schedule"}
    return {name: value for name, value in told.items() if name in known}


class _Heard:
    """Passes on what the process reports; its silence says again what it said last."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._last = (0.0, "Collecting the shop's orders and products.")

    def __call__(self, progress: dict[str, Any] | None) -> None:
        if progress is not None:
            self._last = (progress["fraction"], progress["message"])
        self._on_progress(*self._last)
