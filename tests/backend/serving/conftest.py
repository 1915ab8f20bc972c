"""A shop whose model is live, in a process of the test's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.serving import gateway, queries, views
from backend.serving.services import Desk, scoring
from backend.shops.models import Shop
from tests.backend.history import a_shop, products
from tests.backend.registry.versions import a_live_version


@pytest.fixture
def _own_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a process's worth of fresh state, and a busy machine all the time it needs."""
    monkeypatch.setattr(gateway, "DEADLINE_SECONDS", 10.0)
    monkeypatch.setattr(scoring, "DEADLINE_SECONDS", 10.0)
    monkeypatch.setattr(scoring, "LOADING_SECONDS", 10.0)
    # Nothing is read anew behind a test's back, on a connection that outlives it.
    monkeypatch.setattr(queries, "FRESH_SECONDS", queries.USABLE_SECONDS)
    monkeypatch.setattr(views, "desk", Desk(views.clock.now))


@pytest.fixture
def shop() -> Shop:
    """A shop with the products that the trained model knows."""
    made = a_shop()
    products(made, range(100, 140))
    return made


@pytest.fixture
def live(shop: Shop, artifact: Path) -> Any:
    """The shop's model, live and in memory."""
    version = a_live_version(shop, artifact)
    views.desk.warmer.warm_up()
    return version


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let what is in memory become too old to be used as it is."""

    def pass_by() -> None:
        monkeypatch.setattr(queries, "USABLE_SECONDS", 0.0)

    return pass_by
