"""A collector of the test's own, as a new process has it."""

from typing import Any

import pytest

from backend.core import clock
from backend.events import views
from backend.events.services import Collector, Limits
from backend.shops.models import Shop
from tests.backend.history import a_shop


@pytest.fixture(autouse=True)
def collector(monkeypatch: pytest.MonkeyPatch, redis_server: Any) -> Collector:
    """Give each test a process's worth of fresh state, and limits that it does not meet by chance."""
    made = Collector(Limits(address=10_000, shop=10_000, client=1_000))
    monkeypatch.setattr(views, "collector", made)
    return made


@pytest.fixture(autouse=True)
def _standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time stand: no test meets by chance the turn of a minute or day, by which things are counted."""
    present = clock.now()
    monkeypatch.setattr(clock, "now", lambda: present)


@pytest.fixture
def shop() -> Shop:
    """An installed shop."""
    return a_shop()
