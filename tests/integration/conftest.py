"""The local Shopify as a real process, and a worker that runs recorded jobs in this one."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.core.queue import Job
from tests.conftest import Enqueued

ROOT = Path(__file__).resolve().parents[2]
SHOP = "willow-gifts.myshopify.com"
READY_SECONDS = 60


@dataclass
class Devstore:
    """A running devstore and the few things a test asks of it."""

    url: str

    def state(self) -> dict[str, Any]:
        return httpx.get(f"{self.url}/control/state", timeout=30).raise_for_status().json()

    def control(self, action: str, **body: Any) -> Any:
        response = httpx.post(f"{self.url}/control/{action}", json=body, timeout=30)
        assert response.status_code < 300, (action, response.status_code, response.text)
        return response.json() if response.content else None

    def deliveries(self) -> Any:
        return httpx.get(f"{self.url}/control/deliveries", timeout=30).raise_for_status().json()

    def session_token(self, shop: str = SHOP) -> str:
        answer = httpx.post(f"{self.url}/{shop}/admin/session-token", timeout=30).raise_for_status().json()
        token: str = answer["token"]
        return token


@pytest.fixture
def devstore(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Devstore]:
    """Start a devstore whose app is this test's web server."""
    node = shutil.which("node")
    if node is None or not (ROOT / "devstore/.schema").exists():
        pytest.skip("the devstore needs Node and its schema; `make test` sets both up")
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": "0",
        "DEVSTORE_CONTROL": "1",
        "DEVSTORE_DATA": str(tmp_path),
        "SHOPIFY_API_KEY": settings.SHOPIFY_API_KEY,
        "SHOPIFY_API_SECRET": settings.SHOPIFY_API_SECRET,
        "APP_URL": live_server.url,
    }
    with (tmp_path / "log").open("w") as errors:
        process = subprocess.Popen(
            [node, "devstore/bin/devstore.mjs"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            port = _port(process)
            settings.SHOPIFY_SHOP_URL = f"http://127.0.0.1:{port}/{{shop}}"
            yield Devstore(f"http://127.0.0.1:{port}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
            assert process.stdout is not None
            process.stdout.close()


def _port(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    deadline = time.monotonic() + READY_SECONDS
    for line in process.stdout:
        if line.startswith("{") and json.loads(line).get("ready"):
            return int(json.loads(line)["port"])
        assert time.monotonic() < deadline, "the devstore did not become ready"
    raise AssertionError(f"the devstore ended with {process.wait()}")


@dataclass
class Worker:
    """Runs the recorded jobs as a worker would, in order, in this process."""

    enqueued: Enqueued

    def run(self, jobs: Collection[Job], *, seconds: float = 60) -> list[Job]:
        """Run jobs of the named kinds until none is left; others stay recorded."""
        from celery_worker.app import app

        done = []
        deadline = time.monotonic() + seconds
        while (position := self._next(jobs)) is not None:
            assert time.monotonic() < deadline, f"still busy after {seconds} s: {done[-5:]}"
            job, ids = self.enqueued.jobs.pop(position)
            if self.enqueued.countdowns.pop(position):
                time.sleep(0.2)
            app.tasks[job.task].apply(kwargs=ids, throw=True)
            done.append(job)
        return done

    def _next(self, jobs: Collection[Job]) -> int | None:
        return next((index for index, (job, _) in enumerate(self.enqueued.jobs) if job in jobs), None)


@pytest.fixture
def worker(enqueued: Enqueued) -> Worker:
    """Give a worker for the recorded jobs."""
    return Worker(enqueued)
