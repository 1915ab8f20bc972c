"""Real gunicorn processes whose workers end under load."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from backend.config import gunicorn as product
from bench import load
from tests.tools.origin import free_port

ROOT = Path(__file__).resolve().parents[3]
APPLICATION = """
import json, os, time

def application(environ, start_response):
    time.sleep(0.002)
    body = json.dumps({"pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

Enough = Callable[[dict[int, float]], bool]
# After which the arbiter is told to replace its workers; all connections have been opened long before.
RELOAD_SECONDS = 1.0

pytestmark = pytest.mark.slow


@contextmanager
def a_server(folder: Path, *, worker_class: str, max_requests: int) -> Iterator[tuple[str, int]]:
    """Run a small application as the product is run; gives its address and the arbiter's id."""
    (folder / "small.py").write_text(APPLICATION)
    origin = f"http://127.0.0.1:{(port := free_port())}"
    command = [
        sys.executable, "-m", "gunicorn", "--chdir", str(folder), "--bind", f"127.0.0.1:{port}",
        "--workers", "2", "--threads", str(product.threads), "--worker-class", worker_class,
        "--max-requests", str(max_requests), "--max-requests-jitter", "20",
        "--keep-alive", str(product.keepalive), "--graceful-timeout", str(product.graceful_timeout),
        "--no-control-socket", "small:application",
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log) as process,
    ):
        try:
            wait_for(origin)
            yield origin, process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for(origin: str) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            with closing(load.Connection(origin)) as connection:
                connection.get("/")
            return
        except (OSError, load.WrongAnswer):
            assert time.monotonic() < end, "gunicorn did not start"
            time.sleep(0.1)


def ask_for(seconds: float, origin: str, is_enough: Enough) -> tuple[dict[int, float], int, list[str]]:
    """
    Ask for some seconds, and on until enough workers have answered, for a minute at most.

    Returns who answered and after how many seconds first, how many requests had to be sent again, and what
    failed.
    """
    pids: dict[int, float] = {}
    failures: list[str] = []
    retried: list[int] = []

    begun = time.monotonic()

    def is_over() -> bool:
        asked = time.monotonic() - begun
        return asked > 60 or (asked > seconds and is_enough(dict(pids)))

    def ask() -> None:
        with closing(load.Connection(origin)) as connection:
            while not is_over():
                try:
                    pid = json.loads(connection.get("/"))["pid"]
                    pids.setdefault(pid, time.monotonic() - begun)
                except (OSError, load.WrongAnswer) as error:
                    failures.append(repr(error))
                    connection.close()
            retried.append(connection.retried)

    threads = [threading.Thread(target=ask) for _ in range(load.CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return pids, sum(retried), failures


def test_workers_that_are_recycled_under_load_break_no_connection(tmp_path: Path) -> None:
    with a_server(tmp_path, worker_class=product.worker_class, max_requests=100) as (origin, _):
        pids, retried, failures = ask_for(8, origin, lambda pids: len(pids) >= 8)

    assert len(pids) >= 8, "hardly a worker was recycled"
    assert (retried, failures) == (0, [])


def test_a_worker_that_is_told_to_end_answers_what_was_promised(tmp_path: Path) -> None:
    def is_replaced(pids: dict[int, float]) -> bool:
        # A few connections may all have met the same one of two workers, before and after.
        return bool(pids) and min(pids.values()) < RELOAD_SECONDS < max(pids.values())

    with a_server(tmp_path, worker_class=product.worker_class, max_requests=0) as (origin, arbiter):
        reload = threading.Timer(RELOAD_SECONDS, os.kill, (arbiter, signal.SIGHUP))
        reload.start()
        pids, retried, failures = ask_for(4, origin, is_replaced)

    assert is_replaced(pids), "no worker was replaced"
    assert (retried, failures) == (0, [])


def test_recycling_is_rare_under_the_load_a_shop_may_bring() -> None:
    seconds = product.max_requests / (500 / product.workers)

    assert seconds > 3600
    assert product.graceful_timeout > product.keepalive
    assert product.timeout > product.WARM_UP_SECONDS
