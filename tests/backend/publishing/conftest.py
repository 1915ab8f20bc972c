"""A shop whose model is live, and a Shopify that takes metafields."""

from pathlib import Path
from typing import Any

import pytest

from backend.shops.models import Shop
from tests.backend.history import NOW, a_shop, products
from tests.backend.registry.versions import a_live_version
from tests.backend.shops.factories import a_token


@pytest.fixture
def shop() -> Shop:
    """A shop with the products that the trained model knows."""
    made = a_shop()
    products(made, range(100, 140))
    a_token(made, now=NOW)
    return made


@pytest.fixture
def live(shop: Shop, artifact: Path) -> Any:
    """The shop's model, live."""
    return a_live_version(shop, artifact)
