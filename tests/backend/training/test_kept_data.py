"""What a run learned from is kept with its version, and is enough to train the version again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.features import services as features
from backend.registry import gateway as registry_gateway
from backend.registry.values import Version
from backend.shops.models import Shop
from backend.training import services
from backend.training.models import TrainingRun
from backend.training.values import Reason
from models.recommender.cli.reproduce import SomethingMissing, retrain
from tests.backend.history import NOW, a_shop, an_order, products

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server"),
    pytest.mark.slow,
]

CUSTOMER = "c" * 32


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    settings.SNAPSHOT_ROOT = tmp_path / "snapshots"
    settings.MLFLOW_TRACKING_URI = ""
    return tmp_path / "snapshots"


@pytest.fixture
def shop() -> Shop:
    """A shop too young for anything but popularity, so that a training takes seconds."""
    made = a_shop()
    products(made, range(10, 20))
    for days in range(2, 9):
        an_order(made, [10 + days, 10], customer_key=CUSTOMER, at=NOW - timedelta(days=days))
    features.rebuild(made.id)
    return made


def train(shop: Shop) -> Version:
    run = services.request_training(shop.id, reason=Reason.MANUAL, now=NOW)
    row = TrainingRun.objects.for_shop(shop.id).get(uuid=run.id)
    version = services.run_training(row.id, clock=lambda: NOW, find_champion=lambda _: None)
    assert version is not None
    return version


def test_a_registered_version_can_be_trained_again_from_what_was_kept(
    shop: Shop, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version = train(shop)

    is_same = retrain(registry_gateway.locate(version.artifact), snapshots=root, is_anyway=True)

    assert all(is_same.values()), is_same
    assert str(root / str(shop.uuid) / version.lineage.data_hash) in capsys.readouterr().out


def test_a_version_whose_customer_was_forgotten_says_why_it_cannot_be_trained_again(
    shop: Shop, root: Path
) -> None:
    version = train(shop)

    features.forget_customer(shop.id, CUSTOMER, now=NOW)

    with pytest.raises(SomethingMissing, match="erased on 2026-11-21 because a customer in it asked"):
        retrain(registry_gateway.locate(version.artifact), snapshots=root)
