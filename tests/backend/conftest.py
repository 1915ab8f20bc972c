"""What tests of models share: one small artifact, trained for real once a run."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from models.recommender.api import Recipe, Report, train
from tests.models.shops import a_busy_shop, a_dataset


@pytest.fixture(scope="session")
def trained_report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Train on products 100 to 139, which ``history.a_busy_shop`` sells too; a personal model wins there."""
    folder = tmp_path_factory.mktemp("trained")
    baskets, items = a_busy_shop(customers=120)
    recipe = Recipe(train_seconds=60.0, epochs=2, width=16, window=8)
    return train(
        a_dataset(folder / "dataset", baskets, items), folder / "artifact", recipe, code_revision="abc123"
    )


@pytest.fixture
def artifact(trained_report: Report, tmp_path: Path) -> Path:
    """A copy of the trained artifact that a test may damage."""
    return Path(shutil.copytree(trained_report.manifest.parent, tmp_path / "artifact"))


@pytest.fixture(autouse=True)
def _forget_what_was_served() -> Iterator[None]:
    """What one test cached about a shop must not answer the next one."""
    yield
    from backend.features.gateway import cache
    from backend.rollouts import queries as rollouts
    from backend.serving import queries as serving

    cache.close_breaker()
    rollouts.forget_cached()
    serving.forget_cached()
    # What is read behind a test's back is read by a thread that outlives it.
    serving._refreshers.submit(connections.close_all).result()


@pytest.fixture
def artifact_root(tmp_path: Path, settings: Any) -> Path:
    """Store artifacts in a folder of the test's own."""
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"
    return tmp_path / "artifacts"
