"""Real gunicorn processes take a candidate back, with nothing but PostgreSQL beside them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection

from backend.audit import services as audit
from backend.registry.values import Version
from backend.rollouts.models import Pointer, Rollout, RolloutMove
from backend.rollouts.values import CANDIDATE, RolloutState
from backend.shops.models import Shop
from bench import load
from tests.backend.racing import until
from tests.backend.registry.versions import a_version, poisoned
from tests.backend.rollouts.running import a_rollout, browsers_of
from tests.backend.serving.storefront import GRANTED, a_query
from tests.tools.origin import free_port

ROOT = Path(__file__).resolve().parents[3]
NOBODY_LISTENS = "redis://127.0.0.1:1/0"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]


@contextmanager
def a_web_server(
    settings: Any, folder: Path, *, redis_url: str = NOBODY_LISTENS, workers: int = 2
) -> Iterator[tuple[str, int]]:
    """Run the product's web processes on the test's own tables; gives their address and the arbiter's id."""
    port = free_port()
    tables = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    env = os.environ | {
        "DATABASE_URL": tables.geturl(),
        "REDIS_URL": redis_url,
        "ARTIFACT_ROOT": str(settings.ARTIFACT_ROOT),
        "SPOOL_ROOT": str(settings.SPOOL_ROOT),
        "PORT": str(port),
        "LISTEN_HOST": "127.0.0.1",
        "ALLOWED_HOSTS": "127.0.0.1",
        "DJANGO_SETTINGS_MODULE": "backend.config.settings",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "backend/config/gunicorn.py"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log) as process,
    ):
        try:
            wait_for(origin := f"http://127.0.0.1:{port}", folder / "log")
            yield origin, process.pid
        finally:
            process.terminate()
            process.wait(timeout=60)


def wait_for(origin: str, log: Path) -> None:
    end = time.monotonic() + 90
    while True:
        try:
            httpx.get(f"{origin}/health/ready", trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:
            assert time.monotonic() < end, log.read_text()[-2_000:]
            time.sleep(0.2)


def test_two_processes_take_a_poisoned_model_back_and_no_shopper_sees_it(
    shop: Shop, live: Version, artifact: Path, settings: Any, tmp_path: Path
) -> None:
    rollout = a_rollout(shop, a_version(shop, poisoned(artifact, tmp_path / "poisoned")), percent=50)
    browsers = list(islice(browsers_of(CANDIDATE, rollout), 20))

    with a_web_server(settings, tmp_path) as (origin, _), closing(load.Connection(origin)) as asked:
        for browser in browsers:
            query = a_query(consent=GRANTED, limit=4, visitor=browser)
            told = json.loads(asked.get(f"/proxy/recommendations?{query}"))
            assert (len(told["items"]), told["version"]) == (4, 1)
        until(lambda: state_of(rollout) is RolloutState.ROLLED_BACK)

    assert Pointer.objects.for_shop(shop.id).get().candidate_id is None
    move = RolloutMove.objects.for_shop(shop.id).latest("revision")
    assert (move.actor, move.evidence["candidate"]["fatal"] >= 1) == (audit.SYSTEM, True)


def state_of(rollout: Rollout) -> RolloutState:
    return RolloutState(Rollout.objects.for_shop(rollout.shop_id).get(id=rollout.id).state)
