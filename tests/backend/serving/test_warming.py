"""Versions are in memory before a shopper's time is spent on loading them."""

import json
import re
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import queries as rollouts
from backend.rollouts import services as rollout_services
from backend.serving import views
from backend.serving.services.loading import Warmer
from backend.shops.models import Shop
from tests.backend.history import NOW, a_shop
from tests.backend.racing import until
from tests.backend.registry.versions import a_live_version, a_version
from tests.backend.serving.storefront import a_query, ask
from tests.backend.serving.test_guard_processes import a_web_server

WORKERS = 2
SHOPPERS = 12

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]


def wait_until_loaded(*versions: Version) -> None:
    until(lambda: {one.id for one in versions} <= set(views.desk.models.loaded()))


def test_a_version_that_a_pointer_names_is_loaded_before_anybody_asks(shop: Shop, artifact: Path) -> None:
    views.desk.warmer.warm_up()
    first = a_live_version(shop, artifact)
    views.desk.warmer.follow()
    wait_until_loaded(first)

    second = a_live_version(shop, artifact)
    views.desk.warmer.follow()
    wait_until_loaded(first, second)


def test_pointers_that_did_not_move_cost_one_read(shop: Shop, live: Version) -> None:
    with CaptureQueriesContext(connection) as asked:
        views.desk.warmer.follow()

    assert len(asked) == 1


def test_a_new_version_takes_the_room_of_what_nobody_asks_only_in_a_shop_that_has_shoppers_here(
    shop: Shop, live: Version, artifact: Path
) -> None:
    ask(limit=4)
    models = views.desk.models
    models.memory_bytes = registry.artifact_bytes(live.artifact)
    elsewhere = a_live_version(a_shop("another-shop.myshopify.com"), artifact)
    views.desk.warmer.follow()
    assert models.loaded() == [live.id]

    newer = a_live_version(shop, artifact)
    views.desk.warmer.follow()

    wait_until_loaded(newer)
    assert models.loaded() == [newer.id]
    assert not models.is_loaded(rollouts.live_arms(elsewhere.shop_id).arms[0])


def test_what_could_not_be_read_is_followed_by_the_next_look(
    shop: Shop, live: Version, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise DatabaseError("The server closed the connection.")

    newer = a_live_version(shop, artifact)
    with monkeypatch.context() as patch:
        patch.setattr(rollouts, "fresh_arms", broken)
        with pytest.raises(DatabaseError):
            views.desk.warmer.follow()
    views.desk.warmer.follow()

    wait_until_loaded(newer)


def test_a_thread_goes_on_after_a_look_that_failed(
    shop: Shop, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    class Enough(BaseException):
        """Ends the loop."""

    def sleep(_: float) -> None:
        looks.append("slept")
        if len(looks) == 2:
            raise Enough

    def broken(**_: Any) -> None:
        raise DatabaseError("relation does not exist")

    monkeypatch.setattr("backend.serving.services.loading.time.sleep", sleep)
    monkeypatch.setattr(rollouts, "live_revisions", broken)
    with pytest.raises(Enough):
        Warmer(views.desk.models)._run(threading.Event())

    assert looks == ["slept", "slept"]


@pytest.mark.slow
def test_both_gunicorn_processes_load_what_goes_live_before_anybody_asks_and_count_together(
    shop: Shop, artifact: Path, settings: Any, tmp_path: Path
) -> None:
    with a_web_server(settings, tmp_path) as (origin, _):
        version = a_version(shop, artifact)
        rollout_services.stage(shop.id, version.id, now=NOW)
        rollout_services.set_champion(shop.id, version.id, reason="It is the first.", now=NOW)

        until(lambda: len(pids_holding(origin, version)) == WORKERS)

        for _ in range(SHOPPERS):
            get(origin, f"proxy/recommendations?{a_query(limit=4)}")
        told = [get(origin, "health/metrics") for _ in range(8)]
    counted = re.compile(r"^tailorbird_answer_stage_seconds_count{stage=\"score\"} (.+)$", re.MULTILINE)
    assert [[float(count) for count in counted.findall(text)] for text in told] == [[SHOPPERS]] * 8


def get(origin: str, page: str) -> str:
    """Ask on a connection of its own: either process may take it."""
    return httpx.get(f"{origin}/{page}", trust_env=False).text


def pids_holding(origin: str, version: Version) -> set[int]:
    """Return the processes that answered and had loaded a version, though nobody had asked it anything."""
    told = [json.loads(get(origin, "health/models")) for _ in range(8)]
    return {
        one["pid"]
        for one in told
        for model in one["models"]
        if model["version_id"] == str(version.id) and model["loaded_seconds"] and not model["answers"]
    }
