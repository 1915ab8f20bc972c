"""A shop whose first version answers."""

from pathlib import Path

import pytest

from backend.registry.values import Version
from backend.shops.models import Shop
from tests.backend.history import a_shop
from tests.backend.registry.versions import a_live_version


@pytest.fixture
def shop(db: None, artifact_root: Path) -> Shop:
    return a_shop()


@pytest.fixture
def champion(shop: Shop, artifact: Path) -> Version:
    return a_live_version(shop, artifact)
