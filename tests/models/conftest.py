from collections.abc import Iterator

import pytest
import torch

from models.recommender.api import Progress, Recipe, Report, train
from models.recommender.learning.blend import choice
from tests.models.shops import a_busy_shop, a_dataset

QUICK = Recipe(train_seconds=60.0, epochs=4, width=32, window=16)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep torch to one thread: on a busy machine two spend their time waiting for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def keep_every_member(patch: pytest.MonkeyPatch) -> None:
    """Let a blend ask each model, however little it counts: in so small a shop the transformer would go."""
    patch.setattr(choice, "LEAST_SHARE", 0.0)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, list[Progress]]:
    """One trained busy shop for all tests that only read its artifact."""
    folder = tmp_path_factory.mktemp("busy")
    baskets, items = a_busy_shop()
    heard: list[Progress] = []
    with pytest.MonkeyPatch.context() as patch:
        keep_every_member(patch)
        report = train(
            a_dataset(folder / "dataset", baskets, items),
            folder / "artifact",
            QUICK,
            on_progress=heard.append,
            code_revision="abc123",
        )
    return report, heard
